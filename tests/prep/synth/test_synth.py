"""`prep synth`: seeded, stereo, full-bandwidth music on which codecs behave."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.cli import main
from prep.references.clips import bandwidth_hz
from prep.synth import SAMPLE_RATE, compose, recite, sampled
from prep.synth.composition import Note
from prep.transcode import Settings, transcode
from tests.soundfont import write_soundfont


@given(seed=st.integers(0, 10**6), number=st.integers(0, 100))
@settings(max_examples=8, deadline=None)
def test_every_track_is_audible_finite_stereo_and_below_full_scale(seed: int, number: int) -> None:
    track = compose(seed, 2, number)
    assert track.shape == (2 * SAMPLE_RATE, 2)
    assert track.dtype == np.float32
    assert np.isfinite(track).all()
    assert 0.01 < np.abs(track).max() <= 0.95
    assert np.abs(track[:, 0] - track[:, 1]).max() > 0


def test_the_seed_decides_everything() -> None:
    assert np.array_equal(compose(3, 2, 1), compose(3, 2, 1))
    assert not np.array_equal(compose(3, 2, 1), compose(4, 2, 1))
    assert not np.array_equal(compose(3, 2, 1), compose(3, 2, 2))


def test_a_collection_reaches_20_khz_and_varies() -> None:
    tracks = [compose(1, 4, number) for number in range(6)]
    assert max(bandwidth_hz(track) for track in tracks) > 19_000
    levels = [20 * np.log10(np.sqrt(np.mean(track**2))) for track in tracks]
    assert max(levels) - min(levels) > 2


def test_the_command_makes_the_minutes_and_keeps_finished_tracks(tmp_path: Path) -> None:
    arguments = ["synth", str(tmp_path / "music"), "--minutes", "0.6", "--seed", "2", "--jobs", "1", "--json"]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 0
    assert json.loads(run.stdout.splitlines()[-1])["tracks"] == 2
    files = sorted((tmp_path / "music").iterdir())
    assert sum(soundfile.info(file).duration for file in files) == pytest.approx(36, abs=0.01)
    times = [file.stat().st_mtime_ns for file in files]
    CliRunner().invoke(main, arguments)
    assert [file.stat().st_mtime_ns for file in files] == times


def test_impossible_minutes_are_exit_2(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["synth", str(tmp_path), "--minutes", "0"])
    assert run.exit_code == 2
    assert "--minutes 0" in run.stderr


def test_a_sound_font_plays_the_same_score_the_same_way_each_time(tmp_path: Path) -> None:
    pytest.importorskip("tinysoundfont")
    font = write_soundfont(tmp_path / "one.sf2")
    tracks = [compose(3, 2, number, font) for number in (0, 1, 0)]  # solo parts and drums
    assert np.array_equal(tracks[0], tracks[2])
    assert not np.array_equal(tracks[0], tracks[1])
    for track in tracks:
        assert track.shape == (2 * SAMPLE_RATE, 2)
        assert 0.01 < np.abs(track).max() <= 0.95
    assert not np.array_equal(tracks[0], compose(3, 2, 0))


def test_sampled_notes_have_the_pitch_and_the_time_of_the_score(tmp_path: Path) -> None:
    pytest.importorskip("tinysoundfont")
    font = write_soundfont(tmp_path / "one.sf2")
    sound = sampled.line(font, [Note(0.5, 0.3, 880.0, 0.8)], 1.0, np.random.default_rng(0)).mean(axis=1)
    assert np.abs(sound[:21_000]).max() < 1e-4
    spectrum = np.abs(np.fft.rfft(sound[22_050:35_000] * np.hanning(12_950), SAMPLE_RATE))
    assert spectrum.argmax() == pytest.approx(880, abs=3)


@pytest.mark.parametrize("content", [None, b"no font"])
def test_a_wrong_sound_font_is_named(tmp_path: Path, content: bytes | None) -> None:
    pytest.importorskip("tinysoundfont")
    font = tmp_path / "wrong.sf2"
    if content:
        font.write_bytes(content)
    run = CliRunner().invoke(main, ["synth", str(tmp_path / "out"), "--soundfont", str(font), "--jobs", "1"])
    assert run.exit_code == 2
    assert f"--soundfont {font}: " + ("is not a sound font" if content else "no such file") in run.stderr


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """On a small file system of its own, in a mount namespace."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "--map-root-user", "--mount", "true"]).returncode:
        pytest.skip("no mount namespaces here")
    script = 'mount -t tmpfs -o size=64k tmpfs "$1"; shift; exec "$@"'
    command = [
        sys.executable,
        "-c",
        "from prep.cli import main; main()",
        "synth",
        str(tmp_path),
        "--minutes",
        "0.1",
        "--track",
        "3",
    ]
    for jobs in ("1", "2"):
        run = subprocess.run(
            [
                *["unshare", "--map-root-user", "--mount", "sh", "-c"],
                script,
                "sh",
                str(tmp_path),
                *command,
                "--jobs",
                jobs,
            ],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 2
        assert len(run.stderr.splitlines()) == 1, run.stderr
        assert "No space left on device" in run.stderr


def test_speech_has_the_rhythm_pitch_and_pauses_of_speech() -> None:
    rates = []
    for number in range(3):
        sound = recite(1, 8, number)
        assert sound.shape == (8 * SAMPLE_RATE, 2)
        assert np.abs(sound).max() <= 0.951
        np.testing.assert_array_equal(sound, recite(1, 8, number))
        mono = sound.mean(axis=1)
        envelope = np.sqrt(np.mean(mono[: 800 * 441].reshape(800, 441) ** 2, axis=1))  # of 10 ms
        rhythm = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2  # in steps of 0.125 Hz
        rates.append(float(rhythm[16:64].mean() / rhythm[96:192].mean()))  # 2 to 8 Hz, 12 to 24 Hz
        silent = envelope < 0.1 * np.quantile(envelope, 0.9)
        assert 0.03 < silent.mean() < 0.6  # closures and pauses
        loudest = int(np.argmax(envelope)) * 441
        voiced = mono[max(0, loudest - 2048) : loudest + 2048]
        correlation = np.correlate(voiced, voiced, "full")[len(voiced) - 1 :]
        period = int(np.argmax(correlation[SAMPLE_RATE // 500 : SAMPLE_RATE // 50])) + SAMPLE_RATE // 500
        assert 50 < SAMPLE_RATE / period < 500
        assert correlation[period] > 0.4 * correlation[0]
        assert bandwidth_hz(sound) > 12_000
    assert min(rates) > 4  # syllables
    assert not np.array_equal(recite(1, 8, 0), recite(2, 8, 0))


def test_speech_is_clean_material(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["synth", str(tmp_path / "a"), "--minutes", "0.1", "--track", "3", "--speech"])
    assert run.exit_code == 0, run.stderr
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["speech-000-0000.flac", "speech-000-0001.flac"]
    result = transcode([tmp_path / "a"], tmp_path / "data", Settings(("opus",), (64,), 3, jobs=1, quiet=True))
    assert (result["ok"], result["left_out"]) == (2, {})
    run = CliRunner().invoke(main, ["synth", str(tmp_path / "b"), "--speech", "--soundfont", "x.sf2"])
    assert run.exit_code == 2
