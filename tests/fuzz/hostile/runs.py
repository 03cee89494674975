"""Run folders as an attacker would make them: one small, sound run and named changes to it."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from deepaq.backbones.backbone import build
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import Exponential
from tests.fuzz.hostile.datasets import ESCAPE, SCRIPT, Change, file, link, pipe
from tests.training.results.test_compare import finished
from training.results import folder

MODEL, WEIGHTS, SUMS = "model.json", "model.safetensors", "SHA256SUMS"
DEEP = 100_000


def sound_run(root: Path) -> Path:
    """A run as `training fit` leaves it, of a very small network, with the figures of another."""
    run = finished(root / "run", "frozen-head", 0)
    torch.manual_seed(0)
    curve = Exponential(4.7, 0.3, 0.8)
    network = build("compact", width=8, blocks=1, projected=4, clip_dims=2).eval()
    info = {"data": {"fingerprint": "same", "clips": 1, "rows": 2, "clean_hours": 0.5}, "steps": 100}
    checkpoint.save(run, Checkpoint(network, curve, curve, info))
    folder.write_checksums(run)
    return run


def listed(change: Change) -> Change:
    """Make a change and list the checksums of what has come of it."""

    def changed(run: Path) -> None:
        change(run)
        folder.write_checksums(run)

    return changed


def value(name: str, keys: str, new: Any) -> Change:
    """Replace a value deep in a JSON file."""

    def change(run: Path) -> None:
        content = json.loads((run / name).read_text())
        place, (*above, last) = content, keys.split("/")
        for key in above:
            place = place.setdefault(key, {})
        place[last] = new
        (run / name).write_text(json.dumps(content))

    return listed(change)


def tensors(new: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Change:
    """Replace the weights."""
    return listed(lambda run: save_file(new(load_file(run / WEIGHTS)), run / WEIGHTS))


def header(text: bytes | Callable[[bytes], bytes], size: int | None = None) -> Change:
    """Replace the header of the weights. size: length that it claims, its own by default."""

    def change(run: Path) -> None:
        content = (run / WEIGHTS).read_bytes()
        (end,) = struct.unpack("<Q", content[:8])
        new = text(content[8 : 8 + end]) if callable(text) else text
        claim = struct.pack("<Q", len(new) if size is None else size)
        (run / WEIGHTS).write_bytes(claim + new + content[8 + end :])

    return listed(change)


def line(text: str) -> Change:
    """Add a line to the list of checksums."""

    def change(run: Path) -> None:
        (run / SUMS).write_text((run / SUMS).read_text() + text + "\n")

    return change


def sparse(name: str) -> Change:
    """Make a file claim a terabyte."""
    return lambda run: os.truncate(run / name, 1 << 40)


def folder_instead(name: str) -> Change:
    """Put an empty folder in place of a file."""

    def change(run: Path) -> None:
        (run / name).unlink()
        (run / name).mkdir()

    return change


def last_byte(name: str) -> Change:
    """Change a file's last byte."""

    def change(run: Path) -> None:
        (run / name).write_bytes((run / name).read_bytes()[:-1] + b"!")

    return change


def linked(name: str, target: str) -> Change:
    """A link to something outside, and a list of checksums without it."""
    return listed(link(name, target))


def _first(state: dict[str, torch.Tensor], new: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**state, min(state): new}


def _nested(text: str) -> bytes:
    return f"{text * DEEP}".encode()


_ZERO = "0" * 64
_SETTINGS, _METRICS, _HELD = folder.SETTINGS, folder.METRICS, folder.HELD_OUT
_RECIPE = "info/recipe"
CASES: dict[str, Change] = {
    "model.json is a link": link(MODEL, "secret.json"),
    "model.json is a pipe": pipe(MODEL),
    "model.json is deep": listed(file(MODEL, _nested('{"info":'))),
    "model.json is a deep list": listed(file(MODEL, _nested("["))),
    "model.json is a list": listed(file(MODEL, b"[]")),
    "model.json is no text": listed(file(MODEL, b"\xff\xfe\0")),
    "model.json is large": listed(file(MODEL, b" " * (17 << 20))),
    "model.json claims a terabyte": sparse(MODEL),
    "another format": value(MODEL, "format", 10**400),
    "another network": value(MODEL, "backbone", f"{ESCAPE}../../x"),
    "a network that fetches": value(MODEL, "backbone", "mert"),
    "a long number": listed(file(MODEL, b'{"format": ' + b"9" * 10_000 + b"}")),
    "a width beyond memory": value(MODEL, "settings/width", 10**7),
    "blocks without end": value(MODEL, "settings/blocks", 10**8),
    "a setting of another module": value(MODEL, "settings/auto_map", {"AutoModel": "owner/code--x.Y"}),
    "settings as a list": value(MODEL, "settings", ["width"]),
    "a curve of text": value(MODEL, "full/top", "x"),
    "a curve without end": value(MODEL, "full/scale", 1e-320),
    "a curve of another kind": value(MODEL, "full", {"kind": "os.system", "top": 5}),
    "info that prints": value(MODEL, "info", {"recipe": {"name": ESCAPE}, "data": {"clips": SCRIPT}, "steps": ESCAPE}),
    "info of lists": value(MODEL, "info", {"recipe": [], "data": [], "validation": [], "provenance": []}),
    "info of wrong lists": value(MODEL, "info", {"recipe": {"data": []}, "provenance": {"tools": [[]]}}),
    "info of texts": value(MODEL, "info", {"recipe": "x", "data": "x", "validation": "x", "provenance": "x"}),
    "hours that are text": value(MODEL, "info/data/clean_hours", "many"),
    "figures that are text": value(MODEL, "info/validation", {"full": {"all": {"srcc": "x", "pcc": [], "n": {}}}}),
    "tools that are numbers": value(MODEL, "info/provenance", {"tools": {"a": 1, ESCAPE: [ESCAPE]}}),
    "raters that are text": value(MODEL, f"{_RECIPE}/data", {"raters": "visqol", "teachers": 1}),
    "weights that are a link": linked(WEIGHTS, "other.safetensors"),
    "weights that are a pipe": pipe(WEIGHTS),
    "weights that are a folder": folder_instead(WEIGHTS),
    "weights that are none": listed(file(WEIGHTS, b"x")),
    "weights that are a pickle": listed(file(WEIGHTS, b"\x80\x04cos\nsystem\n(S'touch x'\ntR.")),
    "weights that claim a terabyte": sparse(WEIGHTS),
    "weights of NaN": tensors(lambda state: _first(state, torch.full_like(state[min(state)], torch.nan))),
    "weights of another shape": tensors(lambda state: _first(state, torch.zeros(1))),
    "weights of another type": tensors(lambda state: {name: t.to(torch.int64) for name, t in state.items()}),
    "weights of nothing": tensors(lambda state: {"x": torch.zeros(0)}),
    "a header that claims all memory": header(b"{}", 1 << 62),
    "a header that is deep": header(_nested('{"a":')),
    "a header that is a list": header(b"[]"),
    "a header of sizes beyond memory": header(
        b'{"x":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,16]}}'
    ),
    "a header of overlapping tensors": header(
        lambda old: old.replace(b'"data_offsets":[', b'"data_offsets":[0,', 1).replace(b"[0,0,", b"[0,", 1)
    ),
    "a listed file outside": line(f"{_ZERO}  ../outside/secret.txt"),
    "a listed file by its absolute path": line(f"{_ZERO}  /etc/passwd"),
    "a list that prints": line(f"{ESCAPE}{SCRIPT}"),
    "a list that is a link": link(SUMS, "secret.txt"),
    "a list that is a pipe": pipe(SUMS),
    "a list that is no text": file(SUMS, b"\xff\0" * 100),
    "a list without end": file(SUMS, b"x" * (20 << 20)),
    "a list that claims a terabyte": sparse(SUMS),
    "a tampered byte": last_byte(WEIGHTS),
    "an unlisted file of code": file("adapter_config.json", b"{}"),
    "a link beside": link("notes.json", "secret.txt"),
    "a card that is a link": link("README.md", "secret.txt"),
    "a card that is a pipe": pipe("README.md"),
    "a picture that is a link": linked("curves.png", "secret.txt"),
    "settings.json is a pipe": pipe(_SETTINGS),
    "settings.json is deep": listed(file(_SETTINGS, _nested("["))),
    "settings.json is a list": listed(file(_SETTINGS, b"[1]")),
    "settings.json names code": value(_SETTINGS, "backbone", {"name": "os", "_attn_implementation": "owner/kernel"}),
    "settings.json prints": value(_SETTINGS, "name", f"{ESCAPE}{SCRIPT}"),
    "settings.json with a backbone of lists": value(_SETTINGS, "backbone/name", ["mert"]),
    "metrics.json is a pipe": pipe(_METRICS),
    "metrics.json is deep": listed(file(_METRICS, _nested('{"a":'))),
    "metrics.json is a list": listed(file(_METRICS, b"[]")),
    "metrics.json of texts": value(_METRICS, "validation/trained/full/all", {"srcc": "x", "pcc": []}),
    "metrics.json without figures": value(_METRICS, "validation", {}),
    "metrics.json of a list of systems": value(_METRICS, "validation", ["trained"]),
    "metrics.json that prints": value(_METRICS, f"validation/{ESCAPE}", {}),
    "metrics.json of endless steps": listed(file(_METRICS, b'{"steps": 1e999}')),
    "metrics.json with steps of text": value(_METRICS, "steps", "x" * 10_000),
    "metrics.json with parameters of text": value(_METRICS, "parameters", "x"),
    "metrics.json with mappings of text": value(_METRICS, "mapping", {"full": {"cubic": "x"}, "unmatched": []}),
    "held-out.csv is a pipe": pipe(_HELD),
    "held-out.csv is empty": listed(file(_HELD, b"")),
    "held-out.csv of texts": listed(
        file(_HELD, b"row_id,clip,track,codec,condition,mos,trained full\na,b,c,d,e,f,g\n")
    ),
    "held-out.csv of ragged rows": listed(file(_HELD, b"row_id,mos\na\nb,1,2\n")),
    "held-out.csv of one long cell": listed(file(_HELD, b"mos\n" + b"9" * (1 << 20))),
    "held-out.csv of bytes": listed(file(_HELD, b"\xff\xfe\0\0")),
    "held-out.csv is a link": linked(_HELD, "secret.txt"),
}
