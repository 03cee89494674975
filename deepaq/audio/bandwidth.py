"""Bandwidth: the upper frequency edge of a degraded signal, measured against its reference."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from deepaq import fourier
from deepaq.audio.samples import Samples

_WINDOW_S = 1.0
_FRAME, _HOP, _BINS = 2048, 4096, 4  # at 48 kHz, 43 ms every 85 ms, in bands of 94 Hz
_PRESENT = 10**-10.0  # -100 dBFS in a band: least power of the reference that counts, above the noise of 16 bits
_KEPT = 0.1  # 10 dB: largest loss of a band that counts as kept

_Reals = npt.NDArray[np.float32]


@dataclass
class Bandwidth:
    """Collects windows of two aligned signals at `rate` Hz.

    The edge of the reference in a window is the highest frequency at which it has more than -100 dBFS in a band of
    about 100 Hz. The edge of the degraded signal is the highest frequency below that at which it keeps its reference's
    level within 10 dB. As in ITU-R BS.1387 (BandwidthRef, BandwidthTest), the degraded signal is searched below the
    edge of the reference only, so added noise does not widen it. What fills the band again, such as noise or a
    replica of lower bands, does.
    """

    rate: int
    _edges: list[tuple[float, float]] = field(default_factory=list)

    def add(self, reference: Samples, degraded: Samples) -> None:
        """Add a segment, two arrays of (frames,) at the same level; one shorter than a frame of 2048 is left out."""
        if len(reference) < _FRAME:
            return
        ours, theirs = (_powers(samples) for samples in (reference, degraded))
        count = max(1, round(len(reference) / self.rate / _WINDOW_S))
        for part in np.array_split(np.arange(len(ours)), min(count, len(ours))):
            first, second = ours[part].mean(axis=0), theirs[part].mean(axis=0)
            present = first > _PRESENT
            if present.any():
                self._edges.append((_edge(present), _edge(present & (second >= _KEPT * first))))

    def hz(self) -> tuple[float, float] | None:
        """Edges of the reference and of the degraded signal in Hz, medians over windows of a second.

        None without sound in the reference. Half the sample rate is the highest edge, 0 means that nothing is kept.
        """
        if not self._edges:
            return None
        ours, theirs = np.median(self._edges, axis=0) * _BINS / _FRAME * self.rate
        return float(ours), float(theirs)


def _powers(samples: Samples) -> _Reals:
    """Powers relative to full scale in bands of four bins: (frames,) -> (steps, 256)."""
    taper = fourier.hann(_FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP] * taper
    spectrum = fourier.rfft(frames, axis=1)[:, : _FRAME // 2]
    power = (spectrum.real**2 + spectrum.imag**2) * np.float32(2 / (_FRAME * np.square(taper).sum()))
    found: _Reals = power.reshape(len(power), -1, _BINS).sum(axis=2)
    return found


def _edge(bands: npt.NDArray[np.bool_]) -> float:
    """Number of the highest band that is set, counted from 1; 0 for none."""
    return float(np.flatnonzero(bands)[-1] + 1) if bands.any() else 0.0
