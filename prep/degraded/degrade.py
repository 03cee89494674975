"""The third job of `prep transcode`: degrade reference clips and write their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepaq.audio import Audio, read
from deepaq.errors import UserError
from deepaq.files import file_sha256, sync, temporary_folder
from manifests import ids, schema
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from manifests.jobs import Counts
from manifests.provenance import provenance
from manifests.storage import require_space
from prep.coding import ffmpeg
from prep.coding.codecs import CODECS
from prep.coding.coding import Coding
from prep.coding.encode import encode
from prep.coding.lossless import packed
from prep.coding.program import Encoded, digest, encoded
from prep.condition import Condition
from prep.degraded.verify import Verifier
from prep.distortions import DISTORTIONS
from prep.distortions.condition import DistortionCondition

_BYTES_PER_S = 1_000_000  # more than any clip needs while it is made


@dataclass(frozen=True)
class Work:
    """A reference clip and the conditions that it still lacks."""

    reference_id: str
    path: str
    sha256: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Degrade:
    """Makes, verifies and stores the degraded clips of a batch and commits one fragment; picklable.

    conditions: all conditions of the run, for the footer; a batch may need fewer.
    """

    root: Path
    conditions: tuple[Condition, ...]

    def __call__(self, batch: Sequence[Work]) -> Counts:
        dataset = Dataset(self.root)
        counts: Counts = Counter()
        rows: list[dict[str, Any]] = []
        for work in batch:
            new, seconds = self._rows(dataset, work)
            rows += new
            counts.update(row["status"] for row in new)
            counts["audio_ms"] += round(1000 * seconds * len(new))
        conditions = {condition.name: condition.settings() for condition in self.conditions}
        tools = {"ffmpeg": ffmpeg.version(), "ffmpeg_build": digest(ffmpeg.executable())}
        tools |= CODECS.packages(c.codec for c in self.conditions if isinstance(c, Coding))
        tools |= DISTORTIONS.packages(c.distortion for c in self.conditions if isinstance(c, DistortionCondition))
        packages = "av", "numpy", "scipy", "soxr"
        footer = provenance("prep transcode", {"conditions": conditions}, tools, packages, self.root)
        write_fragment(dataset.folder(schema.DEGRADED), schema.DEGRADED, rows, footer)
        return counts

    def _rows(self, dataset: Dataset, work: Work) -> tuple[list[dict[str, Any]], float]:
        """Degrade one clip; returns its rows and its length in seconds."""
        try:
            clip = dataset.verified(work.path, work.sha256)
            audio = read(clip)
        except UserError as error:
            return [_row(work, condition) | _failure(str(error)) for condition in work.conditions], 0.0
        verifier = Verifier(audio.samples, audio.sample_rate)
        with temporary_folder(dataset.root / "audio") as folder:
            rows = [
                self._finish(dataset, work, condition, result, verifier, audio.seconds)
                for condition, result in _made(clip.resolve(), audio, work, folder)
            ]
            if any(row["status"] == schema.FAILED for row in rows):
                # A full disk makes encoders fail too, but it ends the run instead of failing rows.
                require_space(folder, round(_BYTES_PER_S * audio.seconds))
        return rows, audio.seconds

    def _finish(
        self,
        dataset: Dataset,
        work: Work,
        condition: Condition,
        result: Encoded | str,
        verifier: Verifier,
        seconds: float,
    ) -> dict[str, Any]:
        """Verify one new file and move it into place; returns its row, or a failed row with the reason."""
        row = _row(work, condition)
        if isinstance(result, str):
            return row | _failure(result)
        try:
            comparison = verifier.compare(result.path, aligned=isinstance(condition, DistortionCondition))
            kbps = condition.actual_kbps(result.bitstream_bytes, seconds) if isinstance(condition, Coding) else None
        except UserError as error:
            return row | _failure(str(error))
        name = row["degraded_id"]
        relative = f"audio/degraded/{condition.name}/{name[:2]}/{name}{result.path.suffix}"
        size, sha256 = result.path.stat().st_size, file_sha256(result.path)
        target = dataset.path(relative)
        target.parent.mkdir(parents=True, exist_ok=True)
        sync(result.path)
        result.path.replace(target)
        sync(target.parent)
        return row | {
            "status": schema.OK,
            "actual_kbps": kbps,
            "path": relative,
            "bytes": size,
            "sha256": sha256,
            "lag_samples": comparison.lag,
            "correlation": comparison.correlation,
            "peak": comparison.peak,
        }


def degraded_id(reference_id: str, condition: Condition) -> str:
    """Id of a degraded clip: a hash of the reference's samples and the condition's settings."""
    return ids.joined_id(reference_id, condition.id)


def _made(clip: Path, audio: Audio, work: Work, folder: Path) -> Iterator[tuple[Condition, Encoded | str]]:
    """Yield every condition with its new file in `folder` or the reason for its absence; codings come first."""
    codings = [condition for condition in work.conditions if isinstance(condition, Coding)]
    yield from encode(clip, codings, folder, audio.seconds).items()
    for condition in work.conditions:
        if not isinstance(condition, DistortionCondition):
            continue
        try:
            samples = condition.apply(audio.samples, audio.sample_rate, degraded_id(work.reference_id, condition))
        except UserError as error:
            yield condition, str(error)
            continue
        suffix, content = packed(samples, audio.sample_rate)
        path = folder / f"{condition.name}{suffix}"
        path.write_bytes(content)
        yield condition, encoded(path)


def _row(work: Work, condition: Condition) -> dict[str, Any]:
    """Return what a row says of a clip, whatever came of it."""
    return {
        "degraded_id": degraded_id(work.reference_id, condition),
        "reference_id": work.reference_id,
        "condition_id": condition.id,
        "condition": condition.name,
        **condition.columns(),
    }


def _failure(reason: str) -> dict[str, Any]:
    return {"status": schema.FAILED, "error": reason}
