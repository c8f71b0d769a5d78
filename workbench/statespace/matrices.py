"""The matrices of a linear system, written by their entries: those that are not there are zero, and cost nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.errors import ShapeError
from workbench.graph.expr import Constant
from workbench.graph.frozen import frozen
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.gaussian_filter import Entries, System, matrix_of, times

NAMES = ("T", "c", "R", "Q", "Z", "d", "H")
"""Transition, state intercept, selection of shocks, their covariance, design, observed intercept, covariance of errors."""

VECTORS = frozenset(["c", "d"])


@frozen
class Along:
    """An entry that changes from time to time: its values, with the time as the last axis."""

    values: Tensor


class Start(NamedTuple):
    """What is known of the states before anything is seen.

    Attributes
    ----------
    mean, cov
        ``(d,)`` and ``(d, d)``.
    diffuse
        Numbers of the states along which the start is flat; their variance in `cov` is 1.
    """

    mean: Tensor
    cov: Tensor
    diffuse: tuple[int, ...] = ()


class Matrices:
    """A linear system: ``y = Z x + d + noise(H)``, ``x = T x + c + R noise(Q)``, by the entries of its matrices.

    An entry is a number, an expression, or :class:`Along`: one for each time. Vectors have entries by number, matrices by row and column.

    Parameters
    ----------
    states, shocks, observed
        How many there are.
    """

    def __init__(self, states: int, shocks: int, observed: int) -> None:
        self.states, self.shocks, self.observed = states, shocks, observed
        self.entries: dict[str, dict[Any, Any]] = {name: {} for name in NAMES}
        self.start: Start | None = None

    def __getitem__(self, name: str) -> dict[Any, Any]:
        return self.entries[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a matrix."""
        d, r, p = self.states, self.shocks, self.observed
        return {"T": (d, d), "c": (d,), "R": (d, r), "Q": (r, r), "Z": (p, d), "d": (p,), "H": (p, p)}[name]

    def put(self, name: str, value: Any, along: bool | None = None) -> None:
        """Set a whole matrix from an array or a tensor; one with an axis more in front is one for each time."""
        x, shape = as_tensor(value), self.shape(name)
        along = x.ndim == len(shape) + 1 if along is None else along
        if x.ndim != len(shape) + along or any(isinstance(n, int) and n != m for n, m in zip(x.type.shape[along:], shape)):
            raise ShapeError(f"the state space matrix {name} has shape {shape}, or with a time in front, not {x.type.shape}")
        self.entries[name] = {at if len(at) > 1 else at[0]: a for at, a in entries_of(x, shape, along).items()}

    def dense(self, name: str) -> Tensor:
        """A matrix that does not change, as a tensor."""
        shape = self.shape(name)
        entries = self.entries[name]
        if name in VECTORS:
            return matrix_of({(0, i): a for i, a in entries.items()}, (1, *shape))[0]
        return matrix_of(entries, shape)

    @property
    def moving(self) -> bool:
        """Whether any entry changes from time to time."""
        return any(isinstance(a, Along) for entries in self.entries.values() for a in entries.values())


def entries_of(x: Tensor, shape: Sequence[int], along: bool = False) -> dict[tuple[int, ...], Any]:
    """The entries of an array; those of a constant that are zero are left out."""
    places = list(np.ndindex(*shape))
    if isinstance(x.op, Constant) and not along:
        return {at: float(x.op.value[at]) for at in places if x.op.value[at] != 0.0}
    if isinstance(x.op, Constant):
        content = x.op.value
        same = {at: bool(np.all(content[(slice(None), *at)] == content[(0, *at)])) if len(content) else False for at in places}
        return {at: float(content[(0, *at)]) if same[at] else Along(x[(slice(None), *at)]) for at in places if not same[at] or content[(0, *at)] != 0.0}
    return {at: Along(x[(..., *at)]) if along else x[(..., *at)] for at in places}


@frozen
class Pattern:
    """Where a matrix has entries: a number, or which one of a vector of fixed, or of a matrix of moving ones."""

    places: tuple[tuple[Any, Any], ...]

    def entries(self, fixed: Tensor | None, moving: Sequence[Any] | None) -> dict[Any, Any]:
        """The entries, from where they are kept; moving ones are those of a time, or the vectors of all."""
        found: dict[Any, Any] = {}
        for at, source in self.places:
            if isinstance(source, float):
                found[at] = source
            else:
                kind, k = source
                found[at] = fixed[..., k] if kind == "fixed" else moving[k]  # type: ignore[index]
        return found

    def changes(self) -> bool:
        return any(not isinstance(source, float) and source[0] == "moving" for _, source in self.places)


def packed(entries: Mapping[Any, Any]) -> tuple[Pattern, list[Tensor], list[Tensor]]:
    """Where entries are, and the ones that are no numbers: fixed ones, and those that change."""
    places, fixed, moving = list[tuple[Any, Any]](), list[Tensor](), list[Tensor]()
    for at, a in entries.items():
        if isinstance(a, Along):
            places.append((at, ("moving", len(moving))))
            moving.append(a.values)
        elif isinstance(a, Tensor) and isinstance(a.op, Constant) and not a.ndim:
            places.append((at, float(a.op.value)))
        elif isinstance(a, Tensor):
            places.append((at, ("fixed", len(fixed))))
            fixed.append(a)
        else:
            places.append((at, float(a)))
    return Pattern(tuple(places)), fixed, moving


def product(r: Entries, q: Entries) -> dict[tuple[int, int], Any]:
    """``R Q R'`` by entries."""
    by_shock: dict[int, list[tuple[int, Any]]] = {}
    for (i, a), x in r.items():
        by_shock.setdefault(a, []).append((i, x))
    found: dict[tuple[int, int], Any] = {}
    for (a, b), v in q.items():
        for i, x in by_shock.get(a, ()):
            for j, y in by_shock.get(b, ()):
                if i < j:
                    continue
                term = times(x, times(y, v))
                found[i, j] = found[i, j] + term if (i, j) in found else term
    return found | {(j, i): v for (i, j), v in found.items()}


def system_of(entries: Mapping[str, Mapping[Any, Any]], observed: int, noise: Entries | None = None) -> System:
    """A step of the system, of entries that are numbers and scalars; `noise` if it is known already."""
    rows: list[dict[int, Any]] = [{} for _ in range(observed)]
    for (i, j), a in entries["Z"].items():
        rows[i][j] = a
    w = product(entries["R"], entries["Q"]) if noise is None else noise
    return System(entries["T"], entries["c"], w, rows, entries["d"], entries["H"])


STEPS = 30
"""So often is the transition squared: a state whose memory fades by less than 1e-7 a step counts as not stationary."""


def stationary(matrices: Matrices, states: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return mean and covariance of the stationary distribution of some states, which others do not move; NaN if there is none.

    The covariance is the sum of what each shock leaves: ``W + T W T' + T^2 W T'^2 + ...``, twice as many terms at each step.
    """
    place = {s: k for k, s in enumerate(states)}
    n = len(place)
    own = {(place[i], place[j]): a for (i, j), a in matrices["T"].items() if i in place and j in place}
    w = product(matrices["R"], matrices["Q"])
    transition = matrix_of(own, n)
    noise = matrix_of({(place[i], place[j]): a for (i, j), a in w.items() if i in place and j in place}, n)
    intercept = {place[i]: a for i, a in matrices["c"].items() if i in place}
    fades = fades_after(own, n)
    count = STEPS if fades is None else max(1, int(np.ceil(np.log2(fades))))

    def twice(power: Tensor, cov: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        return [pt.matmul(power, power), cov + pt.matmul(pt.matmul(power, cov), pt.swapaxes(power, -1, -2))], []

    (power, cov), _ = pt.scan(twice, [transition, noise], n_steps=count, names=["power", "cov"])
    if fades is None:
        cov = pt.where(pt.max(pt.abs(power)) < 1e-6, cov, np.nan)
    mean = pt.zeros(n)
    if intercept:
        mean = pt.linalg.solve(pt.eye(n) - transition, matrix_of({(0, i): a for i, a in intercept.items()}, (1, n))[0], b_ndim=1)
    return mean, cov


def fades_after(entries: Entries, n: int) -> int | None:
    """After how many steps nothing is left of a state, where that follows from which entries there are."""
    there = np.zeros((n, n), bool)
    for i, j in entries:
        there[i, j] = True
    power = there.copy()
    for k in range(1, n + 1):
        if not power.any():
            return k
        power = (power.astype(int) @ there.astype(int)) > 0
    return None


__all__ = ["Along", "Matrices", "Pattern", "Start", "entries_of", "packed", "product", "stationary", "system_of"]
