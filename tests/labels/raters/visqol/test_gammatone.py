"""Band energies are those of visqol-python's filters."""

from __future__ import annotations

import numpy as np
import pytest
from visqol.analysis_window import AnalysisWindow
from visqol.audio_utils import AudioSignal
from visqol.gammatone import GammatoneSpectrogramBuilder

from labels.raters.visqol import AUDIO
from labels.raters.visqol.gammatone import filterbank
from labels.raters.visqol.mode import EXPONENTIAL_SPEECH, Mode
from tests.labels.raters.visqol.signals import Sound, clicks, mono, noisy


@pytest.mark.parametrize("mode", [AUDIO, EXPONENTIAL_SPEECH], ids=lambda mode: mode.name)
@pytest.mark.parametrize("sound", [mono(1.5), noisy(np.zeros(60_000), 0.1), clicks(60_000), np.zeros(60_000)])
def test_band_energies_are_those_of_the_filters(sound: Sound, mode: Mode) -> None:
    builder = GammatoneSpectrogramBuilder(mode.bands, 50.0, speech_mode=mode.name == "speech")
    expected = builder.build(AudioSignal(sound, mode.sample_rate), AnalysisWindow(mode.sample_rate)).data
    found = filterbank(mode).spectrogram(sound)
    assert found.shape == expected.shape
    # Below 1e-7 (-140 dB) the floor of -45 dB, in ViSQOL's halved decibels 3e-5, hides everything.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
