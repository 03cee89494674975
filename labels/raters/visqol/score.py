"""Result of rating one degraded signal: the MOS of the whole and of its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from visqol.nsim import PatchSimilarityResult

from labels.raters.visqol import mapping
from labels.raters.visqol.mode import HOP_S, Mode


@dataclass(frozen=True)
class Score:
    """Score of a pair. mos: MOS-LQO. vnsim: mean similarity. patches: visqol-python's results. frames: the reference's
    frames at which they begin."""

    mode: Mode
    mos: float
    vnsim: float
    patches: list[PatchSimilarityResult]
    frames: Sequence[int]

    @classmethod
    def of(cls, patches: list[PatchSimilarityResult], frames: Sequence[int], mode: Mode) -> Score:
        """Compute the score from the results of the patches."""
        return cls(mode, *mapping.mos(patches, mode), patches, frames[: len(patches)])

    def timeline(self, window_s: float) -> Timeline:
        """MOS of every segment of about `window_s` seconds, a whole number of patches, one patch apart."""
        width = self.mode.patch_frames
        first = width // 2 - 1
        slots = {(frame - first) // width: patch for frame, patch in zip(self.frames, self.patches, strict=True)}
        count = max(slots) + 1
        length = min(count, max(1, round(window_s / self.mode.patch_s)))
        values: list[float | None] = []
        for start in range(count - length + 1):
            heard = [slots[slot] for slot in range(start, start + length) if slot in slots]
            values.append(mapping.mos(heard, self.mode)[0] if heard else None)
        return Timeline(values, first * HOP_S, self.mode.patch_s, length * self.mode.patch_s)


@dataclass(frozen=True)
class Timeline:
    """MOS over time: values[i] covers window_s seconds from start_s + i * hop_s; None without voice in speech mode."""

    values: list[float | None]
    start_s: float
    hop_s: float
    window_s: float
