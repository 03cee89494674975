"""Mutate the fragments of a sound data set and read them: each must be read or refused with a clear line.

    python -m tests.fuzz.parquet [--rounds 300 | --seconds 600] [--seed 1]

Half of the mutations change bytes of the file, half of them change single values, columns or the footer and write a
valid file anew. Printed are the counts of both outcomes and the peak memory; anything else ends with a traceback.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepaq.errors import UserError
from manifests import schema
from manifests.fragment import FOOTER_KEY, read_footer, read_fragment
from tests.fuzz.hostile.datasets import fragment, put, sound_data_set
from tests.fuzz.memory import peak_mib

TEXTS = ("", "..", "/", "a/b", "\0", "\x1b[2J", "x" * 10_000, "é" * 200, "=1+1", "../../outside/x", "-", "\u202e")
NUMBERS = (0, -1, 1, 1 << 31, 1 << 62, -(1 << 63), float("nan"), float("inf"), -float("inf"), 1e308, 5e-324)
DEEP = b'{"a":' * 900 + b"1" + b"}" * 900
FOOTERS = (b"", b"{}", b"[]", b"null", b'{"schema_version": 2}', b'{"tools": 1}', b"\xff", DEEP)


def bytes_changed(path: Path, rng: random.Random) -> None:
    """Overwrite, cut or double a few bytes anywhere."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        place = rng.randrange(len(content))
        match rng.randrange(4):
            case 0:
                content[place] ^= 1 << rng.randrange(8)
            case 1:
                content[place] = rng.choice((0, 255, rng.randrange(256)))
            case 2:
                del content[place : place + rng.randrange(1, 32)]
            case 3:
                content[place:place] = content[place : place + rng.randrange(1, 32)]
        if not content:
            break
    path.write_bytes(content)


def values_changed(path: Path, rng: random.Random) -> None:
    """Write a valid file with a value, a column or the footer changed."""
    table = pq.read_table(path)
    text = table.schema.metadata[FOOTER_KEY]
    match rng.randrange(4):
        case 0:
            put(path, table, rng.choice(FOOTERS))
        case 1:
            put(path, table.drop_columns(rng.sample(table.schema.names, 1 + rng.randrange(3))), text)
        case 2:
            name = rng.choice(table.schema.names)
            column = pa.array([rng.choice((*TEXTS, None)) for _ in range(table.num_rows)], pa.string())
            put(path, table.set_column(table.schema.get_field_index(name), name, column), text)
        case 3:
            name = rng.choice(table.schema.names)
            kind = rng.choice((pa.float64(), pa.int64()))
            column = pa.array([float(rng.choice(NUMBERS)) for _ in range(table.num_rows)], kind, safe=False)
            put(path, table.set_column(table.schema.get_field_index(name), name, column), text)


def outcome(path: Path, spec: schema.TableSpec) -> str:
    """Read a fragment in every way that commands do."""
    try:
        read_footer(path)
        rows: list[dict[str, Any]] = read_fragment(path, spec.schema).to_pylist()
    except UserError as error:
        return "refused" if str(path) in str(error) else f"refused without its name ({error})"
    assert all(row["status"] in (schema.OK, schema.FAILED, schema.SKIPPED) for row in rows)
    return "read"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seconds", type=float, help="run so long instead of a number of rounds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    ways: list[Callable[[Path, random.Random], None]] = [bytes_changed, values_changed]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        root = sound_data_set(Path(name))
        whole = {spec: fragment(root, spec).read_bytes() for spec in schema.CONTENT}
        while time.monotonic() - began < options.seconds if options.seconds else sum(counts.values()) < options.rounds:
            number = sum(counts.values())
            rng = random.Random(f"{options.seed}-{number}")
            spec = rng.choice(schema.CONTENT)
            path = fragment(root, spec)
            path.write_bytes(whole[spec])
            try:
                rng.choice(ways)(path, rng)
            except pa.ArrowInvalid:  # a number that the type cannot hold
                counts["not written"] += 1
                continue
            try:
                counts[outcome(path, spec)] += 1
            except BaseException:
                print(f"seed {options.seed}, round {number}: {spec.name}", file=sys.stderr)
                raise
    peak = peak_mib()
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())) + f"; peak memory {peak} MiB")


if __name__ == "__main__":
    main()
