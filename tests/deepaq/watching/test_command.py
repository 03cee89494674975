"""`deepaq watch` as its users type it: lines, exit codes, the command of an alarm, and its ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from deepaq.audio import Samples
from deepaq.cli import main
from tests.conftest import ROOT
from tests.deepaq.scoring.test_metric import noisy
from tests.deepaq.watching.pipes import RATE, header, pipe, raw
from tests.sounds import music, write

DEEPAQ = [sys.executable, "-c", "from deepaq.cli import main; main()"]


@pytest.fixture(scope="module")
def clean() -> Samples:
    return music(6.0, 3, rate=RATE)


@pytest.fixture
def files(clean: Samples, tmp_path: Path) -> tuple[str, str]:
    """A reference, and the same with noise after two seconds."""
    worse = np.concatenate([clean[: 2 * RATE], noisy(clean[2 * RATE :], 0.05)])
    return str(write(tmp_path / "a.wav", clean, RATE)), str(write(tmp_path / "b.wav", worse, RATE))


def watch(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["watch", "--window", "2", *arguments])


def rows(done: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_per_window(files: tuple[str, str]) -> None:
    clean, worse = files
    done = watch(worse, "--reference", clean)
    assert done.exit_code == 0
    found = rows(done)
    assert [row["start_s"] for row in found] == [0, 2, 4]
    assert [row["window"] for row in found] == [0, 1, 2]
    assert found[0]["mos"] > 4.7 > 2.5 > found[1]["mos"]
    assert found[1]["added"] > 10 * found[1]["missing"]
    assert {"seconds", "distance", "lag_s", "level_db", "error", "notes", "below_s"} <= set(found[0])
    assert "ended at 6.00 s, 3 windows, mean MOS" in done.stderr
    alone = rows(watch(worse, "--no-reference"))
    assert [row["lag_s"] for row in alone] == [None] * 3
    against = rows(watch(worse, "--against", str(Path(clean).parent)))
    assert [row["mos"] for row in against] != [row["mos"] for row in alone]


def test_pipes_run_along(clean: Samples, tmp_path: Path) -> None:
    late = [raw(np.zeros((4000, 2), np.float32)), raw(clean)]
    with pipe(tmp_path / "a", [header(), raw(clean)]), pipe(tmp_path / "b", late):
        done = watch(str(tmp_path / "b"), "--raw", f"s16le:{RATE}:2", "--reference", str(tmp_path / "a"))
    assert done.exit_code == 0, done.stderr
    assert [round(row["lag_s"] * RATE) for row in rows(done)] == [4000] * 3
    assert all(row["mos"] > 4.7 for row in rows(done)[:2])


def test_a_low_quality_exits_with_1(files: tuple[str, str]) -> None:
    clean, worse = files
    done = watch(worse, "--reference", clean, "--below", "3", "--for", "4")
    assert done.exit_code == 1
    assert "at 4.00 s: below 3 for 4 s" in done.stderr
    assert [row["below_s"] for row in rows(done)] == [0, 2, 4]
    assert watch(worse, "--reference", clean, "--below", "3", "--for", "4.1").exit_code == 0
    first = watch(worse, "--reference", clean, "--below", "3")
    assert (first.exit_code, len(rows(first))) == (1, 2)


def test_a_command_is_run_without_a_shell(files: tuple[str, str], tmp_path: Path) -> None:
    clean, worse = files
    script = tmp_path / "my script.py"
    script.write_text(
        f"import sys\nopen({str(tmp_path / 'got')!r}, 'a').write(repr((sys.argv[1:], sys.stdin.read())) + '\\n')"
    )
    told = "; touch x && $(touch x) `touch x` > x *"
    line = f"{sys.executable} '{script}' '{told}' {{mos}} $HOME"
    done = watch(worse, "--reference", clean, "--below", "3", "--run", line)
    assert done.exit_code == 0, done.stderr
    ((arguments, given),) = map(eval, (tmp_path / "got").read_text().splitlines())
    assert arguments == [told, "{mos}", "$HOME"]
    assert json.loads(given) == rows(done)[1]
    assert not Path("x").exists()


def test_a_command_that_fails_or_hangs_does_not_stop_the_watch(files: tuple[str, str], monkeypatch) -> None:
    from deepaq.watching import alarm

    clean, worse = files
    done = watch(worse, "--reference", clean, "--below", "3", "--run", f"{sys.executable} -c 'exit(7)'")
    assert done.exit_code == 0
    assert len(rows(done)) == 3
    assert "ended with exit code 7" in done.stderr
    monkeypatch.setattr(alarm, "_END_S", 0.1)
    done = watch(worse, "--reference", clean, "--below", "3", "--run", "sleep 60")
    assert "sleep: was ended, because it ran for 0.1 s after the watch" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say what to compare with: --reference, --against or --no-reference, one of them"),
        (["--no-reference", "--reference", "a.wav"], "one of them"),
        (["--no-reference", "--lag", "3"], "--reference-raw and --lag: are about a reference"),
        (["--no-reference", "-o", "a=b"], "-o: sets an option for --ffmpeg"),
        (["--no-reference", "--ffmpeg", "lavfi", "-o", "a"], "-o a: write it as key=value"),
        (["--no-reference", "--for", "3"], "add --below"),
        (["--no-reference", "--run", "true"], "add --below"),
        (["--no-reference", "--below", "4.9"], "--below 4.9: give a MOS, 1 to 4.73"),
        (["--no-reference", "--below", "3", "--run", "no-such-program-here"], "there is no such program"),
        (["--no-reference", "--below", "3", "--run", "'"], "cannot be split into arguments"),
        (["--no-reference", "--raw", "s16le"], "s16le: give FORMAT:RATE:CHANNELS"),
        (["--no-reference", "--raw", "s16le:48000:2", "--ffmpeg", "auto"], "give one of both options"),
        (["--no-reference", "nothing.wav"], "nothing.wav: no such file"),
        (["--no-reference", "--ffmpeg", "no-such-format", "x"], "x: cannot be decoded"),
        (["-", "--reference", "-"], "stdin cannot be both"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], says: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["watch", *arguments])
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_early_end_exits_with_1(clean: Samples, tmp_path: Path) -> None:
    whole = raw(clean)
    with pipe(tmp_path / "p", [header(len(whole)), whole[: len(whole) // 2]]):
        done = watch(str(tmp_path / "p"), "--no-reference")
    assert done.exit_code == 1
    assert [row["seconds"] for row in rows(done)] == [2, 1]
    assert f"p: ended {len(whole) // 2} bytes before the end that its header states" in done.stderr


def endless(clean: Samples) -> subprocess.Popen[bytes]:
    """A watch of a stream that never ends by itself."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*DEEPAQ, "watch", "--no-reference", "--window", "2", "--stall", "600"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    process.stdin.write(header() + raw(clean))
    process.stdin.flush()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_one_line(clean: Samples, number: int) -> None:
    process = endless(clean)
    assert json.loads(process.stdout.readline())["window"] == 0
    time.sleep(0.5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 130
    assert errors.count(b"\n") == 1
    assert b"stdin: ended by a signal at " in errors


def test_a_closed_pipe_ends_it(clean: Samples) -> None:
    process = endless(np.tile(clean, (5, 1)))
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=200) == 0
    errors = process.stderr.read()
    assert b"stdout: was closed after window " in errors
    assert b"Traceback" not in errors
    process.stdin.close()
    process.stderr.close()
