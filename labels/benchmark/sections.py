"""The report's content, section by section, from its JSON; Markdown and HTML only set it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labels.benchmark.blocks import (
    NONE,
    SHOWN,
    Block,
    Charts,
    Section,
    Table,
    Text,
    figure,
    interval,
    p_value,
    pair,
    title_of,
)
from labels.benchmark.evaluate import SYSTEM_MEAN
from labels.benchmark.protocol import MAIN


def sections(report: dict[str, Any]) -> list[Section]:
    """All sections in reading order."""
    raters = report["raters"]
    found = [Section("Summary", _summary(report))]
    found += [
        Section(test["about"]["title"], [*_test(test, raters), *_paper(test, report["paper"].get(test["name"], []))])
        for test in report["tests"]
    ]
    if report["overall"]:
        found.append(Section("All tests", _overall(report["overall"])))
    found.append(Section("Raters and their cost", [_raters(report)]))
    if report["errors"]:
        found.append(
            Section("What could not be rated", [Table("", ["stimulus"], [[line] for line in report["errors"]])])
        )
    found.append(Section("How this was made", _made(report)))
    return found


def _summary(report: dict[str, Any]) -> list[Block]:
    columns: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for test in report["tests"]:
        parts = test["protocols"]
        for part in parts[:1] + parts[1:][-1:]:
            columns.append((f"{test['about']['title']}, {part['protocol']} ({part['stimuli']})", test, part))
    rows = [["noise ceiling", *(figure((part["ceiling"] or {}).get("ceiling")) for _, _, part in columns), NONE]]
    rows += [
        [
            title_of(rater["name"]),
            *(interval(_result(part, rater["name"])["pcc"]) for _, _, part in columns),
            figure(_cost(report, rater["name"]), 3),
        ]
        for rater in report["raters"]
    ]
    rows.append([f"{SYSTEM_MEAN} (no audio)", *(interval(part[SYSTEM_MEAN]["pcc"]) for _, _, part in columns), NONE])
    header = ["rater", *(name for name, _, _ in columns), "CPU s per s of audio"]
    return [
        Text(
            "Pearson correlation (PCC) of each rater with the listeners' mean, and its 95 % interval by a bootstrap "
            "over items (none with fewer than four, or eight of one stimulus each). The protocol decides the number, "
            "for the hidden reference alone lifts every rater; so it stands in the column's title, with the number of "
            "stimuli."
        ),
        Table("", header, rows),
        Text(
            "The noise ceiling is what a perfect rater may expect: the root of the listeners' split-half reliability. "
            "The system mean hears nothing: it is the mean rating of the same condition on the other items. Distances "
            "are taken with their sign turned, so that higher is better for all. ViSQOL is called the teacher because "
            "it labels the training data of DeePAQ.",
            note=True,
        ),
    ]


def _test(test: dict[str, Any], raters: Sequence[dict[str, Any]]) -> list[Block]:
    about, counts = test["about"], test["counts"]
    ceiling = test["ceiling_of_all_rated"]
    facts = (
        f"{counts['stimuli']} stimuli ({counts['role_coded']} coded, {counts['role_reference']} hidden references, "
        f"{counts['role_anchor']} anchors), {counts['with_audio']} of them with audio; {counts['items']} items, "
        f"{counts['conditions']} conditions; "
    )
    facts += (
        f"{counts['ratings']} ratings by {counts['listeners']} listeners. "
        if counts["listeners"]
        else "the listeners' means only. "
    )
    facts += f"Scale {about['scale'] or 'not stated'}, {about['lowest']:g} to {about['highest']:g}."
    if ceiling:
        facts += f" Split-half reliability of all coded stimuli {ceiling['split_half']:.3f}."
    blocks: list[Block] = [Text(facts), Text(f"Licence: {about['licence']}. Cite: {about['citation']}.", note=True)]
    blocks += [_protocol(part) for part in test["protocols"]]
    blocks.append(Charts(test))
    blocks += _mapped(test)
    main = test["protocols"][0]["protocol"] if test["protocols"] else MAIN
    if test["comparisons"]:
        blocks.append(_comparisons(test["comparisons"], main))
    for kind, title in (("content", "class of content"), ("condition", "condition"), ("quality", "range of quality")):
        groups = test["breakdowns"][kind]
        if len(groups) > 1 and any(found["pcc"][0] is not None for row in groups for found in row["raters"].values()):
            blocks.append(_breakdown(groups, title, [rater["name"] for rater in raters], main))
    return blocks


def _protocol(part: dict[str, Any]) -> Table:
    names = ("pcc", "srcc", "kendall")

    def row(title: str, result: dict[str, Any]) -> list[str]:
        within = interval(result.get("pcc_within_content"))
        return [title, str(result["stimuli"]), *(interval(result[name]) for name in names), within]

    results = sorted(
        part["results"], key=lambda result: -2 if result["pcc"][0] is None else result["pcc"][0], reverse=True
    )
    rows = [row(title_of(result["rater"]), result) for result in results]
    rows.append(row(f"{SYSTEM_MEAN} (no audio)", part[SYSTEM_MEAN]))
    caption = f"Protocol: {part['protocol']}, {part['stimuli']} stimuli of {part['items']} items."
    if part["ceiling"]:
        caption += (
            f" Noise ceiling {part['ceiling']['ceiling']:.2f} (split-half reliability "
            f"{part['ceiling']['split_half']:.3f}, {part['ceiling']['listeners']} listeners)."
        )
    return Table(caption, ["rater", "stimuli", "PCC", "SRCC", "Kendall's tau-b", "PCC within content"], rows)


def _mapped(test: dict[str, Any]) -> list[Block]:
    if not test["protocols"]:
        return []
    if not test["fitted_on"]:
        return [
            Text(
                "No mapping to the listeners' scale, and so no RMSE*: it may not be fitted on the test itself. Give "
                "another test, or --fit-on.",
                note=True,
            )
        ]
    span = test["about"]["highest"] - test["about"]["lowest"]
    part = test["protocols"][0]
    rows = [
        [
            title_of(result["rater"]),
            name,
            interval(found["pcc"]),
            interval(found["srcc"]),
            interval([None if number is None else number * span for number in found["rmse_star"]]),
        ]
        for result in part["results"]
        for name, found in result["mapped"].items()
    ]
    caption = (
        f"After a mapping fitted on {', '.join(test['fitted_on'])}, not on this test. Protocol: {part['protocol']}. "
        f"RMSE* in points of the listeners' scale, which is {span:g} wide."
    )
    return [Table(caption, ["rater", "mapping", "PCC", "SRCC", "RMSE*"], rows, text_columns=2)] if rows else []


def _comparisons(rows: Sequence[dict[str, Any]], protocol: str) -> Table:
    caption = (
        f"Paired differences of PCC. Protocol: {protocol}. Zou's interval and Steiger's test take stimuli for "
        "independent; the bootstrap draws whole items. p adjusted after Holm over this table."
    )
    header = ["raters", "stimuli", "difference", "Zou 95 %", "bootstrap 95 %", "Steiger z", "p", "p (Holm)"]
    cells = [
        [
            f"{row['a']} − {row['b']}",
            str(row["stimuli"]),
            figure(row["difference"]),
            pair(row["zou"]),
            pair(row["bootstrap"]),
            figure(row["z"]),
            p_value(row["p"]),
            p_value(row["p_holm"]),
        ]
        for row in sorted(rows, key=lambda row: (row["difference"] is None, -(row["difference"] or 0)))
    ]
    return Table(caption, header, cells, folded=len(rows) > SHOWN)


def _breakdown(rows: Sequence[dict[str, Any]], title: str, raters: Sequence[str], protocol: str) -> Table:
    cells = [
        [row["group"], str(row["stimuli"]), figure(row["mean"], 1)]
        + [interval(row["raters"][rater]["pcc"]) for rater in raters]
        for row in rows
    ]
    header = [title, "stimuli", "mean rating", *map(title_of, raters)]
    return Table(
        f"PCC by {title}. Protocol: {protocol}. A narrow range of quality lowers every correlation.", header, cells
    )


def _paper(test: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[Block]:
    if not rows:
        return []
    header = ["system of the paper", "here", "statistic", "paper", "ours, coded", "ours, widest protocol", "source"]
    cells = [
        [
            row["system"],
            row["rater"],
            row["statistic"].upper(),
            figure(row["paper"], 3),
            interval(row["coded"], 3),
            interval(row["widest"], 3),
            row["source"],
        ]
        for row in rows
    ]
    counts = test["counts"]
    caption = (
        "Table 1 of the DeePAQ paper (arXiv 2510.12326) beside ours. The paper does not state which stimuli it counts; "
        f"here {counts['with_audio']} of {counts['stimuli']} have audio."
    )
    return [Table(caption, header, cells, text_columns=3)]


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
        "Cost as measured when each label was made: reading, resampling and rating a version. What its reference "
        "costs, once for all its versions, is in it in equal shares."
    )
    return Table(caption, header, rows, 4)


def _made(report: dict[str, Any]) -> list[Block]:
    settings = report["settings"]
    text = (
        f"Made {report['made']} by `labels benchmark`, revision {report['revision']}. Intervals: 95 %, "
        f"Student's t times the bootstrap's standard error over items, {settings['resamples']} resamples, seed "
        f"{settings['seed']}; noise ceiling: "
        "random halves of the listeners, Spearman-Brown."
    )
    return [Text(text), Table("", ["tool", "version"], sorted(map(list, report["tools"].items())), 2)]


def _result(part: dict[str, Any], rater: str) -> dict[str, Any]:
    found: dict[str, Any] = next(result for result in part["results"] if result["rater"] == rater)
    return found


def _cost(report: dict[str, Any], rater: str) -> float | None:
    known = [test["cost"][rater] for test in report["tests"] if rater in test["cost"]]
    return sum(known) / len(known) if known else None
