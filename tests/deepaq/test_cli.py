"""The `deepaq` command as its users type it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from deepaq.cli import main
from deepaq.scoring import checkpoint
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.sounds import music, write


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return music(3, 1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "run", metric().model)
    return tmp_path / "run"


def test_the_command_prints_json_rows_and_notes_apart(sound: np.ndarray, run: Path, tmp_path: Path) -> None:
    clean, worse = write(tmp_path / "a.wav", sound), write(tmp_path / "b.wav", noisy(sound, 0.02))
    done = CliRunner().invoke(main, ["score", str(clean), str(worse), str(clean), "--model", str(run), "--json"])
    assert done.exit_code == 0
    rows = json.loads(done.stdout.splitlines()[-1])
    assert [row["degraded"] for row in rows] == [str(worse), str(clean)]
    assert set(rows[0]) >= {"reference", "degraded", "distance", "mos", "mos_low", "mos_high", "seconds", "notes"}
    assert rows[0]["mos_top"] == rows[1]["mos"]
    assert rows[0]["length_difference_s"] == 0
    assert rows[1]["distance"] == 0 < rows[0]["distance"]


def test_a_changed_gain_is_scored_when_asked(sound: np.ndarray, run: Path, tmp_path: Path) -> None:
    clean, softer = write(tmp_path / "a.wav", sound), write(tmp_path / "b.wav", sound / 2)
    taken, kept = (
        CliRunner().invoke(main, ["score", str(clean), str(softer), "--model", str(run), "--json", *more])
        for more in ([], ["--keep-level"])
    )
    assert rows_of(taken)[0]["distance"] < 0.1 * rows_of(kept)[0]["distance"]
    assert "6.0 dB softer than its reference; that is not scored" in taken.stderr
    assert "6.0 dB softer than its reference; that is scored" in kept.stderr
    no = CliRunner().invoke(main, ["score", str(softer), "--against", str(tmp_path), "--keep-level"])
    assert no.exit_code == 2
    assert "a level is known only with the file's own reference" in no.stderr


def test_one_bad_file_does_not_stop_the_others(sound: np.ndarray, run: Path, tmp_path: Path) -> None:
    clean = write(tmp_path / "a.wav", sound)
    (tmp_path / "b.mp3").write_bytes(b"no audio at all")
    done = CliRunner().invoke(main, ["score", str(clean), str(tmp_path / "b.mp3"), str(clean), "--model", str(run)])
    assert done.exit_code == 1
    assert done.stderr.count("error:") == 1
    assert "b.mp3" in done.stderr
    assert str(clean) in done.stdout


def test_against_a_folder(sound: np.ndarray, run: Path, tmp_path: Path) -> None:
    for seed in range(2):
        write(tmp_path / "clean" / f"{seed}.wav", music(2, seed))
    worse = write(tmp_path / "b.wav", noisy(sound, 0.02))
    done = CliRunner().invoke(
        main, ["score", "--against", str(tmp_path / "clean"), *[str(worse)] * 2, "--model", str(run), "--json"]
    )
    assert done.exit_code == 0
    rows = json.loads(done.stdout.splitlines()[-1])
    assert [row["reference"] for row in rows] == [str(tmp_path / "clean")] * 2
    few = "only 2 clean references; use 10 or more"
    assert [few in row["notes"] for row in rows] == [True, True]
    assert done.stderr.count(few) == 1
    empty = CliRunner().invoke(main, ["score", "--against", str(run), str(worse), "--model", str(run)])
    assert empty.exit_code == 2
    assert "holds no audio" in empty.stderr


def test_an_empty_name_is_not_this_folder(run: Path) -> None:
    found = CliRunner().invoke(main, ["score", str(run), "", "--model", str(run)])
    assert found.exit_code == 2
    assert "an empty name is not a file" in found.stderr


def test_one_sound_alone_is_exit_2(run: Path) -> None:
    done = CliRunner().invoke(main, ["score", "a.wav", "--model", str(run)])
    assert done.exit_code == 2
    assert "--against" in done.stderr


@pytest.fixture
def folders(sound: np.ndarray, tmp_path: Path) -> Path:
    for name, level in (("a", 0.001), ("sub/b", 0.05)):
        write(tmp_path / "clean" / f"{name}.wav", sound)
        write(tmp_path / "coded" / f"{name}.flac", noisy(sound, level))
    return tmp_path


def rows_of(done: object) -> list[dict]:
    return json.loads(done.stdout.splitlines()[-1])


def test_folders_match_by_name_and_lost_files_are_named(folders: Path, run: Path, sound: np.ndarray) -> None:
    arguments = ["score", str(folders / "clean"), str(folders / "coded"), "--model", str(run), "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0
    assert [Path(row["degraded"]).name for row in rows_of(done)] == ["a.flac", "b.flac"]
    write(folders / "coded" / "lonely.wav", sound)
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "lonely.wav" in done.stderr
    assert len(rows_of(done)) == 2


def test_a_list_of_pairs_from_a_file_or_stdin(folders: Path, run: Path) -> None:
    text = "reference,degraded\nclean/a.wav,coded/a.flac\nclean/sub/b.wav,coded/sub/b.flac\n"
    (folders / "pairs.csv").write_text(text)
    done = CliRunner().invoke(main, ["score", "--pairs", str(folders / "pairs.csv"), "--model", str(run), "--json"])
    assert len(rows_of(done)) == 2
    absolute = text.replace("clean/", f"{folders}/clean/").replace("coded/", f"{folders}/coded/")
    again = CliRunner().invoke(main, ["score", "--pairs", "-", "--model", str(run), "--json"], input=absolute)
    assert [row["distance"] for row in rows_of(again)] == [row["distance"] for row in rows_of(done)]
    paths = f"{folders}/coded/a.flac\n{folders}/coded/sub/b.flac\n"
    piped = CliRunner().invoke(
        main, ["score", str(folders / "clean/a.wav"), "-", "--model", str(run), "--json"], input=paths
    )
    assert len(rows_of(piped)) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a,b\n1,2\n", "columns reference and degraded"), ("reference,degraded\n", "lists no pairs"),
     ("reference,degraded\na.wav,\n", "line 2 lacks a path")],
)  # fmt: skip
def test_a_bad_list_is_exit_2(tmp_path: Path, run: Path, text: str, reason: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    done = CliRunner().invoke(main, ["score", "--pairs", str(tmp_path / "pairs.csv"), "--model", str(run)])
    assert done.exit_code == 2
    assert reason in done.stderr


def test_the_gate_lists_what_is_below(folders: Path, run: Path) -> None:
    arguments = ["score", str(folders / "clean"), str(folders / "coded"), "--model", str(run), "--json"]
    values = [row["mos"] for row in rows_of(CliRunner().invoke(main, arguments))]
    between = str(sum(values) / 2)
    done = CliRunner().invoke(main, [*arguments, "--min-mos", between])
    assert done.exit_code == 1
    assert done.stderr.count("is below") == 1
    assert CliRunner().invoke(main, [*arguments, "--min-mos", str(min(values) - 0.1)]).exit_code == 0


def test_processes_change_nothing(folders: Path, run: Path) -> None:
    arguments = ["score", str(folders / "clean"), str(folders / "coded"), "--model", str(run), "--json"]
    one, two = (rows_of(CliRunner().invoke(main, [*arguments, "--jobs", jobs])) for jobs in "12")
    assert [row["degraded"] for row in one] == [row["degraded"] for row in two]
    assert [row["distance"] for row in one] == pytest.approx([row["distance"] for row in two], rel=1e-5)


@pytest.mark.parametrize("suffix", [".json", ".csv", ".png"])
def test_the_timeline_in_every_format(folders: Path, run: Path, suffix: str) -> None:
    out = folders / f"time{suffix}"
    arguments = ["score", str(folders / "clean/a.wav"), str(folders / "coded/a.flac"), "--model", str(run)]
    assert CliRunner().invoke(main, [*arguments, "--timeline", str(out)]).exit_code == 0
    if suffix == ".json":
        assert [round(row["start_s"]) for row in json.loads(out.read_text())] == [0, 1, 2]
    elif suffix == ".csv":
        assert out.read_text().splitlines()[0] == "reference,degraded,start_s,seconds,distance,mos,added,missing,lag_s"
        assert len(out.read_text().splitlines()) == 4
    else:
        assert out.read_bytes().startswith(b"\x89PNG")
    refused = CliRunner().invoke(main, [*arguments, "--timeline", str(folders / "time.txt")])
    assert refused.exit_code == 2
    assert ".json, .csv, .png" in refused.stderr


def test_clean_references_are_embedded_once(
    folders: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPAQ_CACHE", str(tmp_path / "cache"))
    arguments = ["score", "--against", str(folders / "clean"), str(folders / "coded/a.flac"), "--model", str(run),
                 "--json"]  # fmt: skip
    first = rows_of(CliRunner().invoke(main, arguments))
    (kept,) = (tmp_path / "cache").iterdir()
    stamp = kept.stat().st_mtime_ns
    assert rows_of(CliRunner().invoke(main, arguments))[0]["distance"] == first[0]["distance"]
    assert kept.stat().st_mtime_ns == stamp
    kept.write_bytes(b"damaged")
    assert rows_of(CliRunner().invoke(main, arguments))[0]["distance"] == pytest.approx(first[0]["distance"])
    write(folders / "clean" / "new.wav", music(2, 9))
    assert rows_of(CliRunner().invoke(main, arguments))[0]["distance"] != first[0]["distance"]


@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
def test_embed_writes_points_that_are_read_back(folders: Path, run: Path, suffix: str) -> None:
    out = folders / f"points{suffix}"
    done = CliRunner().invoke(main, ["embed", str(folders / "clean"), "--out", str(out), "--model", str(run), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout.splitlines()[-1]) == {"out": str(out), "segments": 2, "dims": 16, "failed": 0}
    if suffix == ".parquet":
        table = pq.read_table(out).to_pydict()
        points = np.array(table["embedding"])
    else:
        table = dict(np.load(out))
        points = table["embedding"]
    assert points.shape == (2, 16)
    assert [Path(path).name for path in table["path"]] == ["a.wav", "b.wav"]


def test_info_names_the_model(run: Path) -> None:
    done = CliRunner().invoke(main, ["info", "--model", str(run), "--json"])
    found = json.loads(done.stdout)
    assert (found["backbone"], found["sample_rate"]) == ("compact", 48_000)
    assert found["mapping"]["full reference"]["kind"] == "exponential"
    words = CliRunner().invoke(main, ["info", "--model", str(run)]).stdout
    assert f"MOS          full reference: 1 to {found['mos_top']['full reference']:.2f}\n" in words
    assert "{" not in words


def test_notes_are_part_of_the_json(sound: np.ndarray, run: Path, tmp_path: Path) -> None:
    clean, short = write(tmp_path / "a.wav", sound), write(tmp_path / "b.wav", sound[: 2 * 44_100])
    done = CliRunner().invoke(main, ["score", str(clean), str(short), "--model", str(run), "--json"])
    (row,) = rows_of(done)
    assert row["length_difference_s"] == pytest.approx(-1)
    assert row["seconds"] == pytest.approx(2)
    assert any("1.00 s longer, the rest was not scored" in line for line in row["notes"])


def test_the_shell_completes_commands() -> None:
    words = {"_DEEPAQ_COMPLETE": "bash_complete", "COMP_WORDS": "deepaq sc", "COMP_CWORD": "1"}
    assert CliRunner().invoke(main, prog_name="deepaq", env=words).stdout == "plain,score\n"
