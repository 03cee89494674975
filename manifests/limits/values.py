"""Values that rows and footers may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from manifests.schema import FAILED, OK, SKIPPED
from manifests.split import SPLITS

_ID = r"^[0-9A-Za-z_-]{1,128}$"
_IDS = ("source_id", "track_id", "reference_id", "degraded_id", "condition_id")
_NAME = r"^[^\p{Cc}]{1,255}$"
_NAMES = ("corpus", "condition", "codec", "test", "role", "rater", "scale")
_FILLED = ("path", "frames", "sample_rate", "value")  # by `ok` rows, although failed ones leave them empty
_CHOICES = {"split": SPLITS, "status": (OK, FAILED, SKIPPED)}
_WHOLE = {
    "frames": (1, 1 << 40),
    "sample_rate": (1, 10_000_000),
    "coded_sample_rate": (1, 10_000_000),
    "channels": (1, 1024),
    "bytes": (0, 1 << 50),
    "lag_samples": (-(1 << 40), 1 << 40),
}
_NOT_NEGATIVE = ("seconds", "start_s", "clip_s", "bitrate_kbps", "actual_kbps", "cutoff_hz", "bandwidth_hz", "peak")
_REAL = ("value", "correlation", "loudness_lufs")
_LARGEST = 1e15  # limit for real numbers
_FOOTER_BYTES, _FOOTER_DEPTH = 16_000_000, 24


def fault(table: pa.Table) -> str | None:
    """Return the first value of `table` that no row may hold, said in words, or None.

    table: columns of a table of `manifests.schema`, `status` among them.
    """
    return next(_faults(table), None)


def _faults(table: pa.Table) -> Iterator[str]:
    present = set(table.schema.names)
    for field in table.schema:
        if not field.nullable and table[field.name].null_count:
            yield f"{field.name} is empty in a row"
    for names, pattern, what in ((_IDS, _ID, "letters, digits, - and _"), (_NAMES, _NAME, "1 to 255 plain characters")):
        for name in present.intersection(names):
            column = table[name] if pattern == _ID else pc.unique(table[name])
            yield from _first(name, column, pc.invert(pc.match_substring_regex(column, pattern)), f"needs {what}")
    for name in present & set(_CHOICES):
        column = pc.unique(table[name])
        wrong = pc.invert(pc.is_in(column, value_set=pa.array(_CHOICES[name]), skip_nulls=True))
        yield from _first(name, column, pc.and_(wrong, pc.is_valid(column)), f"is none of {', '.join(_CHOICES[name])}")
    ok = pc.equal(table["status"], OK)
    for name in present.intersection(_FILLED):
        if table[name].null_count and pc.any(pc.and_(pc.is_null(table[name]), ok)).as_py():
            yield f"{name} is empty in an ok row"
    numbers = [name for name in table.schema.names if name in {*_WHOLE, *_NOT_NEGATIVE, *_REAL}]
    done = table.select([*numbers, "status"]).filter(ok)
    for name, (low, high) in _WHOLE.items():
        if name in present:
            wrong = pc.or_(pc.less(done[name], low), pc.greater(done[name], high))
            yield from _first(name, done[name], wrong, f"is not within {low} to {high}")
    for name in present & {*_NOT_NEGATIVE, *_REAL}:
        least = 0.0 if name in _NOT_NEGATIVE else -_LARGEST
        within = pc.and_(pc.greater_equal(done[name], least), pc.less_equal(done[name], _LARGEST))
        yield from _first(name, done[name], pc.invert(within), f"is not a number from {least:g} to {_LARGEST:g}")


def _first(name: str, column: Any, wrong: Any, what: str) -> Iterator[str]:
    found = column.filter(pc.fill_null(wrong, False))
    if len(found):
        text = repr(found[0].as_py())
        yield f"{name} {text if len(text) <= 80 else text[:77] + '...'} {what}"


def footer_fault(text: bytes, footer: Any) -> str | None:
    """Return what is wrong with a fragment's footer, in words, or None. text: the JSON that it was read from."""
    if len(text) > _FOOTER_BYTES:
        return f"the footer has more than {_FOOTER_BYTES} bytes"
    if not isinstance(footer, Mapping):
        return "the footer is no JSON object"
    if _depth(footer) > _FOOTER_DEPTH:
        return "the footer is nested too deeply"
    version, stage = footer.get("schema_version", 0), footer.get("stage", "")
    if not isinstance(version, int) or not isinstance(stage, str):
        return "the footer's schema_version is not a whole number, or its stage is not text"
    parts = {name: footer.get(name, {}) for name in ("settings", "tools", "environment")}
    parts |= {name: parts["settings"].get(name) or {} for name in ("options", "test") if _mapping(parts["settings"])}
    for name, part in parts.items():
        if not _mapping(part):
            return f"the footer's {name} are no JSON object"
        if name in ("tools", "environment", "options") and not all(isinstance(v, str | None) for v in part.values()):
            return f"the footer's {name} hold something else than text"
    if not isinstance(parts["settings"].get("identity"), int | float | None):
        return "the footer's identity is not a number"
    return None


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _depth(value: Any) -> int:
    """How deeply JSON is nested, at most a level more than is allowed."""
    level, depth = [value], 0
    while level and depth <= _FOOTER_DEPTH:
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth += 1
    return depth
