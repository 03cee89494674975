"""Positions of the reference's patches in a degraded spectrogram: similarity at every offset, then the best path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from visqol.numba_accel import _C1, _C3, _GW

Reals = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Path:
    """Frames at which the patches were found, which of them count as lost, and the margin of the path."""

    offsets: Offsets
    lost: npt.NDArray[np.bool_]
    margin: float


def find(patches: Reals, starts: Offsets, degraded: Reals, radius: int) -> Path:
    """Find the path of increasing offsets with the largest sum of similarities, with the tie rules of the C++ program.

    patches: (patches, bands, frames per patch) and starts: (patches,), their frames in the reference.
    degraded: (bands, frames). radius: number of frames to search on either side. The margin is the smallest difference,
    in summed similarity, of a decision along the path; exact ties do not count.
    """
    frames = degraded.shape[1]
    padded = np.pad(degraded, ((0, 0), (0, patches.shape[2])))
    low = np.maximum(0, starts - radius)
    high = np.minimum(frames - 1, starts + radius)
    similarity = np.zeros((len(patches), frames))
    own, other = _local(patches, _GW), _local(padded[None], _GW)
    _similarities(patches, *own, padded, *other, low, high, _GW, _C1, _C3, similarity)
    return Path(*_path(similarity, low, high))


@njit(cache=True)
def _local(values: Reals, weights: Reals) -> tuple[Reals, Reals]:
    """Weighted mean and standard deviation around every cell of (planes, bands, frames), with edges repeated.

    Shape (3, planes, bands, frames): for a cell in the first column of a patch, inside it, and in the last.
    """
    planes, bands, frames = values.shape
    means, deviations = np.empty((3, planes, bands, frames)), np.empty((3, planes, bands, frames))
    for plane in range(planes):
        for band in range(bands):
            rows = (max(band - 1, 0), band, min(band + 1, bands - 1))
            for frame in range(frames):
                before, after = max(frame - 1, 0), min(frame + 1, frames - 1)
                for edge in range(3):
                    columns = (frame if edge == 0 else before, frame, frame if edge == 2 else after)
                    mean, square = 0.0, 0.0
                    for i in range(3):
                        for j in range(3):
                            value = values[plane, rows[i], columns[j]]
                            mean += weights[i, j] * value
                            square += weights[i, j] * (value * value)
                    means[edge, plane, band, frame] = mean
                    deviations[edge, plane, band, frame] = np.sqrt(max(square - mean * mean, 0.0))
    return means, deviations


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"})
def _similarities(
    patches: Reals, means: Reals, deviations: Reals, degraded: Reals, degraded_means: Reals, degraded_deviations: Reals,
    low: Offsets, high: Offsets, weights: Reals, c1: float, c3: float, out: Reals,
) -> None:  # fmt: skip
    """NSIM of every patch at every offset; the offsets of one cell are contiguous, to fill vector registers."""
    count, bands, width = patches.shape
    for patch in range(count):
        first, length = low[patch], high[patch] + 1 - low[patch]
        total = out[patch, first : first + length]
        for band in range(bands):
            above, below = max(band - 1, 0), min(band + 1, bands - 1)
            for column in range(width):
                left, right = max(column - 1, 0), min(column + 1, width - 1)
                edge = 0 if column == 0 else 2 if column == width - 1 else 1
                mean, deviation = means[edge, patch, band, column], deviations[edge, patch, band, column]
                w00, w01, w02 = patches[patch, above, left], patches[patch, above, column], patches[patch, above, right]
                w10, w11, w12 = patches[patch, band, left], patches[patch, band, column], patches[patch, band, right]
                w20, w21, w22 = patches[patch, below, left], patches[patch, below, column], patches[patch, below, right]
                w00, w01, w02 = w00 * weights[0, 0], w01 * weights[0, 1], w02 * weights[0, 2]
                w10, w11, w12 = w10 * weights[1, 0], w11 * weights[1, 1], w12 * weights[1, 2]
                w20, w21, w22 = w20 * weights[2, 0], w21 * weights[2, 1], w22 * weights[2, 2]
                d00, d01, d02 = (
                    degraded[above, first + left :], degraded[above, first + column :], degraded[above, first + right :]
                )  # fmt: skip
                d10, d11, d12 = (
                    degraded[band, first + left :], degraded[band, first + column :], degraded[band, first + right :]
                )  # fmt: skip
                d20, d21, d22 = (
                    degraded[below, first + left :], degraded[below, first + column :], degraded[below, first + right :]
                )  # fmt: skip
                other_mean = degraded_means[edge, 0, band, first + column :]
                other_deviation = degraded_deviations[edge, 0, band, first + column :]
                for o in range(length):
                    cross = (
                        w00 * d00[o] + w01 * d01[o] + w02 * d02[o]
                        + w10 * d10[o] + w11 * d11[o] + w12 * d12[o]
                        + w20 * d20[o] + w21 * d21[o] + w22 * d22[o]
                    )  # fmt: skip
                    product = mean * other_mean[o]
                    total[o] += ((2 * product + c1) * (cross - product + c3)) / (
                        (mean * mean + other_mean[o] * other_mean[o] + c1) * (deviation * other_deviation[o] + c3)
                    )
        for o in range(length):
            total[o] /= bands * width


@njit(cache=True)
def _path(similarity: Reals, low: Offsets, high: Offsets) -> tuple[Offsets, npt.NDArray[np.bool_], float]:
    """Dynamic programming with the tie rules of visqol-python: the last of equal predecessors, the first of equal ends.

    A patch may also stay at its predecessor's offset and add nothing; it counts as lost.
    """
    count, frames = similarity.shape
    total, came = np.zeros((count, frames)), np.full((count, frames), -1, np.int64)
    for patch in range(count):
        best, at = -1e308, -1
        scanned = low[patch - 1] if patch else 0
        for offset in range(low[patch], high[patch] + 1):
            value = similarity[patch, offset]
            if patch:
                while scanned < offset:
                    if total[patch - 1, scanned] >= best:
                        best, at = total[patch - 1, scanned], scanned
                    scanned += 1
                value += best
                came[patch, offset] = at
                if total[patch - 1, offset] > value:
                    value = total[patch - 1, offset]
                    came[patch, offset] = offset
            total[patch, offset] = value
    offsets, lost = np.empty(count, np.int64), np.zeros(count, np.bool_)
    last = count - 1
    offset = low[last] + np.argmax(total[last, low[last] : high[last] + 1])
    margin = _lead(total[last, low[last] : high[last] + 1], total[last, offset])
    for patch in range(last, -1, -1):
        offsets[patch] = offset
        lost[patch] = came[patch, offset] == offset
        if patch:
            earlier = total[patch - 1, low[patch - 1] : offset]
            best = earlier.max() if len(earlier) else -1e308
            margin = min(margin, _lead(earlier, best))
            stays = abs(total[patch - 1, offset] - (similarity[patch, offset] + best))
            if stays > 0:
                margin = min(margin, stays)
            offset = came[patch, offset]
    return offsets, lost, margin


@njit(cache=True)
def _lead(values: Reals, best: float) -> float:
    """Lead of the best value over the next smaller one."""
    lead = np.inf
    for value in values:
        if value != best:
            lead = min(lead, abs(best - value))
    return lead
