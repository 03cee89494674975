"""The image that docker/test.sh has built: what it is, and that it makes what a run outside of it makes.

Without that script, which names the image and the engine, all of this is skipped.
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
    """Run in the image: no network, no capability, root file system read-only, as its own user."""
    options = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
    options += [option for key, value in AMOUNT.items() for option in ("-e", f"{key}={value}")]
    if folder:
        options += ["-v", f"{folder}:/data"]
    return engine("run", *options, IMAGE, *command)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `reproduce.sh --quick` made inside."""
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o777)  # the image's user is not the one who runs this
    inside(["reproduce.sh", "--quick", "/data/out"], folder)
    return folder / "out"


def test_the_image_says_of_itself_that_it_is_well() -> None:
    image: dict[str, Any] = json.loads(engine("image", "inspect", IMAGE))[0]
    config = image["Config"]
    health = config.get("Healthcheck") or image["Healthcheck"]  # Docker and podman have it in different places
    assert health["Test"] == ["CMD", "deepaq", "info"]
    assert config["User"] == "deepaq"
    found = json.loads(inside(["deepaq", "info", "--json"]))
    assert found["backbone"] == "compact"


def test_it_runs_as_a_user_without_rights_and_holds_no_secrets() -> None:
    script = [
        "id -u",
        "test -w /opt/deepaq || echo sealed",
        "command -v g++ || echo no compiler",
        "for file in /etc/pip.conf ~/.netrc ~/.config/pip/pip.conf; do test -s $file && echo $file; done; true",
    ]
    shown = inside(["sh", "-c", "; ".join(script)]).splitlines()
    assert shown == ["1000", "sealed", "no compiler"]


def test_quick_reproduction_ends_in_a_metric_and_a_benchmark_page(reproduced: Path) -> None:
    assert (reproduced / "run-compact" / "model.json").is_file()
    report = json.loads((reproduced / "benchmark" / "report.json").read_text())
    assert [test["name"] for test in report["tests"]] == ["visqol-as-listener"]
    assert "deepaq-fr" in (reproduced / "benchmark" / "report.html").read_text()
    assert report["errors"] == []


def test_the_tables_say_which_image_made_them(reproduced: Path) -> None:
    digest = inside(["cat", "/opt/deepaq/image-digest"]).strip()
    assert len(digest) == 64
    images = {read_footer(path)["environment"]["image"] for path in fragments(reproduced / "dataset")}
    assert images == {digest}


def test_rows_and_mos_are_those_of_a_run_outside(reproduced: Path, outside: Path) -> None:
    found = diff(Dataset(outside), Dataset(reproduced / "dataset"))
    assert found["same_content"], found
    assert found["values"]["visqol"]["common"] == found["tables"]["degraded"]["rows_a"] > 100
    print("outside and inside:", json.dumps(found["tables"]), json.dumps(found["values"]))


def test_run_again_nothing_is_made_twice(reproduced: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (reproduced / "dataset").rglob("*") if path.is_file()}
    model = (reproduced / "run-compact" / "model.json").stat().st_mtime_ns
    inside(["reproduce.sh", "--quick", "/data/out"], reproduced.parent)
    assert {path: path.stat().st_mtime_ns for path in (reproduced / "dataset").rglob("*") if path.is_file()} == before
    assert (reproduced / "run-compact" / "model.json").stat().st_mtime_ns == model
