"""The registered raters of ViSQOL, with validation of their input."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.raters.rater import Judge, Rater, Rating
from labels.raters.visqol import package
from labels.raters.visqol.alignment import PACKAGE, PROGRAM
from labels.raters.visqol.mode import AUDIO, EXPONENTIAL_SPEECH, SPEECH, Mode
from manifests.provenance import package_version

if TYPE_CHECKING:
    from labels.raters.visqol.score import Score

SAMPLE_RATE = AUDIO.sample_rate
IDENTITY_MOS = 4.732101253042  # MOS of a reference compared with itself
ENGINES = ("exact", "fast", "shipped")
MAPPINGS = {"lattice": SPEECH, "exponential": EXPONENTIAL_SPEECH}


class Visqol(Rater):
    """MOS-LQO, 1 to 4.732 (Chinen et al. 2020, "ViSQOL v3: An Open Source Production Ready Objective Speech and
    Audio Metric").

    engine: `exact` agrees with Google's C++ program to better than 1e-6, and `fast`, which takes as long, with
    visqol-python 3.8.0, whose alignment differs; `shipped` is that package unchanged.
    timeline: also rate segments of about this many seconds. A segment is a whole number of patches of 0.6 s, and
    the next segment begins one patch later.
    """

    name = "visqol"
    scale = "MOS-LQO"
    sample_rate = SAMPLE_RATE
    identity: float | None = IDENTITY_MOS
    shortest_s = 1.0
    requires = ("visqol",)
    install = "'deepaq[labels]'"
    mode: Mode = AUDIO

    def __init__(self, engine: str = "exact", timeline: str | None = None) -> None:
        if engine not in ENGINES:
            raise UserError(f"engine {engine}: known are {', '.join(ENGINES)}")
        self.engine = engine
        self.window_s = None if timeline is None else _seconds(timeline)

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        prepared: Any
        if self.engine == "shipped":
            from labels.raters.visqol import shipped

            prepared = shipped.Reference(reference, self.mode)
        else:
            from labels.raters.visqol import engine

            prepared = engine.Reference(reference, self.mode, PROGRAM if self.engine == "exact" else PACKAGE)

        def rate(degraded: Samples) -> Rating:
            self.check(degraded, "degraded signal")
            score: Score = prepared.score(degraded)
            if not math.isfinite(score.mos):
                raise UserError("ViSQOL gave no finite MOS")
            extras = {"vnsim": score.vnsim}
            if self.window_s is None:
                return Rating(score.mos, extras)
            line = score.timeline(self.window_s)
            extras |= {
                "timeline_start_s": line.start_s,
                "timeline_hop_s": line.hop_s,
                "timeline_window_s": line.window_s,
            }
            return Rating(score.mos, extras, line.values)

        return rate

    def warm_up(self) -> None:
        noise: Samples = (np.random.default_rng(0).standard_normal(2 * self.sample_rate) / 10).astype(np.float32)
        self.judge(noise)(noise)
        # The engine leaves close calls to the package.
        package.measure(noise, noise, self.mode)

    def tools(self) -> dict[str, str]:
        return {"visqol-python": package_version("visqol-python"), "numba": package_version("numba")}


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise UserError(f"timeline {text}: write a length in seconds, such as 4")
    return seconds


class VisqolSpeech(Visqol):
    """MOS-LQO of speech at 16 kHz, with bands up to 8 kHz, from patches of 0.4 s with voice activity.

    mapping: `lattice`, the default of the C++ program (needs the extra `speech`), or `exponential`, its older
    default, which rates degraded speech 1 to 2 points higher.
    """

    name = "visqol-speech"
    sample_rate = SPEECH.sample_rate
    identity = None  # the lattice depends on the voice's spectrum: 4.5 to 4.8; the exponential always gives 5

    def __init__(self, engine: str = "exact", timeline: str | None = None, mapping: str = "lattice") -> None:
        super().__init__(engine, timeline)
        if mapping not in MAPPINGS:
            raise UserError(f"mapping {mapping}: known are {', '.join(MAPPINGS)}")
        if mapping == "lattice" and find_spec("ai_edge_litert") is None:
            raise UserError(
                "ViSQOL's lattice needs ai-edge-litert: pip install 'deepaq[speech]', or -o mapping=exponential"
            )
        self.mode = MAPPINGS[mapping]
