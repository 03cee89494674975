"""The list of checksums in a model's folder, in the format of `sha256sum --check`."""

from __future__ import annotations

from pathlib import Path

from deepaq.errors import UserError
from deepaq.files import file_sha256

FILE = "SHA256SUMS"
LARGEST_LIST, LARGEST_FILE = 1 << 20, 1 << 34  # bytes
_READ = (".json", ".safetensors")  # files that loading a model may read
_UNLISTED = {"head.safetensors", "bad-batch.json"}  # by earlier versions


def verify(folder: Path, complete: bool = False, links: Path | None = None) -> None:
    """Raise UserError unless the model's files in `folder` are those of its list; a folder without one is accepted.

    Every listed file must have its checksum, and with `complete` must be there. Files that loading may read must be
    listed, and no file may be a link, except into the folder `links`.
    """
    list_ = folder / FILE
    files = [list_, *sorted(path for path in folder.iterdir() if path != list_)] if _exists(list_) else []
    for path in files:
        if path.is_symlink() and not (links and path.resolve().is_relative_to(links.resolve())):
            raise UserError(f"{path}: is a link; copy the file itself into the folder")
    listed = _entries(list_) if files else {}
    for path in files:
        if path.suffix in _READ and path.name not in listed.keys() | _UNLISTED and path.is_file():
            raise UserError(f"{path}: is not listed in {FILE}; remove it, or copy the folder again")
    for name, digest in listed.items():
        path = folder / name
        if path.is_file():
            if (size := path.stat().st_size) > LARGEST_FILE:
                raise UserError(f"{path}: has {size:,} bytes; a model's file has at most {LARGEST_FILE:,}")
            if file_sha256(path) != digest:
                raise UserError(f"{path}: differs from its checksum in {FILE}; copy or train the run again")
        elif path.exists():
            raise UserError(f"{path}: is not a file; copy the run again")
        elif complete:
            raise UserError(f"{path}: is missing; copy the run again")


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _entries(path: Path) -> dict[str, str]:
    """Name -> checksum."""
    found = {}
    if not path.is_file() or path.stat().st_size > LARGEST_LIST:
        raise UserError(f"{path}: is not a list of checksums; copy the run again")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise UserError(f"{path}: cannot be read; copy the run again") from None
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise UserError(f"{path}: {line[:100]!r} is not a checksum and the name of a file in this folder")
        found[name] = digest
    return found
