"""Data sets as an attacker would make them: one small, sound data set and named changes to it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepaq.files import file_sha256
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import FOOTER_KEY
from manifests.provenance import provenance
from manifests.schema import TableSpec
from tests.sounds import music, write

Change = Callable[[Path], None]
SECRET = "secret-content==1.0"
ESCAPE = "\x1b[2J\x1b]0;owned\x07"
SCRIPT = "<script>alert(1)</script>"


def sound_data_set(root: Path) -> Path:
    """A reference clip of 1 s, two degraded clips and their labels; every column that a command reads is filled."""
    data = Dataset(root / "data", create=True)
    rows: dict[str, list[dict[str, Any]]] = {"references": [], "degraded": [], "labels": []}
    for number, name in enumerate(("reference", "one", "two")):
        path = write(data.root / "audio" / f"{name}.flac", music(1.0, number))
        stored = {"path": f"audio/{name}.flac", "bytes": path.stat().st_size, "sha256": file_sha256(path)}
        if name == "reference":
            rows["references"].append(
                {"reference_id": name, "track_id": "track", "split": "train", "track_path": "music/track.wav",
                 "start_s": 0.0, "clip_s": 1.0, "frames": 44_100, "sample_rate": 44_100, "channels": 2,
                 "loudness_lufs": -20.0, "bandwidth_hz": 20_000.0, "status": "ok"} | stored
            )  # fmt: skip
            continue
        rows["degraded"].append(
            {"degraded_id": name, "reference_id": "reference", "condition_id": f"id-{name}",
             "condition": f"opus-{name}", "codec": "opus", "bitrate_kbps": 32.0 * number, "encoder": "libopus 1.5",
             "arguments": "-b 32", "actual_kbps": 31.0 * number, "lag_samples": 0, "correlation": 0.9, "peak": 0.5,
             "status": "ok"} | stored
        )  # fmt: skip
        extras = {"timeline_start_s": 0.0, "timeline_hop_s": 0.5, "timeline_window_s": 0.5}
        rows["labels"].append(
            {"degraded_id": name, "rater": "visqol", "value": 2.0 + number, "scale": "MOS-LQO", "extras": extras,
             "timeline": [2.0, 2.5 + number], "seconds": 0.1, "status": "ok"}
        )  # fmt: skip
    for name, members in rows.items():
        spec = schema.TABLES[name]
        put(
            fragment(data.root, spec), pa.Table.from_pylist(members, spec.schema), provenance("test", {}, {"tool": "1"})
        )
    return data.root


def fragment(root: Path, spec: TableSpec) -> Path:
    """The only fragment of a table."""
    folder = root / spec.name / ("rater=visqol" if spec is schema.LABELS else "")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{0:020d}-00000000.parquet"


def put(path: Path, table: pa.Table, footer: Any) -> None:
    """Write any table with any footer, past all the checks of `write_fragment`."""
    text = footer if isinstance(footer, bytes) else json.dumps(footer).encode()
    pq.write_table(table.replace_schema_metadata({FOOTER_KEY: text}), path)


def value(spec: TableSpec, column: str, new: Any) -> Change:
    """Replace a column's value in the first row."""

    def change(root: Path) -> None:
        path = fragment(root, spec)
        table = pq.read_table(path)
        rows = table.to_pylist()
        rows[0] |= {column: new}
        loose = pa.schema([field.with_nullable(True) for field in spec.schema])
        put(path, pa.Table.from_pylist(rows, loose), table.schema.metadata[FOOTER_KEY])

    return change


def footer(new: Any) -> Change:
    """Replace the footer of the table of labels."""

    def change(root: Path) -> None:
        path = fragment(root, schema.LABELS)
        put(path, pq.read_table(path).replace_schema_metadata(), new)

    return change


def columns(change_table: Callable[[pa.Table], pa.Table]) -> Change:
    """Change the table of degraded clips as a whole."""

    def change(root: Path) -> None:
        path = fragment(root, schema.DEGRADED)
        table = pq.read_table(path)
        put(path, change_table(table), table.schema.metadata[FOOTER_KEY])

    return change


def link(relative: str, target: str) -> Change:
    """Put a link to something beside the data set in place of a file or folder."""

    def change(root: Path) -> None:
        path, goal = root / relative, root.parent / "outside" / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path.rename(goal)
        elif path.exists():
            path.unlink()
        path.symlink_to(goal)

    return change


def file(relative: str, content: bytes) -> Change:
    """Write a file of the data set."""

    def change(root: Path) -> None:
        (root / relative).write_bytes(content)

    return change


def both(first: Change, second: Change) -> Change:
    """Make two changes, one after the other."""

    def change(root: Path) -> None:
        first(root)
        second(root)

    return change


def pipe(relative: str) -> Change:
    """Put a pipe without a writer in place of a file."""

    def change(root: Path) -> None:
        (root / relative).unlink(missing_ok=True)
        os.mkfifo(root / relative)

    return change


def _nested(depth: int) -> bytes:
    return b'{"settings": ' + b'{"a": ' * depth + b"1" + b"}" * depth + b"}"


def _packages(text: bytes) -> Change:
    def change(root: Path) -> None:
        (root / "packages").mkdir()
        (root / "packages" / f"{'0' * 24}.txt").write_bytes(text)
        footer({"environment": {"packages": "0" * 24}})(root)

    return change


_R, _D, _L = schema.REFERENCES, schema.DEGRADED, schema.LABELS
_OUT = "/../../outside/x"
# Every value that a command might make a path of, calculate with or print, one wrong value at a time.
VALUES: dict[str, tuple[TableSpec, str, Any]] = {
    **{
        f"split {text!r}": (_R, "split", text) for text in ("/outside", "..", f"train{_OUT}", "Train", "", "a\0b", None)
    },
    **{
        f"{column} {text!r}": (spec, column, text)
        for spec, column in ((_R, "reference_id"), (_D, "degraded_id"), (_L, "degraded_id"), (_R, "track_id"))
        for text in (f"..{_OUT}", "a/b", ESCAPE)
    },
    **{f"condition {text[:9]!r}": (_D, "condition", text) for text in (f"..{_OUT}", "/", ESCAPE, SCRIPT, "x" * 5000)},
    **{f"codec {text[:9]!r}": (_D, "codec", text) for text in (f"..{_OUT}", ESCAPE, SCRIPT)},
    **{f"rater {text[:9]!r}": (_L, "rater", text) for text in (f"..{_OUT}", ESCAPE, "=1+1")},
    **{
        f"path {text!r:.20}": (_D, "path", text)
        for text in (
            "/etc/passwd",
            "../outside/secret",
            ".",
            "",
            None,
            "audio",
            "a\0b",
            "audio/" + "x" * 300,
            f"..{_OUT}",
        )
    },
    **{f"frames {number}": (_R, "frames", number) for number in (0, -1, 1 << 62, None)},
    **{f"sample rate {number}": (_R, "sample_rate", number) for number in (0, -1, 1 << 62, None)},
    **{f"value {number}": (_L, "value", number) for number in (math.nan, math.inf, 1e308, None)},
    **{f"clip_s {number}": (_R, "clip_s", number) for number in (math.nan, math.inf, -1.0)},
    **{f"kbps {number}": (_D, "actual_kbps", number) for number in (math.nan, math.inf, -1.0)},
    "bitrate nan": (_D, "bitrate_kbps", math.nan),
    "loudness nan": (_R, "loudness_lufs", math.nan),
    "bytes -1": (_D, "bytes", -1),
    "channels 2^62": (_R, "channels", 1 << 62),
    "status done": (_L, "status", "done"),
    "status null": (_D, "status", None),
    "error": (_L, "error", f"{ESCAPE}{SCRIPT}"),
    "timeline": (_L, "timeline", [math.nan, math.inf, -math.inf, 1e38]),
    "extras": (_L, "extras", [("timeline_hop_s", math.nan), ("timeline_window_s", math.inf), (ESCAPE, 1.0)]),
}
CASES: dict[str, Change] = {
    **{name: value(*change) for name, change in VALUES.items()},
    "footer is a list": footer([]),
    "footer is null": footer(None),
    "footer is text": footer("x"),
    "footer is no JSON": footer(b"{"),
    "footer holds NaN": footer(b'{"settings": {"x": NaN}}'),
    "footer is deep": footer(_nested(100)),
    "footer is very deep": footer(_nested(200_000)),
    "footer holds a long number": footer(b'{"settings": {"x": ' + b"9" * 10_000 + b"}}"),
    "footer of tomorrow": footer({"schema_version": 99}),
    "footer with another version": footer({"schema_version": [1]}),
    "footer with lists": footer({"settings": [], "tools": [], "environment": []}),
    "footer with numbers as tools": footer({"tools": {"a": 1}}),
    "footer with a list of options": footer({"settings": {"options": ["a"], "identity": "x"}}),
    "footer that prints": footer({"stage": ESCAPE, "tools": {SCRIPT: ESCAPE}}),
    "packages out of the folder": footer({"environment": {"packages": "../../outside/secret"}}),
    "packages without text": _packages(b"\xff\xfe\0"),
    "packages that print": _packages(f"{ESCAPE}=={ESCAPE}\n".encode()),
    "packages as a link": both(_packages(b""), link(f"packages/{'0' * 24}.txt", "secret.txt")),
    "no column": columns(lambda table: table.drop_columns(["reference_id"])),
    "another type": columns(lambda table: table.set_column(0, "degraded_id", pa.array([[1], [2]]))),
    "no UTF-8": columns(lambda table: table.set_column(3, "condition", pa.array([b"\xff", b"x"], pa.binary()))),
    "a column twice": columns(lambda table: table.append_column("degraded_id", table["degraded_id"])),
    "no rows and no columns": columns(lambda table: table.select([])),
    "linked fragment": link(f"references/{0:020d}-00000000.parquet", "other.parquet"),
    "linked table": link("degraded", "folder"),
    "linked rater": link("labels/rater=visqol", "folder"),
    "linked audio": link("audio/one.flac", "secret.txt"),
    "linked loop": link("audio/one.flac", "../data/audio/one.flac"),
    "pipe as audio": pipe("audio/one.flac"),
    "pipe as fragment": pipe(f"labels/rater=visqol/{0:020d}-00000000.parquet"),
    "folder as fragment": lambda root: (root / "labels" / "x.parquet").mkdir(),
    "empty fragment": file("labels/x.parquet", b""),
    "audio that is none": file("audio/one.flac", b"fLaC" + bytes(1000)),
}
