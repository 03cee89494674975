"""Windows of a stream: the scores of the same parts as files, with the lag that is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import deepaq
from deepaq.audio import Audio, Samples, resample
from deepaq.errors import UserError
from deepaq.scoring.metric import Metric
from deepaq.watching.alarm import Alarm
from deepaq.watching.feed import Feed
from deepaq.watching.source import Source
from deepaq.watching.watch import Watch, Window
from tests.deepaq.scoring.test_metric import noisy
from tests.sounds import music, write

RATE = 44_100


@pytest.fixture(scope="module")
def metric() -> Metric:
    return deepaq.load()


@pytest.fixture(scope="module")
def clean() -> Samples:
    """Ten seconds without a repetition."""
    return np.concatenate([music(2.0, seed) for seed in range(5)])


@pytest.fixture
def watched(tmp_path: Path, metric: Metric) -> Callable[..., tuple[list[Window], Watch, list[str]]]:
    """Watches samples, from files, with reference samples or without; gives windows, watch and lines."""

    def run(
        degraded: Samples, reference: Samples | None = None, window_s: float = 2.0, lag_s: float = 0.0, rate: int = RATE
    ) -> tuple[list[Window], Watch, list[str]]:
        said: list[str] = []
        paths = [write(tmp_path / "degraded.wav", degraded, rate, "FLOAT")]
        if reference is not None:
            paths.append(write(tmp_path / "reference.wav", reference, RATE, "FLOAT"))
        with ExitStack() as stack:
            feeds = [stack.enter_context(Feed(Source(str(path)), said.append, 9.0)) for path in paths]
            known = None if reference is not None else metric.clean
            watch = Watch(metric, feeds[0], feeds[1] if len(feeds) > 1 else None, known, window_s, said.append)
            if lag_s:
                watch.skip(lag_s)
            return list(watch.windows()), watch, said

    return run


def test_windows_score_like_the_same_parts_as_files(clean: Samples, metric: Metric, watched, tmp_path: Path) -> None:
    degraded = np.concatenate(
        [noisy(part, amount) for part, amount in zip(np.split(clean, 5), (0, 0.001, 0.003, 0.01, 0.03), strict=True)]
    )
    alone, beside = watched(degraded)[0], watched(degraded, clean)[0]
    assert [window.start_s for window in alone] == [0, 2, 4, 6, 8]
    for number in range(5):
        ours, theirs = (
            write(tmp_path / f"{name}.wav", samples[2 * number * RATE : 2 * (number + 1) * RATE], RATE, "FLOAT")
            for name, samples in (("a", clean), ("b", degraded))
        )
        for window, expected in (
            (alone[number], metric.score(theirs, references=metric.clean)),
            (beside[number], metric.score(ours, theirs)),
        ):
            assert window.score is not None
            assert window.score.distance == pytest.approx(expected.distance, rel=1e-5, abs=1e-6)
            assert window.to_json()["mos"] == pytest.approx(expected.mos, abs=1e-5)
    mos = [window.mos for window in beside]
    assert mos == sorted(mos, reverse=True)
    assert mos[0] > 4.7 > 3 > mos[-1]


@pytest.mark.parametrize("late_s", [0.13, -0.4, 1.7])
def test_a_lag_is_found_at_the_start(late_s: float, clean: Samples, watched) -> None:
    silent = np.zeros((round(abs(late_s) * RATE), 2), np.float32)
    degraded = np.concatenate([silent, clean]) if late_s > 0 else clean[len(silent) :]
    windows, watch, said = watched(degraded, clean, window_s=4.0)
    assert windows[0].mos > 4.7
    assert windows[0].lag_s == pytest.approx(late_s, abs=1e-3)
    assert windows[0].start_s == pytest.approx(max(late_s, 0), abs=1e-3)
    assert any(f"is {1000 * late_s:.1f} ms late at 0.00 s" in line for line in said)
    assert watch.failure is None


def test_a_known_lag_is_skipped_however_long(clean: Samples, watched) -> None:
    degraded = np.concatenate([np.zeros((5 * RATE + 100, 2), np.float32), clean])
    windows, _, _ = watched(degraded, clean, lag_s=5.0)
    assert windows[0].start_s == 5
    assert windows[0].lag_s == pytest.approx(5 + 100 / RATE)
    assert windows[0].mos > 4.7


def test_a_lag_that_jumps_is_followed_after_two_windows(clean: Samples, watched) -> None:
    long = np.concatenate([clean, music(8.0, 9)])
    degraded = np.concatenate([long[: 4 * RATE], long[4 * RATE + 6000 :]])  # 136 ms are lost
    windows, _, said = watched(degraded, long)
    lags = [round(window.lag_s * RATE) for window in windows]
    assert lags[:2] == [0, 0]
    assert set(lags[2:]) == {-6000}
    assert all(window.mos > 4.6 for window in windows)
    assert [round(window.seconds, 3) for window in windows[:-1]] == [2.0] * (len(windows) - 1)
    assert windows[-1].score.seconds == pytest.approx(windows[-1].seconds, abs=0.01)  # nothing is cut off by the lag
    assert any("is -136.1 ms late" in line for line in said)


def test_rates_that_differ_do_not_drift_apart(clean: Samples, watched) -> None:
    windows, _, _ = watched(resample(clean, RATE, 48_000), clean, window_s=1.3, rate=48_000)
    assert all(abs(window.lag_s) < 1e-3 for window in windows[:-1])
    assert all(window.mos > 4 for window in windows[:-1])


def test_silence_is_a_line_without_a_score(clean: Samples, watched) -> None:
    degraded = clean.copy()
    degraded[2 * RATE : 4 * RATE] = 0
    windows, _, _ = watched(degraded)
    assert [window.score is None for window in windows] == [False, True, False, False, False]
    assert windows[1].to_json()["mos"] is None
    assert windows[1].error.endswith("degraded.wav: is silent")
    windows, _, _ = watched(clean, degraded)
    assert "is silent, or its channels cancel" in windows[1].error
    windows, _, _ = watched(degraded, clean)
    assert windows[1].mos < 1.5 < 4.7 < windows[2].mos


def test_a_short_last_window_is_said_and_scored_if_it_can_be(clean: Samples, watched) -> None:
    windows, watch, said = watched(clean[: 7 * RATE])
    assert [window.seconds for window in windows] == [2, 2, 2, 1]
    assert windows[-1].score is not None
    assert any("the window at 6.00 s ended after 1.00 s" in line for line in said)
    windows, watch, said = watched(clean[: 6 * RATE + 5000])
    assert windows[-1].error.endswith("0.11 s are too short to be scored")
    assert watch.failure is None
    assert watch.summary().startswith("4 windows, mean MOS ")


def test_a_reference_that_ends_first_is_a_failure(clean: Samples, watched) -> None:
    windows, watch, _ = watched(clean, clean[: 5 * RATE])
    assert [window.seconds for window in windows] == [2, 2, 1]
    assert watch.failure.endswith("reference.wav: ended at 5.00 s, before " + watch.failure.rpartition(" ")[2])
    windows, watch, _ = watched(clean, clean[: round(9.6 * RATE)])  # what a coder adds
    assert watch.failure is None
    windows, watch, _ = watched(clean[: 5 * RATE], clean)
    assert watch.failure is None
    assert [window.seconds for window in windows] == [2, 2, 1]


def test_a_stream_without_audio_is_an_error(watched) -> None:
    with pytest.raises(UserError, match=r"degraded\.wav: holds no audio"):
        watched(np.zeros((0, 2), np.float32))


def window(mos: float | None, seconds: float = 2.0) -> Window:
    from types import SimpleNamespace

    return Window(0, 0.0, seconds, None if mos is None else SimpleNamespace(mos=mos), None, ())  # type: ignore[arg-type]


def test_an_alarm_is_raised_once_and_again_after_a_recovery() -> None:
    alarm = Alarm(3.0, 5.0)
    values = [2.0, 2.9, None, 2.0, 1.0, 3.0, 2.0, 2.0, 3.5, 1.0, 1.0, 1.0]
    assert [alarm.raised(window(mos)) for mos in values] == [False] * 3 + [True] + [False] * 7 + [True]
    assert Alarm(3.0, 0.0).raised(window(2.9))
    assert not Alarm(3.0, 0.0).raised(window(3.0))


def test_names_of_streams_stand_in_notes(metric: Metric, clean: Samples) -> None:
    pair = Audio(clean, RATE, name="ours"), Audio(clean[500:] / 2, RATE, name="theirs")
    notes = metric.score(*pair).notes
    assert any(note.startswith("theirs: was ") for note in notes)
    assert any(note.startswith("theirs: is 6.0 dB softer") for note in notes)
