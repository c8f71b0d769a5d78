"""The package as a whole: no file is long, and no two modules import each other but those that are listed with a reason."""

import ast
import functools
import json
from collections import defaultdict
from pathlib import Path

import workbench

ROOT = Path(workbench.__file__).parents[1]
LONGEST = 600

# Function-level imports that close a circle, and why: "importer", "imported".
LATE = {
    ("workbench.tensor.declaration", "workbench.tensor.cotangents.masks"): "the gradient of an elementwise operation sees what choices and indices made zero",
    ("workbench.tensor.declaration", "workbench.tensor.cotangents.cancelling"): "the gradient of a logarithm leaves out a factor, which it finds in expressions",
    ("workbench.tensor.cotangents.jax", "workbench.tensor.declaration"): "an elementwise operation has in JAX the derivative that is declared for it",
    ("workbench.tensor.tensor", "workbench.tensor.keys"): "a value is drawn with new keys, which are tensors",
    ("workbench.tensor.indexing.updates", "workbench.tensor.sorting.sorting"): "an update under a boolean index is a choice by the mask that its indices come from",
    ("workbench.tensor.reduction.reductions", "workbench.tensor.reduction.cumulative"): "the gradient of a product is made of running products",
    ("workbench.tensor.sorting.sorting", "workbench.tensor.shape.joining"): "argwhere stacks the indices of each axis",
}


@functools.cache
def modules():
    """Every module's syntax tree, by name."""
    found = {}
    for path in sorted((ROOT / "workbench").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text())
    return found


def imports(tree, names, inside=False):
    """Pairs of a module that is imported (not for types alone), and whether inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from imports(other, names, inside)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from package import x` imports a module of that name, if there is one.
            wholes = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((whole if whole in names else node.module, inside) for whole in wholes)
        else:
            yield from imports(node, names, inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))


def edges(late):
    """Which modules each imports: as it is imported, and also in its functions, if `late`."""
    found = defaultdict(set)
    for name, tree in modules().items():
        found[name] |= {target for target, inside in imports(tree, modules()) if target in modules() and target != name and (late or not inside)}
    return found


def without(graph, listed):
    return defaultdict(set, {name: {t for t in targets if (name, t) not in listed} for name, targets in graph.items()})


def circle(graph):
    """Some modules that import one another in a circle, or nothing."""
    done, on_the_way = set(), []

    def visit(name):
        if name in on_the_way:
            return [*on_the_way[on_the_way.index(name):], name]
        if name in done:
            return None
        on_the_way.append(name)
        for target in sorted(graph[name]):
            if found := visit(target):
                return found
        done.add(on_the_way.pop())
        return None

    return next((found for name in sorted(graph) if (found := visit(name))), None)


def test_no_file_is_long():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in (ROOT / "workbench").rglob("*.py")}
    assert {path: n for path, n in lengths.items() if n > LONGEST} == {}


def test_modules_do_not_import_each_other():
    assert circle(edges(late=False)) is None


def test_imports_in_functions_close_no_circle_but_those_listed():
    assert circle(without(edges(late=True), LATE)) is None


def test_what_is_listed_is_there_and_closes_a_circle():
    whole, at_once = edges(late=True), edges(late=False)
    for importer, imported in LATE:
        assert imported in whole[importer] - at_once[importer], f"{importer} does not import {imported} in a function: take it off the list"
        others = {pair: why for pair, why in LATE.items() if pair != (importer, imported)}
        assert circle(without(whole, others)), f"{importer} may import {imported} at its top: take it off the list"


def test_a_circle_is_found():
    tree = ast.parse("import b\nif TYPE_CHECKING:\n    import c\ndef f():\n    from a import d")
    assert list(imports(tree, {"a.d"})) == [("b", False), ("a.d", True)]
    assert circle(defaultdict(set, {"a": {"b"}, "b": {"c"}, "c": {"b"}})) == ["b", "c", "b"]
    assert circle(defaultdict(set, {"a": {"b", "c"}, "b": {"c"}})) is None


def test_the_long_cases_that_are_listed_are_there():
    """What another case is called is run on every day, however long it takes: `tests/long_tests.py` makes the list anew."""
    for nodeid in json.loads((ROOT / "tests" / "long_tests.json").read_text()):
        path, _, name = nodeid.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(), nodeid
