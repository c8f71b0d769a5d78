"""PyTensor's form of `scan`: outputs that are computed from their own past values, with taps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, ShapeError
from workbench.graph.expr import Expr
from workbench.tensor.control.scan import scan as loop
from workbench.tensor.elementwise import cast, logical_and, logical_not, where
from workbench.tensor.markers import stop_gradient
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, as_tensor


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: bool = False,
    allow_gc: Any = None,
    strict: bool = False,
    return_list: bool = False,
    return_updates: bool = True,
) -> Any:
    """Run `fn` once for each step, with values of its outputs at steps before: PyTensor's form of :func:`.scan.scan`.

    Parameters
    ----------
    fn
        Takes an element of each sequence, the past values of each output that has some, and the non-sequences.
        Returns outputs, or outputs and a dict of updates, which are not needed here: random variables are new at each step.
        With :func:`until` after them the loop ends after the first step in which its condition holds.
    sequences
        Tensors to run over, or ``dict(input=x, taps=[-1, 0])`` for several elements at a step.
    outputs_info
        For each output its first value, ``dict(initial=x, taps=[-2, -1])`` for those further back, or ``None`` for no past.
    non_sequences
        Passed to each step as they are.
    n_steps
        How many steps; as many as the shortest sequence has elements by default.
    go_backwards
        Run from the last elements to the first; outputs are in the order of steps.
    strict, name, mode, profile, allow_gc
        Taken for the sake of PyTensor's code; they change nothing.
    truncate_gradient
        How many of the last steps gradients run over; -1 for all. The number of steps must then be known.
    return_list, return_updates
        Return a list for one output too; return a pair with the updates, an empty dict.

    Returns
    -------
    outputs, updates
        Each output stacked along a new first axis; one, or a list of them. No updates.

    Raises
    ------
    ArgumentError, ShapeError
        If what is given does not fit together.

    Examples
    --------
    Fibonacci's numbers:

    >>> import workbench.tensor as pt
    >>> out, _ = scan(lambda a, b: a + b, outputs_info=[dict(initial=pt.constant([1.0, 1.0]), taps=[-2, -1])], n_steps=5)
    >>> out.eval().tolist()
    [2.0, 3.0, 5.0, 8.0, 13.0]
    """
    runs = _runs(_list(sequences), go_backwards)
    pasts = [_past(info) for info in _list(outputs_info)]
    others = [as_tensor(x) for x in _list(non_sequences)]
    steps = min((s.type.shape[0] for s in runs if isinstance(s.type.shape[0], int)), default=None) if n_steps is None else n_steps
    if isinstance(steps, (int, np.integer)):
        if steps < 0:
            # PyTensor's: as many steps, from the end.
            return scan(fn, sequences, outputs_info, non_sequences, -int(steps), truncate_gradient, not go_backwards, return_list=return_list, return_updates=return_updates)
        short = min((s.type.shape[0] for s in runs if isinstance(s.type.shape[0], int)), default=steps)
        if short < steps:
            raise ShapeError(f"scan: {steps} steps, and a sequence of {short} elements")
        runs = [s if s.type.shape[0] == steps else s[:steps] for s in runs]
    step = _Step(fn, runs, pasts, others)
    first = [x for values, _ in pasts for x in values]
    if truncate_gradient != -1:
        outputs = _truncated(step, first, steps, truncate_gradient)
    else:
        outputs = step.run(first, runs, None if runs and not isinstance(steps, Expr) and n_steps is None else steps)[1]
    found = outputs[0] if step.count == 1 and not return_list else outputs
    return (found, {}) if return_updates else found


class _Step:
    """One step of a loop: what `fn` is given, and what is carried on."""

    def __init__(self, fn: Callable[..., Any], runs: list[Tensor], pasts: list[tuple[list[Tensor], list[int]]], others: list[Tensor]) -> None:
        self.fn, self.runs, self.pasts, self.others = fn, runs, pasts, others
        self.count = 0

    def run(self, first: Sequence[Tensor], runs: Sequence[Tensor], steps: Any) -> tuple[list[Tensor], list[Tensor]]:
        """Return the last carried values, and the outputs."""
        try:
            return loop(self._body, first, runs, n_steps=steps)
        except _Ends:
            last, outputs = loop(self._body_that_ends, [*first, as_tensor(True)], runs, n_steps=steps)
        # Steps after the end are computed of what was there at the end, and left out.
        going, kept = outputs[-1], outputs[:-1]
        length = going.sum()
        return last[:-1], [x[:length] for x in kept]

    def _made(self, carried: Sequence[Any], elements: Sequence[Any]) -> tuple[list[Tensor], list[Tensor], Any]:
        windows, _ = _windows(carried, self.pasts)
        before = [window[tap] for window, (_, taps) in zip(windows, self.pasts) for tap in taps]
        made, condition = _outputs(self.fn(*elements, *before, *self.others))
        if self.pasts and len(made) != len(self.pasts):
            raise ShapeError(f"scan: fn returned {len(made)} outputs, but outputs_info has {len(self.pasts)}", "None in outputs_info is an output without a past")
        self.count = len(made)
        after: list[Tensor] = []
        for window, (values, _), x in zip(windows, self.pasts, made):
            if values:
                after += [*window[1:], x]
        return after, made, condition

    def _body(self, *given: Any) -> tuple[list[Tensor], list[Tensor]]:
        n = len(given) - len(self.runs)
        after, made, condition = self._made(given[:n], given[n:])
        if condition is not None:
            raise _Ends
        return after, made

    def _body_that_ends(self, *given: Any) -> tuple[list[Tensor], list[Tensor]]:
        n = len(given) - len(self.runs) - 1
        carried, going = given[:n], given[n]
        after, made, condition = self._made(carried, given[n + 1 :])
        held = [where(going, cast(x, old.dtype), old) for x, old in zip(after, carried)]
        return [*held, logical_and(going, logical_not(condition))], [*made, going]


class _Ends(Exception):
    """A loop with a condition that ends it carries whether it goes on."""


def _truncated(step: _Step, first: Sequence[Tensor], steps: Any, kept: int) -> list[Tensor]:
    """Outputs through whose first steps no gradient flows."""
    if kept < 1:
        raise ArgumentError(f"scan: truncate_gradient={kept}", "a number of steps, or -1 for all")
    if not isinstance(steps, (int, np.integer)):
        raise ArgumentError("scan: truncate_gradient needs a number of steps that is known", "give n_steps as a number")
    cut = max(int(steps) - kept, 0)
    if not cut:
        return step.run(first, step.runs, steps)[1]
    held = _Step(step.fn, step.runs, step.pasts, [stop_gradient(x) for x in step.others])
    last, early = held.run([stop_gradient(x) for x in first], [stop_gradient(s[:cut]) for s in step.runs], cut)
    _, late = step.run([stop_gradient(x) for x in last], [s[cut:] for s in step.runs], int(steps) - cut)
    return [concatenate([stop_gradient(a), b]) for a, b in zip(early, late)]


class until:
    """After the outputs of a step: the loop ends after the first in which a condition holds.

    The number of steps then depends on values. All `n_steps` are computed, of the last carried values, and those after the end left out.

    Examples
    --------
    Powers of two up to the first beyond 45:

    >>> import workbench.tensor as pt
    >>> powers, _ = scan(lambda x: (2 * x, until(2 * x > 45)), outputs_info=[pt.constant(1)], n_steps=100)
    >>> powers.eval().tolist()
    [2, 4, 8, 16, 32, 64]
    """

    def __init__(self, condition: Any) -> None:
        self.condition = as_tensor(condition)


def map(fn: Callable[..., Any], sequences: Any, non_sequences: Any = None, **options: Any) -> Any:
    """Return what `fn` gives for each element of sequences, and no updates: PyTensor's `map`.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> map(lambda x: x**2, pt.arange(4))[0].eval().tolist()
    [0, 1, 4, 9]
    """
    return scan(fn, sequences, None, non_sequences, **options)


def reduce(fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None, go_backwards: bool = False, **options: Any) -> Any:
    """Return the last value of what is computed from its past and each element of sequences, and no updates: PyTensor's `reduce`.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> int(reduce(lambda x, total: total + x, pt.arange(5), pt.constant(0))[0].eval())
    10
    """
    found = scan(fn, sequences, outputs_info, non_sequences, go_backwards=go_backwards, **{**options, "return_list": True, "return_updates": False})
    last = [x[-1] for x in found]
    made = last if options.get("return_list") or len(last) > 1 else last[0]
    return (made, {}) if options.get("return_updates", True) else made


def foldl(fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None, **options: Any) -> Any:
    """Return :func:`reduce` from the first element to the last."""
    return reduce(fn, sequences, outputs_info, non_sequences, go_backwards=False, **options)


def foldr(fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None, **options: Any) -> Any:
    """Return :func:`reduce` from the last element to the first."""
    return reduce(fn, sequences, outputs_info, non_sequences, go_backwards=True, **options)


def _list(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _runs(sequences: Sequence[Any], backwards: bool) -> list[Tensor]:
    """A tensor to run over for each tap of each sequence."""
    found = []
    for s in sequences:
        x = as_tensor(s["input"] if isinstance(s, Mapping) else s)
        taps = [int(k) for k in s.get("taps", [0])] if isinstance(s, Mapping) else [0]
        low, high = min(*taps, 0), max(*taps, 0)
        for tap in taps:
            until = tap - high
            part = x[tap - low : until if until else None] if (low or high) else x
            found.append(part[::-1] if backwards else part)
    return found


def _past(info: Any) -> tuple[list[Tensor], list[int]]:
    """First values of an output, oldest first, and its taps as places among them."""
    if isinstance(info, Mapping) and info.get("initial") is None:
        info = None
    if info is None:
        return [], []
    if not isinstance(info, Mapping):
        return [as_tensor(info)], [0]
    taps = info.get("taps", [-1])
    taps = [int(k) for k in (taps if isinstance(taps, Iterable) else [taps])]
    initial, deepest = as_tensor(info["initial"]), -min(taps)
    if deepest == 1:
        return [initial], [0] * len(taps)
    if initial.ndim == 0 or (isinstance(initial.type.shape[0], int) and initial.type.shape[0] < deepest):
        raise ShapeError(f"scan: taps {taps} need {deepest} first values, but initial has shape {initial.type.shape}")
    return [initial[i] for i in range(deepest)], [deepest + tap for tap in taps]


def _windows(given: Sequence[Any], pasts: Sequence[tuple[list[Tensor], list[int]]]) -> tuple[list[list[Any]], list[Any]]:
    """The carried values by output, and the rest."""
    windows, at = [], 0
    for values, _ in pasts:
        windows.append(list(given[at : at + len(values)]))
        at += len(values)
    return windows, list(given[at:])


def _outputs(made: Any) -> tuple[list[Tensor], Any]:
    """What `fn` returned, without updates, and the condition that ends the loop."""
    parts = list(made) if isinstance(made, (list, tuple)) else [made]
    condition = next((p.condition for p in parts if isinstance(p, until)), None)
    parts = [p for p in parts if not isinstance(p, (Mapping, until))]
    if len(parts) == 1 and isinstance(parts[0], (list, tuple)):
        parts = list(parts[0])
    return [as_tensor(x) for x in parts], condition
