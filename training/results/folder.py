"""The run folder: names of its files, and what to do with a folder that is not empty."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from deepaq.console import note
from deepaq.errors import UserError
from deepaq.files import file_sha256, read_json, write_text
from deepaq.scoring import checkpoint, checksums
from training.loop import log, state
from training.loop.trainer import BAD_BATCH, BEST
from training.recipe import from_json
from training.settings import Recipe

SETTINGS, METRICS, BEFORE = "settings.json", "metrics.json", "before.json"
HELD_OUT, SKIPPED = "held-out.csv", "skipped.csv"  # rows that are reported with their distances; damaged files
CARD, CHECKSUMS = "README.md", checksums.FILE
# Exported files; the metric itself comes first, to be removed first when a run restarts.
FILES = (
    *(checkpoint.FILE, CHECKSUMS, CARD, "NOTICE"),
    *("model.safetensors", "head.safetensors", "adapter_model.safetensors", "adapter_config.json"),
    *(SETTINGS, METRICS, BEFORE, HELD_OUT, SKIPPED, log.STEPS, log.EPOCHS),
    *("labels.png", "predicted.png", "curves.png"),
)
PRIVATE = (state.FOLDER, BEST, "tensorboard")  # folders that are not exported
MAY_CHANGE = ("max_steps", "length", "run")  # settings that a resumed run may change


class Start(Enum):
    """How a run starts in its folder."""

    NEW = "new"
    RESUMED = "resumed"
    FINISHED = "finished"


def start(out: Path, recipe: Recipe, overwrite: bool, resume: bool) -> Start:
    """Decide how the run of `recipe` starts in `out`; UserError when the folder holds something else.

    overwrite: start anew whatever is there. resume: continue what is there, even if it is finished.
    """
    if resume:
        return Start.RESUMED
    if overwrite or not out.exists() or not any(out.iterdir()):
        return Start.NEW
    if not (out / SETTINGS).is_file():
        raise UserError(f"{out}: is not empty; choose another folder, or use --overwrite")
    if resumed(out) != recipe:
        raise UserError(
            f"{out}: holds a run with other settings; choose another folder, or use --overwrite or --resume"
        )
    if (out / CHECKSUMS).is_file():
        return Start.FINISHED
    return Start.RESUMED if state.saved(out) else Start.NEW  # without a state nothing was learned yet


def resumed(out: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Return the recipe of the run in `out` with overrides; UserError without a run or for what may not change."""
    try:
        content = read_json(out / SETTINGS)
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{out}: holds no run to resume ({SETTINGS} is missing or damaged)") from None
    for override in overrides:
        if override.partition("=")[0].partition(".")[0] not in MAY_CHANGE:
            raise UserError(f"-o {override}: a resumed run keeps its settings, except {', '.join(MAY_CHANGE)}")
    return from_json(content, overrides)


def result(out: Path, fingerprint: str) -> dict[str, Any]:
    """Return what the finished run in `out` reached; UserError when it was trained on other rows or labels."""
    try:
        model, found = (read_json(out / name) for name in (checkpoint.FILE, METRICS))
        trained_on, kept = model["info"]["data"]["fingerprint"], dict(found)
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{out}: its {checkpoint.FILE} or {METRICS} is damaged; --overwrite trains it again") from None
    if trained_on != fingerprint:
        raise UserError(f"{out}: holds a run on other rows or labels; choose another folder, or use --overwrite")
    note(f"{out}: is already trained; --overwrite trains it again")
    return {**kept, "run": str(out)}


def begin(out: Path, recipe: Recipe) -> None:
    """Remove an earlier run from `out`, and nothing else, and write the settings of the new one."""
    for name in (*FILES, BAD_BATCH):
        (out / name).unlink(missing_ok=True)
    for name in PRIVATE:
        shutil.rmtree(out / name, ignore_errors=True)
    checkpoint.write_json(out / SETTINGS, asdict(recipe))


def reopen(out: Path, recipe: Recipe) -> None:
    """Mark the run in `out` as unfinished and write its settings."""
    for name in (CHECKSUMS, checkpoint.FILE):
        (out / name).unlink(missing_ok=True)
    checkpoint.write_json(out / SETTINGS, asdict(recipe))


def before(out: Path) -> dict[str, Any]:
    """Return what a run wrote about the untrained network and plain distances; empty if that is missing or damaged."""
    try:
        found = read_json(out / BEFORE)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def skipped(out: Path) -> dict[str, str]:
    """Return path -> error of the damaged files that the run in `out` left out."""
    if not (out / SKIPPED).is_file():
        return {}
    with (out / SKIPPED).open(newline="", encoding="utf-8") as file:
        return {row["path"]: row["error"] for row in csv.DictReader(file)}


def write_skipped(out: Path, errors: Mapping[str, str]) -> None:
    """List damaged files in the run folder, which also a resumed run leaves out."""
    if errors:
        log.write(out / SKIPPED, [{"path": path, "error": errors[path]} for path in sorted(errors)])


def files(out: Path) -> list[Path]:
    """Return the files of a run that are exported, sorted, relative to `out`."""
    return sorted(Path(name) for name in FILES if (out / name).is_file() and not (out / name).is_symlink())


def write_checksums(out: Path) -> None:
    """Write the SHA-256 of every exported file of `out`, in the format of `sha256sum --check`."""
    lines = [f"{file_sha256(out / path)}  {path.as_posix()}\n" for path in files(out) if path.name != CHECKSUMS]
    write_text(out / CHECKSUMS, "".join(lines))


def verify(run: Path) -> None:
    """Raise UserError when a file of the finished run `run` is missing, a link, or differs from its checksum."""
    if not (run / CHECKSUMS).is_file():
        raise UserError(f"{run}: has no {CHECKSUMS}; finish it with `training fit`")
    checksums.verify(run, complete=True)
