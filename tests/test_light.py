"""The installation without extras: it scores, and whatever needs an extra says so in one line.

Both run in a process of their own, in which the packages of all extras cannot be imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from deepaq.extras import MODULES, MissingExtraError, required
from tests.conftest import ROOT
from tests.sounds import music, write

PACKAGES = {
    "audioop": "audioop-lts",
    "ffmpeg": "ffmpeg-python",
    "imageio_ffmpeg": "imageio-ffmpeg",
    "huggingface_hub": "huggingface-hub",
}
PACKAGES |= {"yaml": "pyyaml", "visqol": "visqol-python", "numba": "visqol-python"}  # numba: of its [accel]
# Runs lines of commands, and `python EXPRESSION`, and prints the exit code, stdout and stderr of each.
SCRIPT = """
import json, sys
from importlib import import_module
from click.testing import CliRunner

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

hidden, lines = map(json.loads, sys.argv[1:])
sys.meta_path.insert(0, Hidden())
found = []
for line in lines:
    program, *arguments = line.split(" ", 1 if line.startswith("python") else -1)
    if program == "python":
        try:
            found.append((0, str(eval(*arguments)), ""))
        except ImportError as error:
            found.append((2, "", f"error: {error}"))
    else:
        done = CliRunner().invoke(import_module(f"{program}.cli").main, arguments, prog_name=program)
        found.append((done.exit_code, done.stdout, done.stderr or str(done.exception)))
print(json.dumps(found))
"""
HIDDEN = sorted({module for modules in MODULES.values() for module in modules})
# Lines that need an extra, and its name.
REFUSED = {
    "prep transcode music --out data": "prep",
    "prep synth music": "prep",
    "prep codecs": "prep",
    "labels visqol data": "labels",
    "labels import csv data --out new": "labels",
    "labels benchmark data --raters lsd --out page.html": "labels",
    "training fit data --out run": "train",
    "training backbones": "train",
    "training export run --out new": "train",
    "manifests show data": "prep",
    "manifests report data": "prep",
    "deepaq score a.wav b.wav --timeline picture.png": "plots",
    "deepaq compare old old new --page page.html": "plots",
    "deepaq explain a.wav b.wav --plot picture.png": "plots",
    "deepaq embed a.wav --out points.parquet": "prep",
    "deepaq score a.wav b.wav --model hub:somebody/something": "train",
    "deepaq score a.wav b.wav --model compact-2026a --device cuda": "train",
    "deepaq score a.wav b.wav --model mert": "train",
    "python __import__('deepaq').Distance": "train",
    "python __import__('deepaq.explanation.picture').explanation.picture.draw(None, 'title')": "plots",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    for name in ("a", "b", "old/1", "old/2", "old/3", "new/1", "new/2", "new/3"):
        write(folder / f"{name}.wav", music(2, sum(map(ord, name[-1]))))
    (folder / "data").mkdir()
    (folder / "mert").mkdir()
    model = {"format": 1, "backbone": "mert", "settings": {}, "info": {}, "full": None, "unmatched": None}
    (folder / "mert" / "model.json").write_text(json.dumps(model))
    return folder


def run(folder: Path, *lines: str) -> list[Any]:
    command = [sys.executable, "-c", SCRIPT, json.dumps(HIDDEN), json.dumps(lines)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "DEEPAQ_CACHE": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_without_extras_everything_about_scores_works(folder: Path) -> None:
    lines = (
        "deepaq score a.wav b.wav --json",
        "deepaq score old new --timeline time.csv --jobs 2",
        "deepaq compare old old new",
        "deepaq explain a.wav b.wav",
        "deepaq score --no-reference a.wav",
        "deepaq score --against old a.wav",
        "deepaq embed a.wav --out points.npz",
        "deepaq info --json",
        "deepaq score a.wav b.wav --model compact-2026a",
        *(f"{program} --help" for program in ("deepaq", "manifests", "prep", "labels", "training")),
    )
    for line, (code, _, errors) in zip(lines, run(folder, *lines), strict=True):
        assert code == 0, (line, errors)


def test_what_needs_an_extra_names_it_in_one_line(folder: Path) -> None:
    for (line, extra), (code, _, errors) in zip(REFUSED.items(), run(folder, *REFUSED), strict=True):
        assert code == 2, (line, errors)
        assert errors.count("\n") <= 1, errors
        assert f"which is not installed; pip install 'deepaq[{extra}]'" in errors, (line, errors)


def test_every_module_belongs_to_the_requirements_of_its_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, modules in MODULES.items():
        brought = {Requirement(line).name for line in extras[extra]}
        assert {PACKAGES.get(module, module) for module in modules} == brought, extra


def test_a_module_of_no_extra_stays_a_fault() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module") as caught, required("this"):
        import no_such_module  # noqa: F401
    assert not isinstance(caught.value, MissingExtraError)
