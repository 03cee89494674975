"""Runs the documentation: every console and Python block, in order, in a folder like a user's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from prep.synth import compose
from tests import throwaway
from tests.conftest import ROOT
from tests.sounds import write

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]
SHOWN = ("text", "toml", "yaml", "bibtex", "csv")  # languages of blocks that are output or data
# Lines that no test can run: they get the project itself, need an engine or a cluster, or train for long.
ELSEWHERE = ("git ", "python3 -m venv", ". .venv", "pip install", "docker ", "docker/", "torchrun ", "make ", "cd ")


@dataclass(frozen=True)
class Block:
    page: str
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info else ""

    def option(self, name: str) -> str | None:
        found = re.search(rf'{name}=(?:"([^"]*)"|(\S+))', self.info)
        return found and (found[1] or found[2])


def blocks(page: str) -> list[Block]:
    return [Block(page, info.strip(), text) for info, text in FENCE.findall((ROOT / page).read_text())]


def environment(root: Path, folder: Path) -> dict[str, str]:
    """Environment with the commands of this installation, the packages of `root` first and caches in `folder`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(root), "DEEPAQ_CACHE": str(folder / ".cache")}


def run(command: list[str], folder: Path, root: Path, block: Block, variables: dict[str, str] | None = None) -> None:
    variables = variables or environment(root, folder)
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block.page}:\n{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def shortened(text: str) -> str:
    """Leave out lines that no test can run, and train only a few steps."""
    lines = [line for line in text.splitlines() if not line.startswith(ELSEWHERE)]
    small = "training fit -o max_steps=4 -o epoch_steps=4 -o evaluation.clips=2 -o data.clips=2"
    return "\n".join(re.sub("^training fit", small, line) for line in lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: music of both splits, a pair of files and two folders to compare."""
    from manifests.ids import track_id
    from manifests.split import VALID, split_of

    folder = tmp_path_factory.mktemp("user")
    wanted = {True: 2, False: 2}
    for number in range(40):
        path = write(folder / "spare.flac", compose(5, 4, number))
        held_out = split_of(track_id(path)) == VALID
        if wanted[held_out]:
            wanted[held_out] -= 1
            (folder / "music").mkdir(exist_ok=True)
            path.rename(folder / "music" / f"track{number}.flac")
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
def test_every_block_of_a_page_runs(page: str, folder: Path, tmp_path: Path) -> None:
    user = shutil.copytree(folder, tmp_path / "user")
    for block in blocks(page):
        assert block.language in ("console", "python", *SHOWN), f"{page}: a block without a known language"
        if block.option("file"):
            (user / str(block.option("file"))).write_text(block.text)
            continue
        if block.language == "console" and (text := shortened(block.text)).strip():
            run(["bash", "-euo", "pipefail", "-c", text], user, ROOT, block)
        elif block.language == "python":
            run([sys.executable, "-c", block.text], user, ROOT, block)


def test_the_readme_begins_with_what_the_commands_print(tmp_path: Path) -> None:
    """MOS and distance to .02: encoders round differently on other processors."""
    found = blocks("README.md")
    shown = found[0].text.splitlines()
    makes = next(block for block in found if block.text.startswith("prep synth"))
    script = f"{makes.text}\n{shown[0].removeprefix('$ ')} > printed"
    run(["bash", "-euo", "pipefail", "-c", script], tmp_path, ROOT, makes)
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
                for path in re.findall(r"(?:tests/bench|docker)/[\w./-]+", block.text):
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


def test_the_page_about_parts_of_ones_own_is_followed_from_scratch(tmp_path: Path) -> None:
    """Writes the package, trains, installs, uses, tests and uninstalls it exactly as the page says."""
    pytest.importorskip("setuptools", "77", reason="building without network needs setuptools 77 or newer")
    variables = throwaway.environment(tmp_path / "environment", tmp_path / "cache")
    user = tmp_path / "user"
    for block in blocks("docs/extending.md"):
        if path := block.option("new"):
            (user / path).parent.mkdir(parents=True, exist_ok=True)
            (user / path).write_text(block.text)
        elif block.language == "console":
            run(["bash", "-euo", "pipefail", "-c", block.text], user, ROOT, block, variables)
