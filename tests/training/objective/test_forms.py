"""The forms of the loss, each against a transcription in plain loops: value, gradient and floor."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.objective.test_objective import table
from training.data.table import Table
from training.objective import terms as objective
from training.objective.batch import Labeller, Labels
from training.objective.loss import pairwise_distances
from training.settings import Contrast, Objective

TAU = 1.5


def ties() -> Table:
    """Three clips in two codecs of three bitrates and a distortion; many labels are equal, clean is infinite."""
    rows = table(clips=3, bitrates=(16, 64, 96))
    rows.mos[~rows.clean] = np.round(rows.mos[~rows.clean])
    return rows


def term(d: Tensor, labels: list[float], i: int, j: int, keys: list[int]) -> Tensor:
    """-log(exp(-d_ij / tau) / sum over S_ij of exp(-d_ik / tau)), S_ij within `keys`."""

    def apart(k: int) -> float:
        return 0.0 if labels[i] == labels[k] else abs(labels[i] - labels[k])

    ranked = [k for k in keys if apart(k) >= apart(j)]
    return d[i, j] / TAU + torch.logsumexp(-d[i, ranked] / TAU, 0)


def printed(d: Tensor, mos: list[float], codec: list[str], kbps: list[float], scope: str) -> Tensor:
    """The paper's sum, with the sign of Zha et al.: 1/N over the batch, 1/(N-1) over the keys, clean at infinity."""
    size, total = len(mos), d.new_zeros(())
    for i in range(size):
        others = [k for k in range(size) if k != i]
        total = total + sum(term(d, mos, i, j, others) for j in others) / (size - 1)
        if codec[i] not in ("clean", ""):
            near = [k for k in others if codec[k] in (codec[i], "clean") or (scope == "all" and codec[k])]
            total = total + sum(term(d, kbps, i, j, near) for j in near) / (size - 1)
    return total / size


def default(d: Tensor, mos: list[float], codec: list[str], kbps: list[float], scope: str) -> Tensor:
    """Each anchor's mean over its keys, mean over anchors; bitrates as steps below clean, clean anchors per codec."""
    size = len(mos)
    others = [[k for k in range(size) if k != i] for i in range(size)]
    first = torch.stack([sum(term(d, mos, i, j, others[i]) for j in others[i]) / (size - 1) for i in range(size)])
    anchors = []
    for name in set(codec) - {"clean", ""}:
        known = sorted({b for b, c in zip(kbps, codec, strict=True) if c == name})
        steps = [float(known.index(b) - len(known)) if c == name else 0.0 for b, c in zip(kbps, codec, strict=True)]
        for i in (i for i in range(size) if codec[i] in (name, "clean")):
            keys = [k for k in others[i] if codec[k] in (name, "clean")]
            anchors.append(sum(term(d, steps, i, j, keys) for j in keys) / len(keys))
    return first.mean() + torch.stack(anchors).mean()


def by_clip(d: Tensor, mos: list[float], codec: list[str], kbps: list[float], scope: str) -> Tensor:
    """The default form within every clip, averaged over all anchors of both terms' own."""
    size, per_clip = len(mos), len(mos) // 3
    found = [default_parts(d, mos, codec, kbps, slice(at, at + per_clip)) for at in range(0, size, per_clip)]
    first, second = (torch.cat(parts) for parts in zip(*found, strict=True))
    return first.mean() + second.mean()


def default_parts(
    d: Tensor, mos: list[float], codec: list[str], kbps: list[float], own: slice
) -> tuple[Tensor, Tensor]:
    """Means of the anchors of one clip: over the MOS, and over the bitrates."""
    d, mos, codec, kbps = d[own, own], mos[own], codec[own], kbps[own]
    size = len(mos)
    others = [[k for k in range(size) if k != i] for i in range(size)]
    first = [sum(term(d, mos, i, j, others[i]) for j in others[i]) / (size - 1) for i in range(size)]
    second = []
    for name in set(codec) - {"clean", ""}:
        known = sorted({b for b, c in zip(kbps, codec, strict=True) if c == name})
        steps = [float(known.index(b) - len(known)) if c == name else 0.0 for b, c in zip(kbps, codec, strict=True)]
        for i in (i for i in range(size) if codec[i] in (name, "clean")):
            keys = [k for k in others[i] if codec[k] in (name, "clean")]
            second.append(sum(term(d, steps, i, j, keys) for j in keys) / len(keys))
    return torch.stack(first), torch.stack(second)  # type: ignore[arg-type]


FORMS = {
    "printed": (Contrast(tau=TAU, printed=True), printed),
    "printed, all codecs": (Contrast(tau=TAU, printed=True, scope="all"), printed),
    "default": (Contrast(tau=TAU), default),
    "within clip": (Contrast(tau=TAU, within_clip=True), by_clip),
}


@pytest.mark.parametrize("name", FORMS)
def test_value_and_gradient_are_those_of_the_transcription(name: str) -> None:
    form, written = FORMS[name]
    rows = ties()
    labels = exact(Labeller(rows, form.bitrate_as_label)(np.arange(len(rows))), rows)
    points = torch.randn(len(rows), 1, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points.requires_grad_()
    found = objective.contrast(points, labels, Objective(), form).total
    wanted = written(
        pairwise_distances(points), rows.mos.tolist(), rows.codec.tolist(), rows.bitrate.tolist(), form.scope
    )
    assert found.item() == pytest.approx(wanted.item(), abs=1e-10)
    ours, theirs = (torch.autograd.grad(value, points)[0] for value in (found, wanted))
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)
    assert float(ours.norm() / theirs.norm()) == pytest.approx(1, abs=1e-9)


def exact(labels: Labels, rows: Table) -> Labels:
    return replace(labels, mos=torch.from_numpy(rows.mos))


def test_the_averages_per_anchor_weigh_the_bitrates_more_than_the_printed_form() -> None:
    """A batch as the recipe draws it, 4 clips of 8: about 2.9 times the printed term, which divides by all of N - 1."""
    rows = table(clips=4, bitrates=(16, 24, 32))
    coded = rows.take(np.flatnonzero(rows.clean | rows.coded))
    points = 0.05 * torch.randn(len(coded), 1, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values = [
        objective.contrast(points, Labeller(coded, True)(np.arange(len(coded))), Objective(0.0, 1.0), form).total.item()
        for form in (Contrast(literal_bitrate=True), Contrast(printed=True))
    ]
    size, keys, anchors = len(coded), 3 * 4 + 4 - 1, 2 * 3 * 4
    assert values[0] / values[1] == pytest.approx((size - 1) / keys * size / anchors, rel=1e-9)


def test_the_printed_form_prefers_points_in_the_order_of_their_labels() -> None:
    rows = table(clips=1, bitrates=(16, 32, 64, 96))
    labels = Labeller(rows, True)(np.flatnonzero(rows.clean | (rows.codec == "opus")))
    right = labels.mos.double()[:, None, None] * 2
    wrong = right[torch.tensor([0, 2, 4, 1, 3])]
    ordered, shuffled = (
        objective.contrast(points, labels, Objective(1.0, 0.0), Contrast(printed=True)).total
        for points in (right, wrong)
    )
    assert ordered < shuffled


def test_severities_are_ranked_like_bitrates_when_asked() -> None:
    rows = table(clips=2)
    rows.condition[rows.codec == ""] = ["noise-1", "noise-4"]
    plain, ranked = Labeller(rows), Labeller(rows, severities=True)
    noise = torch.from_numpy(rows.codec == "")
    assert plain.rank[noise].isnan().all()
    assert ranked.rank[noise].tolist() == [-1, -2]
    assert torch.equal(ranked.rank[~noise], plain.rank[~noise])
    assert len(set(ranked.codec[noise].tolist())) == 1
    assert not set(ranked.codec[noise].tolist()) & set(ranked.codec[~noise].tolist())
    assert math.isnan(float(bitrate_of_an_anchor()))


def bitrate_of_an_anchor() -> Tensor:
    """A condition that names no severity, such as a listening test's anchor, is not ranked."""
    rows = table(clips=1)
    rows.condition[rows.codec == ""] = "LP35"
    return Labeller(rows, severities=True).rank[torch.from_numpy(rows.codec == "")][0]
