"""A common scale for all raters, so that their values can be mixed: MOS from 1 (bad) to 5 (excellent)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer

# Ends of scales on which higher is better. ODG: the objective difference grade of ITU-R BS.1387. Standard deviations:
# of the rater `consensus`, which gives a clip against itself 1.02 and the worst ordinary damage about -3.
ENDS = {
    "MOS": (1.0, 5.0),
    "MOS-LQO": (1.0, 5.0),
    "ODG": (-4.0, 0.0),
    "MUSHRA": (0.0, 100.0),
    "standard deviations": (-3.0, 1.0),
}

Values = npt.NDArray[np.float64]


def mos(values: Values | float, low: Values | float, high: Values | float) -> Values:
    """Map `values` linearly from the ends of their scales to 1 and 5; at most 5."""
    return np.minimum(5.0, 1 + 4 * (values - low) / (high - low))


@dataclass(frozen=True, slots=True)
class Timeline:
    """MOS over time. seconds: (n,), centres of the rated windows, rising. values: (n,), their MOS."""

    seconds: Values
    values: Values

    def at(self, second: float) -> float:
        """Interpolate linearly between centres; constant before the first and after the last."""
        return float(np.interp(second, self.seconds, self.values))


@dataclass(frozen=True, slots=True)
class Rating:
    """MOS of a degraded clip, and over time if the rater gave that."""

    value: float
    timeline: Timeline | None


@dataclass(frozen=True, slots=True)
class Mix:
    """Weighted ratings of one degraded clip. shares: weight of each rating; they sum to 1."""

    shares: tuple[float, ...]
    ratings: tuple[Rating, ...]

    @property
    def value(self) -> float:
        return sum(share * rating.value for share, rating in zip(self.shares, self.ratings, strict=True))

    def joined(self, further: Sequence[Rating]) -> Mix:
        """Average with further ratings, each of which weighs as much as all of these together."""
        share = 1 / (1 + len(further))
        return Mix((*(share * own for own in self.shares), *[share] * len(further)), (*self.ratings, *further))

    def at(self, second: float) -> float:
        """Return the MOS around a point in time; a rater without a timeline counts with its MOS of the whole clip."""
        pairs = zip(self.shares, self.ratings, strict=True)
        return sum(share * (r.timeline.at(second) if r.timeline else r.value) for share, r in pairs)


def mixed(dataset: Dataset, raters: Mapping[str, float]) -> tuple[dict[str, Mix], float]:
    """Return degraded_id -> ratings of the clips that all of `raters` (name -> weight) rated, and the MOS of a clip
    against itself.

    UserError when a rater has no labels here, or a scale that cannot be mapped to 1 to 5.
    """
    total = sum(raters.values())
    if not raters or total <= 0 or min(raters.values()) < 0:
        raise UserError("recipe: data.raters names no rater with a positive weight")
    found = {name: _of(dataset, name) for name in raters}
    shares = tuple(weight / total for weight in raters.values())
    common = set.intersection(*(set(ratings) for ratings, _ in found.values()))
    first, _ = next(iter(found.values()))
    mixes = {key: Mix(shares, tuple(ratings[key] for ratings, _ in found.values())) for key in first if key in common}
    return mixes, sum(share * best for share, (_, best) in zip(shares, found.values(), strict=True))


def rated(dataset: Dataset, rater: str) -> dict[str, float]:
    """Return degraded_id -> a rater's value on its own scale; UserError when there is none."""
    rows = _rows(dataset, rater, ["value"])
    return dict(zip(rows["degraded_id"].to_pylist(), rows["value"].to_pylist(), strict=True))


def identity_of(dataset: Dataset, rater: str) -> float | None:
    """Return the value that a rater states for a clip against itself, on its own scale; None if it states none."""
    stated = read_footer(fragments(dataset.folder(schema.LABELS, rater))[0]).get("settings", {}).get("identity")
    return None if stated is None else float(stated)


def _of(dataset: Dataset, rater: str) -> tuple[dict[str, Rating], float]:
    """Return a rater's values as MOS, and its MOS of a clip against itself."""
    rows = _rows(dataset, rater, ["value", "scale", "extras", "timeline"])
    low, high = _ends(dataset, rater, rows)
    values = mos(rows["value"].to_numpy(), low, high).tolist()
    pairs = zip(values, _timelines(rows, low, high), strict=True)
    found = dict(zip(rows["degraded_id"].to_pylist(), (Rating(*pair) for pair in pairs), strict=True))
    stated = identity_of(dataset, rater)
    # Listeners do not rate a clip against itself; by the rules of their tests it is the top of the scale.
    return found, 5.0 if stated is None else float(mos(stated, low[-1], high[-1]))


def _rows(dataset: Dataset, rater: str, columns: list[str]) -> pa.Table:
    table = dataset.labels(rater, columns)
    rows = table.filter(pc.and_(pc.equal(table["status"], schema.OK), pc.equal(table["rater"], rater)))
    if not rows.num_rows:
        raise UserError(f"{dataset.root}: has no labels by {rater}; run `labels rate {dataset.root} --rater {rater}`")
    return rows


def _extra(rows: pa.Table, key: str) -> Values:
    """Return an entry of the column `extras`, (rows,); NaN if it is missing."""
    found: Values = pc.map_lookup(rows["extras"], key, "first").to_numpy().astype(np.float64)
    return found


def _ends(dataset: Dataset, rater: str, rows: pa.Table) -> tuple[Values, Values]:
    """Return both ends of the scale that every row was rated on, (rows,)."""
    low, high = _extra(rows, "scale_low"), _extra(rows, "scale_high")
    scales = np.array(rows["scale"].to_pylist(), object)
    own = np.isnan(low) | np.isnan(high)
    for scale in sorted(set(scales[own].tolist()), key=str):
        if scale not in ENDS:
            raise UserError(
                f"{dataset.root}: {rater} rates on the scale {scale!r}, which cannot be mapped to MOS 1 to 5;"
                f" choose raters with one of {', '.join(ENDS)}"
            )
        low[own & (scales == scale)], high[own & (scales == scale)] = ENDS[scale]
    return low, high


def _timelines(rows: pa.Table, low: Values, high: Values) -> Iterator[Timeline | None]:
    """Yield every row's MOS over time, None without one."""
    column = rows["timeline"].combine_chunks()
    if column.null_count == len(column):
        yield from itertools.repeat(None, len(column))
        return
    first = _extra(rows, "timeline_start_s") + _extra(rows, "timeline_window_s") / 2
    hop, there = _extra(rows, "timeline_hop_s"), column.is_valid().to_numpy(zero_copy_only=False)
    offsets = column.offsets.to_numpy()
    flat = column.values.to_numpy(zero_copy_only=False).astype(np.float64)
    for row in range(len(column)):
        if not there[row] or np.isnan(hop[row]):
            yield None
            continue
        given = flat[offsets[row] : offsets[row + 1]]
        values = mos(given, low[row], high[row])
        seconds, known = _centres(float(first[row]), float(hop[row]), len(given)), ~np.isnan(given)
        if not known.all():
            seconds, values = seconds[known], values[known]
        yield Timeline(seconds, values) if len(values) else None


@lru_cache(64)
def _centres(first: float, hop: float, count: int) -> Values:
    """Return the centres of a timeline's windows; clips of one length share them."""
    return np.asarray(first + np.arange(count) * hop, np.float64)
