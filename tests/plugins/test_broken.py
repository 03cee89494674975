"""A package with broken parts beside one that works: one line for whoever asks for them, and nothing for others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.dataset import Dataset
from tests.plugins.place import TRANSCODE, Place
from tests.plugins.test_parts import TRACK

BROKEN = Path(__file__).with_name("broken")
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

pytestmark = pytest.mark.xdist_group("plugins")


@pytest.fixture(scope="module")
def broken(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same with the broken package beside the good one."""
    place.pip(f"install --no-deps {shutil.copytree(BROKEN, tmp_path_factory.mktemp('broken') / 'package')}")
    (place.folder / "broken.toml").write_text('[backbone]\nname = "number"\n')
    yield place
    place.pip("uninstall --yes broken-parts")


@pytest.mark.parametrize(("command", "line"), ASKED.items(), ids=ASKED)
def test_a_broken_part_is_one_line_for_whoever_asks_for_it(broken: Place, command: str, line: str) -> None:
    error = broken.line(command).error
    assert error.startswith(f"error: {line}")
    assert "broken-parts 0.1" in error


def test_commands_that_need_no_broken_part_go_on(broken: Place) -> None:
    transcoded = broken.line(f"{TRANSCODE} --corpus album --codecs mp2,vq --bitrates 48,96 --distortions wow --json")
    assert (transcoded.result["ok"], transcoded.result["failed"], transcoded.result["audio_seconds"]) == (54, 0, 0)
    rated = broken.line("labels rate data --rater crest --json").result
    assert (rated["labelled"], rated["failed"]) == (54, 0)
    others = broken.line(f"prep transcode {TRACK} --out others --codecs mp3 --bitrates 64 --clip 5 --json").result
    assert (others["ok"], others["failed"]) == (2, 0)
    codecs = broken.line("prep codecs --json").result
    assert codecs["opus"]["from"] == "built-in and broken-parts 0.1"
    assert codecs["absent"]["here"].endswith("; update or uninstall broken-parts 0.1")
    assert codecs["vq"]["here"] == codecs["mp3"]["here"] == "yes"


def test_what_a_part_raises_while_it_works_is_a_failed_row(broken: Place) -> None:
    options = "--clip 5 --bitrates 64 --codecs raising,mp3 --distortions raising-2 --json"
    done = broken.line(f"prep transcode {TRACK} --out failing {options}")
    assert done.code == 1
    found = json.loads(done.stdout)
    assert (found["ok"], found["failed"]) == (2, 4)
    errors = {row["error"] for row in Dataset(broken.folder / "failing").degraded().to_pylist()} - {None}
    assert errors == {
        "raising: ZeroDivisionError: on purpose",
        "distortion raising of broken-parts 0.1 failed (KeyError: 'on purpose')",
    }
