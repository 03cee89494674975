"""Procedural test music: full bandwidth, stereo, different for every seed, the same for the same seed.

It is no art, but codecs and metrics meet in it what they meet in music: transients, sustained tones, noise, reverb,
wide and narrow stereo, loud and quiet passages. A sound font's sampled instruments can play it.
"""

from prep.synth.track import SAMPLE_RATE, compose, write_tracks

__all__ = ["SAMPLE_RATE", "compose", "write_tracks"]
