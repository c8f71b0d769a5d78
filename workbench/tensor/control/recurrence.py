"""PyTensor's form of `scan`: outputs that are computed from their own past values, with taps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.errors import ArgumentError, ShapeError
from workbench.graph.expr import Expr
from workbench.tensor.control.scan import scan as loop
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
        Must be -1.
    return_list, return_updates
        Return a list for one output too; return a pair with the updates, an empty dict.

    Returns
    -------
    outputs, updates
        Each output stacked along a new first axis; one, or a list of them. No updates.

    Raises
    ------
    ArgumentError
        If something is asked for that is not there.

    Examples
    --------
    Fibonacci's numbers:

    >>> import workbench.tensor as pt
    >>> out, _ = scan(lambda a, b: a + b, outputs_info=[dict(initial=pt.constant([1.0, 1.0]), taps=[-2, -1])], n_steps=5)
    >>> out.eval().tolist()
    [2.0, 3.0, 5.0, 8.0, 13.0]
    """
    if truncate_gradient != -1:
        raise ArgumentError(f"scan: truncate_gradient={truncate_gradient} is not there", "gradients run over all steps")
    runs = _runs(_list(sequences), go_backwards)
    pasts = [_past(info) for info in _list(outputs_info)]
    others = [as_tensor(x) for x in _list(non_sequences)]
    steps = min((s.type.shape[0] for s in runs if isinstance(s.type.shape[0], int)), default=None) if n_steps is None else n_steps
    if runs and len({s.type.shape[0] for s in runs}) > 1 and isinstance(steps, int):
        runs = [s[:steps] for s in runs]
    count = 0

    def body(*given: Any) -> tuple[list[Tensor], list[Tensor]]:
        nonlocal count
        carried, rest = _windows(given, pasts)
        elements = rest[: len(runs)]
        before = [window[tap] for window, (_, taps) in zip(carried, pasts) for tap in taps]
        made = _outputs(fn(*elements, *before, *others))
        if pasts and len(made) != len(pasts):
            raise ShapeError(f"scan: fn returned {len(made)} outputs, but outputs_info has {len(pasts)}", "None in outputs_info is an output without a past")
        count = len(made)
        after: list[Tensor] = []
        for window, (first, _), x in zip(carried, pasts, made):
            if first:
                after += [*window[1:], x]
        return after, made

    first = [x for values, _ in pasts for x in values]
    _, outputs = loop(body, first, runs, n_steps=None if runs and not isinstance(steps, Expr) and n_steps is None else steps)
    found = outputs[0] if count == 1 and not return_list else outputs
    return (found, {}) if return_updates else found


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
    taps = [int(k) for k in (taps if isinstance(taps, (list, tuple)) else [taps])]
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


def _outputs(made: Any) -> list[Tensor]:
    """What `fn` returned, without updates."""
    if isinstance(made, Mapping):
        return []
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], Mapping):
        made = made[0]
    if not isinstance(made, (list, tuple)):
        made = [made]
    return [as_tensor(x) for x in made]
