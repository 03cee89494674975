"""A listening test's page."""

from __future__ import annotations

from pathlib import Path

import pytest

from labels.importing.stage import ImportSettings, import_test
from tests.manifests.report.reported import report
from tests.sounds import music, write

CONDITIONS = ("first condition at full bandwidth", "first condition at half bandwidth", "another one")


@pytest.fixture
def listening_test(tmp_path: Path) -> Path:
    """An imported listening test: two items, each with `ref.wav`, three conditions and two listeners."""
    test = tmp_path / "test"
    rows = ["reference,degraded,score,listener,item,condition"]
    for seed, item in enumerate(("horn", "voice")):
        clean = music(1, seed)
        write(test / item / "ref.wav", clean)
        for number, condition in enumerate(CONDITIONS):
            write(test / item / f"{number}.wav", clean * (0.9 - 0.2 * number))
            for listener, bias in (("anna", 0), ("bert", 4)):
                path = f"{item}/{number}.wav"
                rows.append(f"{item}/ref.wav,{path},{80 - 20 * number + bias},{listener},{item},{condition}")
    (test / "ratings.csv").write_text("\n".join(rows) + "\n")
    settings = ImportSettings((("name", "try"),), jobs=1, quiet=True)
    import_test("csv", test / "ratings.csv", tmp_path / "data", settings)
    return tmp_path / "data"


def test_a_listening_test_is_reported_in_its_own_names(listening_test: Path) -> None:
    document = report(listening_test, "--rater", "listeners")
    text = " ".join(document.text)
    assert "6 degraded clips of 2 tracks, rated by listeners." in text
    assert "by condition" in text
    assert "codec and bitrate" not in text
    assert "horn · another one" in text
    assert "ref · " not in text
    for condition in CONDITIONS:
        assert condition in document.text  # under the boxes, whole
    assert "polyline" not in document.tags  # conditions have no order that a line could show
    assert document.text.index("labels listeners") < document.text.index("labels 2 listeners")
    assert not any(name.startswith("labels listener:") for name in document.text)
