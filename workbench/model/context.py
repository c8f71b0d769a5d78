"""The model whose ``with`` block is open."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError

if TYPE_CHECKING:
    from workbench.model.model import Model

UNSET: Any = type("Unset", (), {"__repr__": lambda self: "UNSET"})()
"""Stands for "not given" where ``None`` means something."""


class _Contexts(threading.local):
    def __init__(self) -> None:
        self.stack: list[Model] = []


_contexts = _Contexts()


def open_models() -> list[Model]:
    """Return the models whose blocks are open, the innermost last."""
    return _contexts.stack


def current_model() -> Model:
    """Return the model whose ``with`` block is open.

    Raises
    ------
    ModelError
        If there is none.
    """
    if not _contexts.stack:
        raise ModelError("there is no model here", "write it inside `with pm.Model():` or a %%model cell", page="no-model")
    return _contexts.stack[-1]


def modelcontext(model: Model | None) -> Model:
    """Return `model`, or the one whose ``with`` block is open if it is ``None``.

    Raises
    ------
    ModelError
        If there is none.

    Examples
    --------
    >>> pm.modelcontext(pm.Model()).free_RVs
    []
    """
    return current_model() if model is None else model


class ModelType(type):
    """Makes models inside of which their own ``__init__`` runs, so that a subclass can write its variables there."""

    def __call__(cls, *args: Any, model: Any = UNSET, **kwargs: Any) -> Any:
        made: Any = object.__new__(cls)  # type: ignore[arg-type]
        made.parent = (_contexts.stack[-1] if _contexts.stack else None) if model is UNSET else model
        with made:
            made.__init__(*args, **kwargs)
        return made
