"""Mapping from the similarity of patches to MOS, by the models inside visqol-python."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from visqol import visqol_core
from visqol.nsim import PatchSimilarityResult

from labels.raters.visqol import package
from labels.raters.visqol.mode import HOP_S, Mode

Reals = npt.NDArray[np.float64]


def mos(patches: list[PatchSimilarityResult], mode: Mode) -> tuple[float, float]:
    """MOS-LQO and mean similarity of the patches; the MOS is 1 below a similarity of 0.15."""
    similarity = visqol_core.calc_per_patch_mean_freq_band_means(patches)
    if mode.mapping == "svr":
        value = float(np.clip(_regression(similarity), 1, 5))
    elif mode.mapping == "exponential":
        value = package.manager(mode).quality_mapper.predict_quality(similarity)
    else:
        value = package.manager(mode).quality_mapper.predict_quality(
            similarity,
            visqol_core.calc_per_patch_freq_band_quantile(patches, 0.10),
            visqol_core.calc_per_patch_mean_freq_band_stddevs(patches, HOP_S),
            visqol_core.calc_per_patch_mean_freq_band_deg_energy(patches),
        )
    vnsim = float(similarity.mean())
    return float(visqol_core.alter_for_similarity_extremes(vnsim, value)), vnsim


def _regression(similarity: Reals) -> float:
    """Support vector regression with its radial kernel (LIBSVM), 100 times faster than the package's wrapper."""
    vectors, coefficients, gamma, offset = _support_vectors()
    kernel = np.exp(-gamma * np.square(vectors - similarity).sum(axis=1))
    return float(coefficients @ kernel) - offset


@cache
def _support_vectors() -> tuple[Reals, Reals, float, float]:
    from labels.raters.visqol.mode import AUDIO

    model = package.manager(AUDIO).quality_mapper.model
    vectors = np.array([[vector.get(band + 1, 0.0) for band in range(AUDIO.bands)] for vector in model.get_SV()])
    return vectors, np.array(model.get_sv_coef())[:, 0], float(model.param.gamma), float(model.rho[0])
