"""Metrics on the hub, uploaded by `training export --push`."""

from __future__ import annotations

from pathlib import Path

from deepaq import extras
from deepaq.audio.container import reason
from deepaq.errors import UserError

PREFIX = "hub:"
TAKEN = ("*.json", "*.safetensors", "README.md", "SHA256SUMS")  # no files that could contain code


def cache_of(folder: Path) -> Path:
    """Return the folder of the hub client's cache that holds a repository, into which `fetched` folders have links."""
    return folder.parents[1]


def fetched(name: str) -> Path:
    """Return the folder of `hub:OWNER/NAME` or `hub:OWNER/NAME@REVISION`, downloaded into the hub client's cache.

    Raises UserError if the hub or the repository cannot be reached.
    """
    with extras.required(name, "train"):
        from huggingface_hub import snapshot_download

    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(TAKEN)))
    except Exception as error:  # the client raises many kinds of error; the remedy is the same
        why = reason(error)
        raise UserError(f"{name}: cannot be downloaded ({why}); name a repository as {PREFIX}OWNER/NAME") from None
