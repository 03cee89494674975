"""ViSQOL v3 as a rater: our own engine for the hot path, visqol-python's constants, similarity and mapping beyond it.

`engine` rates the versions of one reference; `gammatone`, `alignment` and `search` do its three costly steps; `package`
is what is taken from visqol-python, and `shipped` that package alone, as the oracle.
"""

from labels.raters.visqol.mode import AUDIO, Mode
from labels.raters.visqol.rater import IDENTITY_MOS, SAMPLE_RATE, Visqol, VisqolSpeech

__all__ = ["AUDIO", "IDENTITY_MOS", "SAMPLE_RATE", "Mode", "Visqol", "VisqolSpeech"]
