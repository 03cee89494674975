"""Parts of an installed package, one of each kind: listed, used by every command, recorded."""

from __future__ import annotations

import json

import pytest

from manifests import schema
from manifests.dataset import Dataset
from tests.plugins.place import Place
from tests.sounds import music, write

OURS = {"my-parts": "1.0"}
TRACK = "music/synth-000-0000.flac"  # 10 s
LISTS = {
    "prep codecs": ("mp2", "vq"),
    "prep distortions": ("wow",),
    "prep corpora": ("album",),
    "labels raters": ("crest",),
    "labels formats": ("simple",),
    "training backbones": ("loudness",),
}

pytestmark = pytest.mark.xdist_group("plugins")


@pytest.mark.parametrize(("command", "names"), LISTS.items(), ids=LISTS)
def test_every_list_shows_where_a_part_comes_from(place: Place, command: str, names: tuple[str, ...]) -> None:
    found = place.line(f"{command} --json").result
    origins = {name: facts["from"] for name, facts in found.items()}
    assert {name for name, origin in origins.items() if origin == "my-parts 1.0"} == set(names)
    assert set(origins.values()) == {"my-parts 1.0", "built-in"}
    assert all(found[name]["here"] == "yes" for name in names)


def test_parts_of_prep_work_in_worker_processes_and_are_recorded(place: Place) -> None:
    data = Dataset(place.folder / "data")
    rows = data.degraded().to_pylist()
    conditions = ["mp2-048", "mp2-096", "vq-048", "vq-096", *(f"wow-{severity}" for severity in range(1, 6))]
    assert sorted(row["condition"] for row in rows) == sorted(6 * conditions)
    assert {row["status"] for row in rows} == {schema.OK}
    coded = [row for row in rows if row["condition"] == "vq-096"]
    assert {round(row["actual_kbps"], 1) for row in coded} == {96.8}  # 469 blocks of 129 bytes in 5 s
    assert {row["encoder"].partition(" (")[0] for row in coded} == {"VectorQuantiser"}
    for spec in (schema.TRACKS, schema.DEGRADED):
        assert OURS.items() <= place.tools(spec).items()
    assert {(row["corpus"], row["split"]) for row in data.tracks().to_pylist()} == {
        ("album", "train"),
        ("album", "valid"),
    }


# A cluster of one worker process, for one command line.
ON_A_CLUSTER = """
import sys
from click.testing import CliRunner
from distributed import LocalCluster
from prep.cli import main
with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
    done = CliRunner().invoke(main, [*sys.argv[1:], "--dask", cluster.scheduler_address])
print(done.stdout.splitlines()[-1] if done.exit_code == 0 else done.stderr + repr(done.exception))
"""


def test_parts_work_on_a_cluster(place: Place) -> None:
    pytest.importorskip("distributed")
    line = f"transcode {TRACK} --out far --codecs vq --bitrates 48 --distortions wow-3 --clip 5 --json"
    counts = place.run("python", "-c", ON_A_CLUSTER, *line.split()).result
    assert (counts["references"], counts["ok"], counts["failed"]) == (2, 4, 0)


def test_a_rater_rates_in_worker_processes_and_is_recorded(place: Place) -> None:
    labels = Dataset(place.folder / "data").labels("crest").to_pylist()
    assert [row["status"] for row in labels] == 54 * [schema.OK]
    assert OURS.items() <= place.tools(schema.LABELS, "crest").items()
    assert "my-parts" not in place.tools(schema.LABELS, "visqol")


def test_built_in_parts_record_no_package(place: Place) -> None:
    done = place.line(f"prep transcode {TRACK} --out plain --codecs mp3 --bitrates 64 --clip 5 --json")
    assert done.result["ok"] == 2
    for spec in (schema.TRACKS, schema.DEGRADED):
        assert "my-parts" not in place.tools(spec, data="plain")


def test_a_listening_test_is_imported_and_recorded(place: Place) -> None:
    lines = ["item,system,score"]
    for system, score in (("reference", 98), ("codec", 60), ("anchor35", 12)):
        write(place.folder / "test" / "violin" / f"{system}.wav", music(1, score))
        lines.append(f"violin,{system},{score}")
    (place.folder / "test" / "scores.csv").write_text("\n".join(lines))
    found = place.line("labels import simple test --out heard --jobs 1 --json").result
    assert (found["ok"], found["ratings"]) == (3, 3)
    for spec, rater in ((schema.DEGRADED, None), (schema.LABELS, "listeners")):
        assert OURS.items() <= place.tools(spec, rater, "heard").items()


def test_a_backbone_is_trained_recorded_and_scores(place: Place) -> None:
    model = json.loads((place.folder / "run" / "model.json").read_text())
    assert (model["backbone"], model["info"]["steps"]) == ("loudness", 10)
    assert OURS.items() <= model["info"]["provenance"]["tools"].items()
    assert place.line(f"deepaq score --model run {TRACK} {TRACK} --json").result[0]["distance"] == 0
