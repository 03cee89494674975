"""Gammatone energies of frames without running the filters.

ViSQOL windows a frame x of N samples, filters it from rest with every band's fourth-order gammatone h and takes the RMS
of the first N outputs. With r the autocorrelation of h, the energy of all outputs is sum_m r_x(m) r(m), |m| < N, which
Parseval's theorem turns into a weighted sum of |X|^2 on a grid of 2N frequencies. Of those, a real x needs N, and the
N that lie a quarter bin above the DFT's own are one complex transform of x(n) exp(-i pi n / 2N).

The outputs after the N-th, which ViSQOL never uses, are a superposition of the filter's eight decaying modes. Their
energy is the squared length of eight numbers that are linear in x; subtracting it makes the result exact.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from threadpoolctl import ThreadpoolController

from labels.raters.visqol.mode import HOPS_PER_WINDOW, LOWEST_HZ, Mode

Reals = npt.NDArray[np.float64]

MODES = 8  # real dimensions of four equal complex pole pairs
RESPONSE = 1 << 14  # samples after which the slowest response is below 1e-20 of its peak
NEGLIGIBLE = 1e-9  # share of the largest weight below which past samples are ignored in the ringing
ROUNDING = 1e-12  # share of the largest singular value below which the tails' others are left out
CHUNK = 32  # frames transformed together, so that their spectra stay in the cache


class Filterbank:
    """Computes spectrograms of a mode. Construction takes about 0.3 s; `filterbank` caches instances."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(mode.window) / (mode.window - 1))
        twist = window * _quarter_bin(mode.window)
        self._real, self._imaginary = np.ascontiguousarray(twist.real), np.ascontiguousarray(twist.imag)
        responses = _responses(mode)
        self._weights = np.stack([_weights(response, mode.window) for response, _ in responses], axis=1)
        tails = _by_block([window[:, None] * _tail(*pair, mode.window) for pair in responses], mode.hop)
        factors = [_low_rank(tail) for tail in tails]
        self._tails = np.concatenate([basis for basis, _ in factors], axis=1)
        self._mixing = [mixing for _, mixing in factors]

    def spectrogram(self, samples: Reals) -> Reals:
        """RMS per window and band: (samples,) float64 -> (bands, frames), from the lowest band to the highest.

        Bands agree with the filters' output within 1e-10, relative. Needs more than one window of samples.
        """
        with _blas().limit(limits=1, user_api="blas"):
            return self._spectrogram(samples)

    def _spectrogram(self, samples: Reals) -> Reals:
        import scipy.fft

        frames = frame_count(len(samples), self.mode)
        size, hop = self.mode.window, self.mode.hop
        energies = np.empty((frames, self.mode.bands))
        twisted, powers = np.empty((CHUNK, size), np.complex128), np.empty((CHUNK, size))
        for start in range(0, frames, CHUNK):
            count = min(CHUNK, frames - start)
            _twist(samples, start * hop, hop, self._real, self._imaginary, twisted[:count])
            _power(scipy.fft.fft(twisted[:count], axis=1, overwrite_x=True), powers[:count])
            np.matmul(powers[:count], self._weights, out=energies[start : start + count])
        energies -= self._ringing(samples, frames)
        return np.ascontiguousarray(np.sqrt(np.maximum(energies, 0.0, out=energies) / size).T)

    def _ringing(self, samples: Reals, frames: int) -> Reals:
        """Energy of the outputs after each frame's end: (frames, bands)."""
        hop = self.mode.hop
        blocks = samples[: (frames + HOPS_PER_WINDOW - 1) * hop].reshape(-1, hop)
        projected = blocks @ self._tails
        states, column = np.zeros((frames, self.mode.bands * MODES)), 0
        for block, mixing in enumerate(self._mixing):
            rank, columns = mixing.shape
            states[:, :columns] += projected[block : block + frames, column : column + rank] @ mixing
            column += rank
        states *= states
        energies: Reals = states.reshape(frames, self.mode.bands, MODES).sum(axis=2)
        return energies


@cache
def filterbank(mode: Mode) -> Filterbank:
    """The filterbank of a mode, cached per process."""
    return Filterbank(mode)


@cache
def _blas() -> ThreadpoolController:
    """Controls BLAS threads. The products are too small for threads, and workers are processes already."""
    return ThreadpoolController()


def frame_count(samples: int, mode: Mode) -> int:
    """Number of frames in `samples` samples."""
    return 1 + (samples - mode.window) // mode.hop


def _responses(mode: Mode) -> list[tuple[Reals, complex]]:
    """Impulse response and pole of every band, from the lowest up, by visqol-python's coefficients."""
    from scipy.signal import lfilter
    from visqol.gammatone import make_erb_filters

    found = []
    for row in make_erb_filters(mode.sample_rate, mode.bands, LOWEST_HZ, mode.highest_hz).filter_coeffs.T[::-1]:
        first, *zeros, _, _, pole1, pole2, gain = row
        response = np.zeros(RESPONSE)
        response[0] = 1 / gain
        for zero in zeros:
            response = lfilter([first, zero], [1.0, pole1, pole2], response)
        found.append((response, complex(max(np.roots([1.0, pole1, pole2]), key=np.imag))))
    return found


def _weights(response: Reals, size: int) -> Reals:
    """Weights of |X|^2 at the quarter-bin frequencies, (size,): the transform of the response's autocorrelation."""
    spectrum = np.fft.rfft(response, 2 * RESPONSE)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:size]
    weights: Reals = (2 * np.fft.fft(correlation * _quarter_bin(size)).real - correlation[0]) / size
    return weights


def _tail(response: Reals, pole: complex, size: int) -> Reals:
    """Coordinates of a sample's output past the end, in an orthonormal basis of the decaying modes: (size, 8)."""
    time = np.arange(RESPONSE)
    modes = pole**time * (-time * np.log(abs(pole))) ** np.arange(MODES // 2)[:, None]
    basis = np.concatenate([modes.real, modes.imag]).T
    basis, _ = np.linalg.qr(basis / np.linalg.norm(basis, axis=0))
    spectra = np.conj(np.fft.rfft(basis, 2 * RESPONSE, axis=0)) * np.fft.rfft(response, 2 * RESPONSE)[:, None]
    tail: Reals = np.fft.irfft(spectra, axis=0)[size:0:-1]
    return tail


def _by_block(tails: list[Reals], hop: int) -> list[Reals]:
    """Split the tails into the window's hops, oldest first: (hop, columns) of the lowest bands, which still ring."""
    parts = []
    for start in range(0, len(tails[0]), hop):
        alive = [np.abs(tail[: start + hop]).max() > NEGLIGIBLE * np.abs(tail).max() for tail in tails]
        bands = max((band + 1 for band, rings in enumerate(alive) if rings), default=0)
        parts.append(np.concatenate([tail[start : start + hop] for tail in tails[:bands]], axis=1))
    return parts


def _low_rank(matrix: Reals) -> tuple[Reals, Reals]:
    """Two factors with few inner columns: the tails of neighbouring bands, and those of low bands, are alike."""
    basis, sizes, mixing = np.linalg.svd(matrix, full_matrices=False)
    rank = int(np.count_nonzero(sizes > ROUNDING * sizes[0]))
    return basis[:, :rank] * sizes[:rank], mixing[:rank]


def _quarter_bin(size: int) -> npt.NDArray[np.complex128]:
    return np.exp(-0.5j * np.pi * np.arange(size) / size)


@njit(cache=True)
def _twist(samples: Reals, first: int, hop: int, real: Reals, imaginary: Reals, out: Any) -> None:
    for frame in range(out.shape[0]):
        start = first + frame * hop
        for n in range(out.shape[1]):
            value = samples[start + n]
            out[frame, n] = complex(value * real[n], value * imaginary[n])


@njit(cache=True)
def _power(spectra: Any, out: Reals) -> None:
    for frame in range(out.shape[0]):
        for k in range(out.shape[1]):
            value = spectra[frame, k]
            out[frame, k] = value.real * value.real + value.imag * value.imag
