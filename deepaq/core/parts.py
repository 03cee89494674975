"""The tracks of the core, divided among the bands.

The distance is homogeneous in the differences that it is made of, so Euler's theorem divides it: what is pooled by a
root mean square is divided in proportion to its squares, what is pooled by a mean in proportion to itself. The parts
sum to the tracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepaq.core import tracks
from deepaq.core.core import Core
from deepaq.core.spectrum import IMAGE_EVERY, Powers

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """Parts of the tracks of a pair.

    structure, level: (steps, 2, 64), by step of the core (25 per second), half of the step and band; summed over the
    last two axes, they are the tracks. image: (steps, 64).
    """

    structure: Values
    level: Values
    image: Values


def parts(core: Core, ours: Powers, theirs: Powers) -> Parts:
    """Divide the tracks of a reference and a degraded signal; neither has leading dimensions."""
    found = core.compare_powers(ours, theirs)
    steps, bands = len(found.level), ours.mid.shape[-1]

    def halves(cells: Values) -> Values:
        return cells[: steps * IMAGE_EVERY].reshape(steps, IMAGE_EVERY, bands)

    image = np.zeros((steps, bands))
    if ours.side is not None:
        image = _divided(found.image, _image(core, ours, theirs)[:steps])
    structure = _divided(found.structure, halves(_structure(ours.mid, theirs.mid)))
    return Parts(structure, _divided(found.level, halves(_level(ours.mid, theirs.mid))), image)


def _divided(track: Values, cells: Values) -> Values:
    """Divide a track of (steps,) in proportion to cells of (steps, ...)."""
    total = cells.reshape(len(cells), -1).sum(axis=1)
    share = np.divide(track, total, out=np.zeros(len(cells)), where=total > 0)
    return cells * share.reshape(-1, *(1 for _ in cells.shape[1:]))


def _structure(reference: Values, degraded: Values) -> Values:
    return np.asarray(np.repeat(tracks.structure_by_band(reference, degraded), 2, axis=-1))


def _level(reference: Values, degraded: Values) -> Values:
    cells = tracks.level_by_band(reference, degraded).astype(np.float64)
    return np.asarray(cells * cells.mean(axis=-1, keepdims=True))


def _image(core: Core, ours: Powers, theirs: Powers) -> Values:
    assert ours.side is not None
    assert theirs.side is not None
    masked = tracks.mask(ours)
    pair = ours.side + masked, theirs.side + masked
    structure, level = tracks.structure(*pair) / core.structure, tracks.level(*pair) / core.level
    side = _divided(structure, _structure(*pair)) + _divided(level, tracks.level_by_band(*pair).astype(np.float64))
    balance = tracks.balance_by_band(ours, theirs, masked)
    swapped = balance.mean(axis=-1) / core.level > structure + level
    return np.where(swapped[:, None], balance, side)
