"""Audio in: decode any file, check it, resample it, mix channels, find delay and gain. Free of torch."""

from deepaq.audio.channels import (
    audible_channel,
    downmixed,
    for_network,
    one_channel,
    to_mid_side,
    to_mono,
    to_stereo,
)
from deepaq.audio.decode import blocks, read
from deepaq.audio.samples import (
    HIGHEST_PEAK,
    HIGHEST_RATE,
    LOWEST_RATE,
    SILENCE_DBFS,
    Audio,
    Samples,
    check,
    fit,
    is_silent,
    level_dbfs,
    resample,
)

__all__ = [
    "HIGHEST_PEAK",
    "HIGHEST_RATE",
    "LOWEST_RATE",
    "SILENCE_DBFS",
    "Audio",
    "Samples",
    "audible_channel",
    "blocks",
    "check",
    "downmixed",
    "fit",
    "for_network",
    "is_silent",
    "level_dbfs",
    "one_channel",
    "read",
    "resample",
    "to_mid_side",
    "to_mono",
    "to_stereo",
]
