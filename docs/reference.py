"""Write docs/commands.md from the commands themselves: python docs/reference.py"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

COMMANDS = ("prep", "labels", "training", "deepaq", "manifests")
TARGET = Path(__file__).with_name("commands.md")


def reference() -> str:
    """Every command's help, as Markdown."""
    parts = [
        "# Commands\n\nMade by `python docs/reference.py` from the commands' own help; a test fails when it drifts.\n"
    ]
    for name in COMMANDS:
        group = import_module(f"{name}.cli").main
        parts.append(f"## {name}\n\n{_sentence(group)}\n")
        for command in sorted(group.commands):
            parts.append(
                f"### {name} {command}\n\n```text\n{_help(group.commands[command], f'{name} {command}')}\n```\n"
            )
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    return command.get_help(click.Context(command, info_name=name, terminal_width=100, max_content_width=100))


def _sentence(group: click.Group) -> str:
    return (group.help or "").splitlines()[0]


if __name__ == "__main__":
    TARGET.write_text(reference())
