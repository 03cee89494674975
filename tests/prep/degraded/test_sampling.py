"""Conditions per clip: balanced, decided by the seed and the clip, and planned with the paper's hours."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.errors import UserError
from manifests.dataset import Dataset
from manifests.ids import joined_id
from prep.cli import main
from prep.coding.codecs import codings
from prep.degraded.sampling import sampled
from prep.distortions.condition import distortion_conditions
from prep.plan import PAPER_HOURS, PAPER_PER_CLIP, plan
from prep.transcode import Settings, transcode
from tests.sounds import music, write

PAPER = codings()
MANY = [*codings(["opus", "ac3"], [16, 32, 64]), *distortion_conditions("noise,lowpass-3")]
CLIPS = [joined_id(str(number)) for number in range(1500)]


@given(per_clip=st.floats(0.01, 30), seed=st.integers(0, 99), clip=st.sampled_from(CLIPS), many=st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_sample_is_of_its_size_without_repeats_and_stable(per_clip: float, seed: int, clip: str, many: bool) -> None:
    conditions = MANY if many else PAPER
    chosen = sampled(conditions, clip, per_clip, seed)
    assert chosen == sorted(set(chosen)) == sampled(conditions, clip, per_clip, seed)
    assert all(0 <= index < len(conditions) for index in chosen)
    assert len(chosen) in {min(int(per_clip), len(conditions)), min(int(per_clip) + 1, len(conditions))}


@pytest.mark.parametrize("per_clip", [1, 3, 5, 8, 20])
def test_a_clip_is_balanced_over_codecs_and_bitrates(per_clip: int) -> None:
    for clip in CLIPS[:100]:
        chosen = [PAPER[index] for index in sampled(PAPER, clip, per_clip, 0)]
        codecs, bitrates = Counter(c.codec for c in chosen), Counter(c.kbps for c in chosen)
        assert max(codecs.values()) - (min(codecs.values()) if len(codecs) == 3 else 0) <= 1
        assert max(bitrates.values()) - (min(bitrates.values()) if len(bitrates) == 7 else 0) <= 1


@pytest.mark.parametrize(("conditions", "per_clip"), [(PAPER, 3), (PAPER, 8.13), (MANY, 2)])
def test_over_many_clips_every_condition_of_a_family_comes_equally_often(conditions: list, per_clip: float) -> None:
    counts = np.zeros(len(conditions))
    for clip in CLIPS:
        counts[sampled(conditions, clip, per_clip, 1)] += 1
    assert counts.sum() / len(CLIPS) == pytest.approx(per_clip, abs=0.05)
    families = sorted({condition.family for condition in conditions})
    for family in families:
        mine = counts[[condition.family == family for condition in conditions]]
        assert np.ptp(mine) < 6 * np.sqrt(mine.mean())
        if len(mine) > 1:
            assert mine.sum() == pytest.approx(counts.sum() / len(families), rel=0.2)


def test_the_seed_changes_the_sample() -> None:
    assert any(sampled(PAPER, clip, 5, 0) != sampled(PAPER, clip, 5, 1) for clip in CLIPS[:5])


def test_a_run_makes_its_sample_of_conditions_and_a_larger_one_adds_to_it(tmp_path: Path) -> None:
    for seed in range(4):
        write(tmp_path / "music" / f"{seed}.wav", music(4, seed))
    base = {"codecs": ("opus", "mp3"), "bitrates": (32, 64), "clip_s": 2, "jobs": 1, "quiet": True}
    result = transcode([tmp_path / "music"], tmp_path / "data", Settings(**base, per_clip=(2,)))
    assert (result["references"], result["degraded"], result["ok"]) == (8, 16, 16)
    counts = Counter(Dataset(tmp_path / "data").degraded(["reference_id"])["reference_id"].to_pylist())
    assert set(counts.values()) == {2}
    result = transcode([tmp_path / "music"], tmp_path / "data", Settings(**base))
    assert (result["degraded"], result["audio_seconds"]) == (32, 32)


def test_hours_take_whole_songs_until_there_is_enough(tmp_path: Path) -> None:
    for seed in range(8):
        write(tmp_path / "music" / f"{seed}.wav", music(3, seed))
    found = []
    for hours, seed in (((7 / 3600,), 0), ((7 / 3600,), 0), ((7 / 3600,), 1)):
        out = tmp_path / f"data{len(found)}"
        wanted = Settings(("opus",), (64,), 3, valid_share=0, hours=hours, seed=seed, jobs=1, quiet=True)
        assert transcode([tmp_path / "music"], out, wanted)["references"] == 3
        found.append(set(Dataset(out).references(["track_id"])["track_id"].to_pylist()))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("change", [{"per_clip": (0,)}, {"per_clip": (1, 2, 3)}, {"hours": (-1,)}])
def test_impossible_amounts_are_refused(change: dict) -> None:
    with pytest.raises(UserError, match="write one number above 0, or two"):
        Settings(**change)


def test_a_dry_run_plans_the_paper_from_a_few_tracks(tmp_path: Path) -> None:
    for seed in range(5):
        write(tmp_path / "music" / f"{seed}.wav", music(2.5, seed))
    arguments = ["transcode", str(tmp_path / "music"), "--out", str(tmp_path / "data"), "--plan", "paper",
                 "--valid-share", "0.5", "--codecs", "opus,mp3,aac", "--dry-run", "--json"]  # fmt: skip
    run = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert run.exit_code == 0
    found = json.loads(run.stdout)
    assert found["clean_hours"] == {"train": 45, "valid": 8}
    for split, hours in (("train", 122), ("valid", 14)):
        assert found["coded_hours"][split] == {
            codec: pytest.approx(hours, rel=0.02) for codec in ("opus", "mp3", "aac")
        }
    assert found["versions"] == pytest.approx(3 * 136 * 360, rel=0.01)
    assert found["wall_hours"]["16"] == pytest.approx(found["cpu_hours"] / 16)
    assert found["cpu_hours"] == pytest.approx(found["cpu_per_second"] * 53, rel=1e-6)
    assert found["bytes"] > 53 * 3600 * 40_000  # of clean music alone
    assert not (tmp_path / "data").exists()
    assert len(PAPER_HOURS) == len(PAPER_PER_CLIP) == 2


def test_a_dry_run_knows_what_is_done(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", music(4))
    wanted = Settings(("opus",), (32, 64), 2, jobs=1, quiet=True)
    before = plan([tmp_path / "a.wav"], tmp_path / "data", wanted)
    assert (before["versions"], before["versions_done"], before["clips"]) == (4, 0, 2)
    transcode([tmp_path / "a.wav"], tmp_path / "data", wanted)
    after = plan([tmp_path / "a.wav"], tmp_path / "data", wanted)
    assert (after["versions_done"], after["cpu_hours"], after["bytes"]) == (4, 0, 0)
    assert before["cpu_hours"] > 0
