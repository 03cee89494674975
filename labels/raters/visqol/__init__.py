"""ViSQOL v3 as a rater: a fast engine that uses the constants, similarity and mapping of visqol-python.

`engine` rates degraded signals of one reference; `gammatone`, `alignment` and `search` do its three costly steps.
`package` wraps visqol-python, and `shipped` runs that package alone, as the oracle.
"""

from labels.raters.visqol.mode import AUDIO, Mode
from labels.raters.visqol.rater import IDENTITY_MOS, SAMPLE_RATE, Visqol, VisqolSpeech

__all__ = ["AUDIO", "IDENTITY_MOS", "SAMPLE_RATE", "Mode", "Visqol", "VisqolSpeech"]
