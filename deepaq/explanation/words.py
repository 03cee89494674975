"""An explanation in three sentences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deepaq.explanation.explanation import Explanation
from deepaq.explanation.kinds import KINDS

NAMES = {
    "missing": "missing energy",
    "added": "added energy",
    "smeared": "smeared transients",
    "bandwidth": "lost bandwidth",
    "level": "a changed level",
    "image": "a changed stereo image",
    "other": "changed fine structure",
}
LEAST_SHARE = 0.05  # smallest share of a kind that is named
_MOST = 0.8  # share of a kind within the frequencies that are named
_WIDE = 0.75  # share of the bands that counts as the whole spectrum
_EDGE = 4  # bands


def sentences(found: Explanation) -> list[str]:
    """Say what most of the difference is, when it is worst, and what the rest is; one sentence for equal signals."""
    if not found.cells.any():
        return ["There is no difference."]
    return [_what(found), _when(found), _rest(found)]


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.0f} %"


def _what(found: Explanation) -> str:
    kind, share = found.first, found.kinds[found.first]
    part = "Most" if share >= 0.5 else "The largest part"
    text = f"{part} of the difference ({percent(share)}) is {NAMES[kind]} {_where(found, kind)}"
    without = found.mos_without[kind]
    if without is None or found.score.mos is None:
        return f"{text}."
    return f"{text}; without it the MOS would be {without:.2f} instead of {found.score.mos:.2f}."


def _when(found: Explanation) -> str:
    worst = found.worst
    stretch = f"between {worst.start_s:.1f} and {worst.start_s + worst.seconds:.1f} s"
    even = worst.seconds / max(found.score.seconds, worst.seconds)
    if worst.share > 2 * even or even > 0.5:
        return f"It is worst {stretch}, with {percent(worst.share)} of the difference."
    return f"It is spread over time; the worst second, {stretch}, has {percent(worst.share)} of the difference."


def _rest(found: Explanation) -> str:
    ranked = sorted(found.kinds, key=found.kinds.__getitem__, reverse=True)[1:]
    named = [kind for kind in ranked if found.kinds[kind] >= LEAST_SHARE]
    if not named:
        return f"No other kind of damage has more than {percent(LEAST_SHARE)}."
    parts = [f"{NAMES[kind]} {_where(found, kind)} ({percent(found.kinds[kind])})" for kind in named]
    return "The rest is " + (parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}") + "."


def _where(found: Explanation, kind: str) -> str:
    """The narrowest range with four fifths of a kind."""
    over_bands = found.cells[KINDS.index(kind)].sum(axis=0)
    first, last = _narrowest(over_bands / max(over_bands.sum(), 1e-30))
    edges = np.sqrt(found.band_hz[1:] * found.band_hz[:-1])  # between neighbouring bands
    top = len(over_bands) - 1
    low = _hz(edges[max(first - 1, 0)])
    high = _hz(edges[min(last, top - 1)])
    if last - first + 1 >= _WIDE * len(over_bands):
        return "throughout the spectrum"
    if last >= top - _EDGE or (kind == "bandwidth" and first > top - last):
        return f"above {low}"
    if first <= _EDGE or kind == "bandwidth":
        return f"below {high}"
    return f"between {low} and {high}"


def _narrowest(shares: npt.NDArray[np.float64]) -> tuple[int, int]:
    """First and last band of the narrowest run with four fifths of the sum."""
    total = np.concatenate([[0.0], np.cumsum(shares)])
    ends = np.searchsorted(total, total + _MOST * total[-1] - 1e-9)
    starts = np.flatnonzero(ends <= len(shares))
    start = int(starts[np.argmin((ends - np.arange(len(ends)))[starts])])
    return start, max(int(ends[start]) - 1, start)


def _hz(value: float) -> str:
    return f"{round(value, -1):.0f} Hz" if value < 995 else f"{value / 1000:.2g} kHz"
