"""The signatures of distributions, as help and editors show them: the name, the declared parameters, what every variable takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any


class CallSignature:
    """The signature of a class of distributions, made when it is asked for.

    Parameters
    ----------
    register
        Holds the function that registers a variable, which takes what every variable takes.
    """

    def __init__(self, register: Sequence[Callable[..., Any]]) -> None:
        self.register = register

    def __get__(self, instance: Any, owner: Any) -> Signature:
        base = owner.__mro__[-2]
        found = [Parameter("name", Parameter.POSITIONAL_OR_KEYWORD), *parameters_of_calls(owner)]
        made = [vars(c)["__new__"] for c in owner.__mro__ if "__new__" in vars(c) and c not in (base, object)]
        for function in (*made, *self.register):
            for p in signature(function).parameters.values():
                if p.kind is p.KEYWORD_ONLY and all(p.name != q.name for q in found):
                    found.append(_plain(p))
        found.append(Parameter("size", Parameter.KEYWORD_ONLY, default=None))
        return Signature(sorted(found, key=lambda p: p.kind))


def parameters_of_calls(distribution: Any) -> list[Parameter]:
    """Return the parameters that a distribution has in calls, alternatives with them: those of its own `dist`, else of `arguments`."""
    own = "dist" in vars(next(c for c in distribution.__mro__ if "dist" in vars(c) or "arguments" in vars(c)))
    given = signature(distribution.dist if own else distribution.arguments).parameters.values()
    return [_plain(p) for p in given if p.name not in ("shape", "size")]


def _plain(p: Parameter) -> Parameter:
    return p.replace(annotation=Parameter.empty)
