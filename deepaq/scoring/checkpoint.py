"""A trained metric as a folder: weights in safetensors, everything else in `model.json`.

`model.json` is written last and atomically: a folder without it holds no metric.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from deepaq import extras
from deepaq.compact.clip import Clip
from deepaq.compact.light import LightCompact
from deepaq.core.comparator import Comparator
from deepaq.core.core import Core
from deepaq.errors import UserError
from deepaq.files import committed, read_json, write_text
from deepaq.scoring import checksums, mapping, references
from deepaq.scoring.references import References

if TYPE_CHECKING:
    from deepaq.backbones.backbone import Backbone

FILE = "model.json"
FORMAT = 1
_LIGHT: dict[str, type[Core] | type[Clip] | type[LightCompact]] = {
    Core.name: Core,
    Clip.name: Clip,
    LightCompact.name: LightCompact,
}
Field = TypeVar("Field", int, str, dict[str, Any])


@dataclass
class Checkpoint:
    """A network, or a part without torch, and what its numbers mean.

    full, unmatched: distance -> MOS with the matching reference and with non-matching ones; None when never fitted.
    info: provenance and remarks, JSON-serialisable. clean: clean music that the model carries along, or None.
    """

    backbone: Comparator
    full: mapping.MosMapping | None = None
    unmatched: mapping.MosMapping | None = None
    info: dict[str, Any] = field(default_factory=dict)
    clean: References | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of weights and settings; metrics with the same fingerprint give the same distances."""
        digest = hashlib.sha256(json.dumps([self.backbone.name, self.backbone.settings()], sort_keys=True).encode())
        for name, weights in self.backbone.weights():
            digest.update(name.encode())
            digest.update(weights)
        return digest.hexdigest()

    @cached_property
    def network(self) -> Backbone:
        """The network in torch; UserError for the core and a clip head, which have none."""
        with extras.required(f"the network {self.backbone.name}", "train"):
            from deepaq.backbones.backbone import Backbone

        if isinstance(self.backbone, Backbone):
            return self.backbone
        if not isinstance(self.backbone, LightCompact):
            raise UserError(f"the model {self.backbone.name} is no network: it has no layers in torch")
        from deepaq.backbones.compact import Compact

        return Compact.of(self.backbone)


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
    if checkpoint.clean:
        content["clean"] = checkpoint.clean.to_json()
    write_json(folder / FILE, content)


def load(folder: Path, links: Path | None = None) -> Checkpoint:
    """Read what `save` wrote, the network in evaluation mode, and verify the checksums if the folder lists them.

    Nothing in the folder is trusted: every field is checked, the network is compared with the headers of the files of
    weights before memory is taken for it, and no code comes with it. Raises UserError when the folder holds no whole
    metric. links: folder into which files may be links.
    """
    path = folder / FILE
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run folder; make one with `training fit DATA --out {folder}`")
    if not path.is_file():
        raise UserError(f"{folder}: holds no trained metric ({FILE} is missing); `training fit` writes it at its end")
    checksums.verify(folder, links=links)
    try:
        content = read_json(path)
        version, name = _field(content, "format", int), _field(content, "backbone", str)
        settings, info = _field(content, "settings", dict), _field(content, "info", dict)
        curves = {key: _curve(content, key) for key in ("full", "unmatched")}
        clean = references.from_json(_field(content, "clean", dict)) if "clean" in content else None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is damaged ({error}); copy or train the run again") from None
    if version > FORMAT:
        raise UserError(f"{path}: was written by a newer version (format {version}); upgrade deepaq")
    light = _LIGHT.get(name)
    backbone = _network(name, settings, folder) if light is None else _without_torch(light, path, settings)
    if isinstance(backbone, Clip) and clean and len(clean.centre) != backbone.dims:
        raise UserError(f"{path}: is damaged (clean.centre does not have {backbone.dims} values); copy the model again")
    return Checkpoint(backbone, curves["full"], curves["unmatched"], info, clean)


def _without_torch(
    kind: type[Core] | type[Clip] | type[LightCompact], path: Path, settings: dict[str, Any]
) -> Comparator:
    try:
        made = kind(**settings)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: is damaged ({error}); copy the model again") from None
    made.restore(path.parent)
    return made


def _network(name: str, settings: dict[str, Any], folder: Path) -> Backbone:
    with extras.required(f"{folder}: the network {name}", "train"):
        import torch

        from deepaq.backbones.backbone import build

    with torch.device("meta"):  # shapes without memory
        build(name, **settings).check(folder)
    network = build(name, **settings)
    network.restore(folder)
    for weights, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise UserError(f"{folder}: {weights} holds NaN or infinite weights; copy or train the run again")
    return network.eval()


def _field(content: Any, key: str, kind: type[Field]) -> Field:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{key} is not {'an' if kind is int else 'a'} {kind.__name__}")
    return value


def _curve(content: dict[str, Any], key: str) -> mapping.MosMapping | None:
    if key not in content:
        raise ValueError(f"{key} is missing")
    return None if content[key] is None else mapping.from_json(_field(content, key, dict))


def write_json(path: Path, content: Any) -> None:
    """Write strict JSON, all of it or nothing."""
    with committed(path) as partial:
        write_text(partial, json.dumps(content, indent=1, allow_nan=False) + "\n")
