"""`training export`: a finished run for others, as a folder or on a hub, checked and without private parts."""

from __future__ import annotations

import shutil
from pathlib import Path

from deepaq.audio.container import reason
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from training.results import card


def export(run: Path, out: Path, merge: bool = False) -> Path:
    """Copy what of the finished run `run` is for others into the new folder `out`, its checksums verified.

    merge: LoRA becomes part of the network's weights, which are then stored whole: the folder needs no other download,
    and their licence applies to it.
    """
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: is not empty; choose another folder")
    if not (run / checkpoint.FILE).is_file():
        raise UserError(f"{run}: holds no finished metric ({checkpoint.FILE} is missing)")
    verify(run)
    out.mkdir(parents=True, exist_ok=True)
    if not merge:
        for path in card.files(run):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(run / path, out / path)
        return out
    model = checkpoint.load(run)
    model.backbone = model.backbone.merged()
    for name in (card.CARD, "settings.json", "metrics.json"):
        if (run / name).is_file():
            shutil.copyfile(run / name, out / name)
    checkpoint.save(out, model)
    card.write_checksums(out)
    note(f"{out}: {model.backbone.notice().splitlines()[0]}")
    return out


def verify(run: Path) -> None:
    """Raise UserError when a file of `run` is missing or differs from its checksum."""
    listed = run / card.CHECKSUMS
    if not listed.is_file():
        raise UserError(f"{run}: has no {card.CHECKSUMS}; finish it with `training fit`")
    for line in listed.read_text().splitlines():
        digest, _, name = line.partition("  ")
        path = run / name
        if not path.is_file():
            raise UserError(f"{path}: is missing; copy the run again")
        if card.file_sha256(path) != digest:
            raise UserError(f"{path}: differs from its checksum; copy or train the run again")


def push(folder: Path, repository: str, private: bool = True) -> str:
    """Upload an exported folder to a repository of the user's on the hub and return its address.

    The hub's own client finds the user's token. UserError when it refuses.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message="deepaq metric")
    except Exception as error:  # the client raises many kinds; the remedy is the same
        why = reason(error)
        raise UserError(f"{repository}: cannot be uploaded ({why}); log in with the hub's client first") from None
    return str(address)
