"""visqol-python as it is shipped: the oracle, and the judge of what is too close to call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError
from labels.visqol.mode import AUDIO, Mode

if TYPE_CHECKING:
    from labels.visqol.score import Score

Floating = npt.NDArray[np.floating]


class Reference:
    """The same interface as `engine.Reference`, over the package alone."""

    def __init__(self, samples: Floating, mode: Mode = AUDIO) -> None:
        self.mode = mode
        self._samples = samples
        self._frames = patch_frames(samples, mode)

    def score(self, samples: Floating) -> Score:
        """Rate one version; UserError when it cannot be matched."""
        from labels.visqol.score import Score

        return Score.of(measure(self._samples, samples, self.mode), self._frames, self.mode)

    def score_many(self, versions: Sequence[Floating]) -> list[Score]:
        """Rate several versions."""
        return [self.score(samples) for samples in versions]


@cache
def manager(mode: Mode) -> Any:
    """The package's manager, one per mode and process."""
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode=mode.name, use_lattice_model=mode.mapping == "lattice")
    return api._manager


def measure(reference: Floating, degraded: Floating, mode: Mode) -> list[Any]:
    """The package's results for the patches of one pair; UserError when it cannot match them."""
    patches: list[Any] = run(reference, degraded, mode).patch_sims
    return patches


def run(reference: Floating, degraded: Floating, mode: Mode) -> Any:
    """The package's whole result for one pair; UserError when it cannot match them."""
    from visqol.audio_utils import AudioSignal

    try:
        return manager(mode).run_from_signals(
            AudioSignal(reference, mode.sample_rate), AudioSignal(degraded, mode.sample_rate)
        )
    except ValueError as error:
        raise UserError(f"ViSQOL cannot rate the pair ({error})") from None


def patch_frames(samples: Floating, mode: Mode) -> list[int]:
    """The frames at which the reference's patches begin; UserError when there is no place for one."""
    from visqol.analysis_window import AnalysisWindow
    from visqol.audio_utils import AudioSignal

    signal, window = AudioSignal(samples, mode.sample_rate), AnalysisWindow(mode.sample_rate)
    spectrogram = np.empty((1, 1 + (len(samples) - mode.window) // mode.hop))  # of which only the length counts
    try:
        frames: list[int] = manager(mode).patch_creator.create_ref_patch_indices(spectrogram, signal, window)
    except ValueError:
        frames = []
    if not frames:
        raise UserError(f"the reference is too short for ViSQOL: {len(samples)} samples hold no patch")
    return frames
