"""Distances of held-out clips, and the choice of clips that are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from deepaq.backbones.backbone import Backbone
from deepaq.console import note
from deepaq.errors import UserError
from manifests.ids import joined_id
from training.data.store import Store
from training.data.table import Mask, Table
from training.loop.gather import World, added
from training.settings import Evaluation

ALONE = World(0, 1, torch.device("cpu"))
_BATCH = 64  # segments embedded at a time

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Distances:
    """Distances of a table's rows, (rows,): to the own clean clip, and to other clean music."""

    full: Values
    unmatched: Values


@dataclass(frozen=True)
class HeldOut:
    """Rows of a table, (rows,), that choose the best epoch and fit the mapping, and rows that are reported; both with
    the clean training clips that serve as non-matching references. The same rows when nothing is kept for a report.
    """

    choose: Mask
    report: Mask

    @property
    def either(self) -> Mask:
        """Rows of either, (rows,)."""
        found: Mask = self.choose | self.report
        return found

    def kept(self, rows: Table, chosen: Mask) -> tuple[Table, HeldOut]:
        """Return the `chosen` rows, (rows,), of clips whose clean file is among them, and the same for them."""
        chosen = chosen & np.isin(rows.clip, rows.clip[chosen & rows.clean])
        choose = self.choose[chosen]
        return rows.take(chosen), HeldOut(choose, choose if self.report is self.choose else self.report[chosen])


def held_out(table: Table, settings: Evaluation) -> HeldOut:
    """Choose the rows that an evaluation needs; the same ones whenever the table is the same.

    With `settings.report`, held-out tracks are divided: those whose hash falls below that share are reported, the
    others choose the epoch.
    """
    references = _references(table, settings.references)
    if not settings.report:
        chosen = _clips(table, table.valid, settings.clips, by_track=False) | references
        return HeldOut(chosen, chosen)
    reported = table.valid & np.isin(table.track.astype(str), _reported(table, settings.report))
    if not reported.any() or reported[table.valid].all():
        note("one held-out track: the clips that choose the best epoch are also those that are reported")
        reported = choosing = table.valid
    else:
        choosing = table.valid & ~reported
    parts = [_clips(table, part, settings.clips, by_track=True) | references for part in (choosing, reported)]
    return HeldOut(*parts)


def subset(table: Table, clips: int, references: int) -> Table:
    """Return the rows of `clips` held-out clips (0 is all) and of `references` clean training clips."""
    return table.take(held_out(table, Evaluation(clips=clips, references=references)).choose)


def _references(table: Table, count: int) -> Mask:
    known = np.unique(table.clip[~table.valid])
    known = known[:: max(1, len(known) // count)][:count]
    return np.isin(table.clip, known) & table.clean


def _clips(table: Table, part: Mask, count: int, by_track: bool) -> Mask:
    """Return the rows of `count` clips of `part`, 0 for all; `by_track` in proportion to the clips of every track."""
    held, first = np.unique(table.clip[part], return_index=True)
    if by_track:
        held = held[np.lexsort((held, table.track[part][first]))]
    if count:
        places = (
            np.arange(count) * len(held) // count if by_track else np.arange(len(held))[:: max(1, len(held) // count)]
        )
        held = held[np.unique(places)][:count]
    return part & np.isin(table.clip, held)


def _reported(table: Table, share: float) -> list[str]:
    """Return the tracks to report: at least one, and not all if there are several."""
    positions = {track: int(joined_id("report", track)[:13], 16) / 16**13 for track in set(_names(table))}
    order = sorted(positions, key=lambda track: positions[track])
    below = sum(position < share for position in positions.values())
    return order[: min(max(1, below), max(1, len(order) - 1))]


def _names(table: Table) -> list[str]:
    """Return the track of every held-out clip."""
    found: list[str] = table.track[table.valid & table.clean].astype(str).tolist()
    return found


@torch.inference_mode()
def distances(backbone: Backbone, store: Store, world: World = ALONE) -> Distances:
    """Return distances of the held-out rows of `store`; its clean training rows are the non-matching references.

    Processes share the clips. NaN for clips without a segment that is audible in all of their rows.
    """
    table = store.table
    training = backbone.training
    backbone.eval()
    known = np.flatnonzero(~table.valid & table.clean).tolist()
    clean = [found[1][0].mean(dim=0) for row in known if (found := _embedded(backbone, store, [row], world.device))]
    if not clean:
        raise UserError("no clean training clip is audible, so there are no non-matching references")
    centre = torch.stack(clean).mean(dim=0)
    values = torch.full((2, len(table)), torch.nan, dtype=torch.float64)
    clips = list(table.by_clip(table.valid).values())
    for rows in clips[world.rank :: world.size]:
        if (found := _embedded(backbone, store, rows.tolist(), world.device)) is None:
            continue
        steps, points = found
        own = steps[int(np.flatnonzero(table.clean[rows])[0])]
        apart = backbone.pooling.per_step(own, steps).flatten(1)
        values[0, rows] = backbone.pooling.over_time(apart).double().cpu()
        values[1, rows] = torch.linalg.vector_norm(points.mean(dim=1) - centre, dim=1).double().cpu()
    backbone.train(training)
    if world.size > 1:
        values = _merged(values, world)
    return Distances(values[0].numpy(), values[1].numpy())


def _merged(values: Tensor, world: World) -> Tensor:
    """Merge the values of all processes; NaN where none has one."""
    there = added((~values.isnan()).to(world.device, torch.float32)).cpu() > 0
    total = added(values.nan_to_num(0.0).to(world.device)).cpu()
    return torch.where(there, total, torch.nan)


def _embedded(backbone: Backbone, store: Store, rows: list[int], device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Embed rows of one clip: (rows, segments, steps, dims) and (rows, segments, dims); None when all is silent.

    Segments have the length that the network scores in; a shorter rest is left out.
    """
    items = store.items(rows[0])
    length = min(items, round(backbone.segment_s * backbone.front_rate))
    starts = [
        start
        for start in range(0, items - length + 1, length)
        if all(store.audible(row, start, length) for row in rows)
    ]
    if not starts:
        return None
    pairs = [(row, start) for row in rows for start in starts]
    steps, points = [], []
    for first in range(0, len(pairs), _BATCH):
        cuts = [store.cut(row, start, length) for row, start in pairs[first : first + _BATCH]]
        found = backbone.embed_both(torch.stack(cuts).to(device))
        steps.append(found[0].float())
        points.append(found[1].float())
    shape = len(rows), len(starts)
    return torch.cat(steps).unflatten(0, shape), torch.cat(points).unflatten(0, shape)
