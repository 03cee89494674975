"""Metrics in the form of ONNX files: SCOREQ, or any other network that takes waveforms."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deepaq.audio import Samples
from deepaq.audio.container import reason
from deepaq.errors import UserError
from deepaq.files import file_sha256
from labels.raters.rater import NETWORK, Judge, Rater, Rating
from manifests.provenance import package_version

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SCORE, DISTANCE, EMBEDDING = "score", "distance", "embedding"  # kinds of output


class Onnx(Rater):
    """Output of a network run by ONNX Runtime on the CPU; without extras.

    The network takes one waveform, or the reference and then the degraded one, as (frames,), (1, frames) or
    (1, 1, frames), mono, float32. Options: model, the file. rate, in Hz. gives: `score` (higher is better), `distance`
    (lower is better), or `embedding` of one waveform; the value is then the Euclidean distance between the embeddings
    of the pair, averaged over time steps. multiple: pad the frames with zeros to a multiple of this number.

    SCOREQ (Ragano et al., arXiv 2410.06675): adapt_nr_*.onnx with multiple=320; fixed_nmr_*.onnx with multiple=320 and
    gives=embedding.
    """

    name = "onnx"
    scale = "output of an ONNX network"
    sample_rate = 16_000
    identity = None
    aligned = True
    requires = ("onnxruntime",)
    needs = ("model",)

    def __init__(self, model: str = "", rate: str = "16000", gives: str = SCORE, multiple: str = "1") -> None:
        if not model:
            raise UserError("rater onnx: needs a network; give --option model=FILE")
        if gives not in (SCORE, DISTANCE, EMBEDDING):
            raise UserError(f"rater onnx: gives={gives}: {SCORE}, {DISTANCE} or {EMBEDDING}")
        self.model, self.gives = model, gives
        self.sample_rate, self.multiple = _whole("rate", rate), _whole("multiple", multiple)
        self.higher_is_better = gives == SCORE
        if gives == EMBEDDING:
            self.identity = 0.0

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        inputs = len(_session(self.model).get_inputs())
        if inputs > 2 or (inputs == 2 and self.gives == EMBEDDING):
            raise UserError(f"{self.model}: takes {inputs} inputs; one or two waveforms were expected")
        own = self._run(reference) if self.gives == EMBEDDING else None

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            if own is None:
                return Rating(self._number(*((reference, degraded) if inputs == 2 else (degraded,))))
            apart = np.atleast_2d(self._run(degraded).squeeze() - own.squeeze())
            return Rating(float(np.linalg.norm(apart, axis=-1).mean()))

        return rate

    def _run(self, *waveforms: Samples) -> npt.NDArray[np.float32]:
        """Return the network's first output."""
        session = _session(self.model)
        feed: dict[str, Any] = {}
        for entry, samples in zip(session.get_inputs(), waveforms, strict=True):
            filled = np.pad(samples.astype(np.float32), (0, -len(samples) % self.multiple))
            feed[entry.name] = filled.reshape([1] * (len(entry.shape) - 1) + [-1])
        try:
            found = np.asarray(session.run(None, feed)[0])
        except Exception as error:  # the library's errors share no narrower base class
            raise UserError(f"{self.model}: cannot rate it ({reason(error)})") from None
        if not np.isfinite(found).all():
            raise UserError(f"{self.model}: gives NaN or infinite values for it")
        return found

    def _number(self, *waveforms: Samples) -> float:
        found = self._run(*waveforms)
        if found.size != 1:
            shape = tuple(found.shape)
            raise UserError(f"{self.model}: gives {shape}, not one number; an embedding needs gives={EMBEDDING}")
        return float(found.reshape(()))

    def warm_up(self) -> None:
        _session(self.model)

    def tools(self) -> dict[str, str]:
        return {"onnxruntime": package_version("onnxruntime"), NETWORK: file_sha256(_file(self.model))}


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise UserError(f"rater onnx: {name}={text}: a whole number, at least 1")
    return int(text)


def _file(model: str) -> Path:
    if not Path(model).is_file():
        raise UserError(f"{model}: no such file")
    return Path(model)


@cache
def _session(model: str) -> InferenceSession:
    """Load a network once per process, with one thread, because items are rated in parallel."""
    import onnxruntime

    path = _file(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's errors share no narrower base class
        raise UserError(f"{model}: is not an ONNX network ({reason(error)})") from None
