"""A trained metric as a folder: weights in safetensors, everything else in `model.json`.

`model.json` is written last and atomically: a folder without it holds no metric.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepaq.backbones.backbone import Backbone, build
from deepaq.errors import UserError
from deepaq.files import committed
from deepaq.scoring import mapping

FILE = "model.json"
FORMAT = 1


@dataclass
class Checkpoint:
    """A network and what its numbers mean.

    full, unmatched: distance -> MOS with the matching reference and with non-matching ones; None when never fitted.
    info: provenance and remarks, JSON-serialisable.
    """

    backbone: Backbone
    full: mapping.MosMapping | None = None
    unmatched: mapping.MosMapping | None = None
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Of the weights and settings: two metrics with one fingerprint give the same distances."""
        digest = hashlib.sha256(json.dumps([self.backbone.name, self.backbone.settings()], sort_keys=True).encode())
        for name, tensor in sorted(self.backbone.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` into `folder`, which is made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.backbone.save(folder)
    content = {
        "format": FORMAT,
        "backbone": checkpoint.backbone.name,
        "settings": checkpoint.backbone.settings(),
        "full": checkpoint.full and checkpoint.full.to_json(),
        "unmatched": checkpoint.unmatched and checkpoint.unmatched.to_json(),
        "info": checkpoint.info,
    }
    write_json(folder / FILE, content)


def load(folder: Path) -> Checkpoint:
    """Read what `save` wrote, the network in evaluation mode; UserError when the folder holds no whole metric."""
    path = folder / FILE
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run folder; make one with `training fit DATA --out {folder}`")
    if not path.is_file():
        raise UserError(f"{folder}: holds no trained metric ({FILE} is missing); `training fit` writes it at its end")
    try:
        content = json.loads(path.read_text(), parse_constant=_no_number)
        version, name, settings = int(content["format"]), str(content["backbone"]), dict(content["settings"])
        curves = {key: content[key] and mapping.from_json(content[key]) for key in ("full", "unmatched")}
        info = content["info"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: is damaged ({error}); copy or train the run again") from None
    if version > FORMAT:
        raise UserError(f"{path}: was written by a newer version (format {version}); upgrade deepaq")
    backbone = build(name, **settings)
    backbone.restore(folder)
    backbone.eval()
    return Checkpoint(backbone, curves["full"], curves["unmatched"], info)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def write_json(path: Path, content: Any) -> None:
    """Write strict JSON, all of it or nothing."""
    with committed(path) as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
