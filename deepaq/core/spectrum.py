"""Powers in ERB bands of mid and side, the one thing that the core compares.

Works on NumPy arrays and, for a differentiable distance, on torch tensors: one definition for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq import fourier
from deepaq.core.filterbank import SAMPLE_RATE, erb_bands

WINDOW, HOP = 2048, 960  # 43 ms Hann windows, 50 steps a second
STEPS_PER_S = SAMPLE_RATE / HOP
IMAGE_EVERY = 2  # steps of mid per step of side: an image moves slowly
BANDS = 64
_BINS = slice(2, 832)  # 47 Hz to 19.5 kHz; a constant offset reaches bin 1, a steep filter at 20 kHz bin 840
_CHUNK = 32  # steps whose spectra fit the processor's cache

Array = Any  # numpy.ndarray or torch.Tensor


@dataclass(frozen=True)
class Powers:
    """Powers in ERB bands relative to full scale.

    mid: (..., steps, 64). side, cross: (..., image steps, 64), the power of side and the real part of mid times
    conjugate side, so that left has mid + side + 2 cross; None without a side.
    """

    mid: Array
    side: Array | None = None
    cross: Array | None = None


def namespace(array: Array) -> ModuleType:
    """The module whose functions work on `array`: numpy or torch."""
    return np if isinstance(array, np.ndarray | np.generic) else import_module("torch")


def powers(mid: Array, side: Array | None = None) -> Powers:
    """Powers of float32 signals of shape (..., frames) at 48 kHz, at least one window long."""
    xp, bank, taper = namespace(mid), _like(mid, _bank()), _like(mid, _taper())
    parts: list[tuple[Array, ...]] = []
    for start, spectrum in _spectra(mid, taper, HOP):
        part: tuple[Array, ...] = (_power(spectrum) @ bank,)
        if side is not None:
            first = -start % IMAGE_EVERY
            ours = spectrum[..., first::IMAGE_EVERY, :]
            theirs = _spectrum(_frames(side, HOP)[..., start + first : start + _CHUNK : IMAGE_EVERY, :], taper)
            product = ours.real * theirs.real + ours.imag * theirs.imag
            part += (_power(theirs) @ bank, product @ bank)
        parts.append(part)
    return Powers(*(xp.concatenate(column, -2) for column in zip(*parts, strict=True)))


def cross_powers(first: Array, second: Array) -> Array:
    """Cross-powers in the same bands of two signals of (..., frames), complex: -> (..., steps, 64)."""
    xp, bank, taper = namespace(first), _like(first, _bank()), _like(first, _taper())
    products = (
        ours * theirs.conj()
        for (_, ours), (_, theirs) in zip(_spectra(first, taper, HOP), _spectra(second, taper, HOP), strict=True)
    )
    return xp.concatenate([x.real @ bank + 1j * (x.imag @ bank) for x in products], -2)


def _spectra(samples: Array, taper: Array, hop: int) -> Iterator[tuple[int, Array]]:
    frames = _frames(samples, hop)
    for start in range(0, frames.shape[-2], _CHUNK):
        yield start, _spectrum(frames[..., start : start + _CHUNK, :], taper)


def _frames(samples: Array, hop: int) -> Array:
    """(..., frames) -> (..., steps, window), a view."""
    if isinstance(samples, np.ndarray):
        return np.lib.stride_tricks.sliding_window_view(samples, WINDOW, axis=-1)[..., ::hop, :]
    return samples.unfold(-1, WINDOW, hop)


def _spectrum(frames: Array, taper: Array) -> Array:
    """Spectra of the bins that count."""
    rfft = fourier.rfft if isinstance(frames, np.ndarray) else namespace(frames).fft.rfft
    return rfft(frames * taper)[..., _BINS]


def _power(spectrum: Array) -> Array:
    return spectrum.real * spectrum.real + spectrum.imag * spectrum.imag


def _like(array: Array, constant: npt.NDArray[np.float32]) -> Array:
    return constant if isinstance(array, np.ndarray) else namespace(array).from_numpy(constant).to(array)


@cache
def _taper() -> npt.NDArray[np.float32]:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def _bank() -> npt.NDArray[np.float32]:
    """(bins, 64), scaled so that the powers of a step sum to about the signal's own."""
    scale = 2 / (WINDOW * float(np.square(_taper()).sum()))
    return np.ascontiguousarray(erb_bands(BANDS, WINDOW)[_BINS] * np.float32(scale))
