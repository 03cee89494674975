"""Bandwidth: the cut-off of low-passed audio in Hz, and what neither widens nor narrows it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import ellip, firwin, oaconvolve, sosfilt

from deepaq.audio import Samples
from deepaq.audio.bandwidth import Bandwidth
from prep.synth import SAMPLE_RATE, compose

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def music() -> Samples:
    return compose(5, 4.0)[:, 0] / 2


def edges(reference: Samples, degraded: Samples, rate: int = SAMPLE_RATE) -> tuple[float, float] | None:
    bandwidth = Bandwidth(rate)
    for start in range(0, len(reference), 3 * rate):
        part = slice(start, start + 3 * rate)
        bandwidth.add(reference[part].astype(np.float32), degraded[part].astype(np.float32))
    return bandwidth.hz()


def lowpassed(samples: Samples, cutoff_hz: float, kind: str, rate: int = SAMPLE_RATE) -> Samples:
    """Filtered and rounded to 16 bits, as in a WAV file."""
    if kind == "fir":
        found = oaconvolve(samples, firwin(443, cutoff_hz, window="blackman", fs=rate), mode="same")
    else:
        found = sosfilt(ellip(10, 0.1, 80, cutoff_hz, fs=rate, output="sos"), samples)
    return np.round(found * 32768) / 32768


@pytest.mark.parametrize("kind", ["fir", "iir"])
@pytest.mark.parametrize("cutoff_hz", [3_500, 8_000, 12_000, 16_000])
def test_the_cut_off_is_found_within_five_percent(music: Samples, cutoff_hz: float, kind: str) -> None:
    ours, theirs = edges(music, lowpassed(music, cutoff_hz, kind))
    assert theirs == pytest.approx(cutoff_hz, rel=0.05)
    assert ours > 20_000


def test_a_signal_has_the_bandwidth_of_its_reference(music: Samples) -> None:
    assert edges(music, music)[0] == edges(music, music)[1] > 20_000
    narrow = lowpassed(music, 8_000, "fir")
    ours, theirs = edges(narrow, narrow)
    assert ours == theirs == pytest.approx(8_000, rel=0.05)


def test_noise_above_the_reference_does_not_widen_it(music: Samples) -> None:
    narrow = lowpassed(music, 8_000, "fir")
    ours, theirs = edges(narrow, narrow + 0.01 * RNG.standard_normal(len(narrow)))
    assert theirs == ours == pytest.approx(8_000, rel=0.05)


def test_a_few_narrow_windows_do_not_count(music: Samples) -> None:
    half = music.copy()
    half[:SAMPLE_RATE] = lowpassed(music, 3_500, "fir")[:SAMPLE_RATE]
    assert edges(music, half)[1] > 20_000


def test_another_sample_rate(music: Samples) -> None:
    noise = 0.1 * RNG.standard_normal(96_000)
    ours, theirs = edges(noise, lowpassed(noise, 8_000, "fir", 24_000), 24_000)
    assert (ours, theirs) == (12_000, pytest.approx(8_000, rel=0.05))


def test_silence_has_none() -> None:
    nothing = np.zeros(SAMPLE_RATE)
    assert edges(nothing, nothing) is None
    assert edges(np.ones(100), np.ones(100)) is None
    assert edges(0.1 * RNG.standard_normal(SAMPLE_RATE), nothing)[1] == 0
