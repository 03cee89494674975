"""What made a fragment: schema version, settings and tool versions, as JSON for the Parquet footer."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from manifests.schema import SCHEMA_VERSION


def package_version(name: str) -> str:
    """A distribution's version, or 'absent'."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def provenance(stage: str, settings: Mapping[str, Any], tools: Mapping[str, str]) -> dict[str, Any]:
    """The footer's content.

    stage: the command, such as 'prep transcode'. settings: everything that decides the rows.
    tools: names and versions of what did the work, such as {'libopus': '1.5.2'}.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "stage": stage,
        "settings": dict(settings),
        "tools": {"deepaq": package_version("deepaq"), "python": platform.python_version(), **tools},
    }
