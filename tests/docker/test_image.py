"""The image built by docker/test.sh: its settings, and that it makes the same data as a run outside.

Skipped unless docker/test.sh names the image and the engine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from manifests.dataset import Dataset
from manifests.diff import diff
from manifests.fragment import fragments, read_footer
from tests.docker.conftest import AMOUNT, IMAGE, engine, needs_image

pytestmark = needs_image


def inside(command: Sequence[str], folder: Path | None = None) -> str:
    """Run a command in the image without network or capabilities, with a read-only root file system, as its user."""
    options = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
    options += [option for key, value in AMOUNT.items() for option in ("-e", f"{key}={value}")]
    if folder:
        options += ["-v", f"{folder}:/data"]
    return engine("run", *options, IMAGE, *command)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `reproduce.sh --quick` made inside the image."""
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o777)  # the user inside the image is another one
    inside(["reproduce.sh", "--quick", "/data/out"], folder)
    return folder / "out"


def test_the_image_reports_its_health() -> None:
    image: dict[str, Any] = json.loads(engine("image", "inspect", IMAGE))[0]
    config = image["Config"]
    health = config.get("Healthcheck") or image["Healthcheck"]  # Docker and podman keep it in different places
    assert health["Test"] == ["CMD", "deepaq", "info"]
    assert config["User"] == "deepaq"
    found = json.loads(inside(["deepaq", "info", "--json"]))
    assert found["backbone"] == "compact"


def test_it_runs_as_an_unprivileged_user_and_holds_no_secrets() -> None:
    script = [
        "id -u",
        "test -w /opt/deepaq || echo sealed",
        "command -v g++ || echo no compiler",
        "for file in /etc/pip.conf ~/.netrc ~/.config/pip/pip.conf; do test -s $file && echo $file; done; true",
    ]
    shown = inside(["sh", "-c", "; ".join(script)]).splitlines()
    assert shown == ["1000", "sealed", "no compiler"]


def test_quick_reproduction_ends_in_a_metric_and_a_benchmark_page(reproduced: Path) -> None:
    assert (reproduced / "runs" / "compact" / "model.json").is_file()
    report = json.loads((reproduced / "benchmark" / "report.json").read_text())
    assert [test["name"] for test in report["tests"]] == ["visqol-as-listener"]
    assert "deepaq-fr" in (reproduced / "benchmark" / "report.html").read_text()
    assert report["errors"] == []


def test_the_tables_name_the_image_that_made_them(reproduced: Path) -> None:
    digest = inside(["cat", "/opt/deepaq/image-digest"]).strip()
    assert len(digest) == 64
    images = {read_footer(path)["environment"]["image"] for path in fragments(reproduced / "dataset")}
    assert images == {digest}


def test_rows_and_mos_equal_those_of_a_run_outside(reproduced: Path, outside: Path) -> None:
    found = diff(Dataset(outside), Dataset(reproduced / "dataset"))
    assert found["same_content"], found
    assert found["values"]["visqol"]["common"] == found["tables"]["degraded"]["rows_a"] > 100
    print("outside and inside:", json.dumps(found["tables"]), json.dumps(found["values"]))


def test_a_rerun_makes_nothing_twice(reproduced: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (reproduced / "dataset").rglob("*") if path.is_file()}
    model = (reproduced / "runs" / "compact" / "model.json").stat().st_mtime_ns
    inside(["reproduce.sh", "--quick", "/data/out"], reproduced.parent)
    assert {path: path.stat().st_mtime_ns for path in (reproduced / "dataset").rglob("*") if path.is_file()} == before
    assert (reproduced / "runs" / "compact" / "model.json").stat().st_mtime_ns == model
