"""The files of docker/, checked without building or running them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"


def test_every_copied_path_exists_and_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in (DOCKER / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY") and "--from" not in line:
            for source in [word for word in line.split()[1:-1] if not word.startswith("--")]:
                optional = source.endswith("*")  # the lock, which fits one platform
                assert optional or (ROOT / source).exists(), source
                assert source in allowed or any(fnmatch(name, source) for name in allowed), (
                    f"{source} is hidden from the builder by .dockerignore"
                )


def test_the_image_is_pinned_and_runs_without_rights() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=python:3\.11-slim-bookworm$", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${BASE}", "${BASE}"]
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["deepaq"]
    assert "--constraint constraints.txt" in text
    assert "HEALTHCHECK" in text.split("USER deepaq")[1]


def test_compose_passes_every_build_argument() -> None:
    taken = set(re.findall(r"^ARG (\w+)=", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))
    for service in yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"].values():
        assert set(service["build"]["args"]) == taken - {"BASE"}


def test_gpus_are_reserved_for_existing_services_and_for_training() -> None:
    services = yaml.safe_load((DOCKER / "compose.cuda.yaml").read_text())["services"]
    assert set(services) <= set(yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"])
    assert "training" in services


def test_requirements_equal_those_of_the_package() -> None:
    script = [sys.executable, DOCKER / "requirements.py", "all", "dask"]
    shown = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert extras["all"] == ["deepaq[prep,labels,train]"]
    wanted = [
        *project["dependencies"],
        *(line for name in ("prep", "labels", "train", "dask") for line in extras[name]),
    ]
    assert len(shown) == len(set(shown))
    assert set(shown) == set(wanted)


def test_services_run_the_steps_of_reproduce_in_order() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    steps = [step for service in services.values() for step in service.get("environment", {}).get("STEPS", "").split()]
    script = (DOCKER / "reproduce.sh").read_text()
    assert steps == re.findall(r"^if wanted (\w+)", script, re.MULTILINE)
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert set(service.get("depends_on", {})) <= set(services)
    assert services["labels"]["environment"]["DASK"] == "tcp://scheduler:8786"


def test_reproduce_without_arguments_prints_its_usage() -> None:
    result = subprocess.run(["bash", DOCKER / "reproduce.sh"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "reproduce.sh MUSIC OUT" in result.stderr
    assert "reproduce.sh --quick OUT" in result.stderr
