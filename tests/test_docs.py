"""Runs the documentation: every console and Python block, in order, in a folder like a user's."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prep.synth import compose
from tests import warm
from tests.conftest import ROOT
from tests.pages import PAGES, blocks
from tests.sounds import write

SHOWN = ("text", "toml", "yaml", "bibtex", "csv", "javascript", "cpp")  # languages of blocks that are output or data
# Lines that no test can run: they get the project itself, need an engine or a cluster, or train for long.
ELSEWHERE = ("git ", "python3 -m venv", ". .venv", "pip install", "docker ", "docker/", "torchrun ", "make ", "cd ")


def environment(folder: Path) -> dict[str, str]:
    """Environment with the commands of this installation, `--jobs 1` as the default and caches in `folder`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "DEEPAQ_CACHE": str(folder / ".cache"),
        "LOKY_MAX_CPU_COUNT": "1",
    }


def shortened(text: str) -> str:
    """Leave out lines that no test can run, train only a few steps, and take a port that is free for 8799."""
    lines = [line for line in text.splitlines() if not line.startswith(ELSEWHERE)]
    small = "training fit -o max_steps=2 -o epoch_steps=2 -o evaluation.clips=2 -o data.clips=2 -o data.versions=4"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    return "\n".join(re.sub("^training fit", small, line).replace("8799", port) for line in lines)


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables under which the commands of this installation run at once."""
    place = tmp_path_factory.mktemp("commands")
    with warm.commands(place / "warm", environment(place)) as variables:
        yield variables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: music of both splits, a pair of files and two folders to compare."""
    from manifests.ids import track_id
    from manifests.split import VALID, split_of

    folder = tmp_path_factory.mktemp("user")
    wanted = {True: 1, False: 2}
    for number in itertools.count():
        path = write(folder / "spare.flac", compose(5, 4, number))
        held_out = split_of(track_id(path)) == VALID
        if wanted[held_out]:
            wanted[held_out] -= 1
            (folder / "music").mkdir(exist_ok=True)
            path.rename(folder / "music" / f"track{number}.flac")
        if not any(wanted.values()):
            break
    (folder / "spare.flac").unlink(missing_ok=True)
    track = sorted((folder / "music").iterdir())[0]
    shutil.copy(track, folder / "reference.flac")
    for number, name in enumerate("abc"):
        sound = compose(5, 2, 97 + number)
        write(folder / "originals" / f"{name}.flac", sound)
        for build in ("coded", "old", "new", "build-a", "build-b"):
            write(folder / build / f"{name}.wav", sound)
    from prep.coding import ffmpeg

    assert ffmpeg.run(["-i", str(track), "-b:a", "64k", str(folder / "degraded.mp3")], 60) is None
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/extending.md"])
@pytest.mark.xdist_group("docs")
def test_every_block_of_a_page_runs(page: str, folder: Path, variables: dict[str, str], tmp_path: Path) -> None:
    """The folder `data` is handed on: what an earlier page has done in it is not done anew."""
    user = shutil.copytree(folder, tmp_path / "user")
    for block in blocks(page):
        assert block.language in ("console", "python", *SHOWN), f"{page}: a block without a known language"
        if block.option("file"):
            (user / str(block.option("file"))).write_text(block.text)
            continue
        if block.language == "console" and (text := shortened(block.text)).strip():
            block.saying(text).run(user, variables)
        elif block.language == "python":
            block.run(user, variables)
    if (user / "data").exists() and not (folder / "data").exists():
        shutil.copytree(user / "data", folder / "data")


def test_the_readme_begins_with_what_the_commands_print(variables: dict[str, str], tmp_path: Path) -> None:
    """MOS and distance to .02: encoders round differently on other processors."""
    found = blocks("README.md")
    shown = found[0].text.splitlines()
    makes = next(block for block in found if block.text.startswith("prep synth"))
    script = f"{makes.text}\n{shown[0].removeprefix('$ ')} > printed"
    makes.saying(script).run(tmp_path, variables)
    printed = [line.split("\t") for line in (tmp_path / "printed").read_text().splitlines()]
    expected = [line.split() for line in shown[1:]]
    assert [name for *_, name in printed] == [name for *_, name in expected]
    for ours, theirs in zip(printed, expected, strict=True):
        assert [float(each) for each in ours[:2]] == pytest.approx([float(each) for each in theirs[:2]], abs=0.02)


def test_targets_scripts_and_recipes_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for block in blocks(page):
            if block.language == "console":
                for name in re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE):
                    assert name in targets, f"{page}: make {name}"
                scripts = re.findall(r"-m (tests\.bench\.\w+)", block.text)
                paths = re.findall(r"(?:tests/bench|docker)/[\w./-]+", block.text)
                for path in [*paths, *(f"{script.replace('.', '/')}.py" for script in scripts)]:
                    assert (ROOT / path).exists(), f"{page}: {path}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
            if "://" not in target:
                assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_the_command_reference_is_what_the_commands_say() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from reference import TARGET, reference
    finally:
        sys.path.pop(0)
    assert TARGET.read_text() == reference(), "run: python docs/reference.py"
