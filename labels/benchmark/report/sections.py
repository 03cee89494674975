"""Content of the report, section by section, from its JSON; Markdown and HTML only format it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labels.benchmark.evaluate import SYSTEM_MEAN
from labels.benchmark.leaderboard import AGGREGATED, COHORTS, LISTENERS, STIMULI
from labels.benchmark.report.blocks import (
    NONE,
    Block,
    Section,
    Table,
    Text,
    figure,
    interval,
    title_of,
)
from labels.benchmark.report.one_test import of_test
from labels.benchmark.report.verdict import verdict


def sections(report: dict[str, Any]) -> list[Section]:
    """All sections in reading order."""
    raters = report["raters"]
    found = [Section("Summary", _summary(report))]
    found += [of_test(test, raters, report["paper"].get(test["name"], [])) for test in report["tests"]]
    if report["leaderboard"]:
        found.append(Section("ODAQ's leaderboard", _leaderboard(report["leaderboard"])))
    if report["overall"]:
        found.append(Section("All tests", _overall(report["overall"])))
    found.append(Section("Raters and their cost", [_raters(report)]))
    if report["notes"]:
        text = "Less than 95 % of these stimuli was compared; they count only with `--allow-shorter`."
        found.append(Section("Shorter than the reference", [Text(text), _lines(report["notes"])]))
    if report["errors"]:
        found.append(Section("Not rated", [_lines(report["errors"])]))
    found.append(Section("How this was made", _made(report)))
    return found


def _lines(lines: Sequence[str]) -> Table:
    return Table("", ["stimulus"], [[line] for line in lines])


def _summary(report: dict[str, Any]) -> list[Block]:
    columns: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for test in report["tests"]:
        parts = test["protocols"]
        for part in parts[:1] + parts[1:][-1:]:
            columns.append((f"{test['about']['title']}, {part['protocol']} ({part['stimuli']})", test, part))
    rows = [["noise ceiling", *(figure((part["ceiling"] or {}).get("ceiling")) for _, _, part in columns), NONE]]
    rows += [
        [
            title_of(name),
            *(interval(_result(part, name)["pcc"]) for _, _, part in columns),
            figure(_cost(report, name), 3),
        ]
        for name in _ranked(report)
    ]
    rows.append([f"{SYSTEM_MEAN} (no audio)", *(interval(part[SYSTEM_MEAN]["pcc"]) for _, _, part in columns), NONE])
    header = ["rater", *(name for name, _, _ in columns), "CPU s per s of audio"]
    verdicts = [text for test in report["tests"] if (text := verdict(test))]
    return [
        *map(Text, verdicts),
        Text(
            "Pearson correlation (PCC) of each rater with the listeners' mean, and its 95 % interval by a jackknife "
            "over items (none with fewer than four items or six stimuli, or with a perfect correlation; rank "
            "correlations need twelve stimuli, because they take too few values below that). The hidden reference "
            "alone raises every correlation, so the title of each column states the protocol and the number of stimuli."
        ),
        Table("", header, rows),
        Text(
            "The noise ceiling is the expected correlation of a perfect rater: the root of the listeners' split-half "
            "reliability. The system mean uses no audio: it is the mean rating of the same condition on the other "
            "items. Distances are negated, so that higher is better for all raters. ViSQOL is called the teacher "
            "because it labels the training data of DeePAQ.",
            note=True,
        ),
    ]


def _ranked(report: dict[str, Any]) -> list[str]:
    """The raters by their mean PCC over the tests' first protocols, the best one first."""

    def mean(name: str) -> float:
        found = [_result(test["protocols"][0], name)["pcc"][0] for test in report["tests"] if test["protocols"]]
        known = [value for value in found if value is not None]
        return sum(known) / len(known) if known else -2.0

    return sorted((rater["name"] for rater in report["raters"]), key=mean, reverse=True)


def _leaderboard(board: dict[str, Any]) -> list[Block]:
    """Raters and public entries in one table, the best first."""
    names = board["methods"]
    rows = [
        (row[AGGREGATED], [title_of(row["rater"]), "here", *(row["methods"][name] for name in names), row[AGGREGATED]])
        for row in board["rows"]
    ]
    rows += [
        (entry[AGGREGATED], [entry["metric"], "public", *(entry.get(name) for name in names), entry[AGGREGATED]])
        for entry in board["entries"]
    ]
    rows.sort(key=lambda row: -1 if row[0] is None else row[0], reverse=True)
    cells = [[*row[:2], *map(figure, row[2:])] for _, row in rows]
    rated = min(row["stimuli"] for row in board["rows"])
    text = (
        "The absolute PCC within each processing method and its average by Fisher's z, without hidden references and "
        "anchors: the protocol of ODAQ's public leaderboard, beside its entries of 2024, which rest on "
        f"{LISTENERS} listeners of {len(COHORTS)} cohorts and {STIMULI} stimuli. "
    )
    text += (
        "So do the figures from here."
        if board["complete"] and rated == STIMULI
        else f"The figures from here rest on {board['listeners']} listeners ({', '.join(board['tests'])}) and "
        f"{rated} stimuli or more, so they compare only roughly."
    )
    return [Text(text), Table("", ["metric", "from", *names, "average"], cells, text_columns=2)]


def _overall(rows: Sequence[dict[str, Any]]) -> list[Block]:
    header = ["rater", "protocol", "tests", "stimuli", "PCC average", "SRCC average", "PCC pooled", "SRCC pooled"]
    cells = [
        [title_of(row["rater"]), row["protocol"], str(row["tests"]), str(row["stimuli"])]
        + [interval(row[way][name]) for way in ("average", "pooled") for name in ("pcc", "srcc")]
        for row in rows
    ]
    text = (
        "The average is Fisher's, over tests; pooled is over all stimuli, ratings as shares of their scale. They "
        "answer different questions."
    )
    return [Text(text), Table("", header, cells, text_columns=2)]


def _raters(report: dict[str, Any]) -> Table:
    header = ["rater", "options", "scale", "better is", "of a reference against itself"]
    header += [f"CPU s per s of audio, {test['about']['title']}" for test in report["tests"]]
    rows = [
        [
            title_of(rater["name"]),
            ", ".join(f"{key}={value}" for key, value in sorted(rater["options"].items())) or NONE,
            rater["scale"],
            "higher" if rater["higher_is_better"] else "lower",
            figure(rater["identity"], 3),
            *(figure(test["cost"].get(rater["name"]), 3) for test in report["tests"]),
        ]
        for rater in report["raters"]
    ]
    caption = (
        "Cost measured when each label was made: reading, resampling and rating a degraded signal, and an equal share "
        "of the work on its reference, which is done once."
    )
    return Table(caption, header, rows, 4)


def _made(report: dict[str, Any]) -> list[Block]:
    settings = report["settings"]
    text = (
        f"Made {report['made']} by `labels benchmark`, revision {report['revision']}. Intervals: 95 %, "
        "Student's t times the standard error over items, by the jackknife for correlations, by the bootstrap for "
        f"differences and errors ({settings['resamples']} resamples, seed {settings['seed']}); noise ceiling: random "
        "halves of the listeners, Spearman-Brown, or the listeners' published deviations."
    )
    return [Text(text), Table("", ["tool", "version"], sorted(map(list, report["tools"].items())), 2)]


def _result(part: dict[str, Any], rater: str) -> dict[str, Any]:
    found: dict[str, Any] = next(result for result in part["results"] if result["rater"] == rater)
    return found


def _cost(report: dict[str, Any], rater: str) -> float | None:
    known = [test["cost"][rater] for test in report["tests"] if rater in test["cost"]]
    return sum(known) / len(known) if known else None
