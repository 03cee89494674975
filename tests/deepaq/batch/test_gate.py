"""The gate: nothing that is worse, shorter, missing or unreadable passes, whatever becomes of the output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from deepaq.cli import main
from deepaq.scoring import checkpoint
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.sounds import RATE, music, write

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    checkpoint.save(folder, metric().model)
    return folder


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """originals/one.wav of 3 s and files that are wrong in one way each, in folders of their own."""
    folder = tmp_path_factory.mktemp("sounds")
    sound = music(3, 1)
    write(folder / "originals" / "one.wav", sound)
    write(folder / "good" / "one.wav", sound)
    write(folder / "noisy" / "one.wav", noisy(sound, 0.2))
    write(folder / "short" / "one.wav", sound[: 2 * RATE])
    write(folder / "long" / "one.wav", np.concatenate([sound, sound[:RATE]]))
    write(folder / "slightly" / "one.wav", sound[: round(2.7 * RATE)])
    write(folder / "headless" / "one.wav", sound[RATE:])
    write(folder / "later" / "one.wav", np.concatenate([music(1, 2), sound]))
    write(folder / "silent" / "one.wav", np.zeros_like(sound))
    write(folder / "extra" / "one.wav", sound)
    write(folder / "extra" / "two.wav", sound)
    (folder / "broken").mkdir()
    (folder / "broken" / "one.wav").write_bytes(b"RIFF no audio")
    (folder / "empty").mkdir()
    (folder / "list.csv").write_text("reference,degraded\noriginals/one.wav,good/one.wav\noriginals/one.wav,gone.wav\n")
    return folder


def gate(run: Path, sounds: Path, *arguments: str, least: float = 4) -> Result:
    paths = [str(sounds / argument) if not argument.startswith("-") else argument for argument in arguments]
    return CliRunner().invoke(main, ["score", *paths, "--min-mos", str(least), "--model", str(run)])


WRONG = {
    "worse": ("originals", "noisy"),
    "one of two worse": ("originals", "good", "noisy"),
    "shorter": ("originals", "short"),
    "longer": ("originals", "long"),
    "without its beginning": ("originals", "headless"),
    "behind something else": ("originals", "later"),
    "silent": ("originals", "silent"),
    "unreadable": ("originals", "broken"),
    "missing": ("originals/one.wav", "good/gone.wav"),
    "an empty folder among others": ("originals", "good", "empty"),
    "an empty folder beside a file": ("originals/one.wav", "good/one.wav", "empty"),
    "no counterpart": ("originals", "extra"),
    "a reference that was not coded": ("extra", "good"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_fails_with_one_line(run: Path, sounds: Path, kind: str) -> None:
    done = gate(run, sounds, *WRONG[kind])
    assert done.exit_code == 1
    assert done.stderr.count("error: ") == 1


def test_what_is_right_passes(run: Path, sounds: Path) -> None:
    assert gate(run, sounds, "originals", "good", "slightly").exit_code == 0


def test_a_missing_line_of_a_list_fails(run: Path, sounds: Path) -> None:
    arguments = ["score", "--pairs", str(sounds / "list.csv"), "--min-mos", "2", "--model", str(run)]
    assert CliRunner().invoke(main, arguments).exit_code == 1


@pytest.mark.parametrize("folder", ["short", "long", "headless", "later"])
def test_another_length_passes_when_it_is_allowed(run: Path, sounds: Path, folder: str) -> None:
    done = gate(run, sounds, "originals", folder)
    assert "part of it was not scored; see --allow-shorter" in done.stderr
    assert gate(run, sounds, "originals", folder, "--allow-shorter").exit_code == 0


def test_an_impossible_gate_is_refused(run: Path, sounds: Path) -> None:
    done = gate(run, sounds, "originals", "good", least=4.99)
    assert (done.exit_code, "this model rates nothing higher" in done.stderr) == (2, True)


@pytest.mark.parametrize("closed", ["stdout", "stderr", "both"])
def test_a_closed_pipe_does_not_open_the_gate(run: Path, sounds: Path, closed: str) -> None:
    """The reader of the output has gone before the command writes, as with `| head -0`."""
    read, write_ = os.pipe()
    os.close(read)
    streams: dict[str, int] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    streams |= {name: write_ for name in streams if closed in {name, "both"}}
    arguments = [str(sounds / "originals"), str(sounds / "good"), str(sounds / "noisy"), "--min-mos", "4"]
    command = [sys.executable, "-c", "from deepaq.cli import main; main()", "score", *arguments, "--model", str(run)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=False, **streams)  # type: ignore[call-overload]
    os.close(write_)
    assert done.returncode == 1


def invoke(latin: bool) -> Callable[[list[str]], subprocess.CompletedProcess[bytes]]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1" if latin else "utf-8"}
    return lambda arguments: subprocess.run(
        [sys.executable, "-c", "from deepaq.cli import main; main()", *arguments],
        capture_output=True, env=environment, check=False,
    )  # fmt: skip


def test_names_are_printed_on_every_terminal(run: Path, sounds: Path, tmp_path: Path) -> None:
    names = ["müsic ♫.wav", os.fsdecode(b"latin \xe9.wav")]
    for name in names:
        (tmp_path / name).write_bytes((sounds / "good" / "one.wav").read_bytes())
    arguments = ["score", str(sounds / "originals/one.wav"), str(tmp_path), "--model", str(run)]
    for latin, first in ((True, b"m\xfcsic \\u266b.wav"), (False, "müsic ♫.wav".encode())):
        done = invoke(latin)(arguments)
        assert done.returncode == 0, done.stderr
        assert first in done.stdout
        assert b"latin \\udce9.wav" in done.stdout
