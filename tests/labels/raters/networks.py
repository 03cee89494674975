"""Small ONNX networks, and one of SCOREQ's architecture with random weights."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from tests.training.test_recipe import TINY


def difference(path: Path) -> Path:
    """A network of two waveforms, (1, frames) each, that gives minus the mean squared difference."""
    nodes = [
        helper.make_node("Sub", ["reference", "degraded"], ["apart"]),
        helper.make_node("Mul", ["apart", "apart"], ["squared"]),
        helper.make_node("ReduceMean", ["squared"], ["mean"], keepdims=0),
        helper.make_node("Neg", ["mean"], ["quality"]),
    ]
    return save(path, nodes, ["reference", "degraded"], "quality")


def loudness(path: Path) -> Path:
    """A network of one waveform, (1, frames), that gives its mean square."""
    nodes = [
        helper.make_node("Mul", ["wav", "wav"], ["squared"]),
        helper.make_node("ReduceMean", ["squared"], ["power"], keepdims=0),
    ]
    return save(path, nodes, ["wav"], "power")


def silence(path: Path) -> Path:
    """A network of one waveform, (1, frames), that always gives the same."""
    nodes = [
        helper.make_node("Sub", ["wav", "wav"], ["nothing"]),
        helper.make_node("ReduceMean", ["nothing"], ["zero"], keepdims=0),
    ]
    return save(path, nodes, ["wav"], "zero")


def save(path: Path, nodes: list[onnx.NodeProto], inputs: list[str], output: str) -> Path:
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "frames"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


class Encoder(nn.Module):
    """(1, frames) at 16 kHz -> (1, dims): features of a shrunken wav2vec 2.0, their mean over time scaled to length 1
    (arXiv 2410.06675, section 3)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = Wav2Vec2Model(Wav2Vec2Config(**TINY, attn_implementation="eager")).eval()

    def forward(self, wav: Tensor) -> Tensor:
        hidden: Tensor = self.network(wav).last_hidden_state
        return nn.functional.normalize(hidden.mean(dim=1), dim=1)


def encoder(path: Path) -> Encoder:
    """Write the encoder to `path` and return it."""
    found = Encoder().eval()
    axes = {"wav": {1: "frames"}}
    torch.onnx.export(found, (torch.randn(1, 16_000),), str(path), input_names=["wav"], dynamic_axes=axes, dynamo=False)
    return found
