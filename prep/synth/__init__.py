"""Computed test music and speech-like sound: full bandwidth, stereo, reproducible by its seed.

It has the features of music that matter to codecs and metrics: transients, sustained tones, noise, reverberation, wide
and narrow stereo, loud and quiet passages. It can be played on the sampled instruments of a sound font.
"""

from prep.synth.speech import recite
from prep.synth.track import SAMPLE_RATE, compose, write_tracks

__all__ = ["SAMPLE_RATE", "compose", "recite", "write_tracks"]
