"""Simulated hosts on one machine: Linux namespaces joined by a bridge, over one shared volume.

A host has its own network, name, processes, /tmp and home, and mounts the volume at /mnt. Files that it writes there
belong to a group of its own, which shows which host made them. Nothing outside the namespaces is changed, and
everything ends with them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

VOLUME = Path("/mnt")
NEW = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
# Open the folders first: they may be in the /tmp that the host's own will hide.
SET_UP = r"""
set -e
hostname "$1" && shift
number=3  # of the open folder: the volume first, then what must be seen at its own place
for folder; do
    eval "exec $number< \"\$folder\""
    number=$((number + 1))
done
shift
mount -t tmpfs tmpfs /tmp
mount --no-canonicalize --bind /proc/self/fd/3 /mnt
number=4
for folder; do
    mkdir -p "$folder"
    mount --no-canonicalize --bind "/proc/self/fd/$number" "$folder"
    number=$((number + 1))
done
ip link set lo up
echo ready
exec sleep infinity
"""


def missing() -> str:
    """A reason why this machine cannot simulate hosts, or an empty string."""
    if not sys.platform.startswith("linux"):
        return "needs Linux namespaces"
    for tool in ("ip", "unshare", "nsenter", "setpriv"):
        if not shutil.which(tool):
            return f"needs {tool} (util-linux, iproute2)"
    probe = [*NEW, "sh", "-c", "mount -t tmpfs tmpfs /tmp && ip link add probe type bridge"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return "needs permission to create namespaces, which root usually has"
    return ""


class Hosts:
    """A context manager. Hosts are numbered from 1; host n has the address 10.77.0.n and writes as group 7700 + n."""

    def __init__(self, volume: Path, count: int) -> None:
        self.volume = volume
        self.count = count
        self._stack = ExitStack()
        self._hosts: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Hosts:
        with self._stack as stack:
            switch = self._started(["unshare", "--net", "sh", "-c", "echo ready && exec sleep infinity"])
            net = ["nsenter", f"--net=/proc/{switch.pid}/ns/net", "ip", "link"]
            subprocess.run([*net, "add", "bridge", "type", "bridge"], check=True)
            subprocess.run([*net, "set", "bridge", "up"], check=True)
            folders = dict.fromkeys([str(ROOT), sys.prefix, sys.base_prefix])
            for number in range(1, self.count + 1):
                set_up = ["bash", "-c", SET_UP, "host", f"host{number}", str(self.volume), *folders]
                host = self._started([*NEW, *set_up])
                self._hosts.append(host)
                ends = [f"host{number}", "type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
                subprocess.run([*net, "add", *ends], check=True)
                subprocess.run([*net, "set", f"host{number}", "up", "master", "bridge"], check=True)
                self.run(number, ["ip", "address", "add", f"{self.address(number)}/24", "dev", "eth0"])
                self.run(number, ["ip", "link", "set", "eth0", "up"])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @staticmethod
    def address(number: int) -> str:
        return f"10.77.0.{number}"

    @staticmethod
    def group(number: int) -> int:
        return 7700 + number

    def start(
        self, number: int, command: Sequence[str], folder: Path = VOLUME, **options: Any
    ) -> subprocess.Popen[str]:
        """Start a command on a host, in a folder there; it ends with the host."""
        return subprocess.Popen(
            self._on(number, command, folder), env=self._environment(), text=True, start_new_session=True, **options
        )

    def run(self, number: int, command: Sequence[str]) -> str:
        """Run a command on a host, in the volume, and return what it printed."""
        result = subprocess.run(
            self._on(number, command, VOLUME), env=self._environment(), capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{' '.join(command)}: {result.stdout[-2000:]}\n{result.stderr[-4000:]}"
        return result.stdout

    def cut_off(self, number: int) -> None:
        """Kill all processes of a host at once, like a power failure."""
        self._hosts[number - 1].kill()
        self._hosts[number - 1].wait()

    def _on(self, number: int, command: Sequence[str], folder: Path) -> list[str]:
        namespaces = f"/proc/{self._hosts[number - 1].pid}/ns"
        kinds = {"net": "net", "uts": "uts", "mount": "mnt", "pid": "pid_for_children"}
        enter = [f"--{option}={namespaces}/{name}" for option, name in kinds.items()]
        group = ["setpriv", f"--regid={self.group(number)}", "--clear-groups"]
        return ["nsenter", *enter, f"--wdns={folder}", *group, *command]

    @staticmethod
    def _environment() -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TMP", "DEEPAQ"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "HOME": "/tmp", "PYTHONPATH": str(ROOT)}

    def _started(self, command: list[str]) -> subprocess.Popen[str]:
        bound = ["setpriv", "--pdeathsig", "KILL", *command]  # dies with this process
        process = subprocess.Popen(bound, stdout=subprocess.PIPE, text=True)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        assert process.stdout
        self._stack.callback(process.stdout.close)
        assert process.stdout.readline() == "ready\n", " ".join(command)
        return process
