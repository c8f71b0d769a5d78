"""What structural components share: each is a block of a linear system; a sum of some is a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.statespace.matrices import Along, Matrices, Start, stationary
from workbench.statespace.model import DataOf, Parameter, StateSpace, is_steady, require_initialization
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import matrix_of


class Block(NamedTuple):
    """A component's part of a system, for one observed series.

    Attributes
    ----------
    transition
        Entries by row and column.
    mean
        Of each state at the start.
    selection, variances
        Entries of R by state and shock; and the variance of each shock.
    design
        Entries of Z by state; of each observed series, if states are shared.
    stationary
        Whether the states have a stationary distribution.
    certain
        Numbers of states that are known at the start, whatever the others are.
    """

    transition: Mapping[tuple[int, int], Any]
    mean: Sequence[Any]
    selection: Mapping[tuple[int, int], Any] = {}
    variances: Sequence[Any] = ()
    design: Mapping[int, Any] = {}
    stationary: bool = False
    certain: frozenset[int] = frozenset()


class Component:
    """A component of a structural model; components are added with ``+``, and built into a model.

    Parameters
    ----------
    name
        What it is called: its parameters have the name in theirs.
    observed_state_names
        The observed series that it is a part of; each has states of its own.
    share_states
        Whether all series have the same states.

    Examples
    --------
    >>> import workbench as pm
    >>> st = pm.statespace.structural
    >>> both = st.LevelTrend(order=1) + st.MeasurementError()
    >>> [p.name for p in both.build().parameters]
    ['P0', 'initial_level_trend', 'sigma_level_trend', 'sigma_MeasurementError']
    """

    def __init__(self, name: str, observed_state_names: Sequence[str] | None = None, share_states: bool = False) -> None:
        self.name = name
        self.observed_state_names = tuple(observed_state_names) if observed_state_names is not None else ("data",)
        self.share_states = share_states
        if len(set(self.observed_state_names)) != len(self.observed_state_names) or not self.observed_state_names:
            raise ModelError(f"{name}: observed_state_names must be different names, got {list(self.observed_state_names)}")

    states: Sequence[str] = ()
    shocks: Sequence[str] = ()

    @property
    def copies(self) -> int:
        """How many times its states are there."""
        return 1 if self.share_states else len(self.observed_state_names)

    def parameter(self, name: str, dims: Mapping[str, int] = {}, constraint: str = "", shared: bool = False) -> Parameter:
        """A parameter, with an axis for observed series that have states of their own."""
        several = {f"endog_{self.name}": self.copies} if self.copies > 1 and not shared else {}
        whole = {**several, **dims}
        return Parameter(name, tuple(whole.values()), tuple(whole), constraint)

    def parameters(self) -> list[Parameter]:
        """Its parameters."""
        raise NotImplementedError

    def starts(self) -> frozenset[str]:
        """Names of the parameters that say where its states start: a diffuse start has none."""
        return frozenset()

    def coords(self) -> dict[str, Sequence[Any]]:
        """Labels of the dims of its parameters."""
        return {}

    def data(self) -> list[DataOf]:
        """The data that it needs."""
        return []

    def block(self, given: Mapping[str, Tensor], e: int) -> Block:
        """Its part of the system, for the observed series of a number."""
        raise NotImplementedError

    def errors(self, given: Mapping[str, Tensor]) -> dict[str, Any]:
        """The variances of errors of observation that it adds, by observed series."""
        return {}

    def of(self, x: Tensor, e: int) -> Tensor:
        """What of a parameter belongs to an observed series."""
        return x[e] if self.copies > 1 else x

    def state_names(self) -> list[str]:
        """Names of all its states."""
        if self.share_states:
            return [f"{s}[{self.name}_shared]" for s in self.states]
        return [f"{s}[{y}]" for y in self.observed_state_names for s in self.states]

    def shock_names(self) -> list[str]:
        """Names of all its shocks."""
        if self.share_states:
            return [f"{s}[{self.name}_shared]" for s in self.shocks]
        return [f"{s}[{y}]" for y in self.observed_state_names for s in self.shocks]

    def __add__(self, other: Any) -> Sum:
        if not isinstance(other, (Component, Sum)):
            return NotImplemented
        return Sum([self]) + other

    def build(self, name: str | None = None, initialization: str = "given", **ignored: Any) -> StructuralTimeSeries:
        """Return a model of this component alone; see :meth:`Sum.build`."""
        return Sum([self]).build(name, initialization, **ignored)


class Sum:
    """Components added together."""

    def __init__(self, parts: Sequence[Component]) -> None:
        self.parts = list(parts)

    def __add__(self, other: Any) -> Sum:
        if not isinstance(other, (Component, Sum)):
            return NotImplemented
        return Sum([*self.parts, *(other.parts if isinstance(other, Sum) else [other])])

    def build(self, name: str | None = None, initialization: str = "given", **ignored: Any) -> StructuralTimeSeries:
        """Return the model.

        Parameters
        ----------
        name
            What it is called.
        initialization
            How states start: "given" at their parameters, with a covariance ``P0`` that is a parameter too; "known" there exactly;
            "diffuse", anywhere: it has no parameters, and stationary components start as they go on; "stationary", if all are so.
        ignored
            ``filter_type="steady_state"``: the filter begins in its steady state, which is an approximation. Other filters of pymc-extras, and
            ``verbose`` and ``mode``, are taken and not needed.
        """
        made = StructuralTimeSeries(self.parts, name or "StructuralTimeSeries", initialization)
        made.steady = is_steady(made.name, ignored)
        return made


class StructuralTimeSeries(StateSpace):
    """A sum of components as a state space: made by ``build()``.

    Parameters
    ----------
    parts
        The components.
    name
        What it is called.
    initialization
        How states start; see :meth:`Sum.build`.

    Examples
    --------
    >>> import workbench as pm
    >>> st = pm.statespace.structural
    >>> model = (st.LevelTrend(order=1) + st.MeasurementError()).build(initialization="diffuse")
    >>> model.param_names
    ('sigma_level_trend', 'sigma_MeasurementError')
    """

    def __init__(self, parts: Sequence[Component], name: str, initialization: str = "given") -> None:
        self.name = name
        self.initialization = require_initialization(name, initialization)
        self.parts = list(parts)
        names = [c.name for c in self.parts]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ModelError(f"{name}: two components are called {twice[0]!r}", "name one of them: Component(..., name=...)")
        self.observed_states = tuple(dict.fromkeys(y for c in self.parts for y in c.observed_state_names))
        self.state_names = tuple(s for c in self.parts for s in c.state_names())
        self.shock_names = tuple(s for c in self.parts for s in c.shock_names())
        if not self.state_names:
            raise ModelError(f"{name} has no states: it is noise", "add a component, as structural.LevelTrend()")
        own = [p for c in self.parts for p in c.parameters() if initialization not in ("diffuse", "stationary") or p.name not in c.starts()]
        d = len(self.state_names)
        first = [Parameter("P0", (d, d), ("state", "state_aux"), "covariance")] if initialization == "given" else []
        self.parameters = (*first, *own)
        self.data = tuple(x for c in self.parts for x in c.data())
        self.parameter_coords = {k: v for c in self.parts for k, v in c.coords().items()}

    def matrices(self, given: Mapping[str, Tensor]) -> Matrices:
        found = Matrices(self.k_states, self.k_posdef, self.k_endog)
        mean: dict[int, Any] = {}
        blocks: list[tuple[range, Block, str]] = []
        first, shock = 0, 0
        for c in self.parts:
            for y, v in c.errors(given).items():
                k = self.observed_states.index(y)
                found["H"][k, k] = found["H"][k, k] + v if (k, k) in found["H"] else v
            for e in range(c.copies if c.states else 0):
                b = c.block(self._with_starts(c, given), e)
                n = len(b.mean)
                found["T"].update({(first + i, first + j): a for (i, j), a in b.transition.items()})
                found["R"].update({(first + i, shock + k): a for (i, k), a in b.selection.items()})
                found["Q"].update({(shock + k, shock + k): v for k, v in enumerate(b.variances)})
                series = c.observed_state_names if c.share_states else [c.observed_state_names[e]]
                found["Z"].update({(self.observed_states.index(y), first + j): a for y in series for j, a in b.design.items()})
                mean.update({first + i: a for i, a in enumerate(b.mean) if not (isinstance(a, float) and a == 0.0)})
                blocks.append((range(first, first + n), b, c.name))
                first, shock = first + n, shock + len(b.variances)
        found.start = self._start(found, blocks, matrix_of({(0, i): a for i, a in mean.items()}, (1, first))[0], given)
        return found

    def _with_starts(self, c: Component, given: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Parameters, with zeros for those of a start that is diffuse."""
        return {**{p.name: pt.zeros(p.shape) for p in c.parameters() if p.name in c.starts() and p.name not in given}, **given}

    def _start(self, found: Matrices, blocks: Sequence[tuple[range, Block, str]], mean: Tensor, given: Mapping[str, Tensor]) -> Start:
        if self.initialization == "given":
            return Start(mean, given["P0"])
        covs, diffuse = list[Tensor](), list[int]()
        for at, b, name in blocks:
            n = len(at)
            if b.stationary:
                covs.append(stationary(found, list(at))[1])
            elif self.initialization == "stationary":
                raise ModelError(f"{self.name}: {name} has no stationary distribution to start with", 'initialization="diffuse" starts it anywhere')
            elif self.initialization == "known":
                covs.append(pt.zeros((n, n)))
            else:
                free = [i for i in range(n) if i not in b.certain]
                diffuse += [at[i] for i in free]
                covs.append(pt.diag(pt.constant([float(i in free) for i in range(n)])))
        return Start(mean, covs[0] if len(covs) == 1 else pt.linalg.block_diag(*covs), tuple(diffuse))


def along(x: Tensor) -> Along:
    """An entry for each time."""
    return Along(x)


def order_mask(title: str, order: Any) -> list[bool]:
    """Which of some numbers, from 1, an order has: all up to a number, or those of a list of zeros and ones.

    Raises
    ------
    ModelError
        If it is neither.
    """
    if isinstance(order, int) and not isinstance(order, bool):
        if order < 1:
            raise ModelError(f"{title}: an order of {order}", "at least 1")
        return [True] * order
    mask = [bool(x) for x in order]
    if not mask or any(x not in (0, 1) for x in order):
        raise ModelError(f"{title}: order={order!r}", "a number, or a list of zeros and ones")
    if not mask[-1]:
        raise ModelError(f"{title}: the last of order={order!r} is zero", "leave it out")
    return mask


__all__ = ["Block", "Component", "StructuralTimeSeries", "Sum", "along", "order_mask"]
