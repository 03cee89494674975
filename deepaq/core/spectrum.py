"""Powers in ERB bands of mid and side, the one thing that the core compares.

Works on NumPy arrays and, for a differentiable distance, on torch tensors: one definition for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import repeat

import numpy as np
import numpy.typing as npt

from deepaq.arrays import Array, banded, like, namespace, power, spectra
from deepaq.core.filterbank import SAMPLE_RATE, erb_bands
from deepaq.fourier import hann

WINDOW, HOP = 2048, 960  # 43 ms Hann windows, 50 steps a second
STEPS_PER_S = SAMPLE_RATE / HOP
IMAGE_EVERY = 2  # steps of mid per step of side: an image moves slowly
BANDS = 64
_BINS = slice(2, 832)  # 47 Hz to 19.5 kHz; a constant offset reaches bin 1, a steep filter at 20 kHz bin 840
_CHUNK = 32  # steps whose spectra fit the processor's cache


@dataclass(frozen=True)
class Powers:
    """Powers in ERB bands relative to full scale.

    mid: (..., steps, 64). side, cross: (..., image steps, 64), the power of side and the real part of mid times
    conjugate side, so that left has mid + side + 2 cross; None without a side.
    """

    mid: Array
    side: Array | None = None
    cross: Array | None = None


def powers(mid: Array, side: Array | None = None) -> Powers:
    """Powers of float32 signals of shape (..., frames) at 48 kHz, at least one window long."""
    xp, bank, taper = namespace(mid), like(mid, _bank()), like(mid, hann(WINDOW))
    parts: list[tuple[Array, ...]] = []
    sides = repeat(None) if side is None else _spectra(side, taper, IMAGE_EVERY)
    for spectrum, theirs in zip(_spectra(mid, taper), sides, strict=False):
        part: tuple[Array, ...] = (banded(power(spectrum), bank),)
        if theirs is not None:
            ours = spectrum[..., ::IMAGE_EVERY, :]
            product = ours.real * theirs.real + ours.imag * theirs.imag
            part += (banded(power(theirs), bank), banded(product, bank))
        parts.append(part)
    return Powers(*(xp.concatenate(column, -2) for column in zip(*parts, strict=True)))


def cross_powers(first: Array, second: Array) -> Array:
    """Cross-powers in the same bands of two signals of (..., frames), complex: -> (..., steps, 64)."""
    xp, bank, taper = namespace(first), like(first, _bank()), like(first, hann(WINDOW))
    products = (
        ours * theirs.conj() for ours, theirs in zip(_spectra(first, taper), _spectra(second, taper), strict=True)
    )
    return xp.concatenate([banded(x.real, bank) + 1j * banded(x.imag, bank) for x in products], -2)


def _spectra(samples: Array, taper: Array, every: int = 1) -> Iterator[Array]:
    """Spectra of the bins that count, of one in `every` steps, in blocks that last equally long."""
    return (spectrum[..., _BINS] for spectrum in spectra(samples, taper, every * HOP, _CHUNK // every))


@cache
def _bank() -> npt.NDArray[np.float32]:
    """(bins, 64), scaled so that the powers of a step sum to about the signal's own."""
    scale = 2 / (WINDOW * float(np.square(hann(WINDOW)).sum()))
    return np.ascontiguousarray(erb_bands(BANDS, WINDOW)[_BINS] * np.float32(scale))
