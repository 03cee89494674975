"""Fréchet audio distance of a signal to its own reference, on embeddings of MERT or CLAP."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.raters.embedding import Clap, Embedding, Mert
from labels.raters.rater import NETWORK, Judge, Rater, Rating
from manifests.provenance import package_version

_Points = npt.NDArray[np.float64]


class Fad(Rater):
    """Fréchet distance between Gaussians fitted to the MERT-v1-95M embeddings of the two signals (Kilgour et al., arXiv
    1812.08466, with one item instead of a set, as in the DeePAQ paper).

    Options: weights (`hub` for the pinned release, or the folder named by DEEPAQ_MERT; a folder; or `random`, for
    tests), layer (0 to 12).
    """

    name = "fad"
    scale = "Fréchet distance"
    sample_rate = Mert.sample_rate
    identity = 0.0
    higher_is_better = False
    aligned = True
    shortest_s = 1.0
    requires = ("torch", "transformers")
    install = "'deepaq[train]'"

    def __init__(self, weights: str = "hub", layer: str = "12") -> None:
        self.weights, self.layer = weights, layer

    def embedding(self) -> Embedding:
        if not self.layer.isdecimal():
            raise UserError(f"layer={self.layer}: is not a layer number")
        return _mert(self.weights, int(self.layer))

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        embedding = self.embedding()
        clean = embedding.frames(reference)

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            return Rating(frechet_distance(clean, embedding.frames(degraded)))

        return rate

    def warm_up(self) -> None:
        self.embedding()

    def tools(self) -> dict[str, str]:
        tools = {name: package_version(name) for name in ("torch", "transformers")}
        return tools | {NETWORK: self.embedding().fingerprint}


class FadClap(Fad):
    """Fréchet distance on embeddings of the audio tower of CLAP (laion/clap-htsat-unfused).

    Option weights: the folder of the downloaded network, or `random`, for tests.
    """

    name = "fad-clap"
    needs = ("weights",)
    sample_rate = Clap.sample_rate

    def __init__(self, weights: str = "") -> None:
        self.weights = weights

    def embedding(self) -> Embedding:
        if not self.weights:
            raise UserError(f"rater {self.name}: needs its weights; give --option weights=FOLDER")
        return _clap(self.weights)


def frechet_distance(first: _Points, second: _Points) -> float:
    """Squared Fréchet (2-Wasserstein) distance between Gaussians fitted to two sets of points, (points, dims).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2). With C = A'A, A the centred points divided by sqrt(n - 1), the last trace
    is the nuclear norm of A B'. This needs no matrix square root and allows fewer points than dimensions.
    """
    a, b = (_factor(points) for points in (first, second))
    apart = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    spread = np.square(a).sum() + np.square(b).sum()
    return max(float(apart + spread - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum()), 0.0)


def _factor(points: _Points) -> _Points:
    """Find A with A'A the covariance; with more points than dimensions, R of the QR decomposition."""
    if len(points) < 2:
        raise UserError("a single embedding has no spread; use longer audio")
    factor: _Points = (points - points.mean(axis=0)) / np.sqrt(len(points) - 1)
    if len(factor) > factor.shape[1]:
        factor = np.linalg.qr(factor).R
    return factor


@cache
def _mert(weights: str, layer: int) -> Embedding:
    """Load a network once per process."""
    return Mert(weights, layer)


@cache
def _clap(weights: str) -> Embedding:
    return Clap(weights)
