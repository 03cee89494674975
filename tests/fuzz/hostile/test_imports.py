"""Hostile listening tests: no import reads or writes outside the given folders or fails but with a clear line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from labels.cli import main
from tests.fuzz.hostile.datasets import SECRET
from tests.fuzz.hostile.guard import guarded
from tests.fuzz.hostile.imports import CASES
from tests.fuzz.hostile.outcome import check, contents
from tests.labels.listening.listening_layouts import LAYOUTS, odaq_xml
from tests.sounds import write

BUILDERS = {**LAYOUTS, "odaq-xml": odaq_xml}
LEVEL = 0.707  # of the secret sound, which is as constant as no music


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Folder of every test, and the path in it that the import is given."""
    root, found = tmp_path_factory.mktemp("sound"), {}
    for name in sorted({name for name, _ in CASES.values()}):
        folder = root / name
        folder.mkdir()
        found[name] = (folder, BUILDERS[name](folder).relative_to(folder))
    return found


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """What no import may read, unchanged at the end."""
    folder = tmp_path / "outside"
    for name in ("secret.wav", "reference.wav", "folder/harp/reference.wav", "folder/reference.wav", "folder/LP70.wav"):
        write(folder / name, np.full((24_000, 2), LEVEL, np.float32), 24_000)
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.yaml").write_text(SECRET)
    before = contents(folder)
    yield folder
    assert contents(folder) == before


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_listening_test_does_no_harm(
    name: str, sound: dict[str, tuple[Path, Path]], outside: Path, tmp_path: Path
) -> None:
    layout, change = CASES[name]
    folder, given = sound[layout]
    shutil.copytree(folder, tmp_path / "in")
    change(tmp_path / "in")
    out = tmp_path / "out"
    command = ["import", layout.removesuffix("-xml"), str(tmp_path / "in" / given), "--out", str(out), "--jobs", "1"]
    for options in (["--dry-run"], ["--quiet"]):
        with guarded(outside):
            result = CliRunner().invoke(main, [*command, *options])
        check(result, [*command, *options])
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "outside", "out"}
    for path in out.rglob("*.flac"):
        assert abs(soundfile.read(path)[0]).mean() < 0.9 * LEVEL, f"{path}: is the secret sound"
    assert not any(SECRET.encode() in content for content in contents(out).values())


def test_the_guard_sees_what_is_read_outside(outside: Path) -> None:
    with pytest.raises(AssertionError, match=r"secret\.txt"), guarded(outside):
        (outside / "secret.txt").read_text()
