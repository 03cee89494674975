"""Programs of a codec of one's own: what hangs or crashes is a failed row, and nothing reaches a shell."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from prep.transcode import Settings, transcode
from tests.prep.coding.described import COPY, OPUS, described, prepared, script
from tests.sounds import music, write


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sleep 60", "copy: copy.sh took longer than 1 s"),
        ("sleep 60 & sleep 60", "copy: copy.sh took longer than 1 s"),
        ("echo first >&2; echo why it failed >&2; exit 3", "copy: copy.sh ended with 3: why it failed"),
        ("kill -SEGV $$", "copy: copy.sh ended with -11: no message"),
        ("true", "copy: encode ended well but wrote nothing to {output}"),
        ('echo text > "$3"', "cannot be"),
        ('head -c 20000 "$2" > "$3"', "is truncated"),
    ],
)
def test_an_encoder_that_hangs_or_fails_is_failed_rows_and_the_others_are_done(
    body: str, message: str, tmp_path: Path
) -> None:
    script(tmp_path, body)
    began = time.monotonic()
    others = described(tmp_path, OPUS, "others.toml")
    result, found = prepared(tmp_path, f"{described(tmp_path, COPY + 'timeout = 1' + chr(10))},{others}")
    assert time.monotonic() - began < 50
    assert (result["ok"], result["failed"]) == (1, 1)
    (failed,) = [row for row in found if row["codec"] == "copy"]
    assert message in failed["error"]
    assert not [path for path in (tmp_path / "data" / "audio").iterdir() if path.name.startswith(".")]


def test_what_an_encoder_started_ends_with_it(tmp_path: Path) -> None:
    script(tmp_path, f'(sleep 2; touch "{tmp_path}/late") & cp "$2" "$3"')
    result, _ = prepared(tmp_path, str(described(tmp_path, COPY)))
    assert result["ok"] == 1
    time.sleep(2.5)
    assert not (tmp_path / "late").exists()


def test_names_of_files_and_folders_do_not_reach_a_command(tmp_path: Path) -> None:
    log = tmp_path / "log"
    home = tmp_path / "-rf $(touch pwned) `touch pwned`;touch pwned\n'\""
    home.mkdir()
    script(home, f'printf "%s\\n" "$2" "$3" >> "{log}"; cp "$2" "$3"')
    write(home / "music" / "--help; touch pwned.wav", music(2))
    path = described(home, COPY)
    wanted = Settings((str(path),), None, 2, jobs=1, quiet=True)
    assert transcode([home / "music"], home / "data", wanted)["ok"] == 1
    assert set(log.read_text().splitlines()) == {"input.wav", "encoded.wav"}
    assert not list(tmp_path.rglob("pwned"))
