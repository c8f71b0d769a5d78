"""``name = Distribution(...)`` names the variable: the cell's syntax tree, with what gives names put in."""

from __future__ import annotations

import ast
from typing import Any

from kernel_ext.cell.scope import makes_a_variable

NAMED = "<named>"
"""What :func:`named` is called in the tree: no code can mean it by accident."""


def named(what: Any, name: str) -> Any:
    """What makes a variable, such that it takes `name` where the call gives none; anything else as it is."""
    if not makes_a_variable(what):
        return what

    def make(*args: Any, **kwargs: Any) -> Any:
        given = "name" in kwargs or (args and isinstance(args[0], str))
        return what(*args, **kwargs) if given else what(name, *args, **kwargs)

    return make


class _Namer(ast.NodeTransformer):
    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        for target in node.targets[:1]:
            _pair(target, node.value)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            _pair(node.target, node.value)
        return self.generic_visit(node)


def _pair(target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name) and isinstance(value, ast.Call):
        helper = ast.copy_location(ast.Name(NAMED, ast.Load()), value.func)
        name = ast.copy_location(ast.Constant(target.id), value.func)
        value.func = ast.copy_location(ast.Call(helper, [value.func, name], []), value.func)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for t, v in zip(target.elts, value.elts):
            _pair(t, v)


def with_names(tree: ast.Module) -> ast.Module:
    """Return the tree of a cell in which calls take the names that they are assigned to; lines and columns are as before."""
    return _Namer().visit(tree)  # type: ignore[no-any-return]
