"""Metrics on the hub, as `training export --push` uploads them."""

from __future__ import annotations

from pathlib import Path

from deepaq.audio.container import reason
from deepaq.errors import UserError

PREFIX = "hub:"
TAKEN = ("*.json", "*.safetensors", "README.md", "SHA256SUMS")  # nothing that could hold code


def fetched(name: str) -> Path:
    """The folder of `hub:OWNER/NAME` or `hub:OWNER/NAME@REVISION`, downloaded once into the hub client's cache.

    UserError when the hub or the repository cannot be reached.
    """
    from huggingface_hub import snapshot_download

    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(TAKEN)))
    except Exception as error:  # the client raises many kinds; the remedy is the same
        why = reason(error)
        raise UserError(f"{name}: cannot be downloaded ({why}); name a repository as {PREFIX}OWNER/NAME") from None
