"""The report's page, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from deepaq.files import committed
from manifests import schema
from manifests.dataset import Dataset
from manifests.diff import footers
from manifests.report import charts, clips, page
from manifests.report.rows import Labelled, by_codec, choose_rater, extremes, failures, labelled, quartiles
from manifests.summary import summarise

MOST_FAILURES = 200


def write_report(dataset: Dataset, out: Path, rater: str | None = None, count: int = 4) -> dict[str, object]:
    """Write the page to `out`, whole or not at all, and return what it is about: path, rater, versions, bytes.

    rater: whose labels, ViSQOL's by default. count: of clips to hear at either end of the scale.
    Raises UserError when the data set has no such labels.
    """
    name = choose_rater(dataset, rater)
    rows = labelled(dataset, name)
    text = document(dataset, name, rows, count)
    with committed(out) as partial:
        partial.write_text(text, encoding="utf-8")
    return {"path": str(out), "rater": name, "versions": len(rows), "bytes": len(text.encode())}


def document(dataset: Dataset, rater: str, rows: Sequence[Labelled], count: int) -> str:
    """The whole page."""
    scale = next((value for value in dataset.labels(rater, ["scale"])["scale"].to_pylist() if value), "value")
    sections = [("Overview", _overview(dataset))]
    if rows:
        sections += [
            (f"{scale} by codec and bitrate", charts.boxes(rows, scale) + _conditions(rows)),
            (f"{scale} against measured bitrate", charts.scatter(rows, scale)),
            ("Near the top of the scale", charts.histogram(rows, scale) + _saturation(rows)),
            ("Lowest values", _clips(dataset, rows, count, best=False)),
            ("Highest values", _clips(dataset, rows, count, best=True)),
        ]
    sections += [("Failures", _failures(dataset)), ("Provenance", _provenance(dataset, rater))]
    tracks = len({row.track for row in rows})
    lead = f"{len(rows)} versions of {tracks} tracks, rated by {rater}."
    return page.page(f"Data set {dataset.root.resolve().name}", lead, sections)


def _overview(dataset: Dataset) -> str:
    summary = summarise(dataset)
    tables = {name: counts for name, counts in summary["tables"].items() if name != "labels"}
    tables |= {f"labels {name}": counts for name, counts in summary["tables"]["labels"].items()}
    keys = ("rows", schema.OK, schema.FAILED, schema.SKIPPED)
    cells = [[name, *(f"{counts[key]:,}" for key in keys)] for name, counts in tables.items()]
    splits = ", ".join(f"{number} {name}" for name, number in summary["splits"].items())
    return page.table(["table", *keys], cells) + page.paragraph(
        f"{summary['hours']:.2f} hours of clean clips; clips by split: {splits or 'none'}."
    )


def _conditions(rows: Sequence[Labelled]) -> str:
    cells = []
    for codec, conditions in by_codec(rows).items():
        for condition, members in conditions.items():
            values = [row.value for row in members]
            kbps = [row.actual_kbps for row in members if row.actual_kbps is not None]
            numbers = [f"{value:.3f}" for value in (*quartiles(values), float(np.mean(values)))]
            cells.append([codec, condition, str(len(values)), f"{np.mean(kbps):.1f}" if kbps else "–", *numbers])
    header = ["codec", "condition", "versions", "kbps", "least", "lower quartile", "median", "upper", "most", "mean"]
    return page.folded("The numbers", page.table(header, cells, text_columns=2))


def _saturation(rows: Sequence[Labelled]) -> str:
    """How much of the data is close to the highest value, and whether neighbouring bitrates can still be told apart."""
    top = max(row.value for row in rows)
    span = top - min(row.value for row in rows) or 1.0
    values = np.array([row.value for row in rows])
    near = [[f"{share:.0%} of the range", f"{(values > top - share * span).mean():.1%}"] for share in (0.02, 0.05, 0.1)]
    text = page.table(["within", "versions"], near, f"Versions close to the highest value, {top:.3f}")
    steps = list(_steps(rows))
    if steps:
        caption = (
            "The same clip at two neighbouring bitrates: where the higher one seldom wins, or by next to nothing, "
        )
        caption += "the labels are saturated"
        header = ["codec", "from kbps", "to kbps", "clips", "higher one wins", "median gain"]
        text += page.table(header, steps, caption)
    return text


def _steps(rows: Sequence[Labelled]) -> Iterator[list[str]]:
    for codec, conditions in by_codec(rows).items():
        coded = [members for members in conditions.values() if members[0].bitrate_kbps is not None]
        for low, high in pairwise(coded):
            before = {row.reference_id: row.value for row in low}
            gains = [row.value - before[row.reference_id] for row in high if row.reference_id in before]
            if gains:
                wins = float(np.mean(np.array(gains) > 0))
                bitrates = [f"{members[0].bitrate_kbps:g}" for members in (low, high)]
                yield [codec, *bitrates, str(len(gains)), f"{wins:.0%}", f"{np.median(gains):+.3f}"]


def _clips(dataset: Dataset, rows: Sequence[Labelled], count: int, best: bool) -> str:
    note = f"At most one version of a clip; of clips longer than {clips.EXCERPT_S:g} s the beginning."
    return page.paragraph(note, "note") + "\n".join(clips.clip(dataset, row) for row in extremes(rows, count, best))


def _failures(dataset: Dataset) -> str:
    found = failures(dataset)
    if not found:
        return page.paragraph("None: every row is ok.")
    cells = [[table, reason, example, f"{count:,}"] for table, reason, count, example in found]
    more = len(cells) - MOST_FAILURES
    note = page.paragraph(f"{more} more reasons are left out.", "note") if more > 0 else ""
    return page.table(["table", "reason", "such as", "rows"], cells[:MOST_FAILURES], text_columns=3) + note


def _provenance(dataset: Dataset, rater: str) -> str:
    cells = [
        [table, entry, ", ".join(sorted(values))]
        for table in (schema.REFERENCES.name, schema.DEGRADED.name, f"{schema.LABELS.name}/rater={rater}")
        for entry, values in sorted(footers(dataset, table).items())
    ]
    header = ["table", "entry", "values"]
    # The conditions' settings run to hundreds of entries.
    brief = [row for row in cells if "conditions." not in row[1]]
    return page.table(header, brief, text_columns=3) + page.folded(
        "With the settings of every condition", page.table(header, cells, text_columns=3)
    )
