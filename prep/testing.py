"""Contract tests for codecs, distortions and corpora in other packages; failures raise AssertionError with the reason.

from prep.testing import check_codec
check_codec("my-codec")
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from deepaq.audio import Samples
from deepaq.testing import RATE, music
from manifests.split import SPLITS
from prep.coding.codecs import CODECS
from prep.coding.encode import encode
from prep.coding.program import Encoded
from prep.degraded.verify import Verifier
from prep.distortions import DISTORTIONS, distort
from prep.tracks.corpora import CORPORA, Source

SECONDS = 4
_KBPS = (16, 20, 24, 32, 48, 128)  # tested besides the three lowest, if the codec has them


def check_codec(name: str, largest_lag: int = 1, excess: float = 0.15, correlation: float = 0.95) -> None:
    """Raise AssertionError unless the codec of that name keeps its contract.

    The codec must be installed and deterministic. The measured bitrate must be the requested one within -20 % and
    `excess`, plus 4 kbps for the container. Decoded clips may lag by at most `largest_lag` samples at 44.1 kHz. The
    highest bitrate tested must correlate with the original by at least `correlation`, and more than the lowest. The
    bitrate must be among the arguments in the manifest.
    """
    codec = CODECS[name]
    missing = codec.program.missing(codec.encoder)
    assert missing is None, missing
    kbps = sorted({*list(codec.kbps)[:3], *(value for value in _KBPS if value in codec.kbps)})
    wanted = [codec.condition(value) for value in kbps]
    sound, found, correlations = music(SECONDS, seed=3), [], []
    verifier = Verifier(sound, RATE)
    with tempfile.TemporaryDirectory() as root:
        clip = Path(root) / "clip.flac"
        soundfile.write(clip, sound, RATE, subtype="PCM_16")
        for number in (1, 2):
            folder = Path(root) / str(number)
            folder.mkdir()
            found.append(encode(clip, wanted, folder, SECONDS))
        for coding in wanted:
            first, second = (made[coding] for made in found)
            assert isinstance(first, Encoded), f"{coding.name}: {first}"
            assert isinstance(second, Encoded), f"{coding.name}: {second}"
            same = first.path.read_bytes() == second.path.read_bytes()
            assert same, f"{coding.name}: the same clip gives other bytes the second time"
            actual = coding.actual_kbps(first.bitstream_bytes, SECONDS)  # raises for a constant bitrate that is missed
            assert 0.8 * coding.kbps < actual < (1 + excess) * coding.kbps + 4, f"{coding.name}: has {actual:.1f} kbps"
            comparison = verifier.compare(first.path)  # raises for another length and a lag above 5 samples
            assert abs(comparison.lag) <= largest_lag, f"{coding.name}: is {comparison.lag} samples late"
            correlations.append(comparison.correlation)
            assert str(coding.kbps) in coding.columns()["arguments"], f"{coding.name}: its arguments hide the bitrate"
    assert correlations[-1] > correlation, f"{wanted[-1].name}: correlates with the original to {correlations[-1]:.3f}"
    worse = len(wanted) == 1 or correlations[0] < correlations[-1]
    assert worse, f"{wanted[0].name} is as close to the original as {wanted[-1].name}"


def check_distortion(name: str) -> None:
    """Raise AssertionError unless the distortion of that name keeps its contract.

    It needs five severities, each further from the original than the one before. The result must have the frames and
    channels of the input, for any length, rate and level (unless a coding program takes part), no delay and finite
    samples; be determined by the seed; keep silence silent; and leave the input unchanged.
    """
    sound = music(3, seed=5)
    before, errors = sound.copy(), []
    severities = DISTORTIONS[name].severities
    assert len(severities) == 5, f"it has {len(severities)} severities, not 5"
    for severity in severities:
        degraded = distort(sound, RATE, name, severity, seed=1)
        assert degraded.shape == sound.shape, f"severity {severity}: {sound.shape} became {degraded.shape}"
        assert np.isfinite(degraded).all(), f"severity {severity}: gives NaN or infinite samples"
        errors.append(_error_db(sound, degraded))
    assert all(np.diff(errors) > 0), f"a higher severity is not further from the original: {np.round(errors, 1)} dB"
    assert -70 < errors[0] < -2, f"severity 1 is {errors[0]:.0f} dB from the original; -70 to -2 is hardly audible"
    assert errors[-1] > -22, f"severity 5 is only {errors[-1]:.0f} dB from the original"
    lag = Verifier(sound, RATE).lag(distort(sound, RATE, name, 1, seed=1).mean(axis=1))
    assert abs(lag) <= 1, f"severity 1 is {lag} samples late"
    first, second = (distort(sound, RATE, name, 3, seed=1) for _ in range(2))
    assert np.array_equal(first, second), "the same seed gives other samples the second time"
    assert np.array_equal(sound, before), "the samples that it was given have changed"
    anything = ((1, 1, 16_000, 1.0), (77, 3, 48_000, 1e-6), (9000, 2, 24_000, 4.0))
    for frames, channels, rate, level in () if DISTORTIONS[name].codecs else anything:
        short = _uniform(frames, channels, level)
        for severity in (1, 5):
            degraded = distort(short, rate, name, severity, seed=2)
            what = f"severity {severity}, shape {short.shape}, {rate} Hz"
            assert degraded.shape == short.shape, f"{what}: became {degraded.shape}"
            assert np.isfinite(degraded).all(), f"{what}: gives NaN or infinite samples"
            assert not distort(0 * short, rate, name, severity, seed=2).any(), f"{what}: silence does not stay silent"


def check_corpus(name: str, root: Path) -> list[Source]:
    """Raise AssertionError unless the corpus of that name keeps its contract; returns the tracks of `root`.

    root: a folder in its layout; small or even empty files suffice. It must be recognised, and not as a built-in
    corpus; an empty folder must not. Tracks must have unique names, existing files, a known split or none, and a stable
    order; title and licence must be stated.
    """
    corpus = CORPORA[name]
    assert corpus.title.strip(), "it states no title"
    assert corpus.licence.strip(), "it states no licence"
    assert corpus.recognises(root), f"{root} is not recognised"
    with tempfile.TemporaryDirectory() as empty:
        assert name == "folder" or not corpus.recognises(Path(empty)), "an empty folder is taken for it"
    for other in CORPORA.own:
        if other in (name, "folder"):
            break
        assert not CORPORA[other].recognises(root), f"{root} is taken for {other}"
    found = list(corpus.sources(root))
    assert found == list(corpus.sources(root)), "the tracks come in another order the second time"
    assert len({source.name for source in found}) == len(found), "two tracks have one name"
    for source in found:
        assert source.parts, f"{source.name}: has no file"
        assert all(part.exists() for part in source.parts), f"{source.name}: names files that are not there"
        assert source.split in (None, *SPLITS), f"{source.name}: has the split {source.split!r}"
        assert source.corpus == name, f"{source.name}: says that it is of {source.corpus}"
    return found


def _error_db(reference: Samples, degraded: Samples) -> float:
    return float(10 * np.log10(np.mean((degraded - reference) ** 2) / np.mean(reference**2)))


def _uniform(frames: int, channels: int, level: float) -> Samples:
    samples: Samples = (level * np.random.default_rng(1).uniform(-1, 1, (frames, channels))).astype(np.float32)
    return samples
