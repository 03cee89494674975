"""The delay of a codec of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from prep.cli import main
from tests.prep.coding.described import COPY, OPUS, described, prepared, script


def test_a_constant_delay_is_trimmed_and_the_bitstream_is_what_its_command_says(tmp_path: Path) -> None:
    script(tmp_path, '"$1" -v error -i "$2" -af adelay=1000S:all=1 "$3"')
    script(tmp_path, "echo 16000", "size.sh")
    text = COPY.replace("[1411]", "[64]") + 'bitstream = ["./size.sh", "{input}"]\n'
    result, (row,) = prepared(tmp_path, str(described(tmp_path, text)))
    assert (result["ok"], row["lag_samples"], row["actual_kbps"]) == (1, 0, 64)
    assert row["correlation"] == pytest.approx(1, abs=1e-6)


def test_a_delay_that_varies_is_a_failed_row(tmp_path: Path) -> None:
    vary = 'n=$(( $(cksum < "$2" | cut -d" " -f1) % 3000 + 50 ))\n"$1" -v error -i "$2" -af "adelay=${n}S:all=1" "$3"'
    script(tmp_path, vary)
    path = described(tmp_path, COPY)
    result, found = prepared(tmp_path, f"{path},{described(tmp_path, OPUS, 'others.toml')}", tracks=2)
    assert (result["ok"], result["failed"]) == (2, 2)
    assert all("samples late, at most 5 are allowed" in row["error"] for row in found if row["codec"] == "copy")
    run = CliRunner().invoke(main, ["codecs", "--check", str(path)])
    assert run.exit_code == 1
    assert "copy at 1411 kbps: its delay varies" in run.stderr
