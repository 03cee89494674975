"""A baseline: the scores of one side as a file, to compare later builds with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepaq.audio.container import reason
from deepaq.comparison.side import Scored, Side, Window
from deepaq.errors import UserError
from deepaq.files import committed, file_sha256, read_json, write_text

FORMAT = 3


def write(path: Path, side: Side, originals: Mapping[str, Path], fingerprint: str, keep_level: bool) -> None:
    """Write the scores of `side` with what they depend on: the metric, the originals and the settings."""
    content = {
        "format": FORMAT,
        "name": side.name,
        "fingerprint": fingerprint,
        "keep_level": keep_level,
        "files": {
            name: {"sha256": file_sha256(originals[name]), **asdict(found)} for name, found in side.scores.items()
        },
    }
    with committed(path) as partial:
        write_text(partial, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read(path: Path, originals: Mapping[str, Path], fingerprint: str, keep_level: bool) -> Side:
    """Read a baseline; UserError unless metric, settings and originals are those that it was made with."""
    content = _content(path)
    again = "make it again with --save-baseline"
    if content["fingerprint"] != fingerprint:
        raise UserError(f"{path}: was made with another metric; {again}")
    if content["keep_level"] is not keep_level:
        raise UserError(f"{path}: was made {'with' if content['keep_level'] else 'without'} --keep-level; {again}")
    side = Side(str(content["name"]))
    for name, found in content["files"].items():
        if name not in originals:
            side.problems.append(f"{path}: its original {name} is missing")
        elif found["sha256"] != file_sha256(originals[name]):
            raise UserError(f"{path}: {originals[name]} has changed since; {again}")
        else:
            side.scores[name] = _scored(found)
    side.problems += [f"{path}: has no score for {name}" for name in originals if name not in content["files"]]
    return side


def _content(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = read_json(path)
        if content["format"] != FORMAT:
            raise UserError(
                f"{path}: is a baseline of format {content['format']}, this version reads {FORMAT}; make it again with"
                " --save-baseline"
            )
        for found in content["files"].values():
            _scored(found), str(found["sha256"])
        if not isinstance(content["keep_level"], bool) or not isinstance(content["fingerprint"], str):
            raise ValueError("settings are of the wrong kind")
        return content
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: is not a baseline ({error}); --save-baseline writes one") from None


def _scored(found: dict[str, Any]) -> Scored:
    keys = ("start_s", "seconds", "mos")
    windows = tuple(Window(*(float(window[key]) for key in keys)) for window in found["windows"])
    if not windows:
        raise ValueError("a file has no windows")
    tracks, loudness = (
        {str(name): float(value) for name, value in found[key].items()} for key in ("tracks", "loudness")
    )
    mos, distance, level_db, kbps, edge_hz = (
        float(found[key]) for key in ("mos", "distance", "level_db", "kbps", "bandwidth_hz")
    )
    return Scored(mos, distance, level_db, tracks, windows, kbps, edge_hz, loudness)
