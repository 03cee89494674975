"""Packages that add parts: built, installed into a throwaway environment, used by every command, removed again.

The good one is that of docs/extending.md; the broken one lies beside this file.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from manifests.schema import TableSpec
from tests.sounds import music, write
from tests.test_docs import blocks
from tests.throwaway import environment

BROKEN = Path(__file__).with_name("broken")
OURS = {"my-parts": "1.0"}

pytestmark = pytest.mark.xdist_group("plugins")


# Runs command lines in one process, which imports what they need once.
RUNNER = """
import json, sys
from importlib import import_module
from click.testing import CliRunner
for line in json.load(sys.stdin):
    program, *arguments = line.split()
    done = CliRunner().invoke(import_module(f"{program}.cli").main, arguments)
    unexpected = "" if isinstance(done.exception, (SystemExit, type(None))) else repr(done.exception)
    print(json.dumps([done.exit_code, done.stdout, done.stderr + unexpected]))
"""


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> Any:
        """What a command that succeeded printed as JSON."""
        assert self.code == 0, self.stderr
        return json.loads(self.stdout.splitlines()[-1])

    @property
    def error(self) -> str:
        """The one line of a command that ended with 2."""
        assert self.code == 2, self.stdout + self.stderr
        (line,) = (line for line in self.stderr.splitlines() if line.startswith("error: "))
        return line


class Place:
    """A user's folder and the throwaway environment to work in."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "user"
        self.folder.mkdir()
        self.variables = environment(root / "environment", root / "cache")

    def run(self, *command: str, stdin: str | None = None) -> Done:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.variables,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def many(self, *lines: str) -> list[Done]:
        """Run command lines in turn."""
        done = self.run("python", "-c", RUNNER, stdin=json.dumps(lines))
        assert done.code == 0, done.stderr
        return [Done(*json.loads(line)) for line in done.stdout.splitlines()]

    def pip(self, line: str) -> None:
        done = self.run("pip", *line.split())
        assert done.code == 0, done.stdout + done.stderr

    def tools(self, spec: TableSpec, rater: str | None = None, data: str = "data") -> dict[str, str]:
        """The tools that a table's first fragment names."""
        found: dict[str, str] = read_footer(fragments(Dataset(self.folder / data).folder(spec, rater))[0])["tools"]
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two short tracks, and the package of docs/extending.md installed, its codec trained on as little as will do."""
    pytest.importorskip("setuptools", "77", reason="building without network needs setuptools 77 or newer")
    root = tmp_path_factory.mktemp("plugins")
    place = Place(root)
    for block in blocks("docs/extending.md"):
        if path := block.option("new"):
            (root / "package" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "package" / path).write_text(block.text)
    codebooks = (
        np.random.default_rng(0).normal(0, 1, (4, 32, 256, 8)) * np.array([1, 0.3, 0.1, 0.03])[:, None, None, None]
    )
    np.save(root / "package" / "my_parts" / "codebooks.npy", codebooks.astype(np.float32))
    for number in range(2):
        write(place.folder / "music" / f"{number}.flac", music(6, number))
    (place.folder / "music" / "album.txt").write_text("train\t0.flac\nvalid\t1.flac\n")
    place.pip(f"install --no-deps {root / 'package'}")
    yield place
    place.pip("uninstall --yes my-parts")


@pytest.fixture(scope="module")
def made(place: Place) -> dict[str, Any]:
    """The result of a run with two worker processes in which a corpus, two codecs and a distortion of the package work.

    Then the rater of the package and ViSQOL, in two processes each.
    """
    lines = (
        f"{TRANSCODE} --codecs mp2,vq --bitrates 96 --distortions wow-3 --jobs 2 --json",
        "labels rate data --rater crest --jobs 2 --json",
        "labels visqol data --jobs 2 --json",
    )
    transcoded, rated, _ = (done.result for done in place.many(*lines))
    return {"transcoded": transcoded, "rated": rated}


TRANSCODE = "prep transcode music --out data --clip 2"
LISTS = {
    "prep codecs": ("mp2", "vq"),
    "prep distortions": ("wow",),
    "prep corpora": ("album",),
    "labels raters": ("crest",),
    "labels formats": ("simple",),
    "training backbones": ("loudness",),
}


def test_every_list_shows_where_a_part_comes_from(place: Place) -> None:
    lists = place.many(*(f"{command} --json" for command in LISTS))
    for names, done in zip(LISTS.values(), lists, strict=True):
        origins = {name: facts["from"] for name, facts in done.result.items()}
        assert {name for name, origin in origins.items() if origin == "my-parts 1.0"} == set(names)
        assert set(origins.values()) == {"my-parts 1.0", "built-in"}
        assert all(done.result[name]["here"] == "yes" for name in names)


def test_parts_of_prep_work_in_worker_processes_and_are_recorded(place: Place, made: dict[str, Any]) -> None:
    counts = made["transcoded"]
    assert (counts["references"], counts["ok"], counts["failed"]) == (6, 18, 0)
    rows = Dataset(place.folder / "data").degraded().to_pylist()
    coded = [row for row in rows if row["codec"] == "vq"]
    assert {round(row["actual_kbps"], 1) for row in coded} == {97.0}  # 188 blocks of 129 bytes in 2 s
    assert {row["encoder"].partition(" (")[0] for row in coded} == {"VectorQuantiser"}
    for spec in (schema.TRACKS, schema.DEGRADED):
        assert OURS.items() <= place.tools(spec).items()
    tracks = Dataset(place.folder / "data").tracks().to_pylist()
    assert {(row["corpus"], row["split"]) for row in tracks} == {("album", "train"), ("album", "valid")}


# A cluster of one worker process, for one command line.
ON_A_CLUSTER = """
import sys
from click.testing import CliRunner
from distributed import LocalCluster
from prep.cli import main
with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
    done = CliRunner().invoke(main, [*sys.argv[1:], "--dask", cluster.scheduler_address])
print(done.stdout.splitlines()[-1] if done.exit_code == 0 else done.stderr + repr(done.exception))
"""


def test_parts_work_on_a_cluster(place: Place) -> None:
    pytest.importorskip("distributed")
    line = "transcode music/0.flac --out far --codecs vq --bitrates 48 --distortions wow-3 --clip 2 --json"
    done = place.run("python", "-c", ON_A_CLUSTER, *line.split())
    assert done.code == 0, done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert (counts["references"], counts["ok"], counts["failed"]) == (3, 6, 0)


def test_a_rater_rates_in_worker_processes_and_is_recorded(place: Place, made: dict[str, Any]) -> None:
    assert (made["rated"]["labelled"], made["rated"]["failed"]) == (18, 0)
    assert OURS.items() <= place.tools(schema.LABELS, "crest").items()
    assert "my-parts" not in place.tools(schema.LABELS, "visqol")


def test_built_in_parts_record_no_package(place: Place) -> None:
    (done,) = place.many("prep transcode music/0.flac --out plain --codecs mp3 --bitrates 64 --clip 2 --json")
    assert done.result["ok"] == 3
    for spec in (schema.TRACKS, schema.DEGRADED):
        assert "my-parts" not in place.tools(spec, data="plain")


def test_a_listening_test_is_imported_and_recorded(place: Place) -> None:
    lines = ["item,system,score"]
    for system, score in (("reference", 98), ("codec", 60), ("anchor35", 12)):
        write(place.folder / "test" / "violin" / f"{system}.wav", music(1, score))
        lines.append(f"violin,{system},{score}")
    (place.folder / "test" / "scores.csv").write_text("\n".join(lines))
    (done,) = place.many("labels import simple test --out heard --jobs 1 --json")
    assert (done.result["ok"], done.result["ratings"]) == (3, 3)
    for spec, rater in ((schema.DEGRADED, None), (schema.LABELS, "listeners")):
        assert OURS.items() <= place.tools(spec, rater, "heard").items()


def test_a_backbone_is_trained_recorded_and_scores(place: Place, made: dict[str, Any]) -> None:
    shutil.copy(place.folder.parent / "package" / "loudness.toml", place.folder)
    fitted, scored = place.many(
        "training fit data --out run --recipe loudness.toml -o max_steps=2 --json",
        "deepaq score --model run music/0.flac music/0.flac --json",
    )
    assert fitted.result["steps"] == 2
    model = json.loads((place.folder / "run" / "model.json").read_text())
    assert model["backbone"] == "loudness"
    assert OURS.items() <= model["info"]["provenance"]["tools"].items()
    assert scored.result[0]["distance"] == 0


@pytest.fixture
def broken(place: Place, tmp_path: Path) -> Iterator[Place]:
    """The same with the broken package beside the good one."""
    place.pip(f"install --no-deps {shutil.copytree(BROKEN, tmp_path / 'broken')}")
    yield place
    place.pip("uninstall --yes broken-parts")


ASKED = {
    f"{TRANSCODE} --codecs absent": "codec absent: cannot be imported (AttributeError: ",
    f"{TRANSCODE} --codecs number": "codec number: does not keep the contract (is neither a prep.coding.codecs.Codec",
    f"{TRANSCODE} --codecs opus": "codec opus: broken-parts 0.1 and deepaq itself have one of that name",
    f"{TRANSCODE} --codecs none --distortions absent": "distortion absent: cannot be imported (ModuleNotFoundError: ",
    f"{TRANSCODE} --codecs mp3 --corpus number": "corpus number: does not keep the contract (is not a subclass of ",
    "labels rate data --rater abstract": "rater abstract: does not keep the contract (is not a subclass of ",
    "labels rate data --rater lsd": "rater lsd: broken-parts 0.1 and deepaq itself have one of that name",
    "labels import absent music --out heard": "listening test absent: cannot be imported (ModuleNotFoundError: ",
    "training fit data --out new --recipe broken.toml": "backbone number: does not keep the contract (is not a sub",
}
UNTOUCHED = (
    f"{TRANSCODE} --codecs mp2,vq --bitrates 96 --distortions wow-3 --json",
    "labels rate data --rater crest --json",
    "prep transcode music/0.flac --out others --codecs mp3 --bitrates 64 --clip 2 --json",
    "prep codecs --json",
)


def test_a_broken_package_is_one_line_for_whoever_asks_for_it_and_nothing_for_others(
    broken: Place, made: dict[str, Any]
) -> None:
    (broken.folder / "broken.toml").write_text('[backbone]\nname = "number"\n')
    (broken.folder / "others").mkdir()
    for (command, line), done in zip(ASKED.items(), broken.many(*ASKED), strict=True):
        assert done.error.startswith(f"error: {line}"), command
        assert "broken-parts 0.1" in done.error
    transcoded, rated, others, codecs = (done.result for done in broken.many(*UNTOUCHED))
    assert (transcoded["ok"], transcoded["failed"], transcoded["audio_seconds"]) == (18, 0, 0)
    assert (rated["labelled"], rated["failed"]) == (18, 0)
    assert (others["ok"], others["failed"]) == (3, 0)
    assert codecs["opus"]["from"] == "built-in and broken-parts 0.1"
    assert codecs["absent"]["here"].endswith("; update or uninstall broken-parts 0.1")
    assert codecs["vq"]["here"] == codecs["mp3"]["here"] == "yes"


def test_what_a_part_raises_while_it_works_is_a_failed_row(broken: Place) -> None:
    line = (
        "prep transcode music/0.flac --out failing --clip 2 --bitrates 64 --codecs raising,mp3 --distortions raising-2"
    )
    (done,) = broken.many(f"{line} --json")
    assert done.code == 1
    found = json.loads(done.stdout)
    assert (found["ok"], found["failed"]) == (3, 6)
    errors = {row["error"] for row in Dataset(broken.folder / "failing").degraded().to_pylist()} - {None}
    assert errors == {
        "raising: ZeroDivisionError: on purpose",
        "distortion raising of broken-parts 0.1 failed (KeyError: 'on purpose')",
    }


def test_without_the_package_its_names_are_unknown(tmp_path: Path) -> None:
    place = Place(tmp_path)
    write(place.folder / "music" / "a.wav", music(2))
    listed, asked = place.many("prep codecs --json", f"{TRANSCODE} --codecs vq")
    assert "vq" not in listed.result
    assert "--codecs vq: unknown codec" in asked.error
