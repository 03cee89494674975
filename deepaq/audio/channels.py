"""Channels: mix them down, split them into mid and side, choose one where the mean cancels."""

from __future__ import annotations

import numpy as np

from deepaq.audio.samples import Samples, inner

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
    """Mix down for a network with that many input channels: (frames,), the mean, or (frames, 2), mid and side.

    More than two channels are mixed down to stereo first.
    """
    return to_mono(downmixed(samples)) if channels == 1 else to_mid_side(samples)


def to_mid_side(samples: Samples) -> Samples:
    """(frames, channels) -> (frames, 2): mean and half the difference of left and right, after `downmixed`.

    The side of mono is zero.
    """
    samples = downmixed(samples)
    left, right = samples.T[0], samples.T[-1]
    found = np.empty((2, len(samples)), np.float32)  # each channel contiguous
    np.add(left, right, out=found[0])
    np.subtract(left, right, out=found[1])
    found /= 2
    return found.T


def downmixed(samples: Samples) -> Samples:
    """(frames, channels) -> (frames, 1 or 2): more than two channels as `to_stereo`, one or two as they are."""
    return to_stereo(samples) if samples.shape[1] > 2 else samples


def to_stereo(samples: Samples) -> Samples:
    """(frames, channels) -> (frames, 2).

    Mono is duplicated. Three to eight channels are taken for the usual layouts in the order of WAV and FLAC, such as
    5.1 (L R C LFE Ls Rs), and mixed down with the coefficients of ITU-R BS.775-3, table 2, scaled so that they cannot
    clip; the LFE channel is left out. More than eight are added to left and right in turn.
    """
    channels = samples.shape[1]
    if channels == 2:
        return samples
    if channels == 1:
        return np.repeat(samples, 2, axis=1)
    sides = _LAYOUTS.get(channels, "LR" + "lr" * channels)[:channels]
    left, right = (_side(samples, sides, own, other) for own, other in ("Ll", "Rr"))
    mixed: Samples = np.stack([left, right], axis=1)
    return mixed


# The channels by their number: L, R front; C centre, also at the back; - LFE; l, r surround.
_LAYOUTS = {3: "LRC", 4: "LRlr", 5: "LRClr", 6: "LRC-lr", 7: "LRC-Clr", 8: "LRC-lrlr"}
_HALF = np.float32(np.sqrt(0.5))


def _side(samples: Samples, layout: str, front: str, surround: str) -> Samples:
    total = samples[:, layout.index(front)].astype(np.float32)
    weights = np.float32(1)
    for channel, kind in zip(samples.T, layout, strict=True):
        if kind in {"C", surround}:
            total = total + _HALF * channel
            weights += _HALF
    mixed: Samples = (total / weights).astype(np.float32, copy=False)
    return mixed


def audible_channel(samples: Samples) -> int | None:
    """Index of the louder channel of (frames, channels) samples whose mean cancels; None when it does not."""
    powers = np.array([inner(channel, channel) for channel in samples.T])
    mean = to_mono(samples)
    return int(powers.argmax()) if inner(mean, mean) < _CANCELLED * powers.max() else None


def one_channel(samples: Samples, channel: int | None) -> Samples:
    """(frames, channels) -> (frames,): the given channel, or the mean of all for None."""
    return to_mono(samples) if channel is None else np.ascontiguousarray(samples[:, min(channel, samples.shape[1] - 1)])
