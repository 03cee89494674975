"""The state of a run between two steps: a folder of safetensors and JSON, written atomically."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from deepaq.backbones.backbone import Backbone
from deepaq.errors import UserError
from deepaq.files import partial_prefix, read_json, sync, write_tensors
from deepaq.scoring.checkpoint import write_json
from manifests.storage import sweep

FOLDER = "state"
_KEPT = 2


@dataclass
class State:
    """Everything that training changes. progress: JSON-serialisable, with `step`."""

    network: Backbone
    curves: nn.ModuleDict
    optimiser: torch.optim.Optimizer
    progress: dict[str, Any]


def save(folder: Path, state: State) -> None:
    """Write `folder`; a reader sees the whole new state, the old one, or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{partial_prefix()}{folder.name}")
    partial.mkdir()
    try:
        state.network.save(partial)
        moments, groups = _optimiser(state.optimiser)
        write_tensors(moments, partial / "optimiser.safetensors")
        write_json(partial / "state.json", {**state.progress, "groups": groups, "curves": _floats(state.curves)})
        for path in partial.iterdir():
            sync(path)
        if folder.exists():
            folder.rename(partial.with_name(f"{partial.name}-old"))
        partial.rename(folder)
        sync(folder.parent)
    finally:
        if not folder.exists() and (old := partial.with_name(f"{partial.name}-old")).exists():
            old.rename(folder)
        for left in (partial, partial.with_name(f"{partial.name}-old")):
            shutil.rmtree(left, ignore_errors=True)


def restore(folder: Path, state: State) -> None:
    """Restore what `save` wrote, in place; UserError when it is damaged."""
    try:
        progress = read_json(folder / "state.json")
        groups, curves = progress.pop("groups"), progress.pop("curves")
        if not (folder / "optimiser.safetensors").is_file():
            raise FileNotFoundError("optimiser.safetensors is no file")
        moments = load_file(folder / "optimiser.safetensors")
        state.network.restore(folder)
        state.curves.load_state_dict({name: torch.tensor(value) for name, value in curves.items()})
        _restore_optimiser(state.optimiser, moments, groups)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{folder}: is damaged ({error}); remove it to resume from an earlier state") from None
    state.progress = progress


def place(run: Path, step: int) -> Path:
    """Return the folder of the state after `step` steps."""
    return run / FOLDER / f"{step:08d}"


def newest(run: Path) -> Path:
    """Return the folder of the last saved state; UserError when there is none. Unfinished leftovers are removed."""
    sweep(run)
    if found := saved(run):
        return found[-1]
    raise UserError(f"{run}: holds no saved state to resume from; start it without --resume")


def thin_out(run: Path) -> None:
    """Remove all states but the last two."""
    for old in saved(run)[:-_KEPT]:
        shutil.rmtree(old)


def saved(run: Path) -> list[Path]:
    """Return the folders of the saved states, the oldest first."""
    folder = run / FOLDER
    return sorted(path for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []


def _floats(module: nn.Module) -> dict[str, float]:
    return {name: tensor.item() for name, tensor in module.state_dict().items()}


def _optimiser(optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[int]]:
    """Return the moments by number of their parameter, and the number of parameters of every group."""
    content = optimiser.state_dict()
    moments = {
        f"{number}.{name}": torch.as_tensor(value).detach().cpu().contiguous()
        for number, values in content["state"].items()
        for name, value in values.items()
    }
    return moments, _sizes(content)


def _sizes(content: dict[str, Any]) -> list[int]:
    return [len(group["params"]) for group in content["param_groups"]]


def _restore_optimiser(optimiser: torch.optim.Optimizer, moments: dict[str, Tensor], groups: list[int]) -> None:
    content = optimiser.state_dict()
    if groups != _sizes(content):
        raise ValueError("the optimiser had other parameters")
    found: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        number, _, moment = name.partition(".")
        found.setdefault(int(number), {})[moment] = value
    optimiser.load_state_dict({**content, "state": found})
