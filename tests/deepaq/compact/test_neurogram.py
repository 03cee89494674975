"""Levels and structure against ViSQOL's own."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from visqol.nsim import C3, GAUSSIAN_WINDOW

from deepaq.compact import bands, neurogram
from labels.raters.visqol.gammatone import Filterbank
from labels.raters.visqol.mode import AUDIO
from tests.sounds import music

RATE = bands.SAMPLE_RATE
OFFSET = 896  # samples that a window of ours begins before its step's place, ViSQOL's does not


def test_levels_are_those_of_visqol_s_spectrogram() -> None:
    sound = music(2, 3, RATE).mean(axis=1)
    theirs = 20 * np.log10(Filterbank(AUDIO).spectrogram(sound.astype(np.float64))).T
    ours = 10 * neurogram.levels(torch.from_numpy(sound[OFFSET:])[None])[0].numpy()
    count = min(len(ours), len(theirs)) - 1
    # The slowest filters, of the lowest bands, still ring when ViSQOL's frame ends.
    ours, theirs = ours[1:count, 4:], theirs[1:count, 4:]
    loud = theirs > theirs.max() - 50
    apart = (ours - theirs)[loud]
    assert loud.mean() > 0.3
    assert np.abs(apart).mean() < 0.1  # dB
    assert np.abs(apart).max() < 2


@given(seed=st.integers(0, 1000), share=st.floats(0.05, 2))
@settings(max_examples=20, deadline=None)
def test_distances_of_structure_are_nsim_s_structure_term(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    clean = rng.normal(-3, 1, (12, neurogram.BANDS))
    dirty = clean + share * rng.standard_normal(clean.shape)
    found = [neurogram.structure(torch.from_numpy(each)[None])[0].numpy() for each in (clean, dirty)]
    ours = 1 - ((found[0] - found[1]) ** 2).sum(axis=2) / 2
    expected = np.array([[_structure(clean, dirty, t, b) for b in range(1, 31)] for t in range(1, 11)])
    assert np.abs(ours[1:-1, 1:-1] - expected).max() < 0.01


def _structure(clean: np.ndarray, dirty: np.ndarray, step: int, band: int) -> float:
    """(covariance + C3) / (product of deviations + C3), of levels as 10 log10 of the amplitude."""
    cells = [5 * each[step - 1 : step + 2, band - 1 : band + 2] for each in (clean, dirty)]
    apart = [each - (each * GAUSSIAN_WINDOW).sum() for each in cells]
    deviations = [np.sqrt((each**2 * GAUSSIAN_WINDOW).sum()) for each in apart]
    return ((apart[0] * apart[1] * GAUSSIAN_WINDOW).sum() + C3) / (deviations[0] * deviations[1] + C3)


def test_silence_has_no_structure_and_no_luminance() -> None:
    silent = neurogram.levels(torch.zeros(1, RATE))
    assert (silent == neurogram.FLOOR).all()
    assert (neurogram.luminance(silent) == 0).all()
    assert (neurogram.structure(silent) == 0).all()


def test_what_visqol_s_floor_hides_is_hidden() -> None:
    noise = 1e-5 * torch.randn(1, RATE, generator=torch.Generator().manual_seed(1))  # -100 dBFS in all bands together
    assert (neurogram.levels(noise) == neurogram.FLOOR).all()
    assert (neurogram.levels(1000 * noise) > neurogram.FLOOR).all()
