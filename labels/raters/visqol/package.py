"""Access to visqol-python: its models, its patches, and its results for cases too close to call.

The package is version 3.8.0, and its envelope may be exchanged for that of the C++ program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from deepaq.errors import UserError
from labels.raters.visqol.alignment import PACKAGE, Envelope, Floating
from labels.raters.visqol.mode import Mode

_EXCHANGE = Lock()


@cache
def manager(mode: Mode) -> Any:
    """The package's manager, cached per mode and process."""
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode=mode.name, use_lattice_model=mode.mapping == "lattice")
    return api._manager


def measure(reference: Floating, degraded: Floating, mode: Mode, envelope: Envelope = PACKAGE) -> list[Any]:
    """The package's results for the patches of one pair; raises UserError if it cannot match them."""
    patches: list[Any] = run(reference, degraded, mode, envelope).patch_sims
    return patches


def run(reference: Floating, degraded: Floating, mode: Mode, envelope: Envelope = PACKAGE) -> Any:
    """The package's whole result for one pair; raises UserError if it cannot match them."""
    from visqol.audio_utils import AudioSignal

    try:
        with _aligned_by(envelope):
            return manager(mode).run_from_signals(
                AudioSignal(reference, mode.sample_rate), AudioSignal(degraded, mode.sample_rate)
            )
    except ValueError as error:
        raise UserError(f"ViSQOL cannot rate the pair ({error})") from None


@contextmanager
def _aligned_by(envelope: Envelope) -> Iterator[None]:
    """Exchange the envelope of the package's alignment, one thread at a time."""
    from visqol import alignment

    names = vars(alignment)
    with _EXCHANGE:
        own, names["upper_envelope"] = names["upper_envelope"], envelope.exact
        try:
            yield
        finally:
            names["upper_envelope"] = own


def patch_frames(samples: Floating, mode: Mode) -> list[int]:
    """Frames at which the reference's patches begin; raises UserError if there is room for none."""
    from visqol.analysis_window import AnalysisWindow
    from visqol.audio_utils import AudioSignal

    signal, window = AudioSignal(samples, mode.sample_rate), AnalysisWindow(mode.sample_rate)
    spectrogram = np.empty((1, 1 + (len(samples) - mode.window) // mode.hop))  # only its length counts
    try:
        frames: list[int] = manager(mode).patch_creator.create_ref_patch_indices(spectrogram, signal, window)
    except ValueError:
        frames = []
    if not frames:
        raise UserError(f"the reference is too short for ViSQOL: {len(samples)} samples hold no patch")
    return frames
