"""Operations on NumPy arrays and torch tensors, for code that is written once for both.

NumPy scores without torch; torch trains and differentiates. `namespace` gives the functions that both call by one name;
here are those that differ. The operations of networks are torch's own on tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq import fourier

Array = Any  # numpy.ndarray or torch.Tensor
_ALONE = (1 << 19) - 1  # multiplications up to which OpenBLAS, NumPy's linear algebra, takes one thread
_EPS = 1e-5  # default of torch's LayerNorm


def namespace(array: Array) -> ModuleType:
    """The module whose functions work on `array`: numpy or torch."""
    return np if isinstance(array, np.ndarray | np.generic) else import_module("torch")


def like(array: Array, constant: npt.NDArray[np.float32]) -> Array:
    """`constant` as an array of the kind of `array`; for a tensor, of its type and device."""
    return constant if isinstance(array, np.ndarray) else namespace(array).from_numpy(constant).to(array)


def frames(samples: Array, window: int, hop: int) -> Array:
    """(..., frames) -> (..., steps, window): a window every `hop` samples, without copying."""
    if isinstance(samples, np.ndarray):
        return np.lib.stride_tricks.sliding_window_view(samples, window, axis=-1)[..., ::hop, :]
    return samples.unfold(-1, window, hop)


def spectra(samples: Array, taper: Array, hop: int, block: int) -> Iterator[Array]:
    """Yield the spectra of tapered windows every `hop` samples in blocks of `block` steps, (..., steps, bins)."""
    if form := _exported(samples):
        yield form.spectrum(samples, taper, hop)
        return
    views = frames(samples, len(taper), hop)
    for start in range(0, views.shape[-2], block):
        yield rfft(views[..., start : start + block, :] * taper)


def power_spectra(samples: Array, taper: Array, hop: int, block: int) -> Iterator[Array]:
    """Yield the squared magnitudes of `spectra`."""
    return map(power, spectra(samples, taper, hop, block))


def rfft(samples: Array) -> Array:
    """Spectra of real signals over the last axis."""
    return fourier.rfft(samples) if isinstance(samples, np.ndarray) else namespace(samples).fft.rfft(samples)


def power(spectrum: Array) -> Array:
    """Squared magnitudes."""
    return spectrum.real * spectrum.real + spectrum.imag * spectrum.imag


def banded(powers: Array, bank: Array) -> Array:
    """Powers in bands: (..., steps, bins) by a bank of (bins, bands) -> (..., steps, bands).

    In blocks for which NumPy's linear algebra takes one thread: more would cost twice the processor time, and change
    the rounding with the number of processors.
    """
    if not isinstance(powers, np.ndarray):
        return powers @ bank
    steps = max(1, _ALONE // bank.size)
    starts = range(0, powers.shape[-2], steps)
    return np.concatenate([powers[..., start : start + steps, :] @ bank for start in starts], -2)


def padded(samples: Array, before: int, after: int) -> Array:
    """(..., frames) with zeros before and after."""
    if isinstance(samples, np.ndarray):
        return np.pad(samples, [*[(0, 0)] * (samples.ndim - 1), (before, after)])
    return _functional().pad(samples, (before, after))


def sums(rows: Array) -> Array:
    """Sums over the last axis; for many short rows NumPy's `sum` takes five times as long."""
    return np.einsum("...s->...", rows) if isinstance(rows, np.ndarray) else rows.sum(-1)


def energies(rows: Array) -> Array:
    """Sums of squares over the last axis."""
    return np.einsum("...s,...s->...", rows, rows) if isinstance(rows, np.ndarray) else (rows * rows).sum(-1)


def smaller(size: int, bound: int) -> int:
    """The smaller of a size and a bound; the size of an array is a tensor while torch traces."""
    return min(size, bound) if isinstance(size, int) else size.clamp(max=bound)


def first(steps: Array, count: int) -> Array:
    """The first `count` steps of (batch, steps, columns)."""
    form = _exported(steps)
    return form.first(steps, count) if form else steps[:, :count]


def repeated(steps: Array, count: int) -> Array:
    """Every step of (batch, steps, columns) `count` times."""
    if isinstance(steps, np.ndarray):
        return np.repeat(steps, count, axis=1)
    form = _exported(steps)
    return form.repeated(steps, count) if form else steps.repeat_interleave(count, dim=1)


def neighbours(cells: Array) -> Array:
    """The 3 x 3 cells around every cell of (batch, steps, bands) -> (..., 9), row by row; edges are repeated."""
    if isinstance(cells, np.ndarray):
        around = np.pad(cells, [(0, 0), (1, 1), (1, 1)], mode="edge")
        views = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(-2, -1))
        return views.reshape(*cells.shape, 9)
    if form := _exported(cells):
        return form.neighbours(cells)
    functional = _functional()
    found = functional.unfold(functional.pad(cells[:, None], (1, 1, 1, 1), mode="replicate"), 3)
    return found.transpose(1, 2).unflatten(1, cells.shape[1:])


def norm(points: Array, power: float = 2.0) -> Array:
    """The `power` norm over the last axis; for tensors, its gradient at 0 is 0."""
    if isinstance(points, np.ndarray):
        return np.linalg.vector_norm(points, ord=power, axis=-1)
    return namespace(points).linalg.vector_norm(points, power, dim=-1)


def deviation(values: Array, axis: int) -> Array:
    """Standard deviation over an axis, of a sample: divided by one less than its size."""
    return values.std(axis, ddof=1) if isinstance(values, np.ndarray) else values.std(axis)


def quantiles(values: Array, shares: npt.NDArray[np.float32], axis: int) -> Array:
    """Quantiles over an axis, (shares, ...), between two values on the line through them."""
    if form := _exported(values):
        return form.quantiles(values, shares, axis)
    found = namespace(values).quantile(values, like(values, shares), axis)
    return found.astype(values.dtype) if isinstance(values, np.ndarray) else found


def linear(values: Array, weight: Array, bias: Array) -> Array:
    """A dense layer: (..., in) -> (..., out); weight (out, in), bias (out,)."""
    if isinstance(values, np.ndarray):
        return values @ weight.T + bias
    return _functional().linear(values, weight, bias)


def convolved(signal: Array, weight: Array, bias: Array, stride: int = 1) -> Array:
    """Convolution over time that keeps the length, with zeros beyond: (batch, in, steps) -> (batch, out, steps).

    weight: (out, in, width) of odd width, or (out, 1, width) to convolve each channel by itself. bias: (out,).
    """
    channels, width = signal.shape[1], weight.shape[2]
    alone = weight.shape[1] != channels
    if not isinstance(signal, np.ndarray):
        groups = channels if alone else 1
        return _functional().conv1d(signal, weight, bias, stride, width // 2, groups=groups)
    around = padded(signal, width // 2, width // 2)
    last = (signal.shape[2] - 1) // stride * stride + 1
    views = (around[:, :, start : start + last : stride] for start in range(width))
    if alone:
        found = sum(weight[:, 0, place, None] * view for place, view in enumerate(views))
    else:
        pairs = zip(np.ascontiguousarray(weight.transpose(2, 0, 1)), map(np.ascontiguousarray, views), strict=True)
        found = sum(matrix @ view for matrix, view in pairs)
    return found + bias[:, None]


def normalised(values: Array, weight: Array, bias: Array) -> Array:
    """Layer normalisation over the last axis, as torch's LayerNorm."""
    if not isinstance(values, np.ndarray):
        return _functional().layer_norm(values, weight.shape, weight, bias, _EPS)
    apart = values - values.mean(-1, keepdims=True)
    return apart / np.sqrt((apart * apart).mean(-1, keepdims=True) + values.dtype.type(_EPS)) * weight + bias


def gelu(values: Array) -> Array:
    """x times the share of the normal distribution below x (Hendrycks and Gimpel, arXiv 1606.08415)."""
    if not isinstance(values, np.ndarray):
        return _functional().gelu(values)
    return values * (_erf(values * values.dtype.type(math.sqrt(0.5))) + 1) / 2


def _erf(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The error function, to 1.5e-7: Abramowitz and Stegun 1964, 7.1.26."""
    size = np.abs(values)
    share = 1 / (1 + 0.3275911 * size)
    series = np.zeros_like(share)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + factor) * share
    return np.copysign(1 - series * np.exp(-size * size), values)


def _exported(array: Array) -> ModuleType | None:
    """The forms of operations for ONNX, while a network of torch is written as such a file."""
    if isinstance(array, np.ndarray) or not namespace(array).onnx.is_in_onnx_export():
        return None
    return import_module("deepaq.exported")


def _functional() -> ModuleType:
    return import_module("torch.nn.functional")
