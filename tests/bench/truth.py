"""How well raters agree with people: every listening test at hand, by the protocol of docs/truth.md.

    python -m tests.bench.truth [--raters A,B,...] [--listening FOLDER] [--out FOLDER] [--again A,B,...]

Imports each test below FOLDER ($DEEPAQ_SHARED/listening), rates it with every rater that has not rated it yet, runs
`labels benchmark` over all and writes truth.md, truth.json and the benchmark's own pages. Labels stay in --out
(truth-run): another rater costs its own time only. --again rates anew with raters whose code or weights have changed.
-o RATER.KEY=VALUE sets a rater's option. --family TEST=FAMILY names the family of a test that the protocol lacks.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from labels.benchmark.report.blocks import Section, Table, Text, figure, interval
from labels.benchmark.report.write import set_markdown
from labels.benchmark.stage import BenchmarkSettings, benchmark
from labels.importing.stage import ImportSettings, import_test
from manifests import schema
from manifests.dataset import Dataset
from manifests.jobs import cpu_count
from tests.bench.parts.families import FEWEST, pairs_in_order, summary
from tests.shared import SHARED

LISTENING = SHARED / "listening"
RATERS = "visqol,2f,peaq,zimtohrli,log-mel,si-sdr,deepaq-fr+mos"
DEFAULTS = {"deepaq-fr+mos.gives": "mos"}  # options of raters that --option does not set
FAMILIES = {  # folder -> (format, family)
    "stahl2024_codec_speech": ("stahl2024", "codecs"),
    "genspeech_p239_warpq": ("csv", "generative speech"),
    "sebass_sisec08": ("sisec08", "separation"),
    "stahl2023_ambisonics_binaural_regen": ("csv", "spatial audio"),
    "mokry2024_inpainting_ar": ("csv", "gap filling"),
    "schultz2019_constant_phase_abx": ("csv", "phase"),
}


def imported(folder: Path, work: Path) -> Path | None:
    """The data set of the test in `folder`, made where it is missing; None when there is no audio or no test."""
    form = FAMILIES.get(folder.name, ("csv", ""))[0]
    source = folder / "ratings.csv" if form == "csv" else folder
    data, done = work / folder.name, work / f"{folder.name}.imported"
    if form == "csv" and not source.is_file():
        print(f"{folder.name}: left out, holds no ratings.csv", file=sys.stderr)
        return None
    if not done.exists():
        named = (("name", folder.name),) if form == "csv" else ()
        result = import_test(form, source, data, ImportSettings(named, quiet=True))
        done.write_text("\n".join([f"{key}: {value}" for key, value in result.items() if key != "errors"]) + "\n")
    if not data.is_dir() or schema.OK not in Dataset(data).degraded(["status"])["status"].to_pylist():
        print(f"{folder.name}: left out, has no audio", file=sys.stderr)
        return None
    return data


def page(report: Mapping[str, Any], found: Mapping[str, Any]) -> list[Section]:
    sections = [Section("Over families of tests", [_families(found), *_notes(found)])]
    raters = {rater["name"]: rater for rater in report["raters"]}
    header = ["rater", "units", "PCC", "SRCC", "SRCC within items", "pairs in order", "PCC with references, anchors"]
    for test in report["tests"]:
        main, widest = test["protocols"][0], test["protocols"][-1]
        wide = {result["rater"]: result for result in widest["results"]}
        results = sorted(main["results"], key=lambda r: -2 if r["pcc"][0] is None else r["pcc"][0], reverse=True)
        rows = [
            [
                *(result["rater"], str(result["stimuli"]), interval(result["pcc"]), interval(result["srcc"])),
                interval(result["srcc_within_item"]),
                figure(pairs_in_order(test, raters[result["rater"]])),
                interval(wide[result["rater"]]["pcc"]) if widest is not main else "–",
            ]
            for result in results
        ]
        ceilings = [figure((part["ceiling"] or {}).get("ceiling")) for part in (main, widest)]
        rows.insert(0, ["noise ceiling", str(main["stimuli"]), ceilings[0], "–", "–", "–", ceilings[1]])
        title = f"{test['about']['title']} ({found['families'][test['name']]})"
        failed = len(test["failures"])
        notes = [Text(f"{failed} ratings failed; see report.md.")] if failed else []
        sections.append(Section(title, [Table("", header, rows), *notes]))
    return sections


def _families(found: Mapping[str, Any]) -> Table:
    every = list(dict.fromkeys(found["families"].values()))
    header = ["rater", "family mean", f"{found['best']} minus it", "shortfall", "with references, anchors"]
    header += ["all families", *(name if name in found["counted"] else f"({name})" for name in every)]
    rows = [
        [
            *(name, figure(row["family_mean"], 3), interval(row["behind_best"]), figure(row["shortfall"], 3)),
            *(figure(row["family_mean_widest"], 3), figure(row["family_mean_all"], 3)),
            *(figure(row["families"][family]) for family in every),
        ]
        for name, row in sorted(found["raters"].items(), key=lambda item: -(item[1]["family_mean"] or -1))
    ]
    return Table("", header, rows)


def _notes(found: Mapping[str, Any]) -> list[Text]:
    return [
        Text(
            f"PCC of the systems under test, without references and anchors; family mean over "
            f"{', '.join(found['counted'])}, each family once. Families in brackets have fewer than {FEWEST} units and "
            "count under `all families` only. Shortfall: mean distance from the best other rater of each test. "
            "Protocol: docs/truth.md."
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", default=RATERS)
    parser.add_argument("--listening", type=Path, default=LISTENING)
    parser.add_argument("--out", type=Path, default=Path("truth-run"))
    parser.add_argument("--again", default="", help="raters, separated by commas, whose labels are made anew")
    parser.add_argument("--option", "-o", action="append", default=[], metavar="RATER.KEY=VALUE")
    parser.add_argument("--family", action="append", default=[], metavar="TEST=FAMILY")
    parser.add_argument("--jobs", type=int, default=cpu_count())
    parser.add_argument("--resamples", type=int, default=2000)
    options = parser.parse_args()
    try:
        report, found = judge(options)
    except UserError as error:
        sys.exit(f"error: {error}")
    text = set_markdown("Agreement with listeners", page(report, found))
    (options.out / "report" / "truth.md").write_text(text, encoding="utf-8")
    (options.out / "report" / "truth.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(text)


def judge(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    if not options.listening.is_dir():
        raise UserError(f"{options.listening}: no such folder; set DEEPAQ_SHARED or give --listening")
    named = dict(text.partition("=")[::2] for text in options.family)
    folders = {folder.name: imported(folder, options.out) for folder in sorted(options.listening.iterdir())}
    data = [path for path in folders.values() if path is not None]
    for rater in filter(None, options.again.split(",")):
        for path in data:
            shutil.rmtree(path / "labels" / f"rater={rater}", ignore_errors=True)
    raters = options.raters.split(",")
    own = {key: value for key, value in DEFAULTS.items() if key.rpartition(".")[0] in raters}
    own |= {key: value for key, _, value in (text.partition("=") for text in options.option)}
    settings = BenchmarkSettings(
        options=tuple(own.items()), jobs=options.jobs, resamples=options.resamples, mappings=False, quiet=True
    )
    report = benchmark(data, raters, options.out / "report", settings)
    names = {Dataset(path).degraded(["test"])["test"][0].as_py(): path.name for path in data}
    families = {
        test["name"]: named.get(folder, FAMILIES.get(folder, ("", folder))[1])
        for test in report["tests"]
        for folder in (names[test["name"]],)
    }
    return report, summary(report, families)


if __name__ == "__main__":
    main()
