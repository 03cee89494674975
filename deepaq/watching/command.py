"""The command `deepaq watch`."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepaq.console import INTERRUPTED, KEY_VALUE, PATH, complain, finish, note, print_json, reader_has_left
from deepaq.errors import UserError

if TYPE_CHECKING:
    from deepaq.scoring.metric import Metric
    from deepaq.scoring.references import References
    from deepaq.watching.alarm import Alarm, Command
    from deepaq.watching.source import Source
    from deepaq.watching.watch import Watch


@dataclass(frozen=True)
class Options:
    """Options of the command, by their names there."""

    sound: str
    reference: str | None
    against: Path | None
    no_reference: bool
    window: float
    raw: str | None
    reference_raw: str | None
    ffmpeg: str | None
    ffmpeg_options: tuple[tuple[str, str], ...]
    lag: float
    stall: float
    below: float | None
    low_s: float | None
    run: str | None
    model: Path | None

    def check(self) -> None:
        """Raise UserError for options that do not fit together."""
        if sum(map(bool, (self.reference, self.against, self.no_reference))) != 1:
            raise UserError("say what to compare with: --reference, --against or --no-reference, one of them")
        if not self.reference and (self.reference_raw or self.lag):
            raise UserError("--reference-raw and --lag: are about a reference; add --reference")
        if self.ffmpeg_options and not self.ffmpeg:
            raise UserError("-o: sets an option for --ffmpeg; add --ffmpeg")
        if self.below is None and (self.low_s is not None or self.run):
            raise UserError("--for and --run: say what follows a low quality; add --below")

    def sources(self) -> list[Source]:
        """The inputs: SOUND, and the reference if there is one."""
        from deepaq.watching.source import STDIN, Source

        found = [Source(self.sound, self.raw, self.ffmpeg, dict(self.ffmpeg_options))]
        if self.reference:
            found.append(Source(self.reference, self.reference_raw))
            if found[0].name == found[1].name == "stdin":
                raise UserError(f"{STDIN}: stdin cannot be both; name a file or a pipe for one of them")
        return found


@click.command()
@click.argument("sound", default="-")
@click.option("--reference", help="Compare with this file, pipe, or - for stdin, which runs along.")
@click.option("--against", type=PATH, help="Folder of clean music to use as the references.")
@click.option("--no-reference", is_flag=True, help="Compare with the statistics of clean music in the package.")
@click.option("--window", type=click.FloatRange(1, 60), default=10.0, show_default=True, help="Seconds per line.")
@click.option("--raw", metavar="FORM", help="Read SOUND without a header: FORMAT:RATE:CHANNELS, such as s16le:48000:2.")
@click.option("--reference-raw", metavar="FORM", help="Read the reference without a header.")
@click.option("--ffmpeg", metavar="FORMAT", help="Pass SOUND on to FFmpeg, to open in a format such as alsa, or auto.")
@click.option("-o", "ffmpeg_options", multiple=True, type=KEY_VALUE, help="Set an option for --ffmpeg; repeatable.")
@click.option("--lag", type=float, default=0.0, help="Skip so many seconds by which SOUND is known to be late.")
@click.option(
    "--stall",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    help="Say that no audio came for so long.",
)
@click.option("--below", type=float, help="Exit with 1, or --run, when the MOS of every window is below this.")
@click.option("--for", "low_s", type=click.FloatRange(min=0), help="Wait for so many seconds below --below.")
@click.option("--run", metavar="COMMAND", help="Run this, without a shell, instead of exiting.")
@click.option("--model", type=PATH, help="Run folder, or hub:OWNER/NAME.  [default: the packaged model]")
def watch(**given: Any) -> None:
    """Score an endless SOUND (stdin by default), and print a line of JSON per window.

    SOUND is WAV, also of unknown length, or another format that can be read from front to back, from stdin, a pipe or a
    file. With --reference both run along. Their lag, up to 3 s, is found in the first window, measured again in every
    window, and followed when two windows agree. Without it, see `deepaq score --help` for what can be told.

    COMMAND is split into arguments as a shell does, without its other features, and gets the window's line on stdin.
    """
    from deepaq.batch.gate import Gate
    from deepaq.batch.run import metric_of
    from deepaq.watching.alarm import Alarm, Command
    from deepaq.watching.feed import Feed
    from deepaq.watching.watch import Watch

    options = Options(**given)
    options.check()
    sources = options.sources()
    metric = metric_of(options.model)
    alarm = command = None
    if options.below is not None:
        Gate(options.below, option="--below").check(metric, options.reference is None)
        alarm = Alarm(options.below, options.low_s or 0.0)
        command = Command(options.run, note) if options.run else None
    clean = _clean(metric, options)
    with ExitStack() as stack:
        feeds = [stack.enter_context(Feed(source, note, options.stall)) for source in sources]
        watched = Watch(metric, feeds[0], feeds[1] if options.reference else None, clean, options.window, note)
        try:
            low = _print(watched, options.lag, alarm, command)
        except KeyboardInterrupt:
            note(f"{feeds[0].name}: ended by a signal at {feeds[0].start_s:.2f} s, {watched.summary()}")
            sys.exit(INTERRUPTED)
        finally:
            if command:
                command.finish()
        if watched.failure:
            complain(watched.failure)
        note(f"{feeds[0].name}: ended at {feeds[0].start_s:.2f} s, {watched.summary()}")
    finish(low or watched.failure is not None)


def _clean(metric: Metric, options: Options) -> References | None:
    from deepaq.scoring import references

    if options.reference:
        return None
    if options.against is None:
        return metric.clean
    return references.cached(references.find(options.against), metric.clips.fingerprint, metric.references)


def _print(watched: Watch, lag_s: float, alarm: Alarm | None, command: Command | None) -> bool:
    """Print the windows until a stream, the alarm or the reader of stdout ends it; True if the gate does not pass."""
    if lag_s:
        watched.skip(lag_s)
    for window in watched.windows():
        raised = alarm is not None and alarm.raised(window)
        row = window.to_json() | {"below_s": None if alarm is None else alarm.low_s}
        print_json(row)
        if raised and alarm:
            low_s = round(alarm.low_s, 2)
            complain(f"MOS {window.mos:.2f} at {window.start_s:.2f} s: below {alarm.below:g} for {low_s:g} s")
            if command is None:
                return True
            command.start(json.dumps(row) + "\n")
        elif command:
            command.check()
        if reader_has_left():
            note(f"stdout: was closed after window {window.number}")
            return alarm is not None and command is None  # a gate that was not read to its end has not passed
    return False
