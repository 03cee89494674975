"""The report page, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path, PurePath

import numpy as np

from deepaq.files import committed, write_text
from manifests import schema
from manifests.dataset import Dataset
from manifests.diff import footers
from manifests.report import charts, clips, page
from manifests.report.rows import (
    LEAST_COMMON,
    LOUDNESS,
    Labelled,
    by_codec,
    choose_rater,
    extremes,
    failures,
    incomplete,
    labelled,
    quartiles,
)
from manifests.report.summary import by_rater, summarise

MOST_FAILURES = 200
_LOUDNESS = (
    "added and missing: loudness that the degraded clips have in excess and lack, as a share of the reference's. Noise "
    "and interference are added; holes, dropouts and a lower bandwidth are missing."
)


def write_report(dataset: Dataset, out: Path, rater: str | None = None, count: int = 4) -> dict[str, object]:
    """Write the page to `out`, whole or not at all; return its path, the rater, the number of degraded clips (as
    `versions`) and the page's size in bytes.

    rater: name of the rater, ViSQOL by default. count: clips to listen to at either end of the scale.
    Raises UserError when the data set has no such labels.
    """
    name = choose_rater(dataset, rater)
    rows = labelled(dataset, name)
    text = document(dataset, name, rows, count)
    with committed(out) as partial:
        write_text(partial, text)
    return {"path": str(out), "rater": name, "versions": len(rows), "bytes": len(text.encode())}


def document(dataset: Dataset, rater: str, rows: Sequence[Labelled], count: int) -> str:
    """The whole page."""
    scale = next((value for value in dataset.labels(rater, ["scale"])["scale"].to_pylist() if value), "value")
    sections = [("Overview", _overview(dataset))]
    if rows:
        by = "codec and bitrate" if any(row.bitrate_kbps is not None for row in rows) else "condition"
        sections.append((f"{scale} by {by}", charts.boxes(rows, scale) + _conditions(rows)))
        if any(row.actual_kbps is not None for row in rows):
            sections.append((f"{scale} against measured bitrate", charts.scatter(rows, scale)))
        sections += [
            ("Near the top of the scale", charts.histogram(rows, scale) + _saturation(rows)),
            ("Lowest values", _clips(dataset, rows, count, best=False)),
            ("Highest values", _clips(dataset, rows, count, best=True)),
        ]
    if short := incomplete(dataset, rows):
        sections.append(("Missing audio", _missing(short)))
    sections += [("Failures", _failures(dataset)), ("Provenance", _provenance(dataset, rater))]
    clips, tracks = page.counted(len(rows), "degraded clip"), page.counted(len({row.track_id for row in rows}), "track")
    return page.page(f"Data set {dataset.root.resolve().name}", f"{clips} of {tracks}, rated by {rater}.", sections)


def _missing(short: Sequence[tuple[Labelled, float]]) -> str:
    cells = [[row.track, row.condition, row.degraded_id, f"{share:.0%}"] for row, share in short[:MOST_FAILURES]]
    text = f"{page.counted(len(short), 'pair')} with less than {LEAST_COMMON:.0%} of the longer file in common: "
    text += "a rating says nothing about sound that one of the two lacks."
    return page.paragraph(text) + page.table(
        ["track", "condition", "degraded clip", "in common"], cells, text_columns=3
    )


def _overview(dataset: Dataset) -> str:
    summary = summarise(dataset)
    tables = {name: counts for name, counts in summary["tables"].items() if name != "labels"}
    tables |= by_rater(summary["tables"]["labels"])
    keys = ("rows", schema.OK, schema.FAILED, schema.SKIPPED)
    cells = [[name, *(f"{counts[key]:,}" for key in keys)] for name, counts in tables.items()]
    splits = ", ".join(f"{number:,} {name}" for name, number in summary["splits"].items())
    return page.table(["table", *keys], cells) + page.paragraph(
        f"{summary['hours']:.2f} hours of clean clips; clips by split: {splits or 'none'}."
    )


def _conditions(rows: Sequence[Labelled]) -> str:
    cells = []
    stated = LOUDNESS if any(row.loudness for row in rows) else ()
    for codec, conditions in by_codec(rows).items():
        for condition, members in conditions.items():
            values = [row.value for row in members]
            kbps = [row.actual_kbps for row in members if row.actual_kbps is not None]
            numbers = [f"{value:.3f}" for value in (*quartiles(values), float(np.mean(values)))]
            numbers += [_percent([row.loudness[name] for row in members if row.loudness]) for name in stated]
            cells.append([codec, condition, str(len(values)), f"{np.mean(kbps):.1f}" if kbps else "–", *numbers])
    quarters = ["minimum", "lower quartile", "median", "upper quartile", "maximum", "mean"]
    header = ["codec", "condition", "clips", "kbps", *quarters, *stated]
    note = page.paragraph(_LOUDNESS, "note") if stated else ""
    return page.folded("Show the numbers", page.table(header, cells, text_columns=2) + note)


def _percent(shares: Sequence[float]) -> str:
    return f"{np.mean(shares):.1%}" if shares else "–"


def _saturation(rows: Sequence[Labelled]) -> str:
    """The share of clips close to the highest value, and whether neighbouring bitrates can still be told apart."""
    top = max(row.value for row in rows)
    span = top - min(row.value for row in rows) or 1.0
    values = np.array([row.value for row in rows])
    near = [[f"{share:.0%} of the range", f"{(values > top - share * span).mean():.1%}"] for share in (0.02, 0.05, 0.1)]
    text = page.table(["within", "clips"], near, f"Degraded clips close to the highest value, {top:.3f}")
    steps = list(_steps(rows))
    if steps:
        caption = "The same clip at two neighbouring bitrates; if the higher one seldom wins, the labels are saturated"
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
    note = f"At most one degraded clip per reference; only the first {clips.EXCERPT_S:g} s of longer clips."
    return page.paragraph(note, "note") + "\n".join(clips.clip(dataset, row) for row in extremes(rows, count, best))


def _failures(dataset: Dataset) -> str:
    found = failures(dataset)
    if not found:
        return page.paragraph("None: every row is ok.")
    cells = [[table, reason, example, f"{count:,}"] for table, reason, count, example in found]
    more = len(cells) - MOST_FAILURES
    note = page.paragraph(f"{page.counted(more, 'more reason')} not shown.", "note") if more > 0 else ""
    return page.table(["table", "reason", "example", "rows"], cells[:MOST_FAILURES], text_columns=3) + note


def _provenance(dataset: Dataset, rater: str) -> str:
    folders = [dataset.folder(schema.REFERENCES), dataset.folder(schema.DEGRADED), dataset.folder(schema.LABELS, rater)]
    cells = [
        [folder.relative_to(dataset.root).as_posix(), entry, ", ".join(sorted(map(_without_folder, values)))]
        for folder in folders
        for entry, values in sorted(footers(folder).items())
    ]
    header = ["table", "entry", "values"]
    brief = [row for row in cells if "conditions." not in row[1]]  # which may have hundreds of entries
    return page.table(header, brief, text_columns=3) + page.folded(
        "Show the settings of every condition", page.table(header, cells, text_columns=3)
    )


def _without_folder(value: str) -> str:
    """A footer's value; of an absolute path only the end, because the page may be published."""
    return f"…/{PurePath(value).name}" if PurePath(value).is_absolute() else value
