"""The compact network, from samples to points, as functions of arrays and of its weights by their names in torch.

For full reference, degraded frames are compared with the reference's frames at the same time: outputs of a few
convolutions of their spectra, the two quantities that ViSQOL compares (level and structure), and the level of the side
signal, which represents the stereo image. For non-matching references, statistics of the whole clip pass two small
layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise

import numpy as np

from deepaq import arrays
from deepaq.arrays import Array, namespace
from deepaq.audio import Samples
from deepaq.compact import bands, description, neurogram
from deepaq.core.comparator import Values
from deepaq.core.pooling import Pooling

ERB, MEL, FLAT, NEURO = description.ERB, description.MEL, description.FLAT, neurogram.BANDS  # columns of the front
CLIP = "clip."  # before the names of the weights of the clip head
OF_CLIP = ERB + MEL + FLAT  # columns used for whole clips
DESCRIBED = description.SIZE
HIDDEN = 64  # width of the layer between them and the embedding
PACE = 5.0  # factor by which the gains learn faster
_OVER_TIME = 2 * NEURO + ERB  # columns used for full reference
_MUSIC = -5.0  # typical log energy in an ERB band

Weights = Mapping[str, Array]


def pooling(blocks: int, projected: int) -> Pooling:
    """How the steps of two signals make their distance; the arguments are those of the network."""
    return Pooling(2.0, ((blocks + 1) * projected, 2 * NEURO, 2 * NEURO * neurogram.CELLS, NEURO))


def mid(samples: Array) -> Array:
    """(batch, frames), or (batch, 2, frames) of mid and side -> (batch, frames)."""
    return samples if samples.ndim == 2 else samples[:, 0]


def front(samples: Array) -> Array:
    """(batch, frames) or (batch, 2, frames), mid and side, at 48 kHz -> (batch, steps, 312).

    For a full reference, whose level matters: neurograms of mid and side, log energies of mid in ERB bands. For
    whole clips, whose level does not: the mid signal's log energies in ERB and mel bands, and flatness.
    """
    return namespace(samples).concatenate([over_time(samples), of_clip(mid(samples))], -1)


def over_time(samples: Array) -> Array:
    """Columns of `front` for full reference, (batch, steps, 128)."""
    xp, middle = namespace(samples), mid(samples)
    neuro = neurogram.levels(middle)
    if samples.ndim == 2:
        side = xp.full_like(neuro, neurogram.FLOOR)
    else:  # a step of `embed` has two frames; one suffices here
        side = arrays.first(arrays.repeated(neurogram.levels(samples[:, 1], 2), 2), neuro.shape[1])
    erb = bands.log_energy(bands.energies(middle, bands.bank("erb")), 10**neurogram.FLOOR)
    return xp.concatenate([neuro, side, erb], -1)


def of_clip(samples: Array) -> Array:
    """Columns of `front` for whole clips: (batch, frames) -> (batch, steps, 184)."""
    power = bands.power(samples)
    erb, mel = (bands.log_energy(arrays.banded(power, arrays.like(power, bands.bank(kind)))) for kind in ("erb", "mel"))
    return namespace(samples).concatenate([erb, mel, description.flatness(power)], -1)


def embed(columns: Array, weights: Weights, blocks: int) -> Array:
    """Columns of `over_time` -> (batch, steps // 2, dims): 25 steps a second, each of four tracks.

    The first holds what all layers made of the sound; the second, the luminance of two frames, weighted per band;
    the third, their structure; the fourth, the luminance of the side signal.
    """
    xp = namespace(columns)
    neuro, side, erb = _columns(arrays.first(columns, columns.shape[1] // 2 * 2), NEURO, NEURO, ERB)
    luminance, structure = neurogram.luminance(neuro), neurogram.structure(neuro)
    middle = structure[..., neurogram.CELLS // 2]
    inputs = xp.concatenate([erb - _MUSIC, luminance, middle], -1).swapaxes(1, 2)
    hidden = arrays.convolved(inputs, weights["stem.weight"], weights["stem.bias"], stride=2)
    layers = [_projected(hidden, weights, 0)]
    for number in range(blocks):
        hidden = _block(hidden, weights, f"blocks.{number}.")
        layers.append(_projected(hidden, weights, number + 1))
    gains = xp.exp(PACE * weights["log_gain"])
    shape = (len(columns), neuro.shape[1] // 2, -1)
    tracks = [xp.concatenate(layers, 1).swapaxes(1, 2)]
    tracks += [(luminance * gains[0]).reshape(shape), (structure * gains[1, :, None]).reshape(shape)]
    tracks.append(neurogram.luminance(side[:, ::2]) * gains[2])
    return xp.concatenate(tracks, -1)


def describe(columns: Array) -> Array:
    """Columns of `of_clip`, (batch, steps, 184) -> (batch, 984): every band's statistics over the clip."""
    return description.statistics(*_columns(columns, ERB + MEL, FLAT))


def standardised(described: Array, weights: Weights) -> Array:
    """Statistics of a clip in units of their deviation over the training clips, (batch, 984).

    weights: those of the clip head, without `clip.` before their names; also below.
    """
    return (described - weights["mean"]) / weights["deviation"]


def embed_clip(standard: Array, weights: Weights) -> Array:
    """(batch, 984) -> (batch, dims)."""
    hidden = arrays.gelu(arrays.linear(standard, weights["layers.1.weight"], weights["layers.1.bias"]))
    return arrays.linear(hidden, weights["layers.3.weight"], weights["layers.3.bias"])


def clip_point(samples: Samples, weights: Weights) -> Values:
    """Embed a clip, (frames,) or mid and side, (frames, 2), in NumPy: (dims,)."""
    described = describe(of_clip(mid(batch(samples))))
    found: Values = embed_clip(standardised(described, weights), weights)[0]
    return found


def batch(samples: Samples) -> Samples:
    """(frames,) or (frames, 2) -> (1, frames) or (1, 2, frames)."""
    return np.ascontiguousarray(samples.T)[None]


def clip_shapes(dims: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights of the clip head by their names."""
    layers = {"layers.1": (HIDDEN, DESCRIBED), "layers.3": (dims, HIDDEN)}
    found: dict[str, tuple[int, ...]] = {f"{name}.weight": shape for name, shape in layers.items()}
    found |= {f"{name}.bias": shape[:1] for name, shape in layers.items()}
    return found | {"mean": (DESCRIBED,), "deviation": (DESCRIBED,)}


def shapes(width: int, blocks: int, projected: int, clip_dims: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights by their names."""
    found: dict[str, tuple[int, ...]] = {"log_gain": (3, NEURO), "stem.weight": (width, ERB + 2 * NEURO, 5)}
    layers: dict[str, tuple[int, ...]] = {"stem": (width,)}
    for number in range(blocks):
        found[f"blocks.{number}.over_time.weight"] = (width, 1, 7)
        found[f"blocks.{number}.norm.weight"] = (width,)
        layers |= {f"blocks.{number}.{name}": (width,) for name in ("over_time", "norm")}
        layers |= {f"blocks.{number}.up": (4 * width, width), f"blocks.{number}.down": (width, 4 * width)}
    for number in range(blocks + 1):
        found[f"projections.{number}.weight"] = (projected, width, 1)
        layers[f"projections.{number}"] = (projected,)
    found |= {f"{name}.bias": shape[:1] for name, shape in layers.items()}
    found |= {f"{name}.weight": shape for name, shape in layers.items() if len(shape) == 2}
    return found | {f"{CLIP}{name}": shape for name, shape in clip_shapes(clip_dims).items()}


def _block(hidden: Array, weights: Weights, name: str) -> Array:
    """A residual block: depthwise convolution over time, then two dense layers per step."""
    found = arrays.convolved(hidden, weights[f"{name}over_time.weight"], weights[f"{name}over_time.bias"])
    found = arrays.normalised(found.swapaxes(1, 2), weights[f"{name}norm.weight"], weights[f"{name}norm.bias"])
    found = arrays.gelu(arrays.linear(found, weights[f"{name}up.weight"], weights[f"{name}up.bias"]))
    return hidden + arrays.linear(found, weights[f"{name}down.weight"], weights[f"{name}down.bias"]).swapaxes(1, 2)


def _projected(hidden: Array, weights: Weights, number: int) -> Array:
    name = f"projections.{number}."
    return arrays.convolved(hidden, weights[f"{name}weight"], weights[f"{name}bias"])


def _columns(columns: Array, *sizes: int) -> list[Array]:
    """The first columns of (..., columns), in parts of these sizes."""
    return [columns[..., start:stop] for start, stop in pairwise(accumulate(sizes, initial=0))]
