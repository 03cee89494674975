"""Pretrained transformer weights: find them, verify their published checksum, read them without running code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deepaq.audio.container import reason
from deepaq.errors import UserError
from deepaq.files import file_sha256, read_json
from deepaq.tensors import Shape, check_shapes

State = dict[str, Tensor]
BIN, SAFETENSORS = "pytorch_model.bin", "model.safetensors"


@dataclass(frozen=True)
class Release:
    """One published checkpoint, pinned.

    sha256: checksum of `pytorch_model.bin` at that revision. prefix: prefix of the encoder's tensor names if it was
    saved with a pretraining head.
    """

    repository: str
    revision: str
    sha256: str
    prefix: str
    licence: str

    def notice(self, stored: bool) -> str:
        """Licence terms for a folder derived from these weights. stored: the folder contains them."""
        limit = ": no commercial use, attribution required" if "NC" in self.licence else ""
        where = (
            ", changed by training, are part of this folder"
            if stored
            else " are not part of this folder and are fetched from their publisher"
        )
        origin = f"Derived from {self.repository} (revision {self.revision}), licence {self.licence}{limit}."
        return f"{origin}\nThe pretrained weights{where}.\n"


# Checksums reported by several independent users of these revisions.
MERT = Release(
    "m-a-p/MERT-v1-95M",
    "12af15fef9d0ac838c3f475bfbbf26d2060dd4f5",
    "a2b8b747f72c06e0595aeae41ae5473f4364938c6b39b2c58be38c48e6bd3fcd",
    "mert.",
    "CC-BY-NC-4.0",
)
WAV2VEC2 = Release(
    "facebook/wav2vec2-base",
    "0b5b8e868dd84f03fd87d01f9c4ff0f080fecfe8",
    "3249fe98bfc62fcbc26067f724716a6ec49d12c4728a2af1df659013905dff21",
    "wav2vec2.",
    "Apache-2.0",
)
HUBERT = Release(
    "facebook/hubert-base-ls960",
    "dba3bb02fda4248b6e082697eee756de8fe8aa8a",
    "062249fffb353eab67547a2fbc129f7c31a2f459faf641b19e8fb007cc5c48ad",
    "hubert.",
    "Apache-2.0",
)


def from_folder(folder: Path, release: Release, config: Mapping[str, Any], sha256: str = "") -> State:
    """Read the tensors of a downloaded folder: `model.safetensors` or `pytorch_model.bin`, and `config.json`.

    config: the wanted architecture, with which `config.json` must agree. sha256: checksum of the file, if it is not the
    published one. Raises UserError for every disagreement.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of {release.repository} weights")
    path = next((folder / name for name in (SAFETENSORS, BIN) if (folder / name).is_file()), None)
    if path is None:
        raise UserError(f"{folder}: holds neither {SAFETENSORS} nor {BIN}; download {release.repository} into it")
    if (folder / "config.json").is_file():
        check_config(folder / "config.json", release, config)
    expected = sha256 or (release.sha256 if path.name == BIN else "")
    return read(path, release, expected)


def from_hub(release: Release, config: Mapping[str, Any], variable: str) -> State:
    """Read the published tensors from the folder named by an environment variable, the hub's cache, or the hub."""
    if folder := os.environ.get(variable):
        return from_folder(Path(folder), release, config)
    from huggingface_hub import hf_hub_download

    try:
        path = hf_hub_download(release.repository, BIN, revision=release.revision)
    except Exception as error:  # the remedy is the same for all errors of the network and the hub client
        raise UserError(
            f"{release.repository}: cannot be fetched ({reason(error)}); set {variable} or backbone.init to a folder"
            " that holds it, or backbone.init=random to start untrained"
        ) from None
    return read(Path(path), release, release.sha256)


def check_config(path: Path, release: Release, config: Mapping[str, Any]) -> None:
    """Raise UserError if `config.json` describes another network than `config`."""
    try:
        found = read_json(path)
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{path}: is not readable JSON; download {release.repository} again")
    relax = found.get("attention_relax") or 0
    if relax not in (0, -1):
        raise UserError(
            f"{path}: attention_relax is {str(relax)[:40]}: as in MERT-v1-330M, which is another architecture; use"
            f" {release.repository}"
        )
    for name in ("deepnorm", "feature_extractor_cqt", "conv_pos_batch_norm"):
        if found.get(name):
            raise UserError(f"{path}: {name} is set, which {release.repository} does not have; use that repository")
    for name, value in config.items():
        if name in found and _plain(found[name]) != _plain(value):
            raise UserError(
                f"{path}: {name} is {str(found[name])[:40]}, {release.repository} has {_plain(value)}; use that"
            )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def read(path: Path, release: Release, sha256: str = "") -> State:
    """Read the encoder's tensors, float32, under the names used by the current library.

    sha256: required checksum, empty for any. Raises UserError. Code in pickles is never executed.
    """
    if sha256 and (found := file_sha256(path)) != sha256:
        raise UserError(
            f"{path}: its SHA-256 is {found}, expected {sha256}; download {release.repository} at"
            f" {release.revision[:12]} again, or set backbone.sha256 to accept these weights"
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        if not all(isinstance(tensor, Tensor) for tensor in state.values()):
            raise ValueError("holds more than tensors")
    except Exception as error:  # torch and safetensors raise many kinds of error for foreign files
        raise UserError(
            f"{path}: is not a file of tensors ({reason(error)}); download {release.repository} again"
        ) from None
    return current_names(state, release.prefix)


def current_names(state: Mapping[str, Tensor], prefix: str) -> State:
    """Drop the heads of a pretraining model, and rename the parts of the weight norm to torch's current names."""
    if any(name.startswith(prefix) for name in state):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    renamed = {}
    for name, tensor in state.items():
        for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
            if name.endswith(f".conv.{old}"):
                name = f"{name.removesuffix(old)}parametrizations.weight.{new}"
        renamed[name] = tensor.float() if tensor.is_floating_point() else tensor
    return renamed


def check_header(path: Path, wanted: Mapping[str, Tensor]) -> None:
    """Raise UserError unless the header of a safetensors file has the names and shapes of `wanted`."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():  # opening a pipe would wait for a writer
        raise UserError(f"{path}: is missing or is not a file; train or copy the run again")
    try:
        with safe_open(path, "pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be loaded ({reason(error)}); train or copy the run again") from None
    check_shapes(found, _shapes(wanted), str(path))


def _shapes(state: Mapping[str, Tensor]) -> dict[str, Shape]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], origin: str) -> None:
    """Copy every tensor into `module`; raises UserError if one is missing, unknown or of another shape."""
    check_shapes(_shapes(state), _shapes(module.state_dict()), origin)
    module.load_state_dict(dict(state))


def fingerprint(module: nn.Module) -> str:
    """Hash of all tensors with their names, 24 hexadecimal digits of SHA-256; independent of the file format."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}:{tuple(tensor.shape)}:".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]
