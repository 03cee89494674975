"""Rate a data set: the wanted rows minus the committed ones are what remains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from deepaq.console import note_skipped
from deepaq.errors import UserError
from labels.length import LEAST_COMMON, short_line
from labels.raters.rater import DEVICE, NETWORK, all_options, attributed, rater
from labels.rating.job import Degraded, Pairs, Rate
from manifests import jobs, schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from manifests.ids import matches
from manifests.storage import sweep


@dataclass(frozen=True)
class Settings:
    """Settings of a rating run. jobs: worker processes. shard: (index from 0, count). options: those of the rater.
    conditions: patterns of condition names to rate, such as `opus-*`; all if empty."""

    options: tuple[tuple[str, str], ...] = ()
    jobs: int = field(default_factory=jobs.cpu_count)
    shard: tuple[int, int] = (0, 1)
    conditions: tuple[str, ...] = ()
    dask: str | None = None
    retry_failed: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        jobs.workers(self.jobs)


def rate(data: Path, name: str, settings: Settings) -> dict[str, Any]:
    """Rate every degraded clip that `name` has not rated yet, and return counts.

    Keys: labelled and failed (requested rows, from this run or earlier ones), skipped (clips without audio),
    audio_seconds and cpu_seconds (of this run), errors (one line each).
    """
    dataset = Dataset(data)
    sweep(dataset.folder(schema.LABELS))
    options = options_of(dataset, name, dict(settings.options))
    if settings.dask:
        _require_absolute(options)
    chosen = rater(name, **options)
    work, wanted, skipped = _work(dataset, name, settings)
    if work:
        with attributed(name):
            chosen.warm_up()
    counts = jobs.run(
        Rate(dataset.root.absolute(), name, tuple(options.items())),
        jobs.shared_out(work, settings.jobs, largest=8),
        jobs=settings.jobs,
        label=name,
        unit="clip",
        quiet=settings.quiet,
        dask=settings.dask,
    )
    return _report(dataset, wanted, name) | {
        "skipped": skipped,
        "audio_seconds": counts["audio_ms"] / 1000,
        "cpu_seconds": counts["cpu_seconds"],
    }


def plan(data: Path, name: str, settings: Settings) -> dict[str, Any]:
    """Report what `rate` would do: remaining references and degraded clips, and how many match no condition."""
    dataset = Dataset(data)
    rater(name, **options_of(dataset, name, dict(settings.options)))
    work, _, skipped = _work(dataset, name, settings)
    return {"clips": len(work), "versions": sum(len(item.degraded) for item in work), "skipped": skipped}


def options_of(dataset: Dataset, name: str, given: Mapping[str, str]) -> dict[str, str]:
    """All options of the rater; if none are given, those of the existing labels.

    The device may differ, as it changes nothing but rounding. Raises UserError if other options, or another network,
    would mix with those labels.
    """
    made = fragments(dataset.folder(schema.LABELS, name))
    footer = read_footer(made[-1]) if made else {}
    before, own = dict(footer.get("settings", {}).get("options", {})), dict(given)
    before.pop(DEVICE, None)
    device = own.pop(DEVICE, None)
    options = all_options(name, own or before)
    other = f"{name.partition('+')[0]}+TAG"
    if made and options != all_options(name, before):
        was = ", ".join(f"{key}={value}" for key, value in before.items() if value is not None)
        raise UserError(
            f"{dataset.root}: its labels by {name} were made with {was}; for others name the rater {other} in "
            f"`labels rate`"
        )
    if device is not None:
        options[DEVICE] = device
    network = footer.get("tools", {}).get(NETWORK)
    if network and rater(name, **options).tools().get(NETWORK) != network:
        raise UserError(
            f"{dataset.root}: its labels by {name} were made by a network that has been replaced since; for the new "
            f"one name the rater {other} in `labels rate`"
        )
    return options


def _work(dataset: Dataset, name: str, settings: Settings) -> tuple[list[Pairs], pa.Table, int]:
    """Pairs that remain, all requested degraded rows with audio and their references, and the number without audio."""
    references = dataset.references(["path", "sha256"])
    references = references.filter(pc.equal(references["status"], schema.OK))
    references = references.rename_columns(["reference_id", "reference_status", "reference_path", "reference_sha256"])
    degraded = dataset.degraded(["reference_id", "path", "sha256", "condition", "common", "error"])
    labels = dataset.labels(name, ["degraded_id"])
    mine = jobs.in_shard(degraded["reference_id"].to_pylist(), settings.shard)
    degraded = degraded.filter(pa.array(mine, pa.bool_()))
    if settings.conditions:
        degraded = _matching(degraded, settings.conditions)
    audible = degraded.filter(pc.equal(degraded["status"], schema.OK)).drop_columns(["error"])
    note_skipped(degraded.filter(pc.not_equal(degraded["status"], schema.OK))["error"].to_pylist())
    wanted = audible.join(references, "reference_id", join_type="inner", use_threads=False)
    if settings.retry_failed:
        labels = labels.filter(pc.not_equal(labels["status"], schema.FAILED))
    left = wanted.filter(pc.invert(pc.is_in(wanted["degraded_id"], value_set=labels["degraded_id"].combine_chunks())))
    work: dict[str, Pairs] = {}
    for row in left.sort_by([("reference_id", "ascending"), ("degraded_id", "ascending")]).to_pylist():
        pairs = Pairs(row["reference_id"], row["reference_path"], row["reference_sha256"], [])
        clips = work.setdefault(pairs.reference_id, pairs).degraded
        clips.append(Degraded(row["degraded_id"], row["path"], row["sha256"]))
    return list(work.values()), wanted, degraded.num_rows - audible.num_rows


def _matching(degraded: pa.Table, conditions: Sequence[str]) -> pa.Table:
    names = degraded["condition"].to_pylist()
    asked = [matches(name, conditions) for name in names]
    if names and not any(asked):
        known = ", ".join(sorted(set(names)))
        raise UserError(f"--conditions {','.join(conditions)}: there are none; known are {known}")
    return degraded.filter(pa.array(asked, pa.bool_()))


def _report(dataset: Dataset, wanted: pa.Table, name: str) -> dict[str, Any]:
    labels = dataset.labels(name, ["error", "extras"])
    mine = labels.filter(pc.is_in(labels["degraded_id"], value_set=wanted["degraded_id"].combine_chunks()))
    failed = mine.filter(pc.equal(mine["status"], schema.FAILED)).to_pylist()
    return {
        "labelled": mine.num_rows - len(failed),
        "failed": len(failed),
        "notes": _short(mine, wanted),
        "errors": [f"{row['degraded_id']}: {row['error']}" for row in failed],
    }


def _short(labels: pa.Table, wanted: pa.Table) -> list[str]:
    """One line per rated pair that has too little of its length in common, by what was compared or imported."""
    compared = pc.map_lookup(labels["extras"].combine_chunks(), query_key="common", occurrence="first")
    known = pa.table({"degraded_id": wanted["degraded_id"], "imported": wanted["common"]})
    rows = pa.table({"degraded_id": labels["degraded_id"], "compared": compared})
    rows = rows.join(known, "degraded_id", use_threads=False)
    share = pc.coalesce(rows["compared"], rows["imported"])
    short = rows.append_column("share", share).filter(pc.less(share, LEAST_COMMON))
    return [short_line(row["degraded_id"], row["share"]) for row in short.sort_by("degraded_id").to_pylist()]


def _require_absolute(options: Mapping[str, str]) -> None:
    """Refuse relative paths, because the workers of a cluster run in other folders."""
    for key, value in options.items():
        if value and not Path(value).is_absolute() and Path(value).exists():
            absolute = Path(value).absolute()
            raise UserError(f"--dask: workers run in other folders than this one; give {key}={absolute}")
