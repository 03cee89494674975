"""The `prep` command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deepaq.console import Console, conclude, jobs_option, json_option, print_json, quiet_option, show
from deepaq.errors import UserError

_MUSIC = click.argument("music", nargs=-1, required=True, type=click.Path(path_type=Path))
_OUT = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Write to this data set folder, new or to resume."
)


def _source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `transcode` and `survey` share."""
    for option in reversed(
        (
            click.option("--corpus", default="auto", show_default=True,
                         help="Read folders as this corpus: see `prep corpora`."),
            click.option("--exclude", multiple=True, type=click.Path(path_type=Path),
                         help="Leave out recordings, or what a list (.txt) names, one entry a line: a name, a file "
                         "name or path with or without its suffix, a folder ending in /, a track_id, or a "
                         "pattern such as Artist/*.wav; # begins a comment. Repeatable."),
            jobs_option,
            click.option("--shard", default=None, help="Do only the i-th of n parts: i/n."),
            click.option("--dask", default=None, help="Run on the Dask cluster with this scheduler address."),
            click.option("--retry-failed", is_flag=True, help="Redo failed rows, and files that are missing."),
            json_option,
            quiet_option,
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(cls=Console, extra="prep")
@click.version_option(package_name="deepaq")
def main() -> None:
    """Prepare coded music: cut clean clips and degrade them."""


@main.command()
@_MUSIC
@_OUT
@click.option(
    "--codecs",
    default="opus,mp3,aac",
    show_default=True,
    help="Encode with these, comma-separated: names (see `prep codecs`), TOML files of codecs of your own; or none.",
)
@click.option(
    "--bitrates",
    default=None,
    help="Encode at these kbps, comma-separated.  [default: 16,32,48,64,80,96,128; all that a TOML file names]",
)
@click.option(
    "--distortions",
    default="",
    help="Add distortions, comma-separated: noise (all severities), noise-3 (one), all (built-in ones).",
)
@click.option("--clip", default=10.0, show_default=True, help="Cut clips of this many seconds.")
@click.option("--allow-lossy", is_flag=True, help="Use lossy and band-limited tracks too.")
@click.option(
    "--valid-share",
    default=0.2,
    show_default=True,
    help="Put this share of tracks that have no split into validation.",
)
@click.option(
    "--hours", default=None, help="Take this many hours of clean music: training[,validation].  [default: all]"
)
@click.option("--seed", default=0, show_default=True, help="Choose tracks and conditions by this seed.")
@click.option(
    "--conditions-per-clip",
    default=None,
    help="Sample this many per clip, fractions allowed: training[,validation].  [default: all]",
)
@click.option(
    "--plan", type=click.Choice(["paper"]), help="Use the paper's hours: 45 and 8 clean, 122 and 14 per codec."
)
@click.option("--dry-run", is_flag=True, help="Print what would be done and what it would cost, and write nothing.")
@_source_options
def transcode(
    music: tuple[Path, ...],
    out: Path,
    codecs: str,
    bitrates: str | None,
    distortions: str,
    clip: float,
    conditions_per_clip: str | None,
    plan: str | None,
    dry_run: bool,
    hours: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Cut MUSIC (files, folders, corpora) into clips and degrade each in every condition."""
    from prep import plan as planning
    from prep import transcode as stage

    chosen = None if conditions_per_clip == "all" else conditions_per_clip
    per_clip, wanted = _numbers("--conditions-per-clip", chosen), _numbers("--hours", hours)
    if plan == "paper":
        per_clip, wanted = per_clip or planning.PAPER_PER_CLIP, wanted or planning.PAPER_HOURS
    settings = _settings(
        codecs=() if codecs == "none" else tuple(name.strip() for name in codecs.split(",")),
        bitrates=None if bitrates is None else tuple(map(int, _numbers("--bitrates", bitrates, whole=True))),
        distortions=distortions,
        clip_s=clip,
        per_clip=per_clip,
        hours=wanted,
        **options,
    )
    if dry_run:
        show(planning.plan(music, out, settings), as_json)
        return
    conclude(stage.transcode(music, out, settings), as_json)


@main.command()
@_MUSIC
@_OUT
@_source_options
def survey(music: tuple[Path, ...], out: Path, as_json: bool, **options: Any) -> None:
    """Survey MUSIC (length, duplicates, lossy files) without cutting it; run it first so that shards share the work."""
    from prep.transcode import survey_music

    conclude(survey_music(music, out, _settings(**options)), as_json)


@main.command()
@json_option
def corpora(as_json: bool) -> None:
    """List the corpora whose layout is known."""
    from prep.tracks.corpora import CORPORA

    _table(CORPORA.listing(lambda _, corpus: {"title": corpus.title, "licence": corpus.licence}), as_json)


@main.command()
@click.option(
    "--check", type=click.Path(path_type=Path), help="Try the codec of this TOML file, and say what is wrong."
)
@json_option
def codecs(check: Path | None, as_json: bool) -> None:
    """List the codecs: encoder, bitrates in kbps, and whether they can be used here."""
    from prep.coding.codecs import CODECS, Codec, described, described_by

    if check:
        from prep.coding.check import checked

        conclude(checked(described_by(check)), as_json)
        return

    def describe(_: str, codec: Codec) -> dict[str, str]:
        here = codec.program.missing(codec.encoder) or "yes"
        return {"encoder": codec.encoder, "kbps": described(codec.kbps), "here": here}

    _table(CODECS.listing(describe), as_json)


@main.command()
@json_option
def distortions(as_json: bool) -> None:
    """List the distortions and the parameters of their severities."""
    from prep.distortions import DISTORTIONS, Distortion

    def describe(_: str, distortion: Distortion) -> dict[str, str]:
        steps = distortion.parameters
        return {key: ", ".join(f"{step[key]:g}" for step in steps) for key in steps[0]}

    _table(DISTORTIONS.listing(describe), as_json)


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--minutes", default=10.0, show_default=True, help="Make this many minutes of music.")
@click.option("--track", default=30.0, show_default=True, help="Make tracks of this many seconds.")
@click.option("--seed", default=0, show_default=True, help="Compose from this seed.")
@click.option(
    "--soundfont",
    type=click.Path(path_type=Path),
    help="Play on the sampled instruments of this General MIDI sound font (.sf2).",
)
@click.option("--speech", is_flag=True, help="Compose speech-like sound: one speaker a track, no words.")
@jobs_option
@json_option
def synth(
    out: Path,
    minutes: float,
    track: float,
    seed: int,
    soundfont: Path | None,
    speech: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Compose test music of full bandwidth, the same for the same seed."""
    from manifests.jobs import workers
    from prep.synth import write_tracks

    tracks = write_tracks(out, minutes, seed, workers(jobs), track, soundfont, speech)
    show({"tracks": len(tracks), "out": str(out)}, as_json)


def _settings(jobs: int | None, shard: str | None, **options: Any) -> Any:
    from manifests.jobs import parse_shard, workers
    from prep.settings import Settings

    return Settings(jobs=workers(jobs), shard=parse_shard(shard), **options)


def _numbers(option: str, text: str | None, whole: bool = False) -> tuple[float, ...]:
    try:
        return tuple(int(part) if whole else float(part) for part in text.split(",")) if text else ()
    except ValueError:
        example = "whole kbps separated by commas, such as 16,32,128" if whole else "a number, or two such as 8,5"
        raise UserError(f"{option} {text}: write {example}") from None


def _table(rows: dict[str, dict[str, str]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    for name, facts in rows.items():
        click.echo(f"{name:<18}" + "; ".join(f"{key} {value}" for key, value in facts.items()))
