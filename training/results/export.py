"""`training export`: copy a finished run without its private parts, to a folder or a hub."""

from __future__ import annotations

import shutil
from pathlib import Path

from deepaq.audio.container import reason
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from training.results import folder


def export(run: Path, out: Path, merge: bool = False) -> Path:
    """Copy the public files of the finished run `run` into the new folder `out`, after verifying their checksums.

    merge: add LoRA to the network's weights and store them whole: the folder then needs no further download, and the
    licence of the pretrained weights applies to it.
    """
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: is not empty; choose another folder")
    if not (run / checkpoint.FILE).is_file():
        raise UserError(f"{run}: holds no finished metric ({checkpoint.FILE} is missing)")
    folder.verify(run)
    out.mkdir(parents=True, exist_ok=True)
    if not merge:
        for path in folder.files(run):
            shutil.copyfile(run / path, out / path)
        return out
    model = checkpoint.load(run)
    model.backbone = network = model.network.merged()
    for name in (folder.CARD, folder.SETTINGS, folder.METRICS):
        if (run / name).is_file():
            shutil.copyfile(run / name, out / name)
    checkpoint.save(out, model)
    folder.write_checksums(out)
    note(f"{out}: {network.notice().splitlines()[0]}")
    return out


def push(exported: Path, repository: str, private: bool = True) -> str:
    """Upload an exported folder to a repository of the user's on the hub and return its address.

    The hub's own client finds the user's token. UserError when it refuses.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=exported, commit_message="deepaq metric")
    except Exception as error:  # the client raises many kinds; the remedy is the same
        why = reason(error)
        raise UserError(f"{repository}: cannot be uploaded ({why}); log in with the hub's client first") from None
    return str(address)
