"""Comparisons as text and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from deepaq.comparison.comparison import Comparison
from deepaq.console import one_line

_VERDICTS = {
    "better": "{b} is better than {a}",
    "worse": "{b} is worse than {a}",
    "not told apart": "{b} and {a} are not told apart",
    "too little data": "too little data to tell {b} from {a}; about {needed} files would show a change of .05 MOS",
}


def sentence(found: Comparison) -> str:
    """The verdict in words."""
    return _VERDICTS[found.verdict].format(a=one_line(found.a), b=one_line(found.b), needed=found.needed)


def rows(found: Comparison) -> list[tuple[str, str]]:
    """Figures of a comparison for people: (name, figure) of each line."""
    bounds = "too few tracks for an interval"
    if found.low is not None:
        bounds = f"95 % interval [{found.low:+.3f}, {found.high:+.3f}]"
    p = "p < .001" if found.p < 0.001 else f"p = {found.p:.3f}"
    low, high = found.tail
    lines = [
        ("files", str(len(found.changes))),
        ("mean change", f"{found.mean:+.3f} MOS, {bounds}"),
        ("median change", f"{found.median:+.3f} MOS"),
        ("wins, losses, ties", f"{found.wins}, {found.losses}, {found.ties}; sign test {p}"),
        ("5th percentile", f"MOS {low:.2f} -> {high:.2f}"),
        ("worst file", f"{found.worst_file.change:+.3f} MOS, {one_line(found.worst_file.file)}"),
        ("worst second", f"{found.worst.change:+.3f} MOS, {one_line(found.worst.file)} at {found.worst.second:g} s"),
    ]
    if found.tracks:
        parts = ", ".join(f"{name} {value:+.3f}" for name, value in found.tracks.items())
        lines.append(("distance", f"{parts} (mean changes of its parts)"))
    for name, (first, second) in found.loudness.items():
        lines.append((f"{name} loudness", f"{100 * first:.1f} -> {100 * second:.1f} % of the original's"))
    lines.append(("level", f"{found.level_db:+.2f} dB (removed before scoring unless --keep-level)"))
    lower, upper = (edge / 1000 for edge in found.bandwidth_hz)
    lines.append(("bandwidth", f"{lower:.1f} -> {upper:.1f} kHz"))
    lines.append(("kbps", f"{found.kbps[0]:.1f} -> {found.kbps[1]:.1f}"))
    return lines


def text(found: Comparison) -> list[str]:
    """Lines for a terminal."""
    return [sentence(found), *(f"  {name:<20}{figure}" for name, figure in rows(found))]


def markdown(comparisons: Sequence[Comparison], failures: Sequence[str], warnings: Sequence[str]) -> str:
    """A section for a pull request or a job summary."""
    parts = []
    for found in comparisons:
        table = [f"| {_cell(name)} | {_cell(figure)} |" for name, figure in rows(found)]
        parts.append("\n".join([f"### {_cell(sentence(found))}", "", "| | |", "|---|---|", *table]))
    problems = [problem for found in comparisons for problem in found.problems]
    for title, lines in (("Failed", [*problems, *failures]), ("To mind", warnings)):
        if lines:
            parts.append("\n".join([f"**{title}**", "", *(f"- {_cell(line)}" for line in lines)]))
    return "\n\n".join(parts) + "\n"


def _cell(words: str) -> str:
    """Escape text for Markdown."""
    found = one_line(words)
    for mark in "\\`*_[]<>|#":
        found = found.replace(mark, f"\\{mark}")
    return found
