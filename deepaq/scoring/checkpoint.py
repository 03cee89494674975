"""A trained metric as a folder: weights in safetensors, everything else in `model.json`.

`model.json` is written last and atomically: a folder without it holds no metric.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepaq.core.comparator import Comparator
from deepaq.core.core import Core
from deepaq.errors import UserError
from deepaq.files import committed
from deepaq.scoring import mapping

if TYPE_CHECKING:
    from deepaq.backbones.backbone import Backbone

FILE = "model.json"
FORMAT = 1


@dataclass
class Checkpoint:
    """A network, or the core, and what its numbers mean.

    full, unmatched: distance -> MOS with the matching reference and with non-matching ones; None when never fitted.
    info: provenance and remarks, JSON-serialisable.
    """

    backbone: Comparator
    full: mapping.MosMapping | None = None
    unmatched: mapping.MosMapping | None = None
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of weights and settings; metrics with the same fingerprint give the same distances."""
        digest = hashlib.sha256(json.dumps([self.backbone.name, self.backbone.settings()], sort_keys=True).encode())
        for name, weights in self.backbone.weights():
            digest.update(name.encode())
            digest.update(weights)
        return digest.hexdigest()

    @property
    def network(self) -> Backbone:
        """The network; UserError for the core, which has none."""
        from deepaq.backbones.backbone import Backbone

        if not isinstance(self.backbone, Backbone):
            raise UserError(f"the model {self.backbone.name} is no network: it has no weights and no embedding")
        return self.backbone


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
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        version, name, settings = int(content["format"]), str(content["backbone"]), dict(content["settings"])
        curves = {key: content[key] and mapping.from_json(content[key]) for key in ("full", "unmatched")}
        info = content["info"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: is damaged ({error}); copy or train the run again") from None
    if version > FORMAT:
        raise UserError(f"{path}: was written by a newer version (format {version}); upgrade deepaq")
    backbone = _core(path, settings) if name == Core.name else _network(name, settings, folder)
    return Checkpoint(backbone, curves["full"], curves["unmatched"], info)


def _core(path: Path, settings: dict[str, Any]) -> Core:
    try:
        return Core(**settings)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: is damaged ({error}); copy the model again") from None


def _network(name: str, settings: dict[str, Any], folder: Path) -> Backbone:
    from deepaq.backbones.backbone import build

    network = build(name, **settings)
    network.restore(folder)
    return network.eval()


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def write_json(path: Path, content: Any) -> None:
    """Write strict JSON, all of it or nothing."""
    with committed(path) as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
