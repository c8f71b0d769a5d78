"""A page for each distribution: docstring, parameters, where it has mass, a picture."""

from __future__ import annotations

import inspect
from pathlib import Path

from distribution_figures import NOTHING, figure
from docstrings import described, docstring, first_sentence, signature

import workbench as pm
from workbench.distributions.distribution import DISCRETE, Distribution

SUPPORTS = {
    "real": ("all real numbers", "none"),
    "positive": ("positive numbers", "log"),
    "unit": ("between 0 and 1", "logit"),
    "interval": ("an interval, whose ends may be parameters", "logit of the place between the ends; log where one end is infinite"),
    "discrete": ("whole numbers", "none: it is sampled by a step method of its own, or summed out by `pm.marginalize`"),
    "simplex": ("positive numbers of sum 1", "logs of ratios, one number less"),
    "circular": ("angles, from -pi to pi", "none, but angles wrap around"),
    "zero sum": ("numbers of sum 0", "one number less an axis"),
}
KINDS = (("Continuous", "of a number"), ("Discrete", "of a whole number"), ("Multivariate", "of vectors and matrices"), ("Time series", "of a path"), ("Made of others", "mixtures, bounds, and your own"))
MADE_OF_OTHERS = {"Censored", "CustomDist", "DensityDist", "DiracDelta", "Mixture", "NormalMixture", "Simulator", "Truncated", "Interpolated"}
OPTIONS = {"dims", "shape", "observed", "initval", "transform", "default_transform", "total_size", "model", "size"}
EVERY = "As every variable it takes " + ", ".join(f"``{n}``" for n in ("dims", "shape", "observed", "initval", "transform", "total_size")) + " too.\n"


def distributions() -> dict[str, type[Distribution]]:
    """Return all public distributions, by their first name."""
    found = {n: x for n in sorted(pm.__all__) if isinstance(x := getattr(pm, n), type) and issubclass(x, Distribution) and x is not Distribution}
    return {n: x for n, x in found.items() if n not in ("Lognormal",)}


def kind_of(name: str, kind: type[Distribution]) -> str:
    """Return the heading that a distribution is listed under."""
    if name in MADE_OF_OTHERS:
        return "Made of others"
    if kind.__module__.endswith(("time_series", "random_walks", "markov_chains")):
        return "Time series"
    if kind.event_rank:
        return "Multivariate"
    return "Discrete" if kind.support == DISCRETE or kind.dtype != "float64" else "Continuous"


def write(folder: Path, cache: Path) -> int:
    """Write a page for each distribution, and the list of them; return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    found = distributions()
    for name, kind in found.items():
        (folder / f"{name}.rst").write_text(page(name, kind, folder, cache))
    parts = ["Distributions\n=============\n\nEach is a class: ``pm.Normal(\"x\", 0, 1)`` makes a variable of a model, ``pm.Normal.dist(0, 1)`` one outside. Names and parameters are PyMC's; where they differ, :doc:`a decision says why <../decisions/0016-where-distributions-differ-from-pymc>`. :doc:`How to add one <../adding-a-distribution>`.\n"]
    for title, what in KINDS:
        names = [n for n, kind in found.items() if kind_of(n, kind) == title]
        rows = "\n".join(f"   * - :doc:`{n}`\n     - {first_sentence(docstring(found[n]))}" for n in names)
        heading = f"{title}: {what}"
        parts.append(f"{heading}\n{'-' * len(heading)}\n\n.. list-table::\n   :class: names\n   :widths: 25 75\n\n{rows}\n")
    (folder / "index.rst").write_text("\n".join(parts))
    return len(found)


def own_signature(kind: type[Distribution]) -> str:
    """Return the parameters that a distribution has besides those that every variable takes."""
    found = inspect.signature(kind)
    return signature(kind) if not found.parameters else str(found.replace(parameters=[p for n, p in found.parameters.items() if n not in OPTIONS]))


def page(name: str, kind: type[Distribution], folder: Path, cache: Path) -> str:
    """Return the page of a distribution; its picture is made once for each state of the sources it follows from."""
    svg = _figure(name, kind, cache)
    if svg:
        (folder / "figures" / f"{name}.svg").write_text(svg)
        shown = f".. raw:: html\n   :file: figures/{name}.svg\n"
    else:
        shown = f"{NOTHING.get(name, '')}\n"
    about = []
    if kind.support in SUPPORTS and name not in ("CustomDist", "DensityDist", "Simulator", "Censored", "Truncated", "Mixture"):
        where, moved = SUPPORTS[kind.support]
        about = [f"* - Support\n     - {where}", f"* - Unconstrained by\n     - {moved}"]
    for title, attribute in (("Distribution function", "logcdf"), ("Quantiles", "icdf")):
        if getattr(kind, attribute, None) is not None and getattr(kind, attribute) != getattr(Distribution, attribute, None):
            about.append(f"* - {title}\n     - ``pm.{attribute}`` has a formula")
    facts = ".. list-table::\n   :class: facts\n   :widths: 30 70\n\n" + "\n".join(f"   {row}" for row in about) + "\n" if about else ""
    other = "\nAlso called ``pm.Lognormal``.\n" if name == "LogNormal" else ""
    return f":orphan:\n\n{name}\n{'=' * len(name)}\n{other}\n{shown}\n{described('class', f'pm.{name}', own_signature(kind), docstring(kind))}\n{EVERY}\n{facts}\nDefined in ``{kind.__module__.replace('.', '/')}.py``. :doc:`All distributions <index>`\n"


def _figure(name: str, kind: type[Distribution], cache: Path) -> str | None:
    if name in NOTHING or name in ("CustomDist", "DensityDist", "Simulator"):
        return None
    changed = max(Path(inspect.getfile(x)).stat().st_mtime for x in (kind, figure))
    kept = cache / f"{name}.svg"
    if kept.exists() and kept.stat().st_mtime > changed:
        return kept.read_text()
    made = figure(name)
    assert made is not None
    kept.write_text(made)
    return made
