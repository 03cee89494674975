"""Channels: mix them down, split them into mid and side, choose one where the mean cancels."""

from __future__ import annotations

import numpy as np

from deepaq.audio.samples import Samples

_CANCELLED = 0.01  # share of the louder channel's power; without inversion the mean keeps a quarter at least


def to_mono(samples: Samples) -> Samples:
    """(frames, channels) -> (frames,): the mean of the channels."""
    if samples.ndim != 2:
        return samples
    total = samples[:, 0].astype(np.float32)
    for channel in samples.T[1:]:  # several times as fast as numpy's mean over so short an axis
        total += channel
    total /= samples.shape[1]
    return total


def for_network(samples: Samples, channels: int) -> Samples:
    """Mix down for a network with that many input channels: (frames,), the mean, or (frames, 2), mid and side."""
    return to_mono(samples) if channels == 1 else to_mid_side(samples)


def to_mid_side(samples: Samples) -> Samples:
    """(frames, channels) -> (frames, 2): the channels' mean, and half the difference of left and right.

    The side of mono is zero; with more than two channels, left and right are those of `to_stereo`.
    """
    found = np.zeros((2, len(samples)), np.float32)  # each channel contiguous
    found[0] = to_mono(samples)
    if samples.shape[1] > 1:
        left, right = to_stereo(samples).T
        np.subtract(left, right, out=found[1])
        found[1] /= 2
    return found.T


def to_stereo(samples: Samples) -> Samples:
    """(frames, channels) -> (frames, 2).

    Mono is duplicated; 5.1 (L R C LFE Ls Rs) is mixed down with the coefficients of ITU-R BS.775-3, table 2, scaled
    so that it cannot clip; any other layout keeps its first two channels.
    """
    channels = samples.shape[1]
    if channels == 2:
        return samples
    if channels == 1:
        return np.repeat(samples, 2, axis=1)
    if channels == 6:
        half = np.float32(np.sqrt(0.5))
        centre = half * samples[:, 2]
        left = samples[:, 0] + centre + half * samples[:, 4]
        right = samples[:, 1] + centre + half * samples[:, 5]
        mixed: Samples = (np.stack([left, right], axis=1) / (1 + 2 * half)).astype(np.float32, copy=False)
        return mixed
    return np.ascontiguousarray(samples[:, :2])


def audible_channel(samples: Samples) -> int | None:
    """Index of the louder channel of (frames, channels) samples whose mean cancels; None when it does not."""
    powers = np.array([np.dot(channel, channel) for channel in samples.T])
    mean = to_mono(samples)
    return int(powers.argmax()) if np.dot(mean, mean) < _CANCELLED * powers.max() else None


def one_channel(samples: Samples, channel: int | None) -> Samples:
    """(frames, channels) -> (frames,): the given channel, or the mean of all for None."""
    return to_mono(samples) if channel is None else np.ascontiguousarray(samples[:, min(channel, samples.shape[1] - 1)])
