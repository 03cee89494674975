"""Codecs described by a TOML file and a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manifests.dataset import Dataset
from prep.transcode import Settings, transcode
from tests.sounds import music, write

OPUS = """name = "mine"
suffix = ".opus"
bitrates = [64]
sample_rate = 48000
encode = ["{ffmpeg}", "-v", "error", "-i", "{input}", "-c:a", "libopus", "-b:a", "{kbps}k", "-fflags", "+bitexact",
          "-flags:a", "+bitexact", "{output}"]
"""
COPY = """name = "copy"
suffix = ".wav"
bitrates = [1411]
encode = ["./copy.sh", "{ffmpeg}", "{input}", "{output}"]
"""


def script(folder: Path, body: str, name: str = "copy.sh") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def described(folder: Path, text: str, name: str = "my.toml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def rows(data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Dataset(data).degraded().to_pylist()
    return sorted(found, key=lambda row: (row["condition"], row["degraded_id"]))


def prepared(folder: Path, codecs: str, tracks: int = 1) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    for seed in range(tracks):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    wanted = Settings(tuple(codecs.split(",")), None, 2, jobs=1, quiet=True)
    result = transcode([folder / "music"], folder / "data", wanted)
    return result, rows(folder / "data")
