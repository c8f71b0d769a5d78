"""Step methods, by PyMC's names: which kernel moves which variables, and with which options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.distributions.distribution import Draw
from workbench.errors import ArgumentError
from workbench.inference.checks import an_order, as_given, number, one_of, whole_number
from workbench.inference.continuous_step_methods import (
    MALA,
    NUTS,
    ConjugateGibbs,
    DEMetropolis,
    DEMetropolisZ,
    EllipticalSlice,
    HamiltonianMC,
    Slice,
)
from workbench.inference.linked import Step
from workbench.inference.step_method import COMPATIBLE, IDEAL, INCOMPATIBLE, PREFERRED, StepMethod, states_of
from workbench.model.states import States
from workbench.samplers import Kernel, MetropolisSettings
from workbench.samplers.binary_gibbs import BinaryGibbs
from workbench.samplers.binary_metropolis import BinaryMetropolis as BinaryMetropolisKernel
from workbench.samplers.binary_metropolis import BinaryMetropolisSettings
from workbench.samplers.categorical_gibbs import CategoricalGibbs, CategoricalMetropolis
from workbench.samplers.sweep import SweepSettings
from workbench.tensor.tensor import Tensor


class Metropolis(StepMethod):
    """Random-walk Metropolis, for any variables of numbers; integers are moved by whole steps.

    Parameters
    ----------
    blocked
        Whether variables of a kind, continuous or discrete, are moved together; one after the other by default. Elements are moved
        one by one in either case, unless `S` is a covariance matrix or the variable is a discrete vector like `Multinomial`.
    S
        Widths of steps, one or one for each element, 1 by default; or a covariance matrix.
    proposal_dist
        Distribution of steps: `NormalProposal` by default, `UniformProposal`, `CauchyProposal`, `LaplaceProposal`,
        `PoissonProposal` (for integers), or `MultivariateNormalProposal`, the default where `S` is a matrix.
    scaling
        What widths are multiplied by at first, 1 by default.
    tune
        Whether that is tuned in warm-up; so by default.
    tune_interval
        Draws between changes of it, 100 by default.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.Metropolis([x])
    >>> type(step).__name__
    'Metropolis'
    """

    name = "metropolis"
    blocked = False
    options = {
        "S": (None, as_given), "proposal_dist": (None, as_given), "scaling": (1.0, as_given), "tune": (True, one_of(True, False)),
        "tune_interval": (100, whole_number(1)),
    }  # fmt: skip

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return COMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves variables of numbers"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        continuous = {str(v.name) for v in self.model.continuous_value_vars}
        found = []
        for discrete in (False, True):
            some = tuple(n for n in names if (n not in continuous) is discrete)
            settings = MetropolisSettings(**self.settings, elementwise=not (discrete and any(map(self._is_vector, some))))
            if some:
                # What does not fit the variables is an error now.
                settings.arguments(self.size(some))
                found.append(Step(settings.kernel(discrete), some, settings))
        return found

    def _is_vector(self, name: str) -> bool:
        """Whether a variable's elements are those of discrete vectors, which are not possible one by one."""
        rv = next(x for x in self.model.free_RVs if self.model.value_name(x) == name)
        return isinstance(rv.op, Draw) and rv.op.distribution.event_rank > 0


class OfStates(StepMethod):
    """What methods share that go through the states of discrete variables."""

    def swept(self, kernel: type[Kernel], names: tuple[str, ...], order: tuple[int, ...] | None, tendency: float, candidates: int = 0) -> Step:
        """A sweep over the elements of variables."""
        found = [states_of(self.model, n) or States(*np.zeros((2, 0), np.int64)) for n in names]
        low, count = (tuple(int(x) for s in found for x in s[i]) for i in range(2))
        if order is not None and len(order) != len(low):
            raise ArgumentError(f"order has {len(order)} numbers for the {len(low)} elements of {', '.join(names)}")
        return Step(kernel, names, SweepSettings(low, count, order, tendency, candidates or max(count, default=1)))


def is_binary(states: States | None) -> bool:
    """Whether all elements have two states."""
    return states is not None and bool((states.numbers == 2).all())


class BinaryGibbsMetropolis(OfStates):
    """Gibbs sampling of variables of two states, element by element.

    Parameters
    ----------
    order
        "random", each time another, by default; or the numbers of all elements, variable after variable, in turn.
    transit_p
        How much it likes to move, 0.8 by default: the probability that a flip is tried, as in PyMC, or that of a draw from the
        conditional distribution if that is greater. With 0 it is a draw from the conditional distribution.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Bernoulli("x", 0.5, shape=3)
    ...     step = pm.BinaryGibbsMetropolis([x])
    >>> type(step).__name__
    'BinaryGibbsMetropolis'
    """

    name = "binary_gibbs_metropolis"
    options = {"order": (None, an_order), "transit_p": (0.8, number(0.0, 1.0))}

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return IDEAL if is_binary(states) else INCOMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves variables of two states"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        return [self.swept(BinaryGibbs, names, self.settings["order"], self.settings["transit_p"])]


class BinaryMetropolis(OfStates):
    """Metropolis for variables of two states: some elements are flipped together, and that is taken or not.

    Parameters
    ----------
    scaling
        Each element flips with probability ``1 - 0.5**scaling``; 1 by default.
    tune
        Whether the scaling is lessened in warm-up where few proposals are taken; so by default.
    tune_interval
        Draws between changes of it, 100 by default.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Bernoulli("x", 0.5, shape=3)
    ...     step = pm.BinaryMetropolis([x])
    >>> type(step).__name__
    'BinaryMetropolis'
    """

    name = "binary_metropolis"
    options = {"scaling": (1.0, number(0.0, ends=False)), "tune": (True, one_of(True, False)), "tune_interval": (100, whole_number(1))}

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return COMPATIBLE if is_binary(states) else INCOMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves variables of two states"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        lows = tuple(int(x) for n in names for x in (states_of(self.model, n) or States(*np.zeros((2, 0), np.int64))).low)
        return [Step(BinaryMetropolisKernel, names, BinaryMetropolisSettings(lows, **self.settings))]


class CategoricalGibbsMetropolis(OfStates):
    """Gibbs sampling of variables of finitely many states, element by element.

    Parameters
    ----------
    proposal
        How an element moves: "conditional", by default, is a draw from its conditional distribution; "proportional" proposes
        another state in proportion to that, which is more efficient where the present state is likely (Liu, 1996); "uniform"
        proposes any other state, which costs two densities instead of one for each state. PyMC has the last two.
    order
        "random", each time another, by default; or the numbers of all elements, variable after variable, in turn.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Categorical("x", [0.2, 0.8])
    ...     step = pm.CategoricalGibbsMetropolis([x])
    >>> type(step).__name__
    'CategoricalGibbsMetropolis'
    """

    name = "categorical_gibbs_metropolis"
    options = {"proposal": ("conditional", one_of("conditional", "proportional", "uniform")), "order": (None, an_order)}

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return INCOMPATIBLE if states is None else PREFERRED

    @classmethod
    def why_not(cls) -> str:
        return "it moves discrete variables whose states are finitely many, not too many, and the same whatever other variables are"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        proposal, order = self.settings["proposal"], self.settings["order"]
        if proposal == "uniform":
            return [self.swept(CategoricalMetropolis, names, order, 0.0, candidates=2)]
        return [self.swept(CategoricalGibbs, names, order, float(proposal == "proportional"))]


class CompoundStep:
    """Step methods in turn; a list of them is the same.

    Parameters
    ----------
    methods
        The methods.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x, y = pm.Normal("x"), pm.Normal("y")
    ...     step = pm.CompoundStep([pm.NUTS([x]), pm.Metropolis([y])])
    >>> type(step).__name__
    'CompoundStep'
    """

    name = "compound"

    def __init__(self, methods: Sequence[Any]) -> None:
        self.methods = list(methods)

    def __repr__(self) -> str:
        return f"CompoundStep({self.methods!r})"


METHODS: tuple[type[StepMethod], ...] = (
    NUTS, HamiltonianMC, MALA, Slice, EllipticalSlice, DEMetropolisZ, DEMetropolis, ConjugateGibbs, Metropolis, BinaryMetropolis, BinaryGibbsMetropolis, CategoricalGibbsMetropolis,
)  # fmt: skip
"""Those that a variable is assigned to: the most competent, the first of equals."""
