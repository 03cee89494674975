"""The `prep` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepaq.console import Console, complain, finish, json_option, note, print_json, quiet_option
from deepaq.errors import UserError


@click.group(cls=Console)
@click.version_option(package_name="deepaq")
def main() -> None:
    """Prepare coded music: clean clips and their degraded versions."""


@main.command()
@click.argument("music", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Data set folder, new or to go on with.")
@click.option("--codecs", default="opus,mp3,aac", show_default=True, help="Comma-separated codecs, or none.")
@click.option("--bitrates", default="16,32,48,64,80,96,128", show_default=True, help="Comma-separated kbps.")
@click.option("--distortions", default="", help="Comma-separated: noise (all severities), noise-3 (one), all.")
@click.option("--clip", default=10.0, show_default=True, help="Clip length in seconds.")
@click.option("--valid-share", default=0.2, show_default=True, help="Share of tracks held out for validation.")
@click.option("--jobs", type=int, default=None, help="Worker processes.  [default: one per processor]")
@click.option("--shard", default=None, help="i/n: do only the i-th of n parts.")
@click.option("--dask", default=None, help="Scheduler address of a Dask cluster to run on.")
@click.option("--retry-failed", is_flag=True, help="Do failed rows again.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
@json_option
@quiet_option
def transcode(
    music: tuple[Path, ...],
    out: Path,
    codecs: str,
    bitrates: str,
    distortions: str,
    clip: float,
    valid_share: float,
    jobs: int | None,
    shard: str | None,
    dask: str | None,
    retry_failed: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Cut MUSIC (files or folders) into clips and code each in every condition."""
    from manifests.jobs import cpu_count, parse_shard
    from prep import transcode as stage

    settings = stage.Settings(
        codecs=() if codecs == "none" else tuple(codecs.split(",")),
        bitrates=_numbers(bitrates),
        distortions=distortions,
        clip_s=clip,
        valid_share=valid_share,
        jobs=cpu_count() if jobs is None else jobs,
        shard=parse_shard(shard),
        dask=dask,
        retry_failed=retry_failed,
        quiet=quiet,
    )
    if dry_run:
        _show(stage.plan(music, out, settings), as_json)
        return
    result = stage.transcode(music, out, settings)
    for line in result.pop("errors"):
        complain(line)
    _show(result, as_json)
    finish(result["failed"])


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--minutes", default=10.0, show_default=True, help="How much music.")
@click.option("--seed", default=0, show_default=True)
@click.option("--jobs", type=int, default=None, help="Worker processes.  [default: one per processor]")
@json_option
def synth(out: Path, minutes: float, seed: int, jobs: int | None, as_json: bool) -> None:
    """Make procedural test music, full bandwidth, the same for the same seed."""
    from manifests.jobs import cpu_count
    from prep.synth import write_tracks

    tracks = write_tracks(out, minutes, seed, cpu_count() if jobs is None else jobs)
    _show({"tracks": len(tracks), "out": str(out)}, as_json)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--bitrates {text}: write whole kbps separated by commas, such as 16,32,128") from None


def _show(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        for key, value in values.items():
            note(f"{key}: {value:.1f}" if isinstance(value, float) else f"{key}: {value}")
