"""The GitHub action and the workflow in docs/encoder-ci.md, as far as they can be run without GitHub."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.sounds import write

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    page = (ROOT / "docs" / "encoder-ci.md").read_text()
    workflow = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL).group(1))
    assert set(workflow) == {"name", True, "jobs"}  # YAML 1.1 reads `on` as true
    (step,) = [step for step in workflow["jobs"]["compare"]["steps"] if "deepaq" in step.get("uses", "")]
    given = set(step["with"])
    assert given <= set(ACTION["inputs"])
    assert {name for name, kind in ACTION["inputs"].items() if kind.get("required")} <= given


def test_every_expression_of_the_action_names_an_input() -> None:
    named = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", (ROOT / "action.yml").read_text()))
    assert named == set(ACTION["inputs"])
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]  # a value must not become part of a script


@pytest.mark.parametrize(("noise", "code"), [(0.001, 0), (0.03, 1)])
def test_the_steps_of_the_action_compare_and_fail(tmp_path: Path, noise: float, code: int) -> None:
    rng = np.random.default_rng(0)
    for number in range(4):
        clean = 0.1 * rng.standard_normal((44_100, 2))
        for name, amount in (("clean files", 0), ("old", 0.001), ("new", noise)):
            write(tmp_path / name / f"{number}.wav", clean + amount * rng.standard_normal(clean.shape), 44_100)
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "compare"]
    values = {"ORIGINALS": "clean files", "BUILD": "new", "AGAINST": "old", "BASELINE": ""}
    values |= {"MAX_DROP": ACTION["inputs"]["max-drop"]["default"], "MAX_WORST_DROP": "4"}
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    program = tmp_path / "bin" / "deepaq"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from deepaq.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | values | files | {"PATH": path, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        ["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == code, run.stderr
    assert (tmp_path / "output").read_text() == "markdown=deepaq.md\n"
    assert "| mean change |" in (tmp_path / "summary").read_text()
    assert (tmp_path / "deepaq.html").is_file()
