"""Judgement of the codecs of a data set by a rater: curves, BD-rates, bitrates at given values, crossings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from labels.benchmark.statistics.bootstrap import interval, item_weights
from labels.codecs.curve import Curve, Values, bd_rate, crossings, overlap, percent
from labels.codecs.points import Judged, Points

Numbers = list[float | None]  # value, and the ends of its 95 % interval where there is one
FEW = 4  # points that a BD-rate usually rests on


class Analysis:
    """Curves of all codecs, and those of resamples of the tracks, which all codecs share."""

    def __init__(self, points: Points, higher_is_better: bool, resamples: int, seed: int = 0) -> None:
        self.points = points
        self.sign = 1.0 if higher_is_better else -1.0
        self.codecs = list(dict.fromkeys(codec for codec, _ in points.keys))
        drawn = item_weights(points.tracks, resamples, seed)
        self.kbps, self.value = points.means(np.vstack([np.ones(len(points.tracks)), drawn]))
        self.curves = {codec: self._of(codec) for codec in self.codecs}

    def _of(self, codec: str) -> list[Curve]:
        """The curve of a codec, followed by that of each resample."""
        mine = [i for i, (name, _) in enumerate(self.points.keys) if name == codec]
        pairs = zip(self.kbps[:, mine], self.sign * self.value[:, mine], strict=True)
        return [Curve.of(kbps[known], value[known]) for kbps, value in pairs for known in [np.isfinite(value)]]

    def curve(self, codec: str) -> dict[str, Any]:
        """Points with intervals, and remarks on the curve."""
        curve = self.curves[codec][0]
        rows: list[dict[str, Any]] = []
        for place, (name, asked) in enumerate(self.points.keys):
            if name == codec:
                value = self._interval(float(self.value[0, place]), self.value[1:, place])
                clips = int(self.points.clips[place].sum())
                tracks = int((self.points.clips[place] > 0).sum())
                kbps = float(self.kbps[0, place])
                rows.append({"asked_kbps": asked, "kbps": kbps, "value": value, "clips": clips, "tracks": tracks})
        rows.sort(key=lambda row: row["kbps"])
        return {"codec": codec, "points": rows, "saturated": curve.saturated, "remarks": _remarks(curve)}

    def pair(self, a: str, b: str) -> dict[str, Any]:
        """BD-rate of b against a in percent, the values that it rests on, and where the better codec changes.

        ahead: the codec that needs fewer bits, or is better throughout; None if that is unknown. better: the same,
        None unless the interval excludes 0.
        """
        first, second = self.curves[a][0], self.curves[b][0]
        common, point = overlap(first, second), bd_rate(first, second)
        found: dict[str, Any] = {"a": a, "b": b, **dict.fromkeys(("bd_rate", "values", "ahead", "better", "why"))}
        if common is None or point is None:
            found |= _apart(a, first, b, second)
        else:
            numbers = self._resampled(point, bd_rate, a, b)
            low, high = numbers[1:]
            found["ahead"] = b if point < 0 else a if point > 0 else None
            found["values"] = sorted(self.sign * end for end in common)
            found["bd_rate"] = [None if number is None else percent(number) for number in numbers]
            if low is not None and high is not None and low * high > 0:
                found["better"] = found["ahead"]
            least = min(int(curve.efficient.sum()) for curve in (first, second))
            found["why"] = f"rests on {least} points, {FEW} are usual" if least < FEW else None
        return found | {"crossings": self._crossings(a, b)}

    def at(self, value: float, codec: str) -> dict[str, Any]:
        """The bitrate at which a codec reaches `value`; why not, where its curve does not say."""
        curve, wanted = self.curves[codec][0], self.sign * value
        point = curve.kbps_at(wanted)
        found = {"codec": codec, "value": value, "kbps": None, "why": None}
        if point is None:
            low, high = (abs(end) if end == 0 else self.sign * end for end in curve.range)
            kept = curve.kbps[curve.efficient]
            end, kbps, word = (low, kept[0], "already") if wanted < curve.range[0] else (high, kept[-1], "only")
            return found | {"why": f"{word} {end:.2f} at {kbps:.0f} kbps"}
        numbers = self._resampled(np.log(point), lambda x: _log(x.kbps_at(wanted)), codec)
        return found | {"kbps": [None if number is None else float(np.exp(number)) for number in numbers]}

    def _crossings(self, a: str, b: str) -> list[dict[str, Any]]:
        """Crossings with intervals; share: that of the resamples that have as many crossings."""
        found = crossings(self.curves[a][0], self.curves[b][0])
        if not found:
            return []
        again = [crossings(x, y) for x, y in self._drawn(a, b)]
        same = np.array([np.log(other) for other in again if len(other) == len(found)]).reshape(-1, len(found))
        share = len(same) / len(again)
        rows = []
        for place, kbps in enumerate(found):
            estimates = np.append(same[:, place], np.full(len(again) - len(same), np.nan))
            numbers = [None if n is None else float(np.exp(n)) for n in self._interval(float(np.log(kbps)), estimates)]
            value = self.sign * float(self.curves[a][0].forward(np.log(kbps)))
            rows.append({"kbps": numbers, "value": value, "share": share})
        return rows

    def _drawn(self, *codecs: str) -> list[tuple[Curve, ...]]:
        return list(zip(*(self.curves[codec][1:] for codec in codecs), strict=True))

    def _resampled(self, point: float, statistic: Callable[..., float | None], *codecs: str) -> Numbers:
        found = [statistic(*curves) for curves in self._drawn(*codecs)]
        return self._interval(point, np.array([np.nan if value is None else value for value in found]))

    def _interval(self, point: float, estimates: Values) -> Numbers:
        """The value with the ends of its interval over tracks."""
        return [point, *(interval(point, estimates, [len(self.points.tracks)]) or (None, None))]


def analyse(judged: Judged, at: Sequence[float], resamples: int, seed: int = 0) -> dict[str, Any]:
    """Everything that a rater says about the codecs, JSON-serialisable; `contents` holds BD-rates by class of content.

    resamples, seed: those of the bootstrap over tracks.
    """
    whole = Analysis(judged.points, judged.higher_is_better, resamples, seed)
    return {
        "rater": judged.rater,
        "scale": judged.scale,
        "higher_is_better": judged.higher_is_better,
        "tracks": len(judged.points.tracks),
        "curves": [whole.curve(codec) for codec in whole.codecs],
        "pairs": _pairs(whole),
        "at": [whole.at(value, codec) for value in at for codec in whole.codecs],
        "contents": {
            content: {
                "tracks": len(points.tracks),
                "pairs": _pairs(Analysis(points, judged.higher_is_better, resamples, seed)),
            }
            for content, points in judged.contents.items()
        },
        "notes": list(judged.notes),
    }


def _pairs(analysis: Analysis) -> list[dict[str, Any]]:
    return [analysis.pair(a, b) for a, b in combinations(analysis.codecs, 2)]


def _remarks(curve: Curve) -> list[str]:
    """Peculiarities of a curve in words."""
    if len(curve.kbps) == 1:
        return ["one bitrate only, which makes no curve"]
    lines = []
    if not curve.efficient.all():
        worse = ", ".join(f"{kbps:.0f}" for kbps in curve.kbps[~curve.efficient])
        lines.append(f"not monotone: at {worse} kbps it is no better than at a lower bitrate; BD-rate leaves that out")
    if curve.saturated:
        lines.append(f"saturated: little or nothing is gained above {curve.kbps[-2]:.0f} kbps")
    return lines


def _apart(a: str, first: Curve, b: str, second: Curve) -> dict[str, Any]:
    """Order of two codecs without a BD-rate, and why they have none."""
    short = [name for name, curve in ((a, first), (b, second)) if curve.efficient.sum() < 2]
    if short:
        has = "has" if len(short) == 1 else "have"
        return {"why": f"{' and '.join(short)} {has} no rising curve of two bitrates or more"}
    ahead = b if second.range[0] >= first.range[1] else a
    return {"ahead": ahead, "why": f"the curves do not overlap: {ahead} is better at all its bitrates"}


def _log(kbps: float | None) -> float | None:
    return None if kbps is None else float(np.log(kbps))
