"""Operations of `deepaq.arrays` on tensors, in the few terms that ONNX has, for signals of any length.

Used while a network is written as an ONNX file, in place of transforms and windows that ONNX lacks or that its
runtimes compute slowly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Spectrum:
    """A complex array in its parts, because ONNX has no complex numbers."""

    real: Tensor
    imag: Tensor

    def __getitem__(self, places: Any) -> Spectrum:
        return Spectrum(self.real[places], self.imag[places])


def spectrum(samples: Tensor, taper: Tensor, hop: int) -> Spectrum:
    """Spectra of tapered windows every `hop` samples: (batch, frames) -> (batch, steps, window // 2 + 1)."""
    window = int(taper.shape[0])  # while torch traces, a size is a tensor
    steps = (samples.shape[-1] - window) // hop + 1
    places = torch.arange(steps)[:, None] * hop + torch.arange(window)
    return Spectrum(*_fourier(samples[..., places] * taper, window))


def neighbours(cells: Tensor) -> Tensor:
    """The 3 x 3 cells around every cell of (batch, steps, bands) -> (..., 9), row by row; edges are repeated."""
    around = F.pad(cells[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    parts = (slice(0, -2), slice(1, -1), slice(2, None))
    return torch.stack([around[:, rows, columns] for rows in parts for columns in parts], -1)


def first(steps: Tensor, count: int) -> Tensor:
    """The first `count` steps of (batch, steps, columns)."""
    return steps.index_select(1, torch.arange(count))


def repeated(steps: Tensor, count: int) -> Tensor:
    """Every step of (batch, steps, columns) `count` times."""
    places = torch.arange(count * steps.shape[1])
    return steps.index_select(1, torch.div(places, count, rounding_mode="floor"))


def quantiles(values: Tensor, shares: npt.NDArray[np.float32], axis: int) -> list[Tensor]:
    """Quantiles over an axis, each between two values on the line through them."""
    ordered = values.sort(axis)[0]
    last = torch.tensor(values.shape[axis]) - 1
    found = []
    for share in shares.tolist():
        place = last * share
        lower = place.floor().long()
        low, high = (ordered.index_select(axis, at.reshape(1)) for at in (lower, torch.minimum(lower + 1, last)))
        found.append((low + (high - low) * (place - lower)).sum(axis))
    return found


def _fourier(frames: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of the Fourier transform of real frames, (batch, steps, size) -> (..., size // 2 + 1).

    The transform of rows times columns as two matrix products with rotations between them (Cooley and Tukey 1965).
    """
    rows = _divisor(size)
    columns = size // rows
    outer, turns, inner = (tuple(map(torch.from_numpy, part)) for part in _matrices(rows, columns))
    grid = frames.reshape(frames.shape[0], -1, rows, columns).transpose(-1, -2)  # (columns, rows)
    real, imaginary = _turned((grid @ outer[0], grid @ outer[1]), turns)  # (columns, frequencies of rows)
    real, imaginary = (
        inner[0] @ real - inner[1] @ imaginary,
        inner[0] @ imaginary + inner[1] @ real,
    )  # (frequencies of columns, frequencies of rows)
    return tuple(part.flatten(-2)[..., : size // 2 + 1] for part in (real, imaginary))  # type: ignore[return-value]


def _turned(values: tuple[Tensor, Tensor], turns: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    (real, imaginary), (cosine, sine) = values, turns
    return real * cosine - imaginary * sine, real * sine + imaginary * cosine


def _divisor(size: int) -> int:
    """The divisor of `size` next to its root."""
    return max(number for number in range(1, math.isqrt(size) + 1) if size % number == 0)


@cache
def _matrices(rows: int, columns: int) -> tuple[tuple[npt.NDArray[np.float32], ...], ...]:
    """Cosines and sines of the transform over rows, of the rotations, and of the transform over columns."""

    def waves(first: int, second: int, period: int) -> tuple[npt.NDArray[np.float32], ...]:
        angle = -2 * np.pi / period * (np.outer(np.arange(first), np.arange(second)) % period)
        return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)

    return waves(rows, rows, rows), waves(columns, rows, rows * columns), waves(columns, columns, columns)
