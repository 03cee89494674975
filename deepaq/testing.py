"""Contract tests for parts in other packages; a failure raises AssertionError with the reason.

This module tests backbones; `prep.testing` tests codecs, distortions and corpora, and `labels.testing` raters and
listening tests.

    from deepaq.testing import check_backbone
    check_backbone("my-backbone")
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError

RATE = 44_100
_AUDIBLE_S = 3  # after which a note of `music` is below the last bit of a sample


def music(seconds: float, seed: int = 0, rate: int = RATE, channels: int = 2) -> npt.NDArray[np.float32]:
    """Test signal, (frames, channels) at `rate` Hz: decaying notes over quiet noise, by seed; peak about 0.5."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    sound = 0.003 * rng.standard_normal((frames, channels))
    for start in np.arange(0, seconds, 0.25):
        pitch = 110 * 2 ** (rng.integers(0, 36) / 12)
        first = int(np.ceil(start * rate))
        age = np.arange(first, min(frames, first + _AUDIBLE_S * rate)) / rate - start
        turn = 2 * np.pi * pitch * age
        step, before, partial = 2 * np.cos(turn), np.zeros_like(turn), np.sin(turn)
        note = partial.copy()
        for k in range(2, min(8, int((rate / 2 - 1e-9) / pitch)) + 1):
            before, partial = partial, step * partial - before  # sin(k x) from sin((k - 1) x) and sin((k - 2) x)
            note += partial / k
        sound[first : first + len(age)] += (np.exp(-6 * age) * note)[:, None] * rng.uniform(0.3, 1, channels)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def refusal(call: Callable[[], Any], what: str) -> str:
    """Return the one-line message of the UserError that `call` must raise; raises AssertionError otherwise."""
    try:
        call()
    except UserError as error:
        line = str(error)
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}, not UserError: {error}") from error
    else:
        raise AssertionError(f"{what} is not refused")
    assert "\n" not in line, f"{what} is refused in more than one line: {line}"
    return line


def check_backbone(name: str, **settings: Any) -> None:
    """Raise AssertionError unless the backbone of that name, built with `settings`, keeps its contract.

    Its front end must give `front_rate` items per second. Both heads must be deterministic and give a vector or time
    steps per signal. Equal signals must have distance 0, and more noise a larger distance. Gradients must reach the
    degraded signal. Its settings must be JSON and, with its weights, rebuild the same network. All parameters must be
    counted.
    """
    import torch

    from deepaq.backbones.backbone import build

    torch.manual_seed(0)
    network = build(name, **settings).eval()
    assert network.name == name, f"it calls itself {network.name!r}"
    assert network.channels in (1, 2), f"channels is {network.channels}, not 1 or 2"
    assert 0 < network.shortest_s <= network.segment_s, "shortest_s is not between 0 and segment_s"
    seconds = max(2.0, 2 * network.shortest_s)
    clean = torch.from_numpy(music(seconds, 3, network.sample_rate, 1)[:, 0].copy())
    noise = torch.randn(len(clean), generator=torch.Generator().manual_seed(1))
    samples = torch.stack([clean, clean + 0.001 * noise, clean + 0.03 * noise])
    with torch.no_grad():
        front = network.front(samples)
        points, clip = network.embed(front), network.embed_clip(network.describe(front))
        again = network.embed_audio(samples)
        both = network.embed_both(front)
    items = front.shape[1] / seconds
    assert abs(items - network.front_rate) <= 0.05 * network.front_rate, (
        f"`front` gives {items:.1f} items a second, front_rate is {network.front_rate:g}"
    )
    assert points.ndim == 3 and len(points) == 3, f"`embed` gives shape {tuple(points.shape)}, not (batch, steps, dims)"  # noqa: PT018
    assert clip.ndim == 2 and len(clip) == 3, f"`embed_clip` gives shape {tuple(clip.shape)}, not (batch, dims)"  # noqa: PT018
    assert bool(points.isfinite().all() and clip.isfinite().all()), "an embedding is NaN or infinite"
    torch.testing.assert_close(again, points, msg="`embed_audio` differs from `embed` after `front`")
    torch.testing.assert_close(both[0], points, msg="`embed_both` differs from `embed`")
    torch.testing.assert_close(both[1], clip, msg="`embed_both` differs from `embed_clip` after `describe`")
    same, little, much = network.pooling.distance(points[[0, 0, 0]], points).tolist()
    assert same < 1e-4, f"a signal has the distance {same:g} to itself"
    assert little < much, f"more noise is no further away: {little:g} and {much:g}"
    degraded = samples[2:].clone().requires_grad_()
    network.pooling.distance(network.embed_audio(degraded), points[:1]).sum().backward()
    assert degraded.grad is not None, "no gradient reaches the degraded signal"
    assert bool(degraded.grad.isfinite().all()), "the gradient of the degraded signal is NaN or infinite"
    counts = network.parameter_counts()
    total = sum(parameter.numel() for parameter in network.parameters())
    parts = counts["backbone"] + counts["lora"] + counts["head"]
    assert parts == counts["total"] == total, f"it has {total} parameters and counts {counts}"
    rebuilt = build(name, **json.loads(json.dumps(network.settings()))).eval()
    rebuilt.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(rebuilt.embed(front), points), "rebuilt from its settings and weights, it embeds differently"
