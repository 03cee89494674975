"""Print the licences of all packages that deepaq and its extras install, from their metadata, as Markdown.

python tests/licences.py > THIRD_PARTY_LICENSES.md
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
EXTRAS = ("plots", "prep", "labels", "train", "onnx", "dask", "baselines", "speech", "export")
ALONE = ("pyclarity", "tinysoundfont")  # installed on request, with --no-deps
# Remarks that the metadata lack.
NOTES = {
    "av": "wheels contain FFmpeg libraries (LGPL, with parts under the GPL)",
    "imageio-ffmpeg": "wheels contain an ffmpeg program under the GPL, run as a separate process",
    "pesq": "ITU-T P.862 reference code; check its patents and terms before use",
    "soundfile": "wheels contain libsndfile (LGPL)",
    "soxr": "contains libsoxr (LGPL)",
    "visqol-python": "contains ViSQOL's trained models (Apache-2.0)",
}
HEAD = """# Third-party licences

deepaq is licensed under the Apache License 2.0 (see LICENSE) and contains no source code of others. It uses the
packages below, which pip installs with it and its extras; licences are as the packages state them. Made by
`python tests/licences.py`.

Weights of pretrained networks are not part of deepaq. Their own licences apply, also to what is trained from them:
MERT-v1-95M CC-BY-NC-4.0 (no commercial use), wav2vec 2.0 base and HuBERT base Apache-2.0, CLAP Apache-2.0.
"""


def direct() -> dict[str, list[Requirement]]:
    """Requirements by extra; "" holds those of every installation."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **{e: project["optional-dependencies"].get(e, []) for e in EXTRAS}}
    return {extra: [Requirement(text) for text in texts] for extra, texts in groups.items()}


def needed(requirements: Iterable[Requirement], seen: dict[str, set[str]]) -> Iterator[tuple[str, Distribution | None]]:
    """Yield the packages that fulfil the requirements, and their requirements, once each; None if not installed.

    seen: packages found before, with the extras that were requested.
    """
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        extras = {"", *requirement.extras} - seen.get(name, set())
        if not extras:
            continue
        first = name not in seen
        seen.setdefault(name, set()).update(extras)
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            if first:
                yield name, None
            continue
        if first:
            yield name, found
        further = [Requirement(text) for text in found.requires or ()]
        yield from needed([r for r in further if _applies(r, extras)], seen)


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)


def licence(package: Distribution) -> str:
    """The SPDX expression, else the classifiers, else the first line of the free text."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]
    named = [c for c in classifiers if c != "OSI Approved"]
    text = (metadata.get("License") or "").strip().splitlines()
    return ", ".join(named) or (text[0][:60] if text else "see the package")


def main() -> None:
    print(HEAD)
    seen: dict[str, set[str]] = {}
    for extra, requirements in direct().items():
        _print(f"With the extra `{extra}`" if extra else "Always", needed(requirements, seen))
    alone = [Requirement(name) for name in ALONE]
    _print("Installed on request, without their requirements", needed(alone, {**seen, **_below()}))


def _below() -> dict[str, set[str]]:
    """Requirements of the packages that are installed without them, in the form of `seen`."""
    texts = [text for name in ALONE for text in distribution(name).requires or ()]
    wanted = map(Requirement, texts)
    return {canonicalize_name(each.name): {"", *each.extras} for each in wanted}


def _print(title: str, packages: Iterable[tuple[str, Distribution | None]]) -> None:
    print(f"## {title}\n")
    print("| package | version | licence | remark |\n|---|---|---|---|")
    for name, package in sorted(packages, key=lambda found: found[0]):
        version = package.version.partition("+")[0] if package else "not installed"
        print(f"| {name} | {version} | {licence(package) if package else 'see the package'} | {NOTES.get(name, '')} |")
    print()


if __name__ == "__main__":
    main()
