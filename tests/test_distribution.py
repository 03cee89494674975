"""The wheel and the sdist contain the code, data and licences, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import licences

ROOT = Path(__file__).parents[1]
PACKAGES = ("deepaq", "manifests", "prep", "labels", "training")
# The backend changes sys.argv.
_BUILD = "import sys, setuptools.build_meta as m; out = sys.argv[1]; m.build_wheel(out); m.build_sdist(out)"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built from a copy of the tracked files."""
    pytest.importorskip("setuptools", "77", reason="building without network needs setuptools 77 or newer")
    folder = tmp_path_factory.mktemp("dist")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if tracked.returncode:
        pytest.skip("not in a clone, so the project's files are unknown")
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-c", _BUILD, str(folder)]
    subprocess.run(command, cwd=folder / "source", capture_output=True, check=True)
    return folder


def test_the_wheel_contains_code_data_and_licences_only(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, info}
    wanted = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    wanted |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "training" / "recipes").glob("*.toml")}
    wanted |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "labels" / "benchmark").glob("*.csv")}
    models = (
        "core/model.json",
        "compact/model.json",
        "compact/model.safetensors",
        "clip/model.json",
        "clip/model.safetensors",
        "clip/SHA256SUMS",
        "core/SHA256SUMS",
        "compact/SHA256SUMS",
    )
    wanted |= {f"deepaq/models/{name}" for name in models}
    wanted |= {"deepaq/py.typed", f"{info}/licenses/LICENSE", f"{info}/licenses/THIRD_PARTY_LICENSES.md"}
    assert wanted <= names
    assert {name for name in names - wanted if not name.startswith(f"{info}/")} <= {
        f"deepaq/models/{model}/README.md" for model in ("core", "clip", "compact")
    }


def test_the_sdist_contains_what_a_build_needs(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY_LICENSES.md", "deepaq/py.typed"} <= names
    assert {"deepaq/models/compact/model.safetensors", "training/recipes/compact.toml"} <= names


def test_a_users_folder_called_training_does_not_shadow_anything(tmp_path: Path) -> None:
    for package in PACKAGES[1:]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    code = "import deepaq; deepaq.load(); import sys; print(sorted(set(sys.modules) & {'training', 'prep', 'labels'}))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout.strip()) == (0, "[]"), result.stderr


def test_third_party_licences_list_every_requirement_at_its_pinned_version() -> None:
    text = (ROOT / "THIRD_PARTY_LICENSES.md").read_text()
    listed = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][extra] for extra in licences.EXTRAS]
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    for line in [*project["dependencies"], *(line for extra in extras for line in extra)]:
        name = canonicalize_name(Requirement(line).name)
        assert name in listed, f"{name}: run `python tests/licences.py > THIRD_PARTY_LICENSES.md`"
        assert listed[name] in {pinned.get(name), "not installed"}, name
