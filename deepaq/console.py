"""Common parts of all commands: exit codes, JSON on stdout, messages on stderr.

Exit codes: 0 done, 1 some rows failed (they are listed), 2 usage or unusable input, 130 interrupted.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from deepaq import extras
from deepaq.errors import UserError

_ERRORS = "deepaq-names"  # how names are encoded for a terminal
OK, SOME_FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, the last line of stdout.")
jobs_option = click.option(
    "--jobs", type=click.IntRange(min=1), default=None, help="Worker processes.  [default: one per processor]"
)
device_option = click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Run networks on cpu, cuda, cuda:1 or auto; the packaged metric needs no GPU.",
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Show no progress.")

PATH = click.Path(path_type=Path)


class _KeyValue(click.ParamType):
    name = "KEY=VALUE"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> tuple[str, str]:
        key, equals, text = value.partition("=")
        if not (key and equals):
            option = max(param.opts, key=len) if param else self.name
            raise UserError(f"{option} {value}: write it as key=value")
        return key, text


KEY_VALUE = _KeyValue()  # type of options that give pairs


# Signals that ask a process to end; Windows has no SIGHUP.
ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Console(click.Group):
    """A click group with one-line errors and the documented exit codes.

    extra: the extra of deepaq that brings what its commands need.
    """

    def __init__(self, *args: Any, extra: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra = extra

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ModuleNotFoundError as error:
            if found := extras.missing(error, f"{context.info_name} {context.invoked_subcommand}", self.extra):
                raise found from None
            raise
        except KeyboardInterrupt:  # click itself would exit with 1
            complain("interrupted; nothing half-written is left, run the same command again")
            sys.exit(INTERRUPTED)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        outputs = sys.stdout, sys.stderr
        try:
            # A request to end is handled like Ctrl-C: finished work stays, nothing half-written remains.
            for number in ENDINGS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup
                    signal.signal(number, signal.default_int_handler)
            if isinstance(sys.stdin, io.TextIOWrapper):  # file names may hold undecodable bytes
                sys.stdin.reconfigure(errors="surrogateescape")
            sys.stdout, sys.stderr = map(_unbreakable, outputs)
            return super().main(*args, **kwargs)
        except UserError as error:
            complain(str(error))
            sys.exit(UNUSABLE)
        except OSError as error:
            name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "the system"
            complain(f"{name}: {error.strerror or error}; fix this and run the command again")
            sys.exit(UNUSABLE)
        finally:
            sys.stdout, sys.stderr = outputs


class _Output(io.FileIO):
    """An open file descriptor that drops what is written after its reader has closed it.

    A command therefore runs to its end, and its exit code says what it found: a gate must not pass because `head` has
    seen enough.
    """

    broken = False

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EINVAL):  # Windows says EINVAL
                raise
            self.broken = True
            return len(data)


def _unbreakable(stream: Any) -> Any:
    """The same text stream, safe against a closed pipe and against names that its encoding cannot represent."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if not isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):  # in memory, or a console of Windows
        stream.reconfigure(errors=_ERRORS)
        return stream
    stream.flush()
    raw = io.BufferedWriter(_Output(stream.fileno(), "wb", closefd=False))
    return io.TextIOWrapper(raw, stream.encoding, _ERRORS, line_buffering=True)


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode undecodable bytes of a name as these bytes, other characters that do not exist as escapes."""
    assert isinstance(error, UnicodeEncodeError)
    code = ord(error.object[error.start])
    end = error.start + 1
    if 0xDC80 <= code <= 0xDCFF:
        return bytes([code - 0xDC00]), end
    return error.object[error.start : end].encode("ascii", "backslashreplace").decode(), end


codecs.register_error(_ERRORS, _escaped)


def complain(message: str) -> None:
    """Print one error line on stderr."""
    click.echo(f"error: {one_line(message)}", err=True)


def note(message: str) -> None:
    """Print one informative line on stderr."""
    click.echo(one_line(message), err=True)


def note_skipped(reasons: Iterable[str | None]) -> None:
    """Print why rows were skipped, the commonest reasons first, in at most four lines."""
    found = Counter(reason or "no reason is stored" for reason in reasons).most_common()
    for reason, count in found[:3]:
        note(f"skipped: {reason}" + (f" ({count} rows)" if count > 1 else ""))
    if rest := sum(count for _, count in found[3:]):
        note(f"skipped: {rest} more; their reasons are in the column `error`")


def one_line(message: str) -> str:
    """Return `message` with line breaks and control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


def reader_has_left() -> bool:
    """Tell if what was last printed on stdout found its pipe closed."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, _Output) and raw.broken


def print_json(value: Any) -> None:
    """Print `value` as one line of strict JSON: no NaN, no Infinity."""
    click.echo(json.dumps(value, allow_nan=False, sort_keys=False))


def show(values: dict[str, Any], as_json: bool) -> None:
    """Print named values: as JSON on stdout, or one `name: value` line each on stderr."""
    if as_json:
        print_json(values)
        return
    for key, value in values.items():
        note(f"{key}: {_text(value)}")


def conclude(result: dict[str, Any], as_json: bool) -> None:
    """Print the lines of `result["errors"]` and the other values; exit with 1 when there are errors.

    Its "notes", if any, are lines of their own, or the last part of the JSON.
    """
    errors, notes = result.pop("errors"), result.pop("notes", [])
    if as_json and notes:
        result["notes"] = notes
    for line in () if as_json else notes:
        note(f"note: {line}")
    for line in errors:
        complain(line)
    show(result, as_json)
    finish(len(errors))


def finish(failed: int) -> None:
    """End the command with 1 when rows failed."""
    if failed:
        sys.exit(SOME_FAILED)


def _text(value: Any) -> str:
    match value:
        case dict():
            inner = (f"{key} ({_text(item)})" if isinstance(item, dict) else f"{key} {_text(item)}"
                     for key, item in value.items())  # fmt: skip
            return ", ".join(inner) or "none"
        case list():
            return ", ".join(map(_text, value))
        case float():
            return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    return str(value)
