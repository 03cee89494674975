"""`training export --onnx`: a finished run as one ONNX file from samples to points, for use in other languages."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepaq import extras
from deepaq.backbones.backbone import Backbone
from deepaq.errors import UserError
from deepaq.files import committed, file_sha256
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.metric import EARLIER
from training.results import folder

FILE, USE = "network.onnx", "network.json"
OPSET = 17
LARGEST_DIFFERENCE = 1e-3  # between points of the file and of the network, relative to the largest point


def export(run: Path, out: Path) -> Path:
    """Write `network.onnx` and `network.json`, which says how to use it, into the new folder `out`.

    The file takes samples at the network's rate, of any length from its shortest, and holds the front end, the network
    with its adapters merged, and both heads. Raises UserError when the file does not compute what the network does.
    """
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: is not empty; choose another folder")
    with extras.required("--onnx", "onnx"):
        import onnx
        import onnxruntime  # noqa: F401
    run = EARLIER.get(str(run), run)
    folder.verify(run)
    model = checkpoint.load(run)
    network = model.network.merged().eval()
    out.mkdir(parents=True, exist_ok=True)
    with committed(out / FILE) as partial:
        _write(network, partial)
        onnx.checker.check_model(str(partial))
        _compare(network, partial)
    checkpoint.write_json(out / USE, description(model, network, file_sha256(out / FILE)))
    (out / "NOTICE").write_text(network.notice(), encoding="utf-8")
    return out


def description(model: Checkpoint, network: Backbone, sha256: str) -> dict[str, Any]:
    """Describe the file for programs; docs/other-languages.md says how to use each entry."""
    curves = {"full": model.full, "unmatched": model.unmatched}
    stereo = "mid = (left + right) / 2, then side = (left - right) / 2"
    return {
        "format": 1,
        "file": FILE,
        "sha256": sha256,
        "fingerprint": model.fingerprint,
        "backbone": network.name,
        "sample_rate": network.sample_rate,
        "channels": network.channels,
        "samples": stereo if network.channels == 2 else "mean of the channels",
        "segment_s": network.segment_s,
        "shortest_s": network.shortest_s,
        "distance": {"tracks": list(network.pooling.tracks), "power": network.pooling.power},
        "mapping": {name: curve and curve.to_json() for name, curve in curves.items()},
        "notice": network.notice(),
    }


class _Traced(nn.Module):
    """Samples to the points for a matching reference and for non-matching ones."""

    def __init__(self, network: Backbone) -> None:
        super().__init__()
        self.network = network
        self.eval()  # the exporter restores the mode of the whole

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.embed_both(self.network.front(samples))


def _write(network: Backbone, path: Path) -> None:
    frames = 2 if network.channels == 2 else 1  # the axis of time
    axes = {"samples": {0: "batch", frames: "frames"}, "points": {0: "batch", 1: "steps"}, "clip": {0: "batch"}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # sizes that are constants, such as of bands, and the age of this exporter
        torch.onnx.export(
            _Traced(network),
            (_noise(network, 1.5, 0),),
            str(path),
            input_names=["samples"],
            output_names=["points", "clip"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # the other exporter takes a minute and a further package
        )


def _compare(network: Backbone, path: Path) -> None:
    """Raise UserError unless the file computes what the network does, for signals of other lengths than the traced."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for number, seconds in enumerate((network.shortest_s, 2.0), 1):
        samples = _noise(network, max(seconds, network.shortest_s), number)
        with torch.no_grad():
            wanted = [each.numpy() for each in _Traced(network)(samples)]
        for found, true in zip(session.run(None, {"samples": samples.numpy()}), wanted, strict=True):
            if found.shape != true.shape or np.abs(found - true).max() > LARGEST_DIFFERENCE * np.abs(true).max():
                raise UserError(f"--onnx: the network {network.name} cannot be written as an ONNX file")


def _noise(network: Backbone, seconds: float, seed: int) -> Tensor:
    shape = (2,) if network.channels == 2 else ()
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, *shape, round(seconds * network.sample_rate), generator=generator)
