"""Codecs of one's own, described by a TOML file: what they say is checked, used and recorded."""

from __future__ import annotations

import json
import re
from pathlib import Path

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
from tests.prep.coding.described import COPY, OPUS, described, prepared, script
from tests.sounds import music, write

DOCS = Path(__file__).parents[3] / "docs" / "own-codec.md"
FILES = dict(re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))


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


def test_rows_of_an_earlier_build_stay_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = described(tmp_path, COPY + "delay = 0\n")
    for body, count in (('cp "$2" "$3"', 1), ('cp  "$2" "$3"', 2)):
        script(tmp_path, body)
        assert "another build" not in capsys.readouterr().err
        result, found = prepared(tmp_path, str(path))
        assert (result["ok"], len(found)) == (1, count)
    assert "holds rows of copy-1411 made with other settings or another build" in capsys.readouterr().err


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
