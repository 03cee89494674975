"""Run docker/compose.yaml: every service over one volume, with prep and labels on the workers."""

from __future__ import annotations

import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.check import problems
from manifests.dataset import Dataset
from manifests.diff import diff
from tests.conftest import ROOT
from tests.docker.conftest import AMOUNT, ENGINE, IMAGE, engine, needs_image, run

COMPOSE = os.environ.get("DEEPAQ_TEST_COMPOSE", "").split()
PROJECT = "deepaq-test"
FILES = ["docker/compose.yaml", "tests/docker/compose.test.yaml"]
if ENGINE == "podman":
    FILES.append("tests/docker/compose.host.yaml")
WORKERS, STEPS = 7700, 1000  # groups of the files made by workers and by the containers of the steps

pytestmark = [needs_image, pytest.mark.skipif(not COMPOSE, reason="needs docker compose or podman-compose")]


def compose(*arguments: str) -> str:
    files = [part for name in FILES for part in ("-f", str(ROOT / name))]
    return run([*COMPOSE, "-p", PROJECT, *files, *arguments], **AMOUNT, IMAGE=IMAGE, QUICK="1")


def containers(service: str) -> list[str]:
    labels = [f"label=com.docker.compose.project={PROJECT}", f"label=com.docker.compose.service={service}"]
    return engine("ps", "-aq", *(part for label in labels for part in ("--filter", label))).split()


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tarfile.TarFile]:
    """The content of the volume after the last service has ended."""
    archive = tmp_path_factory.mktemp("volume") / "volume.tar"
    try:
        if ENGINE == "docker":
            compose("run", "--rm", "benchmark")
        else:  # podman 4 does not start chains of dependencies: run the services one by one
            compose("up", "-d", "scheduler", "worker")
            for step in ("prep", "labels", "training", "benchmark"):
                compose("run", "--rm", "--no-deps", step)
        assert len(containers("worker")) == 2
        folder = archive.parent
        folder.chmod(0o777)
        copy = ["tar", "--create", "--directory", "/data", "--file", f"/out/{archive.name}", "out"]
        engine(
            "run", "--rm", "--network", "none", "-v", f"{PROJECT}_data:/data:ro", "-v", f"{folder}:/out", IMAGE, *copy
        )
        with tarfile.open(archive) as opened:
            yield opened
    finally:
        compose("down", "--volumes")


@pytest.fixture(scope="module")
def out(volume: tarfile.TarFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("composed")
    volume.extractall(folder, filter="data")
    return folder / "out"


def test_the_services_end_in_a_metric_and_a_benchmark_page(out: Path) -> None:
    assert (out / "runs" / "compact" / "model.json").is_file()
    report = json.loads((out / "benchmark" / "report.json").read_text())
    assert [test["name"] for test in report["tests"]] == ["visqol-as-listener"]
    assert report["errors"] == []
    assert "deepaq-fr" in (out / "benchmark" / "report.html").read_text()


def test_rows_and_mos_equal_those_of_a_run_outside(out: Path, outside: Path) -> None:
    assert list(problems(Dataset(out / "dataset"), deep=True)) == []
    found = diff(Dataset(outside), Dataset(out / "dataset"))
    assert found["same_content"], found
    assert found["values"]["visqol"]["common"] == found["tables"]["degraded"]["rows_a"] > 100


def test_the_workers_made_all_clips_and_labels(volume: tarfile.TarFile) -> None:
    made: dict[str, Counter[int]] = {}
    for member in volume:
        parts = Path(member.name).parts
        if member.isfile() and parts[1] == "dataset" and not parts[-1].startswith("."):
            made.setdefault("/".join(parts[2:4][: 2 if parts[2] == "audio" else 1]), Counter())[member.gid] += 1
    for folder in ("audio/references", "audio/degraded", "references", "degraded", "labels"):
        assert set(made[folder]) == {WORKERS}, f"{folder}: {made[folder]}"
