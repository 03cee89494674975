"""DC offset: found in the first block of a sound and removed, because it is inaudible."""

from __future__ import annotations

from deepaq.arrays import Array, energies, namespace, sums
from deepaq.audio.decode import BLOCK
from deepaq.audio.samples import SILENCE_DBFS

LEAST = 1e-4  # -80 dBFS; smaller offsets do not change a score, and sounds without an offset have such means
_FRAME = 480
_ENOUGH = 0.01  # least share of silent frames to measure the offset


def find(channels: Array) -> Array:
    """Offset of every channel in the first block; 0 below -80 dBFS: (..., channels, frames) -> (..., channels).

    It is the mean of the frames that are silent apart from it, because the mean of audible frames need not be zero;
    without such frames it is the mean of all.
    """
    channels = channels[..., :BLOCK]
    xp, count = namespace(channels), channels.shape[-1] // _FRAME
    whole = channels.mean(-1)
    # Centred first, so that single precision tells a silent frame from one with sound.
    centred = channels[..., : count * _FRAME] - whole[..., None]
    frames = centred.reshape(*channels.shape[:-1], count, _FRAME)
    means = sums(frames) / _FRAME
    variances = energies(frames) / _FRAME - means * means
    silent = (variances < 10 ** (SILENCE_DBFS / 10)).all(-2)
    found = silent.sum(-1)[..., None]
    quiet = (means * silent[..., None, :]).sum(-1) / xp.clip(found, 1, None)
    mean = xp.where(found > _ENOUGH * count, whole + quiet, whole)
    return xp.where(abs(mean) < LEAST, 0, mean)
