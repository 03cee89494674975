"""The contract of embedding networks, and their registry."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from deepaq.audio import Samples
from deepaq.audio.container import reason
from deepaq.audio.stream import as_batch, mid_of
from deepaq.backbones.threads import forked, one_thread
from deepaq.backbones.weights import check_header
from deepaq.core.comparator import Comparator, Compared, Values
from deepaq.core.memory import Memory
from deepaq.core.pooling import MEAN, Pooling
from deepaq.errors import UserError
from deepaq.files import write_tensors
from deepaq.registry import Registry, check_class


class Backbone(nn.Module, Comparator):
    """A network that turns audio into points whose distance is the loss of quality.

    Input is float32 of shape (batch, frames), mono, at `sample_rate`, unpadded; networks with two channels also take
    (batch, 2, frames), mid and side, and have a front end of their own. The front end, `front`, is never trained, so
    training may store its output and cut it anywhere. One of two heads follows. For full reference, the constant gain
    of the degraded signal is removed first, unless it should count.
    """

    front_rate: ClassVar[float]  # items that `front` gives per second of audio
    pooling: Pooling = MEAN  # how the steps of two signals make their distance
    small: ClassVar[bool] = False  # True for a network that runs best on one thread

    @property
    def power(self) -> float:
        return self.pooling.power

    def can_compare(self, reference: Samples) -> bool:
        with self.running():
            return bool(self.audible(as_batch(mid_of(reference))).all())

    def compare(self, reference: Samples, degraded: Samples) -> Compared:
        """Compare two signals by the distance of their embeddings."""
        return self.compare_many([(reference, degraded)])[0]

    def compare_many(self, pairs: Sequence[tuple[Samples, Samples]], memory: Memory | None = None) -> list[Compared]:
        """Compare several pairs; signals of one length are embedded as one batch, equal references once."""
        with self.running():
            ours = self._references([reference for reference, _ in pairs], None if self.small else memory)
            theirs = self._points([degraded for _, degraded in pairs])
            found = [self.pooling.per_step(*points) for points in zip(ours, theirs, strict=True)]
            return [Compared(distance.cpu().numpy()) for distance in found]

    def _references(self, signals: Sequence[Samples], memory: Memory | None) -> list[Tensor]:
        if memory is None:
            return self._points(signals)
        keys = [memory.key(samples) for samples in signals]
        known = {key: memory.get(key) for key in keys}
        new = {key: samples for key, samples in zip(keys, signals, strict=True) if known[key] is None}
        for key, embedded in zip(new, self._points(list(new.values())), strict=True):
            known[key] = embedded
            memory.keep(key, embedded)
        return [points for key in keys if (points := known[key]) is not None]

    def _points(self, signals: Sequence[Samples]) -> list[Tensor]:
        """Embed signals of any lengths: (steps, dims) of each."""
        by_length: dict[int, list[int]] = {}
        for index, samples in enumerate(signals):
            by_length.setdefault(len(samples), []).append(index)
        found: dict[int, Tensor] = {}
        for places in by_length.values():
            batch = torch.cat([as_batch(signals[place]) for place in places]).to(self.device)
            found |= zip(places, self.embed_audio(batch), strict=True)
        return [found[index] for index in range(len(signals))]

    @property
    def device(self) -> torch.device:
        """The processor that holds the weights; the CPU for a network without any."""
        return next((weights.device for weights in self.parameters()), torch.device("cpu"))

    def clip_point(self, samples: Samples) -> Values:
        with self.running():
            description = self.describe(self.front(as_batch(samples).to(self.device)))
            found: Values = self.embed_clip(description)[0].cpu().numpy()
            return found

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the network without gradients, on one thread if it is small or the process was forked."""
        with one_thread() if self.small or forked() else nullcontext(), torch.inference_mode():
            yield

    def weights(self) -> Iterator[tuple[str, bytes]]:
        for name, tensor in sorted(self.state_dict().items()):
            yield name, tensor.detach().cpu().contiguous().numpy().tobytes()

    def front(self, samples: Tensor) -> Tensor:
        """Apply the fixed first stage: audio -> (batch, items, ...); by default the samples themselves."""
        return samples

    def audible(self, samples: Tensor) -> Tensor:
        """Flags of the segments that may be embedded, (batch, frames) -> (batch,); all by default."""
        return torch.ones(len(samples), dtype=torch.bool, device=samples.device)

    @abstractmethod
    def embed(self, front: Tensor) -> Tensor:
        """Embed the output of `front`, or a part of it, for full reference: (batch, steps, dims).

        The distance between two equally long signals is the Euclidean distances of their steps, pooled by `pooling`; by
        default their mean. A network that describes the whole segment by one vector, as in the DeePAQ paper, has one.
        """

    def embed_audio(self, samples: Tensor) -> Tensor:
        """Embed audio: `embed` after `front`, without the parts that only `describe` needs."""
        return self.embed(self.front(samples))

    def describe(self, front: Tensor) -> Tensor:
        """Compute the fixed part of `embed_clip`, (batch, ...); by default the output of `front`."""
        return front

    @abstractmethod
    def embed_clip(self, description: Tensor) -> Tensor:
        """Embed the output of `describe` for non-matching references: (batch, dims), comparable across content."""

    def embed_both(self, front: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs of `embed` and of `embed_clip` for the same audio."""
        return self.embed(front), self.embed_clip(self.describe(front))

    def calibrate(self, descriptions: Tensor) -> None:
        """Adapt to the statistics of the training clips' descriptions, (clips, ...), before training."""

    def clip_parameters(self) -> list[nn.Parameter]:
        """The weights that only `embed_clip` uses."""
        return []

    def parameter_counts(self) -> dict[str, int]:
        """Numbers of parameters: backbone, lora, head, trainable, total."""
        total = sum(parameter.numel() for parameter in self.parameters())
        trainable = sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)
        return {"backbone": total, "lora": 0, "head": 0, "trainable": trainable, "total": total}

    def merged(self) -> Backbone:
        """Return the same function with adapters merged into the weights; itself if there are none."""
        return self

    def notice(self) -> str:
        """Licence terms of a trained network, from the licences of its parts."""
        return f"The network's weights may be used under {self.licence}, like deepaq itself.\n"

    def save(self, folder: Path) -> None:
        """Write the weights that training may have changed into `folder`."""
        write_tensors(self.state_dict(), folder / "model.safetensors")

    def check(self, folder: Path) -> None:
        """Raise UserError when the files that `restore` reads do not fit, by their headers; needs no memory."""
        check_header(folder / "model.safetensors", self.state_dict())

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote; UserError when a file is missing or does not fit."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = folder / "model.safetensors"
        try:
            self.load_state_dict(load_file(path))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise UserError(f"{path}: cannot be loaded ({reason(error)}); train or copy the run again") from None


_BUILT_IN = {
    "compact": "deepaq.backbones.compact:Compact",
    "hubert": "deepaq.backbones.mert:Hubert",
    "mert": "deepaq.backbones.mert:Mert",
    "plain": "deepaq.backbones.plain:Plain",
    "wav2vec2": "deepaq.backbones.mert:Wav2vec2",
}


def _accepted(name: str, part: Any) -> type[Backbone]:
    check_class(part, Backbone, ("name", "sample_rate", "front_rate", "segment_s", "shortest_s"))
    kind: type[Backbone] = part
    return kind


BACKBONES: Registry[type[Backbone]] = Registry("backbone", "deepaq.backbones", _BUILT_IN, _accepted, "train")


def build(name: str, /, **settings: Any) -> Backbone:
    """A backbone by its registered name; UserError for an unknown one."""
    kind = BACKBONES[name]
    try:
        with BACKBONES.attributed(name):
            return kind(**settings)
    except (TypeError, ValueError) as error:
        why = str(error).rpartition("__init__() ")[2]  # "got an unexpected keyword argument ..."
        raise UserError(f"backbone {name}: {why}") from None
