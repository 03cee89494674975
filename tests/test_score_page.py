"""docs/score.html in a browser without a window: scores, messages, width, and that nothing leaves the machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import deepaq
from prep.coding import ffmpeg
from tests.conftest import ROOT
from tests.pages import blocks
from tests.sounds import music, write

pytest.importorskip("onnxruntime")
MODULES = Path(os.environ.get("NODE_PATH", ""))
RATE = 48_000
DRIVER = """
import { chromium } from "playwright-core";
const [program, address, pairs] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])];
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const args = ["--no-sandbox", ...quiet, "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: program, args });
const page = await browser.newPage({ viewport: { width: 400, height: 800 } });
const requests = [], found = [];
page.on("request", (request) => requests.push(request.url()));
for (const [reference, degraded] of pairs) {
  await page.goto(address);
  await page.waitForSelector("fieldset:enabled");
  await page.setInputFiles("#reference", reference);
  await page.setInputFiles("#degraded", degraded);
  await page.waitForFunction(() => !document.querySelector("fieldset").disabled && document.querySelector("#message").textContent);
  const read = () => ["message", "mos", "distance", "lag", "level", "length"].map((id) => [id, document.getElementById(id).textContent]);
  found.push(Object.fromEntries(await page.evaluate(read)));
}
const wide = await page.evaluate(() => document.documentElement.scrollWidth);
const blocked = await page.evaluate(() => new Promise((resolve) => {
  addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
  fetch("http://127.0.0.1:9/").catch(() => setTimeout(resolve, 1000, "no"));
}));
console.log(JSON.stringify({ found, requests, wide, blocked }));
await browser.close();
"""  # noqa: E501
PROBLEMS = {
    "text": "cannot decode it",
    "short": "is too short",
    "silent": "is silent",
    "other": "do not match",
    "surround": "has 6 channels",
}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    clean = np.concatenate([np.zeros((RATE // 2, 2), np.float32), 0.5 * music(14, 1, RATE)[: 13 * RATE]])
    coded = clean + np.float32(0.01) * np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    late = np.concatenate([np.zeros((2400, 2), np.float32), 0.5 * coded])
    for name, samples in (("clean", clean), ("late", late), ("short", clean[:9600]), ("silent", 0 * clean)):
        write(folder / f"{name}.wav", samples, RATE, "FLOAT")
    write(folder / "other.wav", music(8, 5, RATE), RATE)
    write(folder / "surround.wav", np.repeat(clean, 3, axis=1), RATE)
    (folder / "text.wav").write_text("not a sound, in more than thirty-two characters")
    write(folder / "clean.flac", music(6, 1, 44_100), 44_100)
    for name, coder in (("coded.mp3", "libmp3lame"), ("coded.opus", "libopus")):
        coding = ["-i", str(folder / "clean.flac"), "-c:a", coder, "-b:a", "64k", str(folder / name)]
        assert ffmpeg.run(coding, 60) is None
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that docs/other-languages.md tells to make."""
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        pytest.skip("needs chromium")
    if not all((MODULES / name).is_dir() for name in ("onnxruntime-web", "playwright-core")) or not shutil.which(
        "node"
    ):
        pytest.skip("needs node, and NODE_PATH with `npm install onnxruntime-web playwright-core`")
    folder = tmp_path_factory.mktemp("site")
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / "node_modules").symlink_to(MODULES)
    (text,) = (block.text for block in blocks("docs/other-languages.md") if "http.server" in block.text)
    lines = [line for line in text.splitlines() if "http.server" not in line and not line.startswith("npm")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-euc", "\n".join(lines)], cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def seen(site: Path, sounds: Path) -> dict[str, Any]:
    """What the page shows for every pair, and what it asked for."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    names = [("clean.wav", "late.wav"), ("clean.flac", "coded.mp3"), ("clean.flac", "coded.opus")]
    names += [("clean.wav", f"{name}.wav") for name in PROBLEMS]
    pairs = json.dumps([[str(sounds / name) for name in pair] for pair in names])
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    (site / "drive.mjs").write_text(DRIVER)
    (site / "node_modules").symlink_to(MODULES)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/score.html"
        command = ["node", str(site / "drive.mjs"), str(program), address, pairs]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    return {"address": address, **json.loads(done.stdout)}


@pytest.mark.parametrize(("place", "reference", "degraded"), [(0, "clean.wav", "late.wav"), (1, "clean.flac", "coded.mp3"), (2, "clean.flac", "coded.opus")])  # fmt: skip  # noqa: E501
def test_the_page_scores_as_the_command_does(
    place: int, reference: str, degraded: str, seen: dict[str, Any], sounds: Path
) -> None:
    wanted, found = deepaq.load().score(sounds / reference, sounds / degraded), seen["found"][place]
    assert found["message"] == f"{degraded} against {reference}"
    assert float(found["mos"]) == pytest.approx(wanted.mos, abs=0.006 if place == 0 else 0.03)
    assert float(found["level"].removesuffix(" dB")) == pytest.approx(wanted.level_db, abs=0.06)
    assert float(found["length"].removesuffix(" s")) == pytest.approx(wanted.seconds, abs=0.06)
    assert wanted.lag_s is not None
    assert float(found["lag"].removesuffix(" ms")) == pytest.approx(1000 * wanted.lag_s, abs=0.05)


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_cannot_be_scored_is_one_line(name: str, seen: dict[str, Any]) -> None:
    message = seen["found"][3 + list(PROBLEMS).index(name)]["message"]
    assert PROBLEMS[name] in message
    assert "\n" not in message


def test_no_request_leaves_the_machine(seen: dict[str, Any]) -> None:
    assert {url.rsplit("/", 1)[0] for url in seen["requests"]} == {seen["address"].rsplit("/", 1)[0]}
    assert seen["blocked"] == "connect-src"


def test_the_page_fits_a_narrow_screen(seen: dict[str, Any]) -> None:
    assert seen["wide"] <= 400
