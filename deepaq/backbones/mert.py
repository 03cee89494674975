"""The DeePAQ network: MERT with LoRA on its attention, all layers pooled over time, and a small head.

Jiang, Brendel, Delgado, Herre, "DeePAQ", arXiv 2510.12326; MERT: Li et al., arXiv 2306.00107; LoRA: Hu et al., arXiv
2106.09685. MERT-v1-95M has exactly HuBERT's architecture at 24 kHz, so the class of the transformers library runs it
and no code is loaded with the weights. wav2vec 2.0 and HuBERT, base size, are the same family at 16 kHz.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from deepaq.backbones import adapter, transformer, weights
from deepaq.backbones.backbone import Backbone
from deepaq.backbones.mert_settings import FULL, LORA, MertSettings
from deepaq.backbones.weights import Release, check_header
from deepaq.errors import UserError
from deepaq.files import write_tensors, write_text

HEAD_FILE = "head.safetensors"
LARGEST = 200_000_000  # parameters of a network that is not stored as a whole; MERT-v1-95M has 97 million

log = logging.getLogger("deepaq")


class Mert(Backbone):
    """MERT-v1-95M with a head of ReLU and Linear: (batch, frames) -> one vector of `dims` per segment.

    settings: those of `MertSettings`. The level of a segment is normalised away (zero mean, unit variance), and the
    first layer's norm spans the whole segment: use segments of one length, unpadded. Score in float32; for training,
    autocast to bfloat16 is fine: the pooling and the head stay in float32.
    """

    name: ClassVar[str] = "mert"
    sample_rate: ClassVar[int] = 24_000
    front_rate: ClassVar[float] = 24_000.0
    segment_s: ClassVar[float] = 4.0
    shortest_s: ClassVar[float] = 1.0
    release: ClassVar[Release] = weights.MERT
    licence: ClassVar[str] = weights.MERT.licence
    library_class: ClassVar[str] = "HubertModel"

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        chosen = MertSettings(**settings)
        self.mode, self.checkpointing, self.train_frontend = chosen.mode, chosen.checkpointing, chosen.train_frontend
        shape = transformer.shape(chosen.config)
        # On torch's meta device, where a stored network is built first, there is nothing to load.
        load = chosen.load and not torch.empty(0).is_meta
        pretrained = self._pretrained(shape, chosen) if load else None  # before anything slow
        encoder = transformer.build(self.library_class, shape, chosen.dropout, chosen.seed)
        if chosen.init == "random":
            log.warning("backbone %s: RANDOM weights, nothing pretrained; scores mean nothing until trained", self.name)
        if load:
            chosen = replace(chosen, fingerprint=self._load(encoder, pretrained, chosen))
        # `restore` gives a network in `full` mode all of its weights.
        self._settings = replace(chosen, load=self.mode != FULL)
        self.encoder = self._trainable(encoder, chosen.rank, chosen.alpha, chosen.lora_dropout)
        layers = shape["num_hidden_layers"] + 1
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(layers * shape["hidden_size"], chosen.dims))

    def _pretrained(self, shape: dict[str, Any], chosen: MertSettings) -> tuple[weights.State, str] | None:
        """Return the pretrained weights that the settings name, and where they are from; None if random ones are."""
        if chosen.init == "random":
            return None
        # A known fingerprint is checked later, so a folder that has moved may be replaced by the hub.
        if chosen.init == "hub" or (chosen.fingerprint and not Path(chosen.init).is_dir()):
            return weights.from_hub(self.release, shape, self._variable), self.release.repository
        return weights.from_folder(Path(chosen.init), self.release, shape, chosen.sha256), chosen.init

    def _load(self, encoder: Any, pretrained: tuple[weights.State, str] | None, chosen: MertSettings) -> str:
        """Copy the pretrained weights, if there are any, into `encoder` and return its fingerprint."""
        if pretrained:
            weights.load_strictly(encoder, *pretrained)
        found = weights.fingerprint(encoder)
        if chosen.fingerprint and found != chosen.fingerprint:
            raise UserError(
                f"backbone {self.name}: the weights found ({found}) are not those it was trained on"
                f" ({chosen.fingerprint}); point {self._variable} to a folder that holds them"
            )
        return found

    @property
    def _variable(self) -> str:
        return f"DEEPAQ_{self.name.upper()}"

    def _trainable(self, encoder: Any, rank: int, alpha: int, dropout: float) -> Any:
        """Freeze what the mode does not train; in `lora` mode, wrap the network by peft."""
        encoder.requires_grad_(self.mode == FULL)
        if not self.train_frontend:
            encoder.feature_extractor._freeze_parameters()  # also keeps it from asking for its input's gradient
        encoder.masked_spec_embed.requires_grad_(False)  # unused without masking
        if self.mode != LORA:
            return encoder
        return adapter.wrap(encoder, self.release, rank, alpha, dropout)

    @property
    def network(self) -> Any:
        """The transformer, with LoRA inside its projections in `lora` mode."""
        return self.encoder.get_base_model() if self.mode == LORA else self.encoder

    def audible(self, samples: Tensor) -> Tensor:
        """(batch, frames) -> (batch,): False if either half of the segment is below -70 dBFS, as when it is padded."""
        return transformer.audible(samples)

    def _check(self, samples: Tensor) -> None:
        if samples.ndim != 2 or samples.shape[1] < self.shortest_s * self.sample_rate:
            raise UserError(
                f"backbone {self.name}: needs (batch, frames) of at least {self.shortest_s:g} s at"
                f" {self.sample_rate} Hz, got {tuple(samples.shape)}"
            )
        # Training draws audible segments only. To look would break a compiled graph, and would wait for a GPU.
        learning = self.training and torch.is_grad_enabled()
        if not learning and not bool(self.audible(samples).all()):
            raise UserError(
                f"backbone {self.name}: a segment is near-silent or padded for half of its length; its level would be"
                " normalised away; leave such segments out"
            )

    def pooled(self, samples: Tensor) -> Tensor:
        """Mean over time of every hidden state, in float32: (batch, frames) -> (batch, layers + 1, hidden size).

        Raises UserError for segments that are too short and, but in training, for those that are near-silent or padded
        for half of their length.
        """
        self._check(samples)
        checkpointing = self.checkpointing and self.training and torch.is_grad_enabled()
        return transformer.pooled(self.network, transformer.normalised(samples), self.train_frontend, checkpointing)

    def embed(self, front: Tensor) -> Tensor:
        """Samples (batch, frames) -> (batch, 1, dims), float32. UserError for silent, padded or short segments."""
        means = self.pooled(front)
        with torch.autocast(means.device.type, enabled=False):
            vector: Tensor = self.head(means.flatten(1))
        return vector[:, None]

    def embed_clip(self, description: Tensor) -> Tensor:
        """Samples (batch, frames) -> (batch, dims): the vector of `embed`."""
        return self.embed(description)[:, 0]

    def embed_both(self, front: Tensor) -> tuple[Tensor, Tensor]:
        vector = self.embed(front)
        return vector, vector[:, 0]

    def settings(self) -> dict[str, Any]:
        """The arguments of `build`, with the fingerprint of the pretrained weights, so that no others are accepted."""
        return asdict(self._settings)

    def parameter_counts(self) -> dict[str, int]:
        """Numbers of parameters: backbone, lora, head, trainable, total."""
        counts = super().parameter_counts()
        lora = sum(parameter.numel() for name, parameter in self.named_parameters() if ".lora_" in name)
        head = sum(parameter.numel() for parameter in self.head.parameters())
        return {**counts, "backbone": counts["total"] - lora - head, "lora": lora, "head": head}

    def merged(self) -> Mert:
        """The same network in `full` mode: LoRA is added to the pretrained weights, and all of them are stored."""
        if self.mode == FULL:
            return self
        whole = type(self)(**asdict(replace(self._settings, mode=FULL, load=False, checkpointing=False)))
        encoder = copy.deepcopy(self.encoder)
        whole.encoder.load_state_dict((encoder.merge_and_unload() if self.mode == LORA else encoder).state_dict())
        whole.head.load_state_dict(self.head.state_dict())
        return whole.train(self.training)

    def save(self, folder: Path) -> None:
        """Write the trained weights, all weights in `full` mode, and a NOTICE of the licence."""
        if self.mode == FULL:
            super().save(folder)
        else:
            write_tensors(self.head.state_dict(), folder / HEAD_FILE)
        if self.mode == LORA:
            adapter.save(self.encoder, folder)
        write_text(folder / "NOTICE", self.notice())

    def check(self, folder: Path) -> None:
        """Raise UserError when the files that `restore` reads do not fit, by their headers; needs no memory."""
        if self.mode == FULL:
            super().check(folder)
            return
        check_header(folder / HEAD_FILE, self.head.state_dict())
        if self.mode == LORA:
            adapter.check(self.encoder, folder)
        if (total := self.parameter_counts()["total"]) > LARGEST:
            raise UserError(f"{folder}: the network has {total:,} parameters, more than {LARGEST:,}")

    def restore(self, folder: Path) -> None:
        """Read the files that `save` wrote; UserError when one is missing or does not fit."""
        if self.mode == FULL:
            super().restore(folder)
        else:
            weights.load_strictly(self.head, adapter.read(folder / HEAD_FILE), str(folder / HEAD_FILE))
        if self.mode == LORA:
            adapter.restore(self.encoder, folder)

    def notice(self) -> str:
        """Licence terms of the pretrained weights for anything derived from them."""
        if self._settings.init == "random":
            return f"Made from random weights of the shape of {self.release.repository}; it holds nothing pretrained.\n"
        return self.release.notice(stored=self.mode == FULL)


class Wav2vec2(Mert):
    """wav2vec 2.0 base (Baevski et al., arXiv 2006.11477), pretrained on speech; otherwise like Mert, at 16 kHz."""

    name: ClassVar[str] = "wav2vec2"
    sample_rate: ClassVar[int] = 16_000
    front_rate: ClassVar[float] = 16_000.0
    release: ClassVar[Release] = weights.WAV2VEC2
    licence: ClassVar[str] = weights.WAV2VEC2.licence
    library_class: ClassVar[str] = "Wav2Vec2Model"


class Hubert(Mert):
    """HuBERT base (Hsu et al., arXiv 2106.07447), pretrained on speech; otherwise like Mert, at 16 kHz."""

    name: ClassVar[str] = "hubert"
    sample_rate: ClassVar[int] = 16_000
    front_rate: ClassVar[float] = 16_000.0
    release: ClassVar[Release] = weights.HUBERT
    licence: ClassVar[str] = weights.HUBERT.licence
