"""`prep transcode` from end to end: real encoders, real files."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from deepaq.audio import read
from deepaq.errors import UserError
from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from prep.cli import main
from prep.coding.codecs import BITRATES, CODECS, DEFAULT, codings
from prep.plan import plan
from prep.transcode import Settings, transcode
from tests.sounds import RATE, music, write

SMALL = Settings(codecs=("opus", "mp3", "aac"), bitrates=(32, 128), clip_s=2, jobs=1, quiet=True)


def rows(data: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Dataset(data).table(schema.TABLES[table]).to_pylist()
    return sorted(found, key=lambda row: row[schema.TABLES[table].key[0]])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One 10 s clip in all 21 conditions."""
    folder = tmp_path_factory.mktemp("full")
    write(folder / "music" / "a.wav", music(10))
    transcode([folder / "music"], folder / "data", Settings(jobs=1, quiet=True))
    return folder / "data"


def test_all_21_conditions_have_their_bitrate_sample_rate_and_no_delay(data: Path) -> None:
    degraded = rows(data, "degraded")
    assert {(row["codec"], row["bitrate_kbps"]) for row in degraded} == {(c, b) for c in DEFAULT for b in BITRATES}
    for row in degraded:
        assert row["status"] == schema.OK, row["error"]
        # Container and start-up cost weighs most in short clips at low rates.
        assert row["actual_kbps"] == pytest.approx(row["bitrate_kbps"], rel=0.12, abs=2.5), row["condition"]
        assert abs(row["lag_samples"]) <= (5 if row["codec"] == "opus" and row["bitrate_kbps"] <= 48 else 1)
        assert row["correlation"] > 0.3
        assert row["coded_sample_rate"] == codings([row["codec"]], [int(row["bitrate_kbps"])])[0].sample_rate
        assert (data / row["path"]).stat().st_size == row["bytes"]


def test_correlation_rises_with_bitrate(data: Path) -> None:
    for codec in DEFAULT:
        found = {row["bitrate_kbps"]: row["correlation"] for row in rows(data, "degraded") if row["codec"] == codec}
        assert found[16] < found[64] < found[128]
        assert found[128] > 0.99


def test_reference_is_the_source_sample_for_sample(data: Path) -> None:
    (row,) = rows(data, "references")
    np.testing.assert_array_equal(read(data / row["path"]).samples, read(Path(row["track_path"])).samples)
    assert (row["frames"], row["sample_rate"], row["channels"]) == (10 * RATE, RATE, 2)
    assert -40 < row["loudness_lufs"] < 0
    assert row["bandwidth_hz"] > 15_000


def test_footers_hold_settings_and_versions(data: Path) -> None:
    footer = read_footer(fragments(data / "degraded")[0])
    assert footer["settings"]["conditions"]["mp3-016"]["sample_rate"] == 16_000
    assert footer["tools"]["ffmpeg"]


def test_the_new_data_set_passes_every_check(data: Path) -> None:
    assert list(problems(Dataset(data), deep=True)) == []


def test_check_finds_what_is_broken(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(data), str(copy)], check=True)
    first, second, *_ = rows(copy, "degraded")
    (copy / first["path"]).unlink()
    (copy / second["path"]).write_bytes(b"changed".ljust(second["bytes"]))
    (copy / "audio" / "stray.opus").write_bytes(b"x")
    found = "\n".join(problems(Dataset(copy), deep=True))
    assert "is missing" in found
    assert "differs from its checksum" in found
    assert "a file without a row" in found
    assert found.count("\n") == 2


def test_a_rerun_encodes_nothing_and_touches_no_file(data: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
    result = transcode([data.parent / "music"], data, Settings(jobs=1, quiet=True))
    assert (result["references"], result["degraded"], result["ok"], result["audio_seconds"]) == (1, 21, 21, 0)
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()} == before


def test_bytes_and_rows_do_not_depend_on_jobs(tmp_path: Path) -> None:
    for seed in range(3):
        write(tmp_path / "music" / f"{seed}.flac", music(4.5, seed))
    found = []
    for jobs in (1, 2):
        out = tmp_path / f"data{jobs}"
        transcode([tmp_path / "music"], out, Settings(bitrates=(32, 128), clip_s=2, jobs=jobs, quiet=True))
        found.append((rows(out, "references"), rows(out, "degraded")))
    assert found[0] == found[1]
    assert Counter(row["frames"] for row in found[0][0]) == {2 * RATE: 6}


def test_a_bad_file_is_a_row_and_the_others_are_done(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    good = write(folder / "good.wav", music(2))
    (folder / "broken.flac").write_bytes(np.random.default_rng(0).bytes(9000))
    (folder / "short.wav").write_bytes(good.read_bytes()[:-9000])
    (folder / "again.wav").write_bytes(good.read_bytes())
    (folder / "loop").symlink_to(folder)
    (folder / "cover.jpg").write_bytes(b"not music")
    arguments = ["transcode", str(folder), "--out", str(tmp_path / "data"), "--codecs", "opus", "--bitrates", "64",
                 "--clip", "2", "--jobs", "1", "--json", "--quiet"]  # fmt: skip
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 1
    result = json.loads(run.stdout.splitlines()[-1])
    assert (result["references"], result["degraded"], result["ok"], result["failed"]) == (1, 1, 1, 2)
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert sum("broken.flac" in line for line in errors) == 1
    assert sum("truncated" in line for line in errors) == 1
    assert "is the same recording as" in run.stderr


def test_a_retry_redoes_only_what_failed(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", music(4))
    data = tmp_path / "data"
    transcode([tmp_path / "a.wav"], data, Settings(("opus",), (64,), 2, jobs=1, quiet=True))
    reference = rows(data, "references")[0]
    kept = (data / reference["path"]).read_bytes()
    (data / reference["path"]).write_bytes(b"broken for a while")
    more = Settings(("opus", "mp3"), (64,), 2, jobs=1, quiet=True)
    assert transcode([tmp_path / "a.wav"], data, more)["failed"] == 1
    (data / reference["path"]).write_bytes(kept)
    assert transcode([tmp_path / "a.wav"], data, more)["failed"] == 1
    result = transcode(
        [tmp_path / "a.wav"], data, Settings(("opus", "mp3"), (64,), 2, jobs=1, quiet=True, retry_failed=True)
    )
    assert (result["failed"], result["ok"], result["audio_seconds"]) == (0, 4, 2)
    assert list(problems(Dataset(data), deep=True)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--codecs", "mp4"], "unknown codec"),
        (["--bitrates", "16,x"], "--bitrates"),
        (["--bitrates", "9999"], "kbps"),
        (["--clip", "1"], "--clip"),
        (["--jobs", "0"], "--jobs"),
        (["--shard", "3/2"], "--shard"),
        (["--shard", "²/4"], "--shard"),
        (["--hours", "inf", "--dry-run"], "--hours"),
        (["--conditions-per-clip", "inf"], "--conditions-per-clip"),
        (["--distortions", "noise-²"], "--distortions"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(tmp_path: Path, change: list[str], message: str) -> None:
    write(tmp_path / "a.wav", music(2))
    run = CliRunner().invoke(main, ["transcode", str(tmp_path / "a.wav"), "--out", str(tmp_path / "data"), *change])
    assert run.exit_code == 2
    assert message in run.stderr
    assert len([line for line in run.stderr.splitlines() if line.lower().startswith("error: ")]) == 1


def test_blanks_in_lists_are_ignored(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", music(2))
    arguments = ["transcode", str(tmp_path / "a.wav"), "--out", str(tmp_path / "data"), "--clip", "2", "--jobs", "1"]
    arguments += ["--codecs", "opus, mp3", "--bitrates", "64, 96", "--distortions", "noise-1, clipping-1", "--json"]
    run = CliRunner().invoke(main, arguments)
    assert json.loads(run.stdout.splitlines()[-1])["ok"] == 6


def test_a_version_that_is_digital_silence_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prep.coding import ffmpeg

    monkeypatch.setattr(ffmpeg, "_COMMON", ffmpeg._COMMON | {"af": "volume=0"})
    write(tmp_path / "a.wav", music(2))
    result = transcode([tmp_path / "a.wav"], tmp_path / "data", SMALL)
    assert (result["ok"], result["failed"]) == (0, 6)
    assert all("is digital silence" in line for line in result["errors"])


def test_a_folder_without_music_is_exit_2(tmp_path: Path) -> None:
    for music_path in (tmp_path / "absent", tmp_path):
        run = CliRunner().invoke(main, ["transcode", str(music_path), "--out", str(tmp_path / "data")])
        assert run.exit_code == 2
        assert run.stderr.startswith("error: ")


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", music(2))
    found = plan([tmp_path / "a.wav"], tmp_path / "data", SMALL)
    assert (found["songs"], len(found["conditions"])) == (1, 6)
    assert not (tmp_path / "data").exists()


def test_when_one_codec_fails_the_others_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    broken = replace(CODECS["opus"], options={"frame_duration": "17"})
    monkeypatch.setitem(CODECS.own, "opus", broken)
    monkeypatch.setattr(CODECS, "_loaded", {})
    write(tmp_path / "a.wav", music(2))
    result = transcode([tmp_path / "a.wav"], tmp_path / "data", SMALL)
    assert (result["ok"], result["failed"]) == (4, 2)
    assert all("opus" in line and "ffmpeg ended with" in line for line in result["errors"])


def test_a_system_ffmpeg_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from prep.coding import ffmpeg

    monkeypatch.setenv(ffmpeg.VARIABLE, "no-such-program")
    ffmpeg.executable.cache_clear()
    with pytest.raises(UserError, match="no-such-program"):
        ffmpeg.executable()
    monkeypatch.undo()
    ffmpeg.executable.cache_clear()
    assert ffmpeg.version()
