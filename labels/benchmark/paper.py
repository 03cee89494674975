"""Table 1 of the DeePAQ paper (arXiv 2510.12326), beside our figures for the same tests."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Any

from labels.benchmark.protocol import ALL, MAIN

TESTS = {  # ours -> the paper's
    "igorc96": "IgorC96Multiformat",
    "odaq": "ODAQ-Overall",
    "usac-t1": "USAC_t1-Overall",
    "usac-t2": "USAC_t2-Overall",
    "usac-t3": "USAC_t3-Overall",
    "peass": "PEASS",
    "saoc": "SAOC_DB",
    "sassec": "SASSEC",
    "sisec08": "SiSEC08",
}
RATERS = {  # the paper's column -> ours; trained metrics may be runs that are named after their recipe
    "ViSQOL_v3": ("visqol",),
    "PEAQ_ODG": ("peaq",),
    "HAAQI": ("haaqi",),
    "2f_model": ("2f",),
    "wav2vec2_ft": ("deepaq-fr+wav2vec2",),
    "DeePAQ_FR": ("deepaq-fr+deepaq", "deepaq-fr"),
}


@cache
def table() -> tuple[dict[str, str], ...]:
    """Read the rows: test, metric, one column per system, source of the figures. Some figures are unknown."""
    with files("labels.benchmark").joinpath("paper_table1.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def beside(test: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare one evaluated test with the paper; empty if the paper has not used the test.

    Each row has the rater, the statistic, the paper's figure and its source, and ours under the narrowest and the
    widest protocol, because the paper does not state its own.
    """
    ours = {(part["protocol"], result["rater"]): result for part in test["protocols"] for result in part["results"]}
    widest = test["protocols"][-1]["protocol"] if test["protocols"] else ALL
    rows = []
    for line in table():
        if line["test"] != TESTS.get(test["name"]):
            continue
        statistic = line["metric"].lower()
        for column, names in RATERS.items():
            rater = next((name for name in names if (MAIN, name) in ours), names[-1])
            mine = [ours.get((protocol, rater), {}).get(statistic) for protocol in (MAIN, widest)]
            rows.append(
                {
                    "system": column.replace("_", " "),
                    "rater": rater,
                    "statistic": statistic,
                    "paper": float(line[column]) if line[column] else None,
                    "coded": mine[0],
                    "widest": mine[1],
                    "source": line["source"],
                }
            )
    return rows
