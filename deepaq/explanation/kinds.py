"""Kinds of damage, told apart cell by cell of the spectrogram from the powers and cross-powers of a pair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepaq.audio import Samples
from deepaq.core.core import Core, powers_of
from deepaq.core.parts import parts
from deepaq.core.spectrum import IMAGE_EVERY, cross_powers
from deepaq.core.tracks import decibels, mask
from deepaq.explanation import around
from deepaq.explanation.around import Values

KINDS = ("missing", "added", "smeared", "bandwidth", "level", "image", "other")
_MISSING, _ADDED, _SMEARED, _BANDWIDTH, _LEVEL, _IMAGE, _OTHER = range(len(KINDS))

_AUDIBLE_DB, _SILENT_DB = -83.0, -88.0  # level of a band above, and at, the threshold of hearing
_CELLS = (3, 3)  # steps of 20 ms, and bands, over which coherence is measured
_LOW_CELLS, _NARROW = (9, 3), 22  # in the lowest third of the bands
_LEAST_LEVEL_DB, _AGREE = 0.5, 0.7  # change of level that counts, share of bands that change alike
_LEVEL_STEPS = 11  # a shorter change of level is a dropout or a click
_EDGE_STEPS = 15  # over which the edges of the spectrum are measured
_EDGE_DB, _SKIRT_DB, _EDGE_BANDS = 15.0, 3.0, 3  # fall of lost bands, fall where they begin, least number of them
_EXCHANGED_DB = 4.0  # change of level that tells its kind although most of the cell is exchanged
_SMEAR_STEPS, _SMEAR_AREA = 9, (31, 9)  # over which levels are evened out; steps and bands of the evidence for it
_INNER_STEPS, _STEADY_DB = 7, 3.5  # length and largest deviation of added energy that is as steady as noise or hum


class Change(NamedTuple):
    """Change of every cell, (steps, bands): powers before and after, and what is lost and gained, in dB.

    lost: fall of the part that is still coherent with the reference. gained: rise above it by anything else. rest:
    power of what is not coherent.
    """

    ours: Values
    theirs: Values
    rest: Values
    lost: Values
    gained: Values


def by_kind(core: Core, reference: Samples, degraded: Samples) -> Values:
    """Divide the distance: (7, steps, 64), by kind, step of the core (25 per second) and band.

    The sum over kinds and bands is the distance of the step.
    """
    ours, theirs = powers_of(reference, degraded)
    found = parts(core, ours, theirs)
    count = len(found.level)
    mids = [np.ascontiguousarray(x if x.ndim == 1 else x[:, 0]) for x in (reference, degraded)]
    mid = _change(ours.mid, theirs.mid, cross_powers(*mids))
    shares = _of_mid(mid)[:, : count * IMAGE_EVERY]
    near = around.mean(shares * (mid.lost + mid.gained + 1e-3)[: count * IMAGE_EVERY], 3, 3)
    near /= near.sum(axis=0)
    halves = (len(KINDS), count, IMAGE_EVERY, shares.shape[-1])
    divided = (shares.reshape(halves) * found.level + near.reshape(halves) * found.structure).sum(axis=2)
    if ours.side is not None:
        masked = mask(ours)
        sides = [np.ascontiguousarray(x[:, 1]) for x in (reference, degraded)]
        cross = cross_powers(*sides)[::IMAGE_EVERY] + masked
        side = Change(*(x[:count] for x in _change(ours.side + masked, theirs.side + masked, cross)))
        every = Change(*(x[: count * IMAGE_EVERY : IMAGE_EVERY] for x in mid))
        divided += found.image * _of_image(every, side, near.reshape(halves).mean(axis=2))
    return np.asarray(divided)


def _change(ours: Values, theirs: Values, cross: Values) -> Change:
    before, after = _smooth(ours), _smooth(theirs)
    coherent = (_smooth(cross.real) ** 2 + _smooth(cross.imag) ** 2) / np.maximum(before, 1e-20)
    lost = decibels(before) - decibels(coherent)
    gained = np.maximum(decibels(after) - decibels(coherent), 0) + np.maximum(-lost, 0)
    return Change(before, after, np.maximum(after - coherent, 0), np.maximum(lost, 0), gained)


def _smooth(cells: Values) -> Values:
    """Mean over the cells around each, over more time where bands are narrow."""
    cells = cells.astype(np.float64)
    found = around.mean(cells, *_CELLS)
    found[:, :_NARROW] = around.mean(cells, *_LOW_CELLS)[:, :_NARROW]
    return found


def _of_mid(mid: Change) -> Values:
    """Shares of the kinds in the change of every cell: -> (7, steps, bands), summing to 1."""
    ours, theirs = decibels(mid.ours), decibels(mid.theirs)
    shares = np.zeros((len(KINDS), *ours.shape))
    common = _level(ours, theirs)[:, None]
    change = theirs - ours
    shares[_LEVEL] = np.clip(np.divide(common, change, out=np.zeros_like(change), where=change != 0), 0, 1)
    left = 1 - shares[_LEVEL]
    edges = _beyond_edges(mid.ours, mid.theirs * 10 ** (-common / 10)) & (change < common)
    shares[_BANDWIDTH] = left * edges
    left = left * ~edges
    shares[_SMEARED] = left * _smeared(mid)
    left = left - shares[_SMEARED]
    net, both = (mid.gained - mid.lost) ** 2, np.minimum(np.minimum(mid.gained, mid.lost), _EXCHANGED_DB) ** 2
    told = left * net / np.maximum(net + both, 1e-9)
    shares[_ADDED] = told * (mid.gained > mid.lost)
    shares[_MISSING] = told * (mid.gained < mid.lost)
    shares[_OTHER] = left - shares[_ADDED] - shares[_MISSING]
    return shares


def _level(ours: Values, theirs: Values) -> Values:
    """Change of level in dB that most audible bands of a step share, (steps,); 0 when they do not."""
    heard = (ours > _AUDIBLE_DB) & (theirs > _AUDIBLE_DB)
    change = np.where(heard, theirs - ours, np.nan)
    enough = heard.sum(axis=1) > 0.5 * (ours > _AUDIBLE_DB).sum(axis=1)
    common = np.zeros(len(ours))
    common[enough] = np.nanmedian(change[enough], axis=1)
    alike = abs(np.where(heard, change, np.inf) - common[:, None]) < np.maximum(1.0, 0.4 * abs(common[:, None]))
    common *= alike.sum(axis=1) > _AGREE * np.maximum(heard.sum(axis=1), 1)
    common = around.median(common[:, None], _LEVEL_STEPS)[:, 0]
    return np.where(abs(common) > _LEAST_LEVEL_DB, common, 0.0)


def _beyond_edges(reference: Values, degraded: Values) -> npt.NDArray[np.bool_]:
    """True for the bands above the highest, and below the lowest, that the degraded signal keeps."""
    ours, theirs = (decibels(around.mean(x, _EDGE_STEPS)) for x in (reference, degraded))
    heard = ours > _AUDIBLE_DB
    weaker = (ours - theirs > _SKIRT_DB) | ~heard
    deep = heard & ((ours - theirs > _EDGE_DB) | (theirs < _SILENT_DB))
    found = np.zeros(ours.shape, bool)
    for turn in (slice(None, None, -1), slice(None)):
        outside = np.logical_and.accumulate(weaker[:, turn], axis=1)[:, turn]
        enough = (outside & deep).sum(axis=1) >= _EDGE_BANDS
        kept = (heard & ~outside).sum(axis=1) > 0.2 * heard.sum(axis=1)
        found |= outside & (enough & kept)[:, None]
    return found


def _smeared(mid: Change) -> npt.NDArray[np.bool_]:
    """True for cells whose level moves towards the mean over about 200 ms of the reference.

    They are not smeared if what is added is steadier than that mean, as hum and noise are.
    """
    ours, theirs = decibels(mid.ours), decibels(mid.theirs)
    valley = decibels(around.mean(mid.ours, _SMEAR_STEPS)) - ours
    change = theirs - ours
    toward = (np.sign(change) == np.sign(valley)) & (abs(change) < abs(valley) + 2) & (abs(valley) > 2)
    weight = abs(change)
    evidence = _ratio(weight * toward, weight) > 0.5
    rest = decibels(mid.rest)
    inner = (around.least(rest, _INNER_STEPS) > _AUDIBLE_DB).astype(float)
    steady = (around.mean(inner, *_SMEAR_AREA) > 0.2) & (_spread(rest, inner) < _STEADY_DB**2)
    return toward & evidence & ~steady


def _ratio(part: Values, whole: Values) -> Values:
    part, whole = (around.mean(x, *_SMEAR_AREA) for x in (part, whole))
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 1e-9)


def _spread(values: Values, weight: Values) -> Values:
    """Weighted variance over time around every cell."""
    mean = _ratio(values * weight, weight)
    return _ratio(weight * (values - mean) ** 2, weight)


def _of_image(mid: Change, side: Change, shares: Values) -> Values:
    """Shares of the kinds in the image's change: (7, steps, bands).

    What side gains or loses as mid does, in dB or in power, has the kind of mid's change; the rest is the image.
    """
    power = _clipped(mid.theirs - mid.ours, side.theirs - side.ours)
    level = np.where(side.gained > side.lost, _clipped(mid.gained, side.gained), _clipped(mid.lost, side.lost))
    explained = np.maximum(power, level)
    shares = shares * explained
    shares[_IMAGE] += 1 - explained
    return shares


def _clipped(part: Values, whole: Values) -> Values:
    return np.clip(np.divide(part, whole, out=np.zeros_like(part), where=abs(whole) > 1e-20), 0, 1)
