"""Codecs of one's own, described by a TOML file: what is wrong is said, what hangs or crashes is a failed row."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deepaq.errors import UserError
from manifests.check import problems
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from prep.cli import main
from prep.coding.codecs import codings
from prep.coding.commands import version
from prep.coding.own import OwnCodec
from prep.transcode import Settings, transcode
from tests.sounds import music, write

DOCS = Path(__file__).parents[3] / "docs" / "own-codec.md"
FILES = dict(re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
OPUS = """name = "mine"
suffix = ".opus"
bitrates = [64]
sample_rate = 48000
encode = ["{ffmpeg}", "-v", "error", "-i", "{input}", "-c:a", "libopus", "-b:a", "{kbps}k", "-fflags", "+bitexact",
          "-flags:a", "+bitexact", "{output}"]
"""
COPY = """name = "copy"
suffix = ".wav"
bitrates = [1411]
encode = ["./copy.sh", "{ffmpeg}", "{input}", "{output}"]
"""


def script(folder: Path, body: str, name: str = "copy.sh") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def described(folder: Path, text: str, name: str = "my.toml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def rows(data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Dataset(data).degraded().to_pylist()
    return sorted(found, key=lambda row: (row["condition"], row["degraded_id"]))


def prepared(folder: Path, codecs: str, tracks: int = 1) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    for seed in range(tracks):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    wanted = Settings(tuple(codecs.split(",")), None, 2, jobs=1, quiet=True)
    result = transcode([folder / "music"], folder / "data", wanted)
    return result, rows(folder / "data")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".toml")])
def test_the_examples_of_the_documentation_keep_the_contract(name: str, tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    try:
        OwnCodec.read(tmp_path / name)
    except UserError as error:
        if "is not installed" in str(error):
            pytest.skip(str(error).rpartition(": ")[2])
        raise
    run = CliRunner().invoke(main, ["codecs", "--check", str(tmp_path / name), "--json"])
    assert run.exit_code == 0, run.stderr
    result = json.loads(run.stdout)
    for kbps, measured in result["bitrates"].items():
        assert measured["kbps"] == pytest.approx(int(kbps), rel=0.3)
        assert measured["correlation"] > 0.8
    if name == "mp2.toml":
        assert {measured["delay"] for measured in result["bitrates"].values()} == {481}


WRONG = {
    "syntax": ("name = ", "is not valid TOML"),
    "lacking": ('name = "x"\nsuffix = ".x"\nbitrates = [1]\n', "lacks 'encode'"),
    "unknown key": (OPUS + "bitrate = 3\n", "unknown key 'bitrate'; known are name,"),
    "kind": (OPUS.replace('"mine"', "3"), "name = 3: write a text"),
    "name": (OPUS.replace("mine", "my codec"), "name = 'my codec': letters, digits"),
    "taken": (OPUS.replace("mine", "opus"), "name = 'opus' is taken"),
    "suffix": (OPUS.replace('".opus"', '"../x"'), "suffix = '../x': write a dot and letters"),
    "no bitrates": (OPUS.replace("[64]", "[]"), "bitrates = []: write whole kbps"),
    "bitrates": (OPUS.replace("[64]", "[64.5]"), "bitrates = [64.5]: write whole kbps"),
    "placeholder": (OPUS.replace("{kbps}", "{rate}"), "encode: unknown placeholder {rate}; known are bps"),
    "no output": (OPUS.replace('"{output}"', '"x"'), "encode: lacks the placeholder {output}"),
    "no kbps": (OPUS.replace("{kbps}k", "64k").replace("[64]", "[64, 96]"), "uses neither {kbps} nor {bps}"),
    "program": (OPUS.replace('"{ffmpeg}"', '"no-such-encoder"'), "the program no-such-encoder is not installed"),
    "path": (OPUS.replace('"{ffmpeg}"', '"./absent"'), "there is no program"),
    "arguments": (OPUS.replace('"-v"', "7"), "write a list of texts"),
    "command": (OPUS + 'decode = "dec {input} {output}"\n', "decode = 'dec {input} {output}': write a list"),
    "channels": (OPUS + "channels = 6\n", "channels = 6: possible are 1, 2"),
    "bits": (OPUS + "bits = 8\n", "bits = 8: possible are 16, 24, 32"),
    "sample rate": (OPUS.replace("48000", "48"), "sample_rate = 48: possible are 8000 to 192000"),
    "timeout": (OPUS + "timeout = 0\n", "timeout = 0: write seconds"),
    "truth": (OPUS + "delay = true\n", "delay = True: write a whole number"),
    "version": (OPUS + 'version = ["false"]\n', "version: false ended with 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_one_clear_line(case: str, tmp_path: Path) -> None:
    text, message = WRONG[case]
    path = described(tmp_path, text)
    write(tmp_path / "music" / "a.wav", music(2))
    for command in (
        ["codecs", "--check", str(path)],
        ["transcode", str(tmp_path / "music"), "--out", str(tmp_path / "data"), "--codecs", f"{path},opus"],
    ):
        run = CliRunner().invoke(main, command, catch_exceptions=False)
        assert run.exit_code == 2
        (line,) = run.stderr.splitlines()
        assert line.startswith(f"error: {path}: ")
        assert message in line


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for name in ("absent.toml", "binary.toml"):
        with pytest.raises(UserError, match=name):
            codings([str(tmp_path / name)])


def test_own_codecs_are_rows_beside_others(tmp_path: Path) -> None:
    own = described(tmp_path, OPUS)
    raw = described(tmp_path, FILES["mp2.toml"].replace("[64, 192]", "[128]"), "raw.toml")
    result, found = prepared(tmp_path, f"{own},{raw},opus")
    assert (result["ok"], result["failed"]) == (9, 0)
    by_name = {row["condition"]: row for row in found}
    mine, coded = by_name["mine-064"], by_name["mp2-128"]
    assert mine["path"].endswith(".opus")
    assert coded["path"].endswith(".flac")  # its delay is trimmed
    assert mine["actual_kbps"] == pytest.approx(by_name["opus-064"]["actual_kbps"], rel=0.5)
    assert coded["actual_kbps"] == pytest.approx(128, rel=0.01)
    assert abs(mine["lag_samples"]) <= 1
    assert coded["lag_samples"] == 0
    assert coded["correlation"] > 0.99
    assert "-b:a 128000" in coded["arguments"]
    (fragment,) = fragments(tmp_path / "data" / "degraded")
    settings = read_footer(fragment)["settings"]["conditions"]
    assert settings["mp2-128"]["options"]["delay"] == "481"
    assert len(next(iter(settings["mine-064"]["files"].values()))) == 64
    assert list(problems(Dataset(tmp_path / "data"), deep=True)) == []
    again, _ = prepared(tmp_path, f"{own},{raw},opus")
    assert again["audio_seconds"] == 0


def test_bitrates_select_among_those_of_the_file(tmp_path: Path) -> None:
    path = described(tmp_path, OPUS.replace("[64]", "[24, 64]"))
    assert [coding.name for coding in codings([str(path)])] == ["mine-024", "mine-064"]
    assert [coding.name for coding in codings([str(path)], [64, 128])] == ["mine-064"]
    with pytest.raises(UserError, match="mine takes 24, 64 kbps"):
        codings([str(path)], [128])


def test_a_new_build_is_a_new_condition_and_another_place_is_not(tmp_path: Path) -> None:
    ids = []
    for place, body in (("one", 'cp "$2" "$3"'), ("two", 'cp "$2" "$3"'), ("three", 'cp  "$2" "$3"')):
        path = described(tmp_path / place, COPY + "delay = 0\n")
        script(tmp_path / place, body)
        (coding,) = codings([str(path)])
        ids.append(coding.id)
    assert ids[0] == ids[1] != ids[2]


def test_rows_of_an_earlier_build_stay_and_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = described(tmp_path, COPY + "delay = 0\n")
    for body, count in (('cp "$2" "$3"', 1), ('cp  "$2" "$3"', 2)):
        script(tmp_path, body)
        assert "another build" not in capsys.readouterr().err
        result, found = prepared(tmp_path, str(path))
        assert (result["ok"], len(found)) == (1, count)
    assert "holds rows of copy-1411 made with other settings or another build" in capsys.readouterr().err


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
    result, found = prepared(tmp_path, f"{path},opus", tracks=2)
    assert (result["ok"], result["failed"]) == (14, 2)
    assert all("samples late, at most 5 are allowed" in row["error"] for row in found if row["codec"] == "copy")
    run = CliRunner().invoke(main, ["codecs", "--check", str(path)])
    assert run.exit_code == 1
    assert "copy at 1411 kbps: its delay varies" in run.stderr


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
    result, found = prepared(tmp_path, f"{described(tmp_path, COPY + 'timeout = 1' + chr(10))},opus")
    assert time.monotonic() - began < 50
    assert (result["ok"], result["failed"]) == (7, 1)
    (failed,) = [row for row in found if row["codec"] == "copy"]
    assert message in failed["error"]
    assert not [path for path in (tmp_path / "data" / "audio").iterdir() if path.name.startswith(".")]


def test_what_an_encoder_started_ends_with_it(tmp_path: Path) -> None:
    script(tmp_path, f'(sleep 3; touch "{tmp_path}/late") & cp "$2" "$3"')
    result, _ = prepared(tmp_path, str(described(tmp_path, COPY)))
    assert result["ok"] == 1
    time.sleep(4)
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


def test_braces_and_versions_are_as_they_are_written(tmp_path: Path) -> None:
    script(tmp_path, 'test "$4" = "{kbps}-1411" || exit 9; cp "$2" "$3"')
    script(tmp_path, 'echo; echo "  build 7"', "version.sh")
    text = COPY.replace('"{output}"]', '"{output}", "{{kbps}}-{kbps}"]') + 'version = ["./version.sh"]\n'
    path = described(tmp_path, text)
    result, (row,) = prepared(tmp_path, str(path))
    assert result["ok"] == 1
    assert version(OwnCodec.read(path)).startswith("build 7, ")
    assert row["encoder"].startswith("copy.sh (build 7, ")


def test_the_check_says_what_is_wrong_in_words(tmp_path: Path) -> None:
    script(tmp_path, 'cp "$2" "$3"; test "$4" = 64 || head -c 9 /dev/urandom >> "$3"')
    text = COPY.replace("[1411]", "[64, 3000]").replace('"{output}"]', '"{output}", "{kbps}"]') + "delay = 99\n"
    run = CliRunner().invoke(main, ["codecs", "--check", str(described(tmp_path, text))])
    assert run.exit_code == 1
    for line in (
        "copy at 64 kbps: delay = 99 is declared and 0 samples are measured",
        "copy at 64 kbps: has 1411.3 kbps, 2105% more than requested",
        "copy at 3000 kbps: encoding the same clip twice gives different files",
        "copy at 3000 kbps: has 1411.3 kbps, 53% less than requested",
    ):
        assert line in run.stderr
