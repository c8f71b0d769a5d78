"""A page for each rewrite rule: what it turns into what, when, and where that is proved."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from workbench.graph import formula, summary
from workbench.graph.rewrite import RULES, Rule
from workbench.graph.rule_text import RuleText, told
from workbench.rewrites import default_mode

SHOWN = 6
"""So many examples are shown; the proof has all."""
PASSES = {
    "canonicalise": "One way to say a thing, so that other rules need to know one only.",
    "linear algebra": "What is known of matrices, put to use.",
    "low rank": "A diagonal plus a product of low rank: systems and determinants of the rank's size.",
    "whole operations": "Operations found in the formulas that people write for them.",
    "read once": "What only one reads, made as that reads it.",
    "factor at hand": "Determinants and inverses by factors that are there.",
    "stabilise": "More correct digits.",
    "specialise": "Less work.",
    "unconstrained": "What is known of values that a sampler moves.",
    "prediction": "From training to prediction: other values on purpose, of which each rule says why.",
}
"""What passes are for, where their names do not say it."""


def write(folder: Path) -> int:
    """Write a page for each rule, and the list of them; return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    default_mode()  # Which loads the rules.
    groups: dict[str, list[Rule]] = defaultdict(list)
    for rule in RULES.values():
        if rule.function.__module__.startswith("workbench."):
            groups[rule.group].append(rule)
    for rules in groups.values():
        for rule in rules:
            (folder / f"{rule.name}.md").write_text(page(rule))
    (folder / "index.md").write_text(_index(groups))
    return sum(map(len, groups.values()))


def page(rule: Rule) -> str:
    """Return the page of a rule."""
    said = told(rule)
    parts = [f"---\norphan: true\n---\n# {rule.name}\n", f"{rule.doc}\n"]
    if said.general:
        parts.append(_sides([(said.before, said.after)]))
    if said.conditions:
        parts.append("It fires where\n\n" + "".join(f"- {text}\n" for text in said.conditions))
    if examples := _examples(rule):
        parts.append(f"## Before and after\n\n{_sides(examples)}")
    elif not said.general:
        parts.append(f"## Before and after\n\n{_sides([(said.before, said.after)])}")
    parts.append(f"## Proof\n\n{_proof(said)}")
    source = inspect.cleandoc(rule.source).rstrip()
    parts.append(f"## Source\n\n`{_module(rule)}`, group {rule.group}\n\n```python\n{source}\n```\n\n[All rules](index.md#{anchor(rule.group)})\n")
    return "\n".join(parts)


def anchor(group: str) -> str:
    """Return the place of a group in the list."""
    return group.replace(" ", "-")


def _module(rule: Rule) -> str:
    return rule.function.__module__.replace(".", "/") + ".py"


def _examples(rule: Rule) -> list[tuple[str, str]]:
    if rule.examples is None:
        return []
    found = []
    for before in rule.examples():
        after = rule.apply(before)
        if after is not None and after is not before:
            sides = next(((write(before), write(after)) for write in (formula, summary, repr) if write(before) != write(after)), None)
            if sides is not None and sides not in found:
                found.append(sides)
    return found[:SHOWN]


def _sides(pairs: Sequence[tuple[str, str]]) -> str:
    width = max(len(before) for before, _ in pairs)
    if width + max(len(after) for _, after in pairs) > 84:
        lines = [f"   {before}\n-> {after}" for before, after in pairs]
        return "```text\n" + "\n\n".join(lines) + "\n```\n"
    return "```text\n" + "\n".join(f"{before:{width}}  ->  {after}" for before, after in pairs) + "\n```\n"


def _proof(said: RuleText) -> str:
    lines = []
    if said.domains:
        lines.append("Both sides are evaluated, over several shapes, on values drawn from\n\n" + "".join(f"- `{name}`: {domain}\n" for name, domain in said.domains))
    if said.examples:
        what = "one expression" if said.examples == 1 else f"{said.examples} expressions"
        lines.append(f"Both sides are evaluated on {what}, on lengths that are known and on lengths that are not.\n")
    if said.precise:
        lines.append("The right side is claimed to keep more digits: both are compared with mpmath, in 400 digits.\n")
    return "\n".join(lines)


def _index(groups: dict[str, list[Rule]]) -> str:
    order = list(dict.fromkeys([*(rule.group for p in default_mode().passes for rule in p.rules), *groups]))
    parts = [
        f"# Rewrite rules\n\nWhat turns a graph into a better one: {sum(map(len, groups.values()))} rules, each with a name, a reason and a proof. "
        "A rule is a pattern and a function; [how to add one](../adding-a-rule.md). In a notebook `%steps` shows which of them fired.\n"
    ]
    for group in (g for g in order if g in groups):
        rules = sorted(groups[group], key=lambda r: r.name)
        parts.append(f"({anchor(group)})=\n## {group[0].upper()}{group[1:]}\n\n{PASSES.get(group, '')}\n")
        parts.append("```{list-table}\n:class: names\n:widths: 30 70\n" + "\n".join(f"* - [{r.name}]({r.name}.md)\n  - {_line(r)}" for r in rules) + "\n```\n")
    return "\n".join(parts)


def _line(rule: Rule) -> str:
    return " ".join(rule.doc.partition("\n\n")[0].split()).replace("|", "\\|").replace("*", "\\*")
