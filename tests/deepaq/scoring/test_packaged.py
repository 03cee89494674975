"""The metric inside the package: what anybody may take for granted who scores with it. On procedural music."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

import deepaq
from deepaq.audio import Samples
from deepaq.scoring.metric import PACKAGED, Metric
from manifests.dataset import Dataset
from prep.distortions import DISTORTIONS, distort
from prep.synth import SAMPLE_RATE, compose
from prep.transcode import Settings, transcode
from tests.sounds import write

CLIPS, CLIP_S = 4, 3.0
CODECS, BITRATES = ("opus", "mp3", "aac"), (16, 32, 64, 96, 128)


@pytest.fixture(scope="module")
def metric() -> Metric:
    return deepaq.load()


@pytest.fixture(scope="module")
def clips() -> list[Samples]:
    return [compose(41, CLIP_S, number) for number in range(CLIPS)]


@pytest.fixture(scope="module")
def steps(metric: Metric, clips: list[Samples], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """Codec -> mean MOS at every bitrate, rising."""
    folder = tmp_path_factory.mktemp("packaged")
    for number, samples in enumerate(clips):
        write(folder / "music" / f"{number}.flac", samples, SAMPLE_RATE)
    transcode([folder / "music"], folder / "data", Settings(CODECS, BITRATES, clip_s=CLIP_S, jobs=1, quiet=True))
    dataset = Dataset(folder / "data")
    clean = {row["reference_id"]: dataset.path(row["path"]) for row in dataset.references().to_pylist()}
    found = defaultdict(list)
    for row in dataset.degraded().to_pylist():
        score = metric.score(clean[row["reference_id"]], dataset.path(row["path"]))
        found[row["codec"], row["bitrate_kbps"]].append(score.mos)
    return {codec: [mean(found[codec, bitrate]) for bitrate in BITRATES] for codec in CODECS}


def test_the_files_are_small_and_carry_a_card() -> None:
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) < 3e6
    assert "Limits" in (PACKAGED / "README.md").read_text()


def test_the_identical_signal_is_the_top_of_the_scale(metric: Metric, clips: list[Samples]) -> None:
    for samples in clips:
        score = metric.score(samples, samples.copy(), sample_rate=SAMPLE_RATE)
        assert score.distance == 0
        assert score.mos == pytest.approx(4.732, abs=0.001)


@pytest.mark.parametrize("codec", CODECS)
def test_more_bitrate_is_better_on_average(steps: dict[str, list[float]], codec: str) -> None:
    # ViSQOL, which taught it, gives AAC and MP3 at 16 and 32 kbps the same within .04; Opus at 16 kbps is mono.
    assert all(np.diff(steps[codec]) > [0.3 if codec == "opus" else -0.05, 0, 0, 0]), steps[codec]
    assert steps[codec][-1] - steps[codec][0] > 0.2


def test_a_decibel_of_gain_is_less_than_a_step_of_bitrate(
    metric: Metric, clips: list[Samples], steps: dict[str, list[float]]
) -> None:
    smallest = min(np.abs(np.diff(values)).min() for values in steps.values())
    for samples in clips:
        worse = distort(samples, SAMPLE_RATE, "noise", 3, seed=0)
        plain, *moved = (
            metric.score(samples, worse * np.float32(10 ** (gain / 20)), sample_rate=SAMPLE_RATE).mos
            for gain in (0, 1, -1)
        )
        assert max(abs(mos - plain) for mos in moved) < smallest


def test_a_kept_gain_costs_the_more_the_larger_it_is_and_a_decibel_little(
    metric: Metric, clips: list[Samples], steps: dict[str, list[float]]
) -> None:
    step = mean(np.diff(values).mean() for values in steps.values())
    found = {
        gain: mean(
            metric.score(
                samples, samples * np.float32(10 ** (gain / 20)), sample_rate=SAMPLE_RATE, match_level=False
            ).mos
            for samples in clips
        )
        for gain in (0, 1, 3, 6, 12, -1, -3, -6, -12)
    }
    for sign in (1, -1):
        falling = [found[sign * decibels] for decibels in (0, 1, 3, 6, 12)]
        assert all(np.diff(falling) < 0), falling
        assert falling[0] - falling[1] < step


def test_the_container_does_not_matter(metric: Metric, clips: list[Samples], tmp_path: Path) -> None:
    worse = distort(clips[0], SAMPLE_RATE, "spectral-holes", 3, seed=0)
    clean, worse = (np.round(0.5 * samples * 32767) / np.float32(32768) for samples in (clips[0], worse))
    first, second = (
        metric.score(
            write(tmp_path / f"a.{kind}", clean, SAMPLE_RATE),
            write(tmp_path / f"b.{kind}", worse, SAMPLE_RATE),
        )
        for kind in ("wav", "flac")
    )
    assert first.distance == second.distance


@pytest.mark.parametrize("name", sorted(DISTORTIONS))
def test_random_pairs_are_on_the_scale_and_worse_where_there_is_more_damage(
    metric: Metric, clips: list[Samples], name: str
) -> None:
    rng = np.random.default_rng(len(name))
    *slight, _, fourth, strongest = DISTORTIONS[name].severities
    found: dict[int, float] = {}
    for severity in (*slight, fourth, strongest):
        samples = clips[rng.integers(CLIPS)][: 2 * SAMPLE_RATE]
        worse = distort(samples, SAMPLE_RATE, name, severity, seed=severity)
        score = metric.score(samples, worse, sample_rate=SAMPLE_RATE)
        assert score.distance > 0
        assert 1 <= score.mos < 4.733
        found[severity] = score.mos
    assert mean(found[severity] for severity in slight) > mean((found[fourth], found[strongest]))
