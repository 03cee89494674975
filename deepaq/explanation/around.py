"""Figures of the cells around every cell of (..., steps, bands); at the edges, the outermost cells are repeated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def mean(cells: Values, steps: int, bands: int = 1) -> Values:
    """Mean over `steps` by `bands` cells, both odd."""
    return _windows(_windows(cells, steps, -2).mean(axis=-1), bands, -1).mean(axis=-1)


def median(cells: Values, steps: int) -> Values:
    """Median over `steps`."""
    return np.asarray(np.median(_windows(cells, steps, -2), axis=-1))


def least(cells: Values, steps: int) -> Values:
    """Minimum over `steps`."""
    return np.asarray(_windows(cells, steps, -2).min(axis=-1))


def _windows(cells: Values, size: int, axis: int) -> Values:
    widths = [(0, 0)] * cells.ndim
    widths[axis] = (size // 2, size // 2)
    return np.lib.stride_tricks.sliding_window_view(np.pad(cells, widths, mode="edge"), size, axis=axis)
