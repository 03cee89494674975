"""Try the contract of a codec of one's own with its real programs: `prep codecs --check my.toml`."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.audio import fit, resample, to_mono
from deepaq.errors import UserError
from prep.coding import delay
from prep.coding.commands import Decoded, both_ways, version
from prep.coding.own import OwnCodec

_TIMEOUT_S = 60.0
_MOST_LAG, _MOST_LENGTH_S = 2, 0.1
_SLACK, _WILD = 0.15, 0.5  # by which a bitrate may miss what is asked for, when it is constant and when it is not


@dataclass(frozen=True)
class Trial:
    """Measurements of a codec at one bitrate, on two probes and on the first one again.

    delays: samples at the codec's rate, of both probes. correlation: with the probe at that delay. missing_s: by which
    the decoded clip is too short. same: the first probe gave the same file twice. speed: times real time.
    """

    kbps: int
    measured_kbps: float
    delays: tuple[int, int]
    correlation: float
    missing_s: float
    same: bool
    speed: float

    def problems(self, codec: OwnCodec) -> list[str]:
        """List the problems, one line each."""
        found = []
        late, other = self.delays
        if not self.same:
            found.append("encoding the same clip twice gives different files; choose options that make it repeatable")
        if abs(late - other) > _MOST_LAG:
            found.append(f"its delay varies: {late} samples for one clip, {other} for another; rows will fail")
        elif codec.delay is not None and abs(late - codec.delay) > _MOST_LAG:
            found.append(
                f"delay = {codec.delay} is declared and {late} samples are measured; correct it or leave it out"
            )
        if abs(self.missing_s) > _MOST_LENGTH_S:
            more = "shorter" if self.missing_s > 0 else "longer"
            found.append(f"the decoded clip is {abs(self.missing_s):.2f} s {more} than the original; rows will fail")
        miss = self.measured_kbps / self.kbps - 1
        if codec.constant and abs(miss) > _SLACK:
            found.append(f"has {self.measured_kbps:.1f} kbps although constant = true; name another bitrate")
        elif abs(miss) > _WILD:
            found.append(
                f"has {self.measured_kbps:.1f} kbps, {abs(miss):.0%} {'more' if miss > 0 else 'less'} than requested"
            )
        if self.correlation < 0.1:
            found.append(f"the decoded clip does not resemble the original (correlation {self.correlation:.2f})")
        return found


def checked(codec: OwnCodec) -> dict[str, Any]:
    """Try a codec of one's own at each of its bitrates.

    Keys: codec, version, bitrates (per kbps: kbps, delay, correlation, speed), errors (one line each; none when it
    keeps the contract).
    """
    rows: dict[str, dict[str, float]] = {}
    errors: list[str] = []
    trials: list[Trial] = []
    for kbps in codec.kbps:
        try:
            trial = _tried(codec, kbps)
        except UserError as error:
            errors.append(f"{codec.name} at {kbps} kbps: {error}")
            continue
        trials.append(trial)
        errors += [f"{codec.name} at {kbps} kbps: {problem}" for problem in trial.problems(codec)]
        rows[f"{kbps}"] = {
            "kbps": trial.measured_kbps,
            "delay": float(trial.delays[0]),
            "correlation": trial.correlation,
            "speed": trial.speed,
        }
    for less, more in pairwise(trials):
        if more.measured_kbps <= less.measured_kbps:
            errors.append(
                f"{codec.name} at {more.kbps} kbps: takes no more bits than at {less.kbps} kbps; does encode pass on "
                "the bitrate?"
            )
    return {"codec": codec.name, "version": version(codec), "bitrates": rows, "errors": errors}


def _tried(codec: OwnCodec, kbps: int) -> Trial:
    probes = [delay.probe(codec.sample_rate, seed) for seed in (0, 1, 0)]
    made: list[Decoded] = []
    contents: list[bytes] = []
    began = time.monotonic()
    for probe in probes:
        with tempfile.TemporaryDirectory() as folder:
            decoded = both_ways(codec, kbps, probe, codec.sample_rate, Path(folder), _TIMEOUT_S)
            contents.append(decoded.stream.read_bytes())
            made.append(decoded)
    spent = time.monotonic() - began
    seconds = len(probes[0]) / codec.sample_rate
    heard = [resample(to_mono(one.samples), one.sample_rate, codec.sample_rate) for one in made]
    late, other = (
        delay.between(to_mono(probe), mono, codec.sample_rate)
        for probe, mono in zip(probes[:2], heard[:2], strict=True)
    )
    reference = to_mono(probes[0])
    moved = fit(delay.trimmed(heard[0][:, None], late)[:, 0], len(reference))
    power = float(np.dot(reference, reference)) * float(np.dot(moved, moved))
    return Trial(
        kbps=kbps,
        measured_kbps=8 * made[0].bitstream_bytes / seconds / 1000,
        delays=(late, other),
        correlation=float(np.dot(reference, moved)) / power**0.5 if power > 0 else 0.0,
        missing_s=seconds - (len(heard[0]) - max(0, late)) / codec.sample_rate,
        same=contents[0] == contents[2],
        speed=len(probes) * seconds / spent,
    )
