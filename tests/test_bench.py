"""The scripts of tests/bench still fit the code that they measure."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = sorted(path.stem for path in (Path(__file__).parent / "bench").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_imported_and_says_how_it_is_run(name: str) -> None:
    module = import_module(f"tests.bench.{name}")
    assert f"python -m tests.bench.{name}" in (module.__doc__ or "")
    assert callable(module.main)


# Arguments of a tiny round, and what it prints. Scripts that are missing here have tests of their own, but for
# interpreter.py, which installs packages, and learning.py, whose parts tests/training/test_learning.py runs.
ROUNDS = {
    "compact": (["--quick"], r"deepaq.score \| \d"),
    "conditions": (["--quick"], r"opus-032 +\d+\.\d"),
    "coverage": (["--quick", "--trials", "20"], r"\| SRCC \| 2 \| [\d.]+-[\d.]+\*? \| "),
    "light": (["--pairs", "2", "--seconds", "1"], r"compact, non-matching +\d\.\de-\d\d "),
    "loss": (["1", "--quick"], r"loop / sorted: \d+\.\d"),
    "memory": (["--quick"], r"measured / predicted: [01]\.\d+"),
    "mert": (["--quick"], r"step / forward: \d+\.\d+"),
    "performance": ([".", "--dry-run"], r"\n\$ python -m tests.bench.plan_million\n"),
    "plan_million": (["420"], r"compacted: \d+ fragments, rows 420\.0"),
    "portable": (["--quick"], r"3 pairs: largest difference \d\.\de-0[5-9] MOS"),
    "prep_plan": (["--quick"], r"CPU seconds +predicted +\d+\.\d +measured +\d+\.\d"),
    "prep_torture": (["--quick"], r"1 of 1 came out whole"),
    "prep_workers": (["--quick"], r"two workers / one: \d+\.\d+x"),
    "raters": (["2", "1", "lsd,si-sdr"], r"lsd +\d+\.\d+ "),
    "refusals": (["--quick"], r"eight processes .*\nno weights .*\ntoo little disk +\d+\.\d s"),
    "steps": (["--quick", "--steps", "1", "--clips", "2"], r"audio-hours per hour"),
    "unreferenced": (["--quick", "--jobs", "1"], r"9 coded clips of 3 recordings\n.*\n.*\n\| packaged \| "),
    "watch": (["--quick"], r"with a reference: \d+ times real time"),
    "visits": (["--quick"], r"prep transcode +\d+ files +\d+ visits"),
    "transcode": (["--quick"], r"verified / encoders alone: \d+\.\d+"),
    "visqol": (["--quick"], r"versions, MOS exact against shipped"),
    "visqol_program": (
        ["--quick", "--python", "nothing-here"],
        r"nothing compared: nothing-here cannot import speequal",
    ),
}


@pytest.mark.parametrize("name", ROUNDS)
def test_a_script_runs_for_a_tiny_round(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    arguments, printed = ROUNDS[name]
    if name == "prep_workers" and len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two processors")
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.chdir(tmp_path)
    threads, code = torch.get_num_threads(), None
    try:
        import_module(f"tests.bench.{name}").main()
    except SystemExit as end:
        code = end.code
    finally:
        torch.set_num_threads(threads)
        logging.disable(logging.NOTSET)
    assert not code
    assert re.search(printed, capsys.readouterr().out)


def test_the_loader_that_steps_measures_gives_batches(tmp_path: Path) -> None:
    from tests.bench import steps

    sampler = steps.sampler(tmp_path, clips=2, versions=8)
    cut = sampler.draw(0)
    assert sampler.read(cut).shape == (len(cut.rows), steps.SEGMENT_S * 24_000)


def test_startup_measures_simulated_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from tests.bench import startup

    monkeypatch.setattr(sys, "argv", ["startup", "--rows", "900", "--json"])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    startup.main()
    (found,) = json.loads(capsys.readouterr().out)
    assert found["rows"] == 40 * startup.PER_CLIP
    assert found["total"] > 0
    assert found["growth"] == 1


def test_the_constants_and_the_criteria_of_the_core_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from labels.cli import main as labels
    from prep.synth import SAMPLE_RATE, compose
    from prep.transcode import Settings, transcode
    from tests.bench import core, weak
    from tests.sounds import write

    for number in range(2):
        write(tmp_path / "music" / f"{number}.flac", compose(5, 2.0, number), SAMPLE_RATE)
    settings = Settings(("opus", "mp3", "aac"), (32, 64, 128), distortions="noise", clip_s=2.0, jobs=1, quiet=True)
    transcode([tmp_path / "music"], tmp_path / "data", settings)
    for arguments in (["visqol"], ["rate", "--rater", "log-mel"], ["rate", "--rater", "deepaq-fr"]):
        command, *options = arguments
        done = CliRunner().invoke(labels, [command, str(tmp_path / "data"), *options, "--jobs", "1", "-q"])
        assert done.exit_code == 0, done.output
    monkeypatch.setattr(sys, "argv", ["core", str(tmp_path / "data"), "--clips", "1"])
    core.main()
    assert re.search(r"14 degraded clips; spreads: .*\n9 coded clips; curve: Exponential", capsys.readouterr().out)
    monkeypatch.setattr(sys, "argv", ["weak", str(tmp_path / "data"), "--raters", "deepaq-fr,log-mel"])
    weak.main()
    printed = capsys.readouterr().out
    assert re.search(r"28 degraded clips\ndeepaq-fr +consensus [.\d]+  step \d.*mp3 1\.000", printed)


def test_the_spreads_of_the_consensus_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prep.synth import SAMPLE_RATE, compose
    from tests.bench import consensus
    from tests.sounds import write

    write(tmp_path / "music" / "0.flac", compose(5, 3.0), SAMPLE_RATE)
    arguments = [str(tmp_path / "music"), "--seconds", "2", "--clips", "1", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["consensus", *arguments, "--jobs", "1"])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    consensus.main()
    assert "log_erb" in capsys.readouterr().out


@pytest.mark.shared
def test_explanations_of_damaged_recordings_are_counted(
    shared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.bench import explain

    recording = next(iter(sorted((shared / "music").glob("*.flac"))))
    monkeypatch.setattr(sys, "argv", ["explain", "--clips", "1", "--music", str(recording)])
    explain.main()
    printed = capsys.readouterr().out
    assert re.search(r"^noise +added +middle +\d/1 ", printed, re.MULTILINE)
    assert re.search(r"^kind right: \d+ of \d+ \(", printed, re.MULTILINE)


def test_held_out_recordings_are_compared_with_visqol(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labels.rating.stage import Settings as Rating
    from labels.rating.stage import rate
    from prep.synth import SAMPLE_RATE, compose
    from prep.transcode import Settings, transcode
    from tests.bench import agreement
    from tests.sounds import write

    for number in range(4):
        kind = "music/free" if number < 3 else "synth/made"
        write(tmp_path / f"{kind}-{number}.flac", compose(5, 2.0, number), SAMPLE_RATE)
    settings = Settings(("opus", "mp3", "aac"), (16, 64), 2.0, "musical-noise-3", jobs=1, quiet=True)
    transcode([tmp_path / "music", tmp_path / "synth"], tmp_path / "data", settings)
    for name in ("visqol", "2f"):
        rate(tmp_path / "data", name, Rating(jobs=1, quiet=True))
    monkeypatch.setattr(sys, "argv", ["agreement", str(tmp_path), "--seeds", "1", "--steps", "1", "--ready"])
    agreement.main()
    printed = capsys.readouterr().out
    assert "24 versions of 3 clips of recordings, 8 of 1 clips made for training" in printed
    assert re.search(r"^\| trained, seed 0 \| -?\d\.\d+ .*\n\| untrained \| ", printed, re.MULTILINE)
