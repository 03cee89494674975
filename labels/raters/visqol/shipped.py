"""Reference implementation: visqol-python as shipped."""

from __future__ import annotations

from labels.raters.visqol import package
from labels.raters.visqol.mode import AUDIO, Mode
from labels.raters.visqol.package import Floating
from labels.raters.visqol.score import Score


class Reference:
    """Implements the interface of `engine.Reference` with the package alone."""

    def __init__(self, samples: Floating, mode: Mode = AUDIO) -> None:
        self.mode = mode
        self._samples = samples
        self._frames = package.patch_frames(samples, mode)

    def score(self, samples: Floating) -> Score:
        """Rate one degraded signal; raises UserError if it cannot be matched."""
        return Score.of(package.measure(self._samples, samples, self.mode), self._frames, self.mode)
