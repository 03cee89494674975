"""`labels benchmark` over data sets that do not fit together, and tests in which little can be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepaq.errors import UserError
from labels.benchmark.rated import read_tests
from labels.benchmark.report.sections import sections
from labels.benchmark.stage import BenchmarkSettings, benchmark
from labels.importing.stage import ImportSettings, import_test
from labels.rating.stage import Settings as RateSettings
from labels.rating.stage import rate
from manifests.dataset import Dataset
from tests.labels.benchmark.benchmarks import IMPORT, ONE
from tests.labels.listening.listening_layouts import audio, table
from tests.labels.raters import networks


def small(folder: Path, name: str = "t", roles: tuple[str, ...] = ("coded",)) -> Path:
    """A data set of four items, of which each has a louder version per role."""
    rows = []
    for seed in range(4):
        audio(folder / f"{seed}" / "ref.wav", seed)
        for number, role in enumerate(roles):
            audio(folder / f"{seed}" / f"{role}.wav", seed, 0.1 + 0.1 * number)
            rows.append((f"{seed}/ref.wav", f"{seed}/{role}.wav", 50 + 5 * seed - 10 * number, seed, role, role))
    path = table(folder / f"{name}.csv", ("reference", "degraded", "score", "item", "condition", "role"), rows)
    assert import_test("csv", path, folder / "out", IMPORT)["errors"] == []
    return folder / "out"


def test_a_test_is_what_its_import_says_even_if_a_published_one_is_called_the_same(tmp_path: Path) -> None:
    data = small(tmp_path, "stahl2024")
    (name,) = Dataset(data).degraded(["degraded_id"])["degraded_id"].to_pylist()[:1]
    more = table(tmp_path / "odaq.csv", ("degraded_id", "score", "listener"), [(name, 60, "ann")])
    import_test("csv", more, data, ImportSettings((("licence", "CC0"), ("name", "stahl2024")), 1, True))
    (test,) = read_tests(Dataset(data), ())
    assert (test.about["title"], test.about["scale"]) == ("stahl2024", "MUSHRA")
    assert test.about["licence"] == "not stated by whoever imported it"
    assert (test.about["lowest"], test.about["highest"]) == (0, 100)


def test_data_sets_rated_with_different_options_are_not_one_rater(tmp_path: Path) -> None:
    data = [small(tmp_path / "a", "a"), small(tmp_path / "b", "b"), small(tmp_path / "c", "c")]
    model = ("model", str(networks.difference(tmp_path / "model.onnx")))
    rate(data[0], "onnx", RateSettings((model, ("gives", "distance")), 1, quiet=True))
    report = benchmark([data[0], data[2]], ("onnx",), tmp_path / "report", ONE)
    (rater,) = report["raters"]
    assert (rater["options"]["gives"], rater["higher_is_better"]) == ("distance", False)
    rate(data[1], "onnx", RateSettings((model,), 1, quiet=True))
    with pytest.raises(UserError, match=r"b/out: its labels by onnx were made with .*gives=score.*onnx\+TAG"):
        benchmark(data[:2], ("onnx",), tmp_path / "other", ONE)
    assert not (tmp_path / "other").exists()


def test_a_rater_that_is_constant_over_a_test_is_reported(tmp_path: Path) -> None:
    data = small(tmp_path / "data")
    model = networks.silence(tmp_path / "model.onnx")
    settings = BenchmarkSettings(options=(("onnx.model", str(model)),), resamples=100, jobs=1, quiet=True)
    report = benchmark([data], ("lsd", "onnx", "si-sdr"), tmp_path / "report", settings)
    differences = [row["difference"] for row in report["tests"][0]["comparisons"]]
    assert differences.count(None) == 2
    assert "| onnx | 4 | – |" in (tmp_path / "report" / "report.md").read_text()


def test_failures_on_what_mappings_are_fitted_on_are_named(tmp_path: Path) -> None:
    data, other = small(tmp_path / "a", "a"), small(tmp_path / "b", "b")
    row = Dataset(other).degraded().to_pylist()[0]
    (other / row["path"]).write_bytes(b"no audio")
    settings = BenchmarkSettings(fit_on=(other,), resamples=100, jobs=1, quiet=True)
    (error,) = benchmark([data], ("lsd",), tmp_path / "report", settings)["errors"]
    assert error.startswith(f"b: lsd: coded of {row['item']}: ")


def test_captions_name_the_protocol_that_was_taken(tmp_path: Path) -> None:
    data = small(tmp_path / "data", roles=("anchor", "reference"))
    report = benchmark([data], ("lsd", "si-sdr"), tmp_path / "report", ONE)
    (protocol, *_) = [part["protocol"] for part in report["tests"][0]["protocols"]]
    assert protocol != "coded"
    captions = [getattr(block, "caption", "") for section in sections(report) for block in section.blocks]
    found = [caption for caption in captions if "Protocol:" in caption]
    assert len(found) >= 4
    assert not [caption for caption in found if "Protocol: coded." in caption]
    assert f"Protocol: {protocol}." in "".join(found)
