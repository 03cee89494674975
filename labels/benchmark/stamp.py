"""Provenance of a report: versions, revision, settings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from labels.raters.rater import NETWORK
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from manifests.provenance import provenance


def stamp(datasets: Sequence[Dataset], raters: Sequence[str], settings: dict[str, Any]) -> dict[str, Any]:
    """Time, revision, settings and, from the labels' footers, the versions of everything that gave a figure."""
    tools: dict[str, set[str]] = {}
    for dataset in datasets:
        for rater in raters:
            for path in fragments(dataset.folder(schema.LABELS, rater)):
                for name, version in read_footer(path).get("tools", {}).items():
                    name = f"{name} ({rater})" if name == NETWORK else name
                    tools.setdefault(name, set()).add(str(version))
    here = provenance("labels benchmark", settings, {})
    versions = {name: ", ".join(sorted(found)) for name, found in sorted(tools.items())}
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {"made": made, "revision": revision(), "settings": settings, "tools": versions | here["tools"]}


def revision() -> str:
    """The running commit: from the source folder, else from pip's record, else 'unknown'; '+' if files differ."""
    folder = Path(__file__).parent
    try:
        known = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", ":/")
        return known + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        pass
    try:
        noted = json.loads(distribution("deepaq").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return "unknown"
    return str(noted.get("vcs_info", {}).get("commit_id", "unknown"))


def _git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10)
    return run.stdout.strip()
