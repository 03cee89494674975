"""Section of the report about one test, from its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labels.benchmark.evaluate import SYSTEM_MEAN
from labels.benchmark.protocol import MAIN
from labels.benchmark.report.blocks import (
    NONE,
    SHOWN,
    Block,
    Charts,
    Section,
    Table,
    Text,
    counted,
    figure,
    interval,
    p_value,
    pair,
    title_of,
)


def of_test(test: dict[str, Any], raters: Sequence[dict[str, Any]], paper: Sequence[dict[str, Any]]) -> Section:
    """Facts, tables by protocol, scatter plots, mapped figures, comparisons, breakdowns and figures of the paper."""
    return Section(test["about"]["title"], [*_test(test, raters), *_paper(test, paper)])


def _test(test: dict[str, Any], raters: Sequence[dict[str, Any]]) -> list[Block]:
    about, counts = test["about"], test["counts"]
    ceiling = test["ceiling_of_all_rated"]
    facts = f"{counted(counts['grouped'], *STIMULI)}, rated in " if counts["grouped"] else ""
    roles = [
        f"{counts['role_coded']} coded",
        counted(counts["role_reference"], "hidden reference", "hidden references"),
        counted(counts["role_anchor"], "anchor", "anchors"),
    ]
    facts += (
        f"{counted(counts['stimuli'], *(GROUPS if counts['grouped'] else STIMULI))} ({', '.join(roles)}), "
        f"{counts['with_audio']} of them with audio; {counted(counts['items'], *ITEMS)}, "
        f"{counted(counts['conditions'], 'condition', 'conditions')}; "
    )
    facts += (
        f"{counted(counts['ratings'], 'rating', 'ratings')} by {counted(counts['listeners'], *LISTENERS)}. "
        if counts["listeners"]
        else "the listeners' means only. "
    )
    facts += f"Scale {about['scale'] or 'not stated'}, {about['lowest']:g} to {about['highest']:g}, "
    facts += f"{about['better']} is better."
    if ceiling:
        facts += f" Reliability of all coded stimuli {ceiling['split_half']:.3f}."
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


STIMULI, GROUPS, ITEMS = ("stimulus", "stimuli"), ("group", "groups"), ("item", "items")
LISTENERS = ("listener", "listeners")
STATISTICS = {
    "pcc": "PCC",
    "srcc": "SRCC",
    "kendall": "Kendall's tau-b",
    "srcc_within_item": "SRCC within items",
    "pcc_within_content": "PCC within content",
}


def _protocol(part: dict[str, Any]) -> Table:
    """Table with one row per rater; omits statistics that no rater has."""
    results = sorted(
        part["results"], key=lambda result: -2 if result["pcc"][0] is None else result["pcc"][0], reverse=True
    )
    rows = [(title_of(result["rater"]), result) for result in results]
    rows.append((f"{SYSTEM_MEAN} (no audio)", part[SYSTEM_MEAN]))
    shown = [name for name in STATISTICS if any(interval(result.get(name)) != NONE for _, result in rows)]
    cells = [[title, str(result["stimuli"]), *(interval(result.get(name)) for name in shown)] for title, result in rows]
    caption = f"Protocol: {part['protocol']}, {counted(part['stimuli'], *STIMULI)} of {counted(part['items'], *ITEMS)}."
    if ceiling := part["ceiling"]:
        caption += (
            f" Noise ceiling {ceiling['ceiling']:.2f} (reliability {ceiling['split_half']:.3f}, "
            f"{counted(ceiling['listeners'], *LISTENERS)})."
        )
    return Table(caption, ["rater", "stimuli", *(STATISTICS[name] for name in shown)], cells)


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
