"""Helpers shared by the commands of labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from deepaq import console
from deepaq.console import note
from deepaq.errors import UserError

FOLDER = click.Path(path_type=Path)


def settings_of(given: Sequence[str]) -> dict[str, str]:
    """Parse the KEY=VALUE of --option; UserError for anything else."""
    pairs = [setting.partition("=") for setting in given]
    if bad := [key for key, equals, _ in pairs if not (key and equals)]:
        raise UserError(f"--option {bad[0]}: write it as key=value")
    return {key: value for key, _, value in pairs}


def conclude(result: dict[str, Any], as_json: bool) -> None:
    """Print a result and end: notes are lines of their own, and part of the JSON when there are any."""
    notes = result.pop("notes", [])
    if as_json and notes:
        result["notes"] = notes
    for line in () if as_json else notes:
        note(f"note: {line}")
    console.conclude(result, as_json)
