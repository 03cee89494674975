"""What every embedding network offers, and the registry through which one is found by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, ClassVar

from torch import Tensor, nn

from deepaq.errors import UserError


class Backbone(nn.Module, ABC):
    """A network that turns audio into points whose distance is the loss of quality.

    Audio comes in as float32 of shape (batch, frames), mono, at `sample_rate`, fixed length and unpadded.
    """

    name: ClassVar[str]
    sample_rate: ClassVar[int]  # Hz

    @abstractmethod
    def embed(self, samples: Tensor) -> Tensor:
        """For a full reference: (batch, frames) -> (batch, steps, dims).

        The distance of two equally long signals is the mean over steps of the Euclidean distance. A network that
        describes the whole segment by one vector, as in the DeePAQ paper, has one step.
        """

    @abstractmethod
    def embed_clip(self, samples: Tensor) -> Tensor:
        """For non-matching references: (batch, frames) -> (batch, dims), comparable across content."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What `build` needs to make the same network again, JSON-serialisable."""

    @abstractmethod
    def parameter_counts(self) -> dict[str, int]:
        """Numbers of parameters: backbone, lora, head, trainable, total."""


# name -> module:class; adding a backbone is one file and one line here.
BACKBONES = {
    "compact": "deepaq.compact:Compact",
    "mert": "deepaq.mert:Mert",
}


def build(name: str, **settings: Any) -> Backbone:
    """A backbone by its registered name; UserError for an unknown one."""
    if name not in BACKBONES:
        raise UserError(f"backbone {name!r} is unknown; known are {', '.join(sorted(BACKBONES))}")
    module, _, attribute = BACKBONES[name].partition(":")
    cls = getattr(import_module(module), attribute)
    backbone: Backbone = cls(**settings)
    return backbone
