"""Metrics by the name of a repository on the hub, which here is a small server of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deepaq.scoring import checkpoint
from tests.deepaq.scoring.test_metric import metric
from tests.sounds import music, write

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """The address of a hub with one repository, someone/metric, which holds a metric and a script."""
    folder = tmp_path / "repository"
    checkpoint.save(folder, metric().model)
    (folder / "evil.py").write_text("raise SystemExit")

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if self.path.startswith("/api/models/someone/metric/revision/"):
                siblings = [{"rfilename": path.name} for path in folder.iterdir()]
                return self.answer(json.dumps({"id": "someone/metric", "sha": COMMIT, "siblings": siblings}).encode())
            if self.path.startswith("/api/models/someone/metric/tree/"):
                files = [
                    {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": COMMIT}
                    for path in folder.iterdir()
                ]
                return self.answer(json.dumps(files).encode())
            if self.path.startswith("/someone/metric/resolve/") and (folder / name).is_file():
                return self.answer((folder / name).read_bytes())
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()

        def answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def score(hub: str, model: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = write(folder / "a.wav", music(1))
    command = [sys.executable, "-c", "from deepaq.cli import main; main()", "score", path, path, "--model", model]
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(folder / "cache"), "NO_PROXY": "127.0.0.1"}
    environment.pop("HF_HUB_OFFLINE", None)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_metric_comes_from_the_hub_without_code(hub: str, tmp_path: Path) -> None:
    done = score(hub, "hub:someone/metric", tmp_path)
    assert (done.returncode, done.stdout[:4]) == (0, "4.73"), done.stderr
    taken = {path.name for path in (tmp_path / "cache").rglob("*") if COMMIT in path.parent.parts}
    assert taken == {"model.json", "model.safetensors"}


@pytest.mark.parametrize("model", ["hub:someone/else", "hub:no repository", "hub:"])
def test_a_repository_that_is_not_there_is_one_line(hub: str, tmp_path: Path, model: str) -> None:
    done = score(hub, model, tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"{model}: cannot be downloaded" in done.stderr
