"""Encode one clip into many conditions: one ffmpeg process, all outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prep import ffmpeg
from prep.condition import Condition

# Bit-exact headers: without them the Ogg serial number changes from run to run.
_COMMON = {"ac": "2", "fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": "-1"}


def encode(clip: Path, conditions: Sequence[Condition], folder: Path, seconds: float) -> dict[Condition, str | Path]:
    """Encode the file `clip` into `folder` and return, per condition, the new file or why there is none.

    seconds: the clip's length, which bounds how long ffmpeg may take. One failing encoder stops the whole process and
    may leave the others' files short, so then every condition gets a process of its own.
    """
    outputs = {condition: folder / f"{condition.name}{condition.suffix}" for condition in conditions}
    timeout = 60 + 20 * seconds
    if ffmpeg.run(arguments(clip, outputs), timeout) is None:
        return dict(outputs)
    results: dict[Condition, str | Path] = {}
    for condition, path in outputs.items():
        path.unlink(missing_ok=True)
        error = ffmpeg.run(arguments(clip, {condition: path}), timeout)
        results[condition] = error or path
    return results


def arguments(clip: Path, outputs: dict[Condition, Path]) -> list[str]:
    """ffmpeg's arguments for one input and all `outputs`, built as an ffmpeg-python graph."""
    import ffmpeg as graph

    # xerror and explode: a damaged input is an error, not a short output.
    source = graph.input(ffmpeg.file_url(clip), protocol_whitelist="file,pipe", err_detect="explode")
    streams: list[Any] = []
    for condition, path in outputs.items():
        options = {**_COMMON, "ar": str(condition.sample_rate), **dict(condition.options)}
        streams.append(graph.output(source["a:0"], ffmpeg.file_url(path), **options))
    compiled: list[str] = graph.compile(graph.merge_outputs(*streams), cmd="ffmpeg")
    return ["-xerror", *compiled[1:]]
