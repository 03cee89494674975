"""DC offset: found in the first block of a sound and removed, because it is inaudible."""

from __future__ import annotations

import numpy as np

from deepaq.audio.samples import SILENCE_DBFS, Samples

LEAST = 1e-4  # -80 dBFS; smaller offsets do not change a score, and sounds without an offset have such means
_FRAME = 480
_ENOUGH = 0.01  # least share of silent frames to measure the offset


def find(samples: Samples) -> Samples:
    """Offset of every channel of (frames, channels) samples; 0 below -80 dBFS.

    It is the mean of the frames that are silent apart from it, because the mean of audible frames need not be zero;
    without such frames it is the mean of all.
    """
    channels = np.ascontiguousarray(samples.T)
    whole = channels.mean(axis=1, dtype=np.float64)
    count = channels.shape[1] // _FRAME
    # Centred first, so that single precision tells a silent frame from one with sound.
    centred = channels[:, : count * _FRAME] - whole[:, None].astype(np.float32)
    frames = centred.reshape(len(channels), count, _FRAME)
    means = frames.mean(axis=2)
    variances = np.einsum("cfs,cfs->cf", frames, frames) / _FRAME - np.square(means)
    silent = (variances < 10 ** (SILENCE_DBFS / 10)).all(axis=0)
    mean = whole + means[:, silent].mean(axis=1, dtype=np.float64) if silent.sum() > _ENOUGH * count else whole
    return np.where(np.abs(mean) < LEAST, 0, mean).astype(np.float32)
