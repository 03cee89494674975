"""Provenance of a fragment: schema version, settings, tool versions and environment, as JSON for the Parquet footer."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from manifests.lock import keep_lock, lock_id
from manifests.schema import SCHEMA_VERSION

IMAGE = "DEEPAQ_IMAGE"  # environment variable: a container image's digest, or the file that holds it


def package_version(name: str) -> str:
    """Version of an installed distribution, or 'absent'."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


@cache
def environment() -> dict[str, str]:
    """The environment: `packages`, the id of the package lock; `image`, the container image's digest, or 'none'."""
    image = os.environ.get(IMAGE, "")
    if image and Path(image).is_file():
        image = Path(image).read_text(encoding="utf-8").strip()
    return {"packages": lock_id(), "image": image or "none"}


def provenance(
    stage: str,
    settings: Mapping[str, Any],
    tools: Mapping[str, str],
    packages: Iterable[str] = (),
    keep_in: Path | None = None,
) -> dict[str, Any]:
    """Content of a fragment's footer.

    stage: the command, such as 'prep transcode'. settings: everything that determines the rows.
    tools: names and versions of the programs and libraries used, such as {'libopus': '1.5.2'}. packages: names of
    installed distributions whose versions belong there, too. keep_in: data set in which the package lock that the
    footer names is kept.
    """
    versions = {name: package_version(name) for name in packages}
    footer = {
        "schema_version": SCHEMA_VERSION,
        "stage": stage,
        "settings": dict(settings),
        "tools": {"deepaq": package_version("deepaq"), "python": platform.python_version(), **versions, **tools},
        "environment": environment(),
    }
    if keep_in is not None:
        keep_lock(keep_in)
    return footer
