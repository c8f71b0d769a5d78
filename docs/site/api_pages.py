"""The reference: every public name, on the page of what it belongs to."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from docstrings import as_rst, described, docstring, first_sentence, indented, members, signature

import workbench
import workbench.tensor as pt
from workbench.distributions.distribution import Distribution
from workbench.tensor.declaration import ScalarOp


class Page(NamedTuple):
    """A page of the reference.

    Attributes
    ----------
    title, says
        Its heading, and a sentence below it.
    modules
        The modules (or packages) whose public names it has.
    """

    title: str
    says: str
    modules: tuple[str, ...]


PAGES = {
    "model": Page("Models", "Models, their variables and data, and what becomes of them: interventions, summing out, coordinates.", ("workbench.model", "workbench.distributions.custom", "workbench.distributions.simulator")),
    "inference": Page("Inference", "Draws from the posterior, predictions, checks and results.", ("workbench.inference",)),
    "step_methods": Page("Step methods", "How variables are moved, one transition after the other: what `step=` takes.", ("workbench.inference.step_methods", "workbench.inference.continuous_step_methods", "workbench.samplers")),
    "approximations": Page("Approximations", "What `pm.fit` makes: families, methods, optimizers.", ("workbench.inference.approximations", "workbench.variational")),
    "transforms": Page("Derivatives and densities", "From one graph to another: gradients, batches, log-densities, changes of variables.", ("workbench.transforms",)),
    "compile": Page("Functions", "From graphs to functions, on every backend.", ("workbench.compile",)),
    "graph": Page("Graphs and rules", "Expressions, patterns, rules, and what is known of them.", ("workbench.graph", "workbench.rewrites")),
    "math": Page("pm.math", "Functions of tensors, as PyMC calls them.", ("workbench.math",)),
    "gp": Page("Gaussian processes", "`pm.gp`: processes, covariance and mean functions.", ("workbench.gp", "workbench.gp.cov", "workbench.gp.mean", "workbench.gp.util")),
    "ode": Page("Differential equations", "`pm.ode`: solutions that compile with the model.", ("workbench.ode",)),
    "statespace": Page("State spaces", "`pm.statespace`: time series as states that are filtered.", ("workbench.statespace", "workbench.statespace.structural")),
    "datasets": Page("Data sets", "Data to learn with.", ("workbench.datasets",)),
    "errors": Page("Errors and warnings", "What is raised, and by what it can be caught.", ("workbench.errors",)),
}
TENSORS = {
    "tensor": ("Making tensors", ("tensor.tensor", "tensor.constructors", "tensor.aliases", "tensor.assumptions", "tensor.markers", "graph.domain", "tensor.closeness", "tensor.declaration", "graph")),
    "elementwise": ("Elementwise functions", ("tensor.arithmetic", "tensor.comparison", "tensor.powers", "tensor.exponential", "tensor.trigonometry", "tensor.rounding", "tensor.bits", "tensor.special", "tensor.elementwise")),
    "shapes": ("Shapes, indices, joining", ("tensor.shape", "tensor.indexing")),
    "reductions": ("Sums, statistics, sorting", ("tensor.reduction", "tensor.sorting")),
    "linalg": ("Linear algebra", ("tensor.linalg", "tensor.gufunc")),
    "random": ("Random numbers", ("tensor.random",)),
    "nn": ("Deep learning", ("tensor.nn",)),
    "control": ("Loops and branches", ("tensor.control",)),
    "signals": ("Fourier transforms, convolutions, sparse matrices", ("tensor.fft", "tensor.signal", "tensor.sparse")),
}
SUBMODULES = ("linalg", "random", "fft", "signal", "sparse", "special", "nn")


def write(folder: Path) -> int:
    """Write all pages and the list of them; return how many names they have."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    count = 0
    for name, page in PAGES.items():
        found = _names_of(name)
        count += len(found)
        (folder / f"{name}.rst").write_text(_page(page.title, page.says, found))
        entries.append(f"{name}")
    by_family = _tensor_names()
    for name, (title, _) in TENSORS.items():
        count += len(by_family[name])
        (folder / f"{name}.rst").write_text(_page(f"Tensors: {title[0].lower()}{title[1:]}", "Functions of `workbench.tensor`, imported as `pt`. NumPy's own functions work on tensors too.", by_family[name]))
        entries.append(name)
    (folder / "magics.rst").write_text(_magics())
    listed = "\n".join(f"   {entry}" for entry in ("magics", *entries))
    (folder / "index.rst").write_text(f"{_heading('Reference')}\nEvery public name, from its docstring. All examples are run as tests.\n\n.. toctree::\n   :maxdepth: 1\n\n   ../distributions/index\n{listed}\n")
    return count


def public() -> dict[str, Any]:
    """Return all public names of the package, by the name that a user writes."""
    return {f"pm.{n}": getattr(workbench, n) for n in sorted({*workbench.__all__, *workbench.INFERENCE})} | tensor_names()


def tensor_names() -> dict[str, Any]:
    """Return the public names of `workbench.tensor` and of its modules."""
    found = {f"pt.{n}": x for n, x in ((n, getattr(pt, n)) for n in pt.__all__) if not isinstance(x, (types.ModuleType, float, type(None)))}
    for module in SUBMODULES:
        inside = importlib.import_module(f"workbench.tensor.{module}")
        found |= {f"pt.{module}.{n}": getattr(inside, n) for n in getattr(inside, "__all__", ()) if not isinstance(getattr(inside, n), types.ModuleType)}
    return found


def module_of(what: Any) -> str:
    """Return where an object is defined; of an elementwise operation, the module that declares it."""
    if isinstance(what, ScalarOp):
        return _declared().get(id(what), "workbench.tensor.elementwise")
    return getattr(what, "__module__", None) or ""


def _declared() -> dict[int, str]:
    if not _DECLARED:
        for info in pkgutil.walk_packages(pt.__path__, "workbench.tensor."):
            module = importlib.import_module(info.name)
            if info.name not in ("workbench.tensor.elementwise", "workbench.tensor.aliases"):
                for x in vars(module).values():
                    if isinstance(x, ScalarOp) and (id(x) not in _DECLARED or info.name in _FIRST):
                        _DECLARED[id(x)] = info.name
    return _DECLARED


_DECLARED: dict[int, str] = {}
_FIRST = {f"workbench.{m}" for m in TENSORS["elementwise"][1]}


def _longest(module: str, table: dict[str, tuple[str, ...]]) -> str | None:
    """The page whose module is the nearest one around `module`."""
    fits = [(len(m), page) for page, modules in table.items() for m in modules if module == m or module.startswith(f"{m}.")]
    return max(fits)[1] if fits else None


def _names_of(page: str) -> dict[str, Any]:
    table = {name: p.modules for name, p in PAGES.items()}
    if page in ("graph", "datasets", "errors", "math", "compile", "gp", "ode", "statespace"):
        found = {}
        for where in PAGES[page].modules:
            module = importlib.import_module(where)
            names = getattr(module, "__all__", None) or [n for n, x in vars(module).items() if not n.startswith("_") and getattr(x, "__module__", "") == where]
            prefix = f"pm.{where.partition('.')[2]}" if page in ("gp", "ode", "statespace") else {"workbench.math": "pm.math", "workbench.compile": "pm"}.get(where, where)
            found |= {f"{prefix if prefix != 'pm' or hasattr(workbench, n) else where}.{n}": x for n in names if not isinstance(x := getattr(module, n), (types.ModuleType, str, dict, tuple, frozenset, list))}
        return dict(sorted(found.items()))
    names = {n: x for n, x in public().items() if n.startswith("pm.") and not isinstance(x, types.ModuleType) and not (isinstance(x, type) and issubclass(x, Distribution) and x is not Distribution)}
    other = {"pm.Distribution": "model"}
    return {n: x for n, x in names.items() if (other.get(n) or _longest(module_of(x), table) or "inference") == page}


def _tensor_names() -> dict[str, dict[str, Any]]:
    table = {name: tuple(f"workbench.{m}" for m in modules) for name, (_, modules) in TENSORS.items()}
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, x in tensor_names().items():
        sub = name.split(".")[1] if name.count(".") == 2 else None
        page = _longest(f"workbench.tensor.{sub}" if sub else module_of(x), table) or "tensor"
        found[page][name] = x
    return found


def _page(title: str, says: str, found: dict[str, Any]) -> str:
    same: dict[int, list[str]] = defaultdict(list)
    for name, x in found.items():
        same[id(x)].append(name)
    main = {}
    for names in same.values():
        x = found[names[0]]
        own = getattr(x, "__name__", None) or getattr(x, "name", "")
        first = next((n for n in names if n.rpartition(".")[2] == own), names[0])
        main[first] = (x, [n for n in names if n != first])
    table = "\n".join(f"   * - :py:obj:`{n}`\n     - {first_sentence(docstring(x)) or '…'}" for n, (x, _) in sorted(main.items()))
    entries = "\n".join(_entry(n, x, others) for n, (x, others) in sorted(main.items()))
    return f"{_heading(title)}\n{says}\n\n.. list-table::\n   :class: names\n   :widths: 25 75\n\n{table}\n\n{entries}"


def _entry(name: str, x: Any, others: list[str]) -> str:
    text = docstring(x)
    if others:
        head, _, rest = text.partition("\n\n")
        text = f"{head}\n\nAlso called {', '.join(f'``{n}``' for n in others)}.\n\n{rest}"
    if isinstance(x, type):
        inner = "\n".join(described("method" if called else "property", n, signature(called) if called else "", said) for n, called, said in members(x))
        return described("class", name, signature(x), text, inner)
    if isinstance(x, ScalarOp):
        operands = ", ".join("xyz"[: x.arity]) if x.arity < 4 else "…"
        return described("function", name, f"({operands})", text)
    return described("function" if callable(x) else "data", name, signature(x) if callable(x) else "", text)


def _magics() -> str:
    from kernel_ext.magics import WorkbenchMagics

    parts = []
    for kind in ("line", "cell"):
        for name, method in WorkbenchMagics.magics[kind].items():
            function = getattr(WorkbenchMagics, method)
            if kind == "line" and name in WorkbenchMagics.magics["cell"]:
                continue
            sign = "%" if kind == "line" else "%%"
            parts.append(f"{_heading(sign + name, '-')}\n{_options(function)}\n")
    return f"{_heading('In the notebook')}\nAfter ``%load_ext kernel_ext``:\n\n" + "\n".join(sorted(parts))


def _options(function: Any) -> str:
    text = docstring(function)
    # Option lists of argparse begin with "::".
    return as_rst(text) if not text.startswith("::") else f"::\n\n{indented(inspect.cleandoc(text.removeprefix('::')))}"


def _heading(title: str, line: str = "=") -> str:
    return f"{title}\n{line * len(title)}\n"
