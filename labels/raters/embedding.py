"""Networks that give the frame embeddings for Fréchet distances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.raters import clap

if TYPE_CHECKING:
    from torch import Tensor

RANDOM = "random"
LAYERS = 12  # layers of MERT-v1-95M
PIECE_S = 10.0  # longer audio is split into equal parts of at most this length


class Embedding(ABC):
    """Base of embedding networks. weights: a folder of published weights, or `random` (for tests only)."""

    sample_rate: ClassVar[int]
    network: Any

    def __init__(self, weights: str) -> None:
        self.weights = weights

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of the network's weights."""
        from deepaq.backbones.weights import fingerprint

        return fingerprint(self.network)

    def frames(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Embed a mono signal, (frames,) at `sample_rate` -> (steps, dims)."""
        import torch

        count = -(-len(samples) // round(PIECE_S * self.sample_rate))
        with torch.inference_mode():
            pieces = [self.embed(torch.from_numpy(piece.copy())) for piece in np.array_split(samples, count)]
        return torch.cat(pieces).double().numpy()

    @abstractmethod
    def embed(self, piece: Tensor) -> Tensor:
        """Embed a part of a signal, (frames,) -> (steps, dims)."""


class Mert(Embedding):
    """A hidden state of MERT-v1-95M (Li et al., arXiv 2306.00107), 75 steps per second. weights may be `hub`."""

    sample_rate = 24_000

    def __init__(self, weights: str, layer: int) -> None:
        from deepaq.backbones.mert import Mert as Backbone

        super().__init__(weights)
        if not 0 <= layer <= LAYERS:
            raise UserError(f"layer={layer}: MERT has the layers 0 to {LAYERS}")
        self.layer = layer
        self.network = Backbone(init=weights, mode="head").eval().network

    def embed(self, piece: Tensor) -> Tensor:
        from deepaq.backbones.transformer import normalised

        hidden: Tensor = self.network(normalised(piece[None]), output_hidden_states=True).hidden_states[self.layer]
        return hidden[0]


class Clap(Embedding):
    """The audio tower of CLAP, HTSAT unfused (Wu et al., arXiv 2211.06687): its last hidden state, averaged over
    frequency, 32 steps per 10 s."""

    sample_rate = 48_000

    def __init__(self, weights: str) -> None:
        import transformers

        super().__init__(weights)
        self.extractor: Any = transformers.ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
        self.network = (clap.random() if weights == RANDOM else clap.stored(Path(weights))).eval().audio_model

    def embed(self, piece: Tensor) -> Tensor:
        features = self.extractor(piece.numpy(), sampling_rate=self.sample_rate, return_tensors="pt")
        hidden: Tensor = self.network(**features).last_hidden_state[0].mean(dim=1).T
        share = len(piece) / (PIECE_S * self.sample_rate)
        return hidden[: max(2, round(share * len(hidden)))]
