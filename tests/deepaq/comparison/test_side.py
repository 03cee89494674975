"""One side of a comparison: windows in the time of the original, bitrate and bandwidth of the degraded file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deepaq
from deepaq.audio import Samples
from deepaq.comparison.side import Scored, scored
from prep.synth import SAMPLE_RATE, compose
from tests.deepaq.audio.test_bandwidth import lowpassed
from tests.sounds import write

SECONDS, CLICK_S = 6.0, 3.5


@pytest.fixture(scope="module")
def original() -> Samples:
    return compose(5, SECONDS + 2)[: round(SECONDS * SAMPLE_RATE)] / 2


def side_of(folder: Path, original: Samples, degraded: Samples) -> Scored:
    reference, path = folder / "original.flac", folder / "degraded.flac"
    write(reference, original, SAMPLE_RATE)
    write(path, degraded, SAMPLE_RATE)
    return scored(deepaq.load().score(reference, path), path)


def clicked(original: Samples) -> Samples:
    at = round(CLICK_S * SAMPLE_RATE)
    degraded = original + 1e-4 * np.random.default_rng(0).standard_normal(original.shape)
    degraded[at : at + 30] += 0.5
    return degraded


@pytest.mark.parametrize("late_s", [-1.4, 0.0, 0.9])
def test_windows_are_in_the_time_of_the_original(tmp_path: Path, original: Samples, late_s: float) -> None:
    shift = round(abs(late_s) * SAMPLE_RATE)
    whole = clicked(original)
    degraded = whole[shift:] if late_s < 0 else np.concatenate([np.zeros((shift, 2)), whole])
    found = side_of(tmp_path, original, degraded)
    worst = min(found.windows, key=lambda window: window.mos)
    assert worst.start_s <= CLICK_S <= worst.start_s + worst.seconds
    assert found.windows[0].start_s == pytest.approx(max(-late_s, 0), abs=0.02)
    assert SECONDS - 0.5 < found.windows[-1].start_s + found.windows[-1].seconds < SECONDS + 0.01


@pytest.mark.parametrize(("begin_s", "more_s"), [(0.0, 2.0), (1.0, 0.0), (0.0, 0.0)])
def test_kbps_is_the_size_over_the_length_of_the_file_itself(
    tmp_path: Path, original: Samples, begin_s: float, more_s: float
) -> None:
    more = np.concatenate([original, original[: round(more_s * SAMPLE_RATE)]])[round(begin_s * SAMPLE_RATE) :]
    found = side_of(tmp_path, original, more)
    size = (tmp_path / "degraded.flac").stat().st_size
    assert found.kbps == pytest.approx(8 * size / 1000 / (len(more) / SAMPLE_RATE), rel=1e-3)


def test_the_bandwidth_is_that_of_the_degraded_file(tmp_path: Path, original: Samples) -> None:
    narrow = np.stack([lowpassed(channel, 8_000, "fir") for channel in original.T], axis=1)
    assert side_of(tmp_path, original, narrow).bandwidth_hz == pytest.approx(8_000, rel=0.05)
    found = deepaq.load().score(original, narrow, sample_rate=SAMPLE_RATE)
    assert found.to_json()["bandwidth_hz"] == pytest.approx(8_000, rel=0.05)
    assert any("its bandwidth ends at 8." in note for note in found.notes)
    whole = deepaq.load().score(original, original, sample_rate=SAMPLE_RATE)
    assert whole.bandwidth_hz == whole.reference_bandwidth_hz > 20_000
    assert not any("bandwidth" in note for note in whole.notes)
