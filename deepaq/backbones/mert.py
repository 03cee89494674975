"""The DeePAQ network: MERT, LoRA on its attention, all layers pooled over time, one small head.

Jiang, Brendel, Delgado, Herre, "DeePAQ", arXiv 2510.12326; MERT: Li et al., arXiv 2306.00107; LoRA: Hu et al., arXiv
2106.09685. MERT-v1-95M is exactly HuBERT's architecture at 24 kHz, so the library's own class runs it and no code
comes with the weights. wav2vec 2.0 and HuBERT, base size, are the same family at 16 kHz.
"""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from deepaq.backbones import adapter, transformer, weights
from deepaq.backbones.backbone import Backbone
from deepaq.backbones.weights import Release
from deepaq.errors import UserError

LORA, FULL, HEAD = "lora", "full", "head"
HEAD_FILE = "head.safetensors"

log = logging.getLogger("deepaq")


class Mert(Backbone):
    """MERT-v1-95M with a head of ReLU and Linear: (batch, frames) -> one vector of `dims` per segment.

    The level of a segment is normalised away (zero mean, unit variance), and the first layer's norm spans the whole
    segment: use segments of one length, unpadded. Score in float32; for training, autocast to bfloat16 is fine: the
    pooling and the head stay in float32.

    init: `hub` (the pinned release, or the folder that DEEPAQ_MERT names), a folder, or `random` (seed: which one).
    mode: `lora` trains rank-decomposed updates of the query and value projections and the head; `full` everything but
    the convolutional frontend, unless train_frontend; `head` the head alone.
    rank, alpha, lora_dropout: of LoRA; an update is scaled by alpha / rank. dropout: of the transformer in training; it
    was pretrained with .1, but here noise would drown the small differences that are to be told apart. checkpointing:
    compute activations twice instead of keeping them.
    sha256: of the weights file in the folder, when it is not the published one. fingerprint: of the weights, as
    `settings` gives it; others are refused. load: False leaves all weights to `restore`. config: changes to the
    architecture, in the library's terms.
    """

    name: ClassVar[str] = "mert"
    sample_rate: ClassVar[int] = 24_000
    front_rate: ClassVar[float] = 24_000.0
    segment_s: ClassVar[float] = 4.0
    shortest_s: ClassVar[float] = 1.0
    release: ClassVar[Release] = weights.MERT
    licence: ClassVar[str] = weights.MERT.licence
    library_class: ClassVar[str] = "HubertModel"

    def __init__(
        self,
        init: str = "hub",
        mode: str = LORA,
        rank: int = 8,
        alpha: int = 16,
        lora_dropout: float = 0.05,
        dropout: float = 0.0,
        dims: int = 256,
        checkpointing: bool = False,
        train_frontend: bool = False,
        seed: int = 0,
        sha256: str = "",
        fingerprint: str = "",
        load: bool = True,
        config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if mode not in (LORA, FULL, HEAD):
            raise UserError(f"backbone.mode={mode}: choose {LORA}, {FULL} or {HEAD}")
        if train_frontend and mode != FULL:
            raise UserError(f"backbone.train_frontend: needs backbone.mode={FULL}")
        self.mode, self.checkpointing, self.train_frontend = mode, checkpointing, train_frontend
        shape = {**transformer.BASE, **(config or {})}
        encoder = transformer.build(self.library_class, shape, dropout, seed)
        if init == "random":
            log.warning("backbone %s: RANDOM weights, nothing pretrained; scores mean nothing until trained", self.name)
        if load:
            if init != "random":
                self._load(encoder, init, shape, sha256, known=bool(fingerprint))
            found = weights.fingerprint(encoder)
            if fingerprint and found != fingerprint:
                raise UserError(
                    f"backbone {self.name}: the weights found ({found}) are not those it was trained on"
                    f" ({fingerprint}); point {self._variable} to a folder that holds them"
                )
            fingerprint = found
        self._settings: dict[str, Any] = {
            "init": init,
            "mode": mode,
            "rank": rank,
            "alpha": alpha,
            "lora_dropout": lora_dropout,
            "dropout": dropout,
            "dims": dims,
            "checkpointing": checkpointing,
            "train_frontend": train_frontend,
            "seed": seed,
            "sha256": sha256,
            "fingerprint": fingerprint,
            "load": mode != FULL,
            "config": config,
        }
        self.encoder = self._trainable(encoder, rank, alpha, lora_dropout)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear((shape["num_hidden_layers"] + 1) * shape["hidden_size"], dims))

    def _load(self, encoder: Any, init: str, shape: dict[str, Any], sha256: str, known: bool) -> None:
        """Copy pretrained weights into `encoder`. known: their fingerprint is, so a folder that moved is no matter."""
        if init == "hub" or (known and not Path(init).is_dir()):
            state, origin = weights.from_hub(self.release, shape, self._variable), self.release.repository
        else:
            state, origin = weights.from_folder(Path(init), self.release, shape, sha256), init
        weights.load_strictly(encoder, state, origin)

    @property
    def _variable(self) -> str:
        return f"DEEPAQ_{self.name.upper()}"

    def _trainable(self, encoder: Any, rank: int, alpha: int, dropout: float) -> Any:
        """Freeze what the mode freezes; in `lora` mode the network comes back wrapped by peft."""
        encoder.requires_grad_(self.mode == FULL)
        if not self.train_frontend:
            encoder.feature_extractor._freeze_parameters()  # also keeps it from asking for its input's gradient
        encoder.masked_spec_embed.requires_grad_(False)  # takes no part without masking
        if self.mode != LORA:
            return encoder
        return adapter.wrap(encoder, self.release, rank, alpha, dropout)

    @property
    def network(self) -> Any:
        """The transformer itself, with LoRA inside its projections where it has them."""
        return self.encoder.get_base_model() if self.mode == LORA else self.encoder

    def audible(self, samples: Tensor) -> Tensor:
        """(batch, frames) -> (batch,): False for a segment of which a half is below -70 dBFS, as a padded one's is."""
        return transformer.audible(samples)

    def _check(self, samples: Tensor) -> None:
        if samples.ndim != 2 or samples.shape[1] < self.shortest_s * self.sample_rate:
            raise UserError(
                f"backbone {self.name}: needs (batch, frames) of at least {self.shortest_s:g} s at"
                f" {self.sample_rate} Hz, got {tuple(samples.shape)}"
            )
        # A compiled network is one in training, which is given audible segments; the question would break its graph.
        if not torch.compiler.is_compiling() and not bool(self.audible(samples).all()):
            raise UserError(
                f"backbone {self.name}: a segment is near-silent or padded for half of its length; its level would be"
                " normalised away, leave such segments out"
            )

    def pooled(self, samples: Tensor) -> Tensor:
        """(batch, frames) -> (batch, layers + 1, hidden size): the mean over time of every hidden state, float32.

        Raises UserError for segments that are too short, near-silent or padded for half of their length.
        """
        self._check(samples)
        checkpointing = self.checkpointing and self.training and torch.is_grad_enabled()
        return transformer.pooled(self.network, transformer.normalised(samples), self.train_frontend, checkpointing)

    def embed(self, front: Tensor) -> Tensor:
        """Samples (batch, frames) -> (batch, 1, dims), float32; UserError for silent, padded or short segments."""
        means = self.pooled(front)
        with torch.autocast(means.device.type, enabled=False):
            vector: Tensor = self.head(means.flatten(1))
        return vector[:, None]

    def embed_clip(self, description: Tensor) -> Tensor:
        """Samples (batch, frames) -> (batch, dims): the same vector."""
        return self.embed(description)[:, 0]

    def embed_both(self, front: Tensor) -> tuple[Tensor, Tensor]:
        vector = self.embed(front)
        return vector, vector[:, 0]

    def settings(self) -> dict[str, Any]:
        """What `build` needs; with the weights' fingerprint, so that no others can take their place."""
        return dict(self._settings)

    def parameter_counts(self) -> dict[str, int]:
        """Numbers of parameters: backbone, lora, head, trainable, total."""
        counts = super().parameter_counts()
        lora = sum(parameter.numel() for name, parameter in self.named_parameters() if ".lora_" in name)
        head = sum(parameter.numel() for parameter in self.head.parameters())
        return {**counts, "backbone": counts["total"] - lora - head, "lora": lora, "head": head}

    def merged(self) -> Mert:
        """The same network in `full` mode: LoRA added to the weights it was trained beside, all of them stored."""
        if self.mode == FULL:
            return self
        whole = type(self)(**{**self._settings, "mode": FULL, "load": False, "checkpointing": False})
        encoder = copy.deepcopy(self.encoder)
        whole.encoder.load_state_dict((encoder.merge_and_unload() if self.mode == LORA else encoder).state_dict())
        whole.head.load_state_dict(self.head.state_dict())
        return whole.train(self.training)

    def save(self, folder: Path) -> None:
        """Write what was trained and a NOTICE of the licence; the pretrained weights only when `full` changed them."""
        if self.mode == FULL:
            super().save(folder)
        else:
            adapter.write(self.head.state_dict(), folder / HEAD_FILE)
        if self.mode == LORA:
            adapter.save(self.encoder, folder)
        (folder / "NOTICE").write_text(self.notice())

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote; UserError when a file is missing or does not fit."""
        if self.mode == FULL:
            super().restore(folder)
        else:
            weights.load_strictly(self.head, adapter.read(folder / HEAD_FILE), str(folder / HEAD_FILE))
        if self.mode == LORA:
            adapter.restore(self.encoder, folder)

    def notice(self) -> str:
        """What the licence of the pretrained weights means for what is derived from them."""
        if self._settings["init"] == "random":
            return f"Made from random weights of the shape of {self.release.repository}; nothing pretrained is in it.\n"
        limit = ": no commercial use, attribution required" if "NC" in self.licence else ""
        stored = (
            "The pretrained weights, changed by training, are part of this folder."
            if self.mode == FULL
            else "The pretrained weights are not part of this folder and are fetched from their publisher."
        )
        return (
            f"Derived from {self.release.repository} (revision {self.release.revision}), licence"
            f" {self.licence}{limit}.\n{stored}\n"
        )


class Wav2vec2(Mert):
    """wav2vec 2.0 base (Baevski et al., arXiv 2006.11477), pretrained on speech; else as Mert, at 16 kHz."""

    name: ClassVar[str] = "wav2vec2"
    sample_rate: ClassVar[int] = 16_000
    front_rate: ClassVar[float] = 16_000.0
    release: ClassVar[Release] = weights.WAV2VEC2
    licence: ClassVar[str] = weights.WAV2VEC2.licence
    library_class: ClassVar[str] = "Wav2Vec2Model"


class Hubert(Mert):
    """HuBERT base (Hsu et al., arXiv 2106.07447), pretrained on speech; else as Mert, at 16 kHz."""

    name: ClassVar[str] = "hubert"
    sample_rate: ClassVar[int] = 16_000
    front_rate: ClassVar[float] = 16_000.0
    release: ClassVar[Release] = weights.HUBERT
    licence: ClassVar[str] = weights.HUBERT.licence
