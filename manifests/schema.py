"""The tables, column by column: tracks (sources that were examined), references, degraded, labels.

A table is a folder of Parquet files (fragments). Rows are identified by a key; of several rows with one key the latest
`ok` row counts. A nullable column may be missing from an old fragment.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 1
OK, FAILED, SKIPPED = "ok", "failed", "skipped"
REFERENCE, ANCHOR, CODED = "reference", "anchor", "coded"  # roles in a listening test
LISTENER = "listener:"  # prefix of the rater of a single listener's ratings


@dataclass(frozen=True)
class TableSpec:
    """A table's folder name, key columns and Arrow schema."""

    name: str
    key: tuple[str, ...]
    schema: pa.Schema


def _schema(*columns: tuple[str, pa.DataType, bool]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=not required) for name, kind, required in columns])


_TEXT, _REAL, _INT = pa.string(), pa.float64(), pa.int64()

TRACKS = TableSpec(
    "tracks",
    ("source_id",),
    _schema(
        ("source_id", _TEXT, True),  # hash of the source files' paths, sizes and times
        ("track_id", _TEXT, True),  # hash of their bytes
        ("name", _TEXT, True),  # such as artist - title
        ("corpus", _TEXT, True),
        ("path", _TEXT, True),  # source file; the first one if the track is a sum of files
        ("split", _TEXT, False),  # train | valid | test if the corpus has splits
        ("seconds", _REAL, False),
        ("sample_rate", _INT, False),  # Hz
        ("lossy", pa.bool_(), False),  # the source file is in a lossy format
        ("cutoff_hz", _REAL, False),  # spectral edge left by lossy coding; null without one
        ("sound_id", _TEXT, False),  # hash of the decoded samples
        ("fingerprint", pa.binary(), False),  # 32-bit little-endian words
        ("status", _TEXT, True),
        ("error", _TEXT, False),
    ),
)

REFERENCES = TableSpec(
    "references",
    ("reference_id",),
    _schema(
        # Hash of the clip's PCM; for a shorter clip clip_s is included; of track and position when the clip is not ok.
        ("reference_id", _TEXT, True),
        ("track_id", _TEXT, True),  # hash of the source file's bytes
        ("split", _TEXT, True),  # train | valid | test, by track
        ("path", _TEXT, False),  # clip, relative to the data set
        ("track_path", _TEXT, True),  # source file; the first one if the track is a sum of files
        ("corpus", _TEXT, False),
        ("start_s", _REAL, False),  # position of the clip in the source
        ("clip_s", _REAL, False),  # requested clip length
        ("frames", _INT, False),
        ("sample_rate", _INT, False),  # Hz
        ("channels", _INT, False),
        ("loudness_lufs", _REAL, False),  # ITU-R BS.1770-4 integrated
        ("bandwidth_hz", _REAL, False),  # bandwidth of the clip
        ("bytes", _INT, False),  # size of the stored file
        ("sha256", _TEXT, False),
        ("status", _TEXT, True),
        ("error", _TEXT, False),
    ),
)

DEGRADED = TableSpec(
    "degraded",
    ("degraded_id",),
    _schema(
        ("degraded_id", _TEXT, True),
        ("reference_id", _TEXT, True),
        ("condition_id", _TEXT, True),  # hash of the exact settings
        ("condition", _TEXT, True),  # readable: opus-016, LP35
        ("codec", _TEXT, False),
        ("bitrate_kbps", _REAL, False),  # requested
        ("encoder", _TEXT, False),  # name and version
        ("arguments", _TEXT, False),  # exact arguments of the encoder, or severity of the distortion
        ("actual_kbps", _REAL, False),  # 8 * bytes / seconds / 1000
        ("coded_sample_rate", _INT, False),  # Hz
        ("path", _TEXT, False),
        ("bytes", _INT, False),
        ("sha256", _TEXT, False),
        ("lag_samples", _INT, False),  # positive when the degraded clip is late
        ("correlation", _REAL, False),  # normalised, at that lag, -1..1
        ("peak", _REAL, False),  # largest decoded sample, full scale is 1
        ("common", _REAL, False),  # share of the longer of reference and degraded that both last, in a listening test
        ("test", _TEXT, False),  # listening test that rated it, and in that test's own names:
        ("item", _TEXT, False),  # the trial; two trials may share a reference
        ("content", _TEXT, False),  # the class of the item
        ("role", _TEXT, False),  # reference (hidden) | anchor | coded
        ("group", _TEXT, False),  # stimuli that share one known score
        ("status", _TEXT, True),
        ("error", _TEXT, False),
    ),
)

LABELS = TableSpec(
    "labels",
    ("degraded_id", "rater"),
    _schema(
        ("degraded_id", _TEXT, True),
        ("rater", _TEXT, True),
        ("value", _REAL, False),
        ("scale", _TEXT, False),  # meaning of the value, such as MOS-LQO
        ("extras", pa.map_(_TEXT, _REAL), False),
        ("status", _TEXT, True),
        ("error", _TEXT, False),
        ("seconds", _REAL, False),  # CPU seconds spent on it
        # Ratings of overlapping segments of the clip: value i is of the segment that starts at
        # extras.timeline_start_s + i * extras.timeline_hop_s and lasts extras.timeline_window_s seconds.
        ("timeline", pa.list_(pa.float32()), False),
    ),
)

TABLES = {table.name: table for table in (TRACKS, REFERENCES, DEGRADED, LABELS)}
CONTENT = (REFERENCES, DEGRADED, LABELS)  # the same on every machine; `tracks` holds paths and times of the sources
