"""Envelopes of the C++ program and of visqol-python, and the lags that they give."""

from __future__ import annotations

import numpy as np
import pytest
from visqol import signal_utils

from labels.raters.visqol.alignment import PROGRAM, Envelope, Target, lags
from tests.labels.raters.visqol.signals import BOTH, mono, noisy


@pytest.mark.parametrize("frames", [7, 31, 32, 5_000, 8_192, 9_999])
def test_the_program_s_envelope_is_the_real_part_of_its_transforms(frames: int) -> None:
    """The C++ program pads to a power of two, doubles the frequencies between zero and the Nyquist frequency of the
    padded signal, drops the latter (or keeps it where nothing was padded), and inverts to real samples."""
    sound = np.random.default_rng(frames).standard_normal(frames) + 0.3
    size = max(32, 2 ** int(np.ceil(np.log2(frames))))
    spectrum = 2 * np.fft.rfft(sound - sound.mean(), size)
    spectrum[0] /= 2
    spectrum[-1] *= 0.5 if size == frames else 0
    expected = np.abs(np.fft.irfft(spectrum)[:frames]) + sound.mean()
    np.testing.assert_allclose(PROGRAM.exact(sound), expected, atol=1e-12)
    np.testing.assert_allclose(PROGRAM.rows(sound[None])[0], expected, atol=1e-5)


@pytest.mark.parametrize("delay", [0, 1, 37, 700, 9_000, 30_000])
@BOTH
def test_lags_maximise_the_correlation_of_the_envelopes(delay: int, envelope: Envelope) -> None:
    sound = mono(2)
    late = noisy(np.concatenate([np.zeros(delay), sound])[: len(sound)], 0.01)
    early = noisy(np.concatenate([sound[delay:], np.zeros(delay)]), 0.01)
    noise = np.random.default_rng(2).standard_normal(5_000)
    longer = [np.concatenate([late, noise[:more]]) for more in (1, 1_000, 5_000)]
    versions = [late, early, late[:-5_000], early[:-7], late[5_000:], *longer]
    target = Target(sound, envelope)
    found = [signal_utils.find_best_lag(envelope.exact(sound), envelope.exact(version)) for version in versions]
    expected = [lag if abs(lag) <= len(sound) / 2 else 0 for lag in found]
    assert lags([target] * len(versions), versions) == expected
