"""Listening tests as an attacker would make them: small, sound tests in their layouts and named changes to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.hostile.datasets import ESCAPE, SCRIPT, both

Change = Callable[[Path], None]  # of the folder of a test, beside which `outside` lies
MANY = 200_000


def text(name: str, old: str, new: str | Callable[[Path], str], every: bool = False) -> Change:
    """Replace a piece of a text file, which must be there."""

    def change(root: Path) -> None:
        path = next(root.rglob(name))
        content, goal = path.read_text(), new if isinstance(new, str) else new(root)
        assert old in content, old
        path.write_text(content.replace(old, goal, -1 if every else 1))

    return change


def whole(name: str, content: str | bytes) -> Change:
    """Replace a file's content."""

    def change(root: Path) -> None:
        given = content(root) if callable(content) else content
        next(root.rglob(name)).write_bytes(
            given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass")
        )

    return change


def row(name: str, *cells: str) -> Change:
    """Add a row to a table."""

    def change(root: Path) -> None:
        path = next(root.rglob(name))
        path.write_text(path.read_text() + ",".join(f'"{cell}"' for cell in cells) + "\n")

    return change


def link(name: str, target: str) -> Change:
    """Put a link to something in `outside` in place of a file or folder."""

    def change(root: Path) -> None:
        path = next(root.rglob(name))
        path.rename(path.with_name("moved aside")) if path.is_dir() else path.unlink()
        path.symlink_to(root.parent / "outside" / target)

    return change


def pipe(name: str) -> Change:
    """Put a pipe without a writer in place of a file."""

    def change(root: Path) -> None:
        path = next(root.rglob(name))
        path.unlink()
        os.mkfifo(path)

    return change


def outside(name: str) -> Callable[[Path], str]:
    """The absolute path of a file in `outside`."""
    return lambda root: str(root.parent / "outside" / name)


def _configuration(pages: str) -> Change:
    return whole("codecs.yaml", f"testname: x\ntestId: codecs\npages:\n{pages}")


def _xml(entities: str, listener: str) -> Change:
    body = (
        f"<?xml version='1.0'?><!DOCTYPE MUSHRA [{entities}]><MUSHRA><info subjectName='{listener}'/><trials/></MUSHRA>"
    )
    return whole("*_ann.xml", body)


def _only(cells: str, names: str = "") -> Change:
    """A table of one row; the names of columns after the score."""
    first = ",".join(filter(None, ("reference,degraded,score", names)))
    return whole(_TABLE, f"{first}\nharp/reference.wav,{_HARP},{cells}\n")


_BOMB = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
_TABLE, _STAHL, _ODAQ, _MUSHRA = "own.csv", "ratings_formated_filtered.csv", "ODAQ_results.csv", "mushra.csv"
_HARP, _UP = "harp/new codec.wav", "../outside/secret.wav"
_OPUS, _CODED, _C1 = "tracks/set1/02_opus.wav", "stim_01/audiodec_8.wav", "configs/resources/audio/trial1_c1.wav"
_PAGE = "- type: mushra\n  id: trial1\n"
CASES: dict[str, tuple[str, Change]] = {
    "csv: audio above": ("csv", text(_TABLE, _HARP, _UP, True)),
    "csv: audio by its absolute path": ("csv", text(_TABLE, _HARP, outside("secret.wav"), True)),
    "csv: audio above with an item of that name": ("csv", row(_TABLE, _UP, _UP, "50", "eve", "..", "x", "")),
    "csv: a device as audio": ("csv", text(_TABLE, _HARP, "/dev/zero", True)),
    "csv: an address as audio": ("csv", text(_TABLE, _HARP, "https://example.org/x.wav", True)),
    "csv: a protocol of FFmpeg as audio": ("csv", text(_TABLE, _HARP, "concat:harp/reference.wav|harp/x.wav", True)),
    "csv: a name with a null": ("csv", text(_TABLE, _HARP, "harp/\0.wav", True)),
    "csv: a long name": ("csv", text(_TABLE, _HARP, "x" * 5000, True)),
    "csv: a folder as audio": ("csv", text(_TABLE, _HARP, "harp", True)),
    "csv: linked audio": ("csv", link("new codec.wav", "secret.wav")),
    "csv: a linked folder": ("csv", link("harp", "folder")),
    "csv: a pipe as audio": ("csv", pipe("new codec.wav")),
    "csv: a pipe as table": ("csv", pipe(_TABLE)),
    "csv: audio that is a playlist": ("csv", whole("new codec.wav", f"#EXTM3U\n#EXTINF:1,\n../{_UP}\n")),
    "csv: audio that names files": ("csv", whole("new codec.wav", f"ffconcat version 1.0\nfile ../{_UP}\n")),
    "csv: items out of the folder": ("csv", text(_TABLE, ",harp,", f",{_UP},", True)),
    "csv: conditions out of the folder": ("csv", text(_TABLE, "old codec,", f"{_UP},", True)),
    "csv: conditions that print": ("csv", text(_TABLE, ",old codec,", f",{ESCAPE}{SCRIPT},", True)),
    "csv: items that print": ("csv", text(_TABLE, ",harp,", f",{ESCAPE}{SCRIPT},", True)),
    "csv: listeners that print": ("csv", text(_TABLE, ",ann,", f",{ESCAPE}=1+1,", True)),
    "csv: a long condition": ("csv", text(_TABLE, ",old codec,", f",{'x' * 10_000},", True)),
    "csv: an open quote": ("csv", text(_TABLE, "harp/", '"harp/' + "x\n" * MANY)),
    "csv: many columns": ("csv", text(_TABLE, "reference,", "a," * MANY + "reference,")),
    "csv: columns that repeat": ("csv", text(_TABLE, "reference,", "score,reference,degraded,score,")),
    "csv: a long number": ("csv", _only("9" * MANY)),
    "csv: endless scores": ("csv", _only("inf\nx,y,nan\nx,y,-1e999")),
    "csv: counts beyond numbers": (
        "csv",
        _only("50,1e308,1e308,5e-324,1e308", "n_listeners,score_std,n_trials,n_correct"),
    ),
    "csv: a scale that prints": ("csv", _only(f"5,{ESCAPE}", "scale")),
    "csv: a scale of nothing": (
        "csv",
        _only("5,1e308,-1e308", "scale_low,scale_high"),
    ),
    "csv: bytes of another file": ("csv", whole(_TABLE, b"\x7fELF\0\0" * 1000)),
    "csv: half a UTF-16": ("csv", whole(_TABLE, b"\xff\xfea\0b")),
    "csv: a delimiter that is a quote": ("csv", whole(_TABLE, 'sep="\nreference,degraded,score\n')),
    "webmushra: audio above": ("webmushra", text("codecs.yaml", _C1, _UP)),
    "webmushra: audio by its absolute path": ("webmushra", text("codecs.yaml", _C1, outside("secret.wav"))),
    "webmushra: a bomb of aliases": (
        "webmushra",
        _configuration("- &a [x,x]\n" + "".join(f"- &a{n} [{', '.join(['*a'] * 9)}]\n" for n in range(9))),
    ),
    "webmushra: an alias of itself": ("webmushra", _configuration("- &a [*a]\n")),
    "webmushra: deep nesting": ("webmushra", _configuration("- " + "[" * 50_000)),
    "webmushra: an object to build": ("webmushra", _configuration(f"- !!python/object/apply:os.mkdir [{_UP}]\n")),
    "webmushra: a large configuration": ("webmushra", _configuration("- x\n" * 500_000)),
    "webmushra: lists as names": ("webmushra", _configuration(f"{_PAGE}  reference: [x]\n  stimuli: [a, b]\n")),
    "webmushra: maps as names": (
        "webmushra",
        _configuration(f"{_PAGE}  reference: r\n  stimuli: {{C1: {{a: b}}, [x]: y}}\n"),
    ),
    "webmushra: merge keys": ("webmushra", _configuration("- <<: [x, y]\n")),
    "webmushra: a pipe as configuration": ("webmushra", pipe("codecs.yaml")),
    "webmushra: a linked configuration": ("webmushra", link("codecs.yaml", "secret.yaml")),
    "webmushra: linked folder of configurations": ("webmushra", link("configs", "folder")),
    "webmushra: tests out of the folder": ("webmushra", text(_MUSHRA, "codecs,", f"{_UP},", True)),
    "webmushra: trials out of the folder": (
        "webmushra",
        both(whole("codecs.yaml", "x"), text(_MUSHRA, "trial1", "../outside", True)),
    ),
    "odaq: items above": ("odaq", row(_ODAQ, "50", "TM", "Q1", "secret", "../../../outside", "Subject 1: eve")),
    "odaq: items by their absolute path": ("odaq", text(_ODAQ, "LP_11_guitar", outside("folder"), True)),
    "odaq: processes above": ("odaq", text(_ODAQ, "LP70", f"../../../{_UP[:-4]}", True)),
    "odaq: a linked item": ("odaq", link("LP_11_guitar", "folder")),
    "odaq: a linked folder of audio": ("odaq", link("ODAQ_listening_test", "folder")),
    "odaq: subjects that print": ("odaq", text(_ODAQ, ": ann", f": {ESCAPE}", True)),
    "odaq: a bomb of entities": ("odaq-xml", _xml(f"<!ENTITY e0 'x'>{_BOMB}", "&e9;")),
    "odaq: an entity that reads a file": ("odaq-xml", _xml("<!ENTITY x SYSTEM '../outside/secret.txt'>", "&x;")),
    "odaq: a session that is a pipe": ("odaq-xml", pipe("*_ann.xml")),
    "odaq: a session that is a link": ("odaq-xml", link("*_ann.xml", "secret.txt")),
    "odaq: a session that is deep": ("odaq-xml", whole("*_ann.xml", "<a>" * MANY)),
    "odaq: a session that is a folder": (
        "odaq-xml",
        lambda root: (root / "ODAQ" / "ODAQ_listening_test" / "ODAQ_x.xml").mkdir(),
    ),
    "odaq: trials above": ("odaq-xml", text("*_ann.xml", "LP_11_guitar", "../../../outside")),
    "igorc96: a link above": ("igorc96", text("results.htm", _OPUS, _UP)),
    "igorc96: a coded link above": ("igorc96", text("results.htm", _OPUS, "%2e%2e%2foutside%2fsecret.wav")),
    "igorc96: a link to a file's address": (
        "igorc96",
        text("results.htm", _OPUS, lambda root: f"file://{root.parent}/outside/secret.wav"),
    ),
    "igorc96: a deep page": ("igorc96", text("results.htm", "<td>", "<table><tr><td>" * 50_000)),
    "igorc96: many cells": ("igorc96", text("results.htm", "<td>1411</td>", "<td><a href='../x'>9</a></td>" * 50_000)),
    "igorc96: an open tag": ("igorc96", text("results.htm", "<td>1411</td>", "<a href='" + "<" * MANY)),
    "igorc96: a pipe as page": ("igorc96", pipe("results.htm")),
    "igorc96: linked tracks": ("igorc96", link("tracks", "folder")),
    "peass: trials above": ("peass", text("PEASS_anonymized.csv", "wdrums_inst_sim_2", f"../{_UP[:-4]}", True)),
    "peass: conditions above": ("peass", text("PEASS_anonymized.csv", "Algo8", "../../outside", True)),
    "peass: a linked condition": ("peass", link("Algo8", "folder")),
    "saoc: trials that print": ("saoc", text("SAOC_1_anonymized.csv", "wdrums_inst_sim_2", f"{ESCAPE}{SCRIPT}", True)),
    "stahl2024: audio above": ("stahl2024", text(_STAHL, _CODED, f"../{_UP}")),
    "stahl2024: audio by its absolute path": ("stahl2024", text(_STAHL, _CODED, outside("secret.wav"))),
    "stahl2024: deep ratings": ("stahl2024", text(_STAHL, '"[', '"' + "[" * MANY)),
    "stahl2024: ratings that are code": ("stahl2024", text(_STAHL, '"[', "\"[__import__('os').system('touch x'), ")),
    "stahl2024: a null in a name": ("stahl2024", text(_STAHL, _CODED, "stim_01/\0.wav")),
}
