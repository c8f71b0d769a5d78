"""Step methods, by PyMC's names: which kernel moves which variables, and with which options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench.errors import ArgumentError, ModelError
from workbench.inference.checks import an_order, number, one_of, whole_number
from workbench.inference.linked import Step
from workbench.model.context import modelcontext
from workbench.model.model import Model
from workbench.model.states import States, finite_states
from workbench.samplers import Kernel, Nuts, NutsSettings
from workbench.samplers.binary_gibbs import BinaryGibbs
from workbench.samplers.binary_metropolis import BinaryMetropolis as BinaryMetropolisKernel
from workbench.samplers.binary_metropolis import BinaryMetropolisSettings
from workbench.samplers.categorical_gibbs import CategoricalGibbs, CategoricalMetropolis
from workbench.samplers.metropolis import IntegerMetropolis, MetropolisSettings
from workbench.samplers.metropolis import Metropolis as MetropolisKernel
from workbench.samplers.nuts import METRICS
from workbench.samplers.sweep import SweepSettings
from workbench.tensor.tensor import Tensor

INCOMPATIBLE, COMPATIBLE, PREFERRED, IDEAL = range(4)
"""How well a method suits a variable."""

OF_RUNS = {
    "rng": "random_seed is an option of sample",
    "initial_point": "initvals is an option of sample",
    "compile_kwargs": "backend is an option of sample",
    "mode": "backend is an option of sample",
    "dtype": "all is computed in double precision",
}
"""Options of PyMC's step methods that are those of a run."""


class StepMethod:
    """What moves some variables of a model in each draw, given the others. One of its subclasses is what a user makes.

    Parameters
    ----------
    vars
        Variables or their names, one or several; all that the method can move by default.
    model
        The model; that of the surrounding ``with`` block by default.
    blocked
        Whether they are moved together, or one after the other; see the class.
    options
        See the class.

    Raises
    ------
    ModelError
        If a variable is none of the model, or not one that the method can move.
    ArgumentError, SamplingError
        If an option is not known, of the wrong kind, or out of bounds.
    """

    name: ClassVar[str]
    """Its name as an option of `sample`, and in PyMC."""
    blocked: ClassVar[bool] = True
    options: ClassVar[Mapping[str, tuple[Any, Callable[[str, Any], Any]]]] = {}
    """Names of options, their values by default, and what checks a value."""

    def __init__(self, vars: Any = None, *, model: Model | None = None, blocked: bool | None = None, **options: Any) -> None:
        self.model = modelcontext(model)
        if not isinstance(self.model, Model):
            raise ArgumentError(f"model must be a Model, got {model!r}")
        self.settings = self.checked(options)
        self.together = self.blocked if blocked is None else bool(blocked)
        self.names = self._names(vars)
        # What does not fit is an error here, at the user's line.
        self.steps()

    def __init_subclass__(cls) -> None:
        given = inspect.Parameter
        shown = [("vars", None), ("model", None), ("blocked", None), *((n, default) for n, (default, _) in cls.options.items())]
        kinds = (given.POSITIONAL_OR_KEYWORD, *(given.KEYWORD_ONLY for _ in shown[1:]))
        cls.__signature__ = inspect.Signature([given(n, kind, default=x) for (n, x), kind in zip(shown, kinds)])  # type: ignore[attr-defined]

    @classmethod
    def checked(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options, those given and the others by default.

        Raises
        ------
        ArgumentError, SamplingError
            If one is not known, of the wrong kind, or out of bounds.
        """
        for name in given:
            if name not in cls.options:
                known = f"it has {', '.join(cls.options)}" if cls.options else "it has none"
                raise ArgumentError(f"{cls.__name__} has no option {name!r} here", OF_RUNS.get(name, known))
        return {n: check(n, given[n]) if n in given else default for n, (default, check) in cls.options.items()}

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        """How well the method suits a free variable, whose states are given where they are finitely many."""
        return INCOMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        """What the method moves, said where a variable is not such."""
        raise NotImplementedError

    def steps(self) -> list[Step]:
        """Return the kernels, each with the values that it moves."""
        names = [self.names] if self.together else [(n,) for n in self.names]
        return [step for some in names for step in self.step(some)]

    def step(self, names: tuple[str, ...]) -> list[Step]:
        """Return the kernels for some values that are moved together."""
        raise NotImplementedError

    def _names(self, vars: Any) -> tuple[str, ...]:
        """Names of the values of the variables that are given."""
        model = self.model
        if vars is None:
            found = [rv for rv in model.free_RVs if self._competence(rv)]
            if not found:
                raise ModelError(f"{type(self).__name__}: the model has no variable that it moves: {self.why_not()}")
        else:
            several = [vars] if isinstance(vars, (str, Tensor)) or not isinstance(vars, Iterable) else list(vars)
            if not several:
                raise ArgumentError(f"{type(self).__name__}: no variable is given", "leave vars out for all that it can move")
            found = [self._variable(x) for x in several]
            for rv in found:
                if not self._competence(rv):
                    raise ModelError(f"{type(self).__name__} cannot move {rv.name}: {self.why_not()}")
        names = [model.value_name(rv) for rv in found]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise ModelError(f"{type(self).__name__}: {twice} is given twice")
        return tuple(names)

    def _competence(self, rv: Tensor) -> int:
        return self.competence(rv, states_of(self.model, self.model.value_name(rv)))

    def _variable(self, given: Any) -> Tensor:
        """A free variable that is given by itself, its value, or the name of either."""
        model, title = self.model, type(self).__name__
        for rv in model.free_RVs:
            names = (str(rv.name), model.value_name(rv))
            if given in names if isinstance(given, str) else given is rv or given is model.rvs_to_values[rv]:
                return rv
        name = given if isinstance(given, str) else getattr(given, "name", None) or repr(given)
        free = ", ".join(str(x.name) for x in model.free_RVs)
        if any(str(x.name) == name for x in model.observed_RVs):
            raise ModelError(f"{title}: {name} is observed, and does not move", f"the free variables are {free}")
        raise ModelError(f"{title}: {name} is no free variable of the model", f"these are {free}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(self.names)}])"


def states_of(model: Model, name: str) -> States | None:
    """Return the states of a free variable, given by the name of its value, where they are finitely many."""
    now = model.at_current_shapes()
    rv = next(x for x in now.free_RVs if now.value_name(x) == name)
    return finite_states(now, rv) if rv.type.kind != "f" else None


# The methods --------------------------------------------------------------------------------------


DEEPEST = 32
"""Most doublings of a trajectory: their directions are the bits of one word."""


class NUTS(StepMethod):
    """The No-U-Turn sampler, for continuous variables.

    Parameters
    ----------
    target_accept
        Acceptance that the step size aims at, between 0 and 1; 0.8 by default, more for a smaller step.
    max_treedepth
        Doublings after which a trajectory ends; 10 by default.
    metric
        What the mass matrix has beside its diagonal: "auto", directions where they pay; "diag", none; "low_rank", up to 32;
        "dense", all.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x")
    ...     n = pm.Poisson("n", 3.0)
    ...     pm.NUTS([x], target_accept=0.9)
    NUTS([x])
    """

    name = "nuts"
    options = {
        "target_accept": (0.8, number(0.0, 1.0, ends=False)), "max_treedepth": (10, whole_number(1, DEEPEST)),
        "metric": ("auto", one_of(*METRICS)),
    }  # fmt: skip

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return IDEAL if rv.type.kind == "f" else INCOMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves continuous variables"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        return [Step(Nuts, names, NutsSettings(**self.settings))]


class Metropolis(StepMethod):
    """Random-walk Metropolis, for any variables of numbers; integers are moved by whole steps.

    Parameters
    ----------
    blocked
        Whether variables of a kind, continuous or discrete, are moved together; one after the other by default.
    scaling
        First width of the proposal, 1 by default.
    tune_interval
        Draws between changes of the width in warm-up, 100 by default.
    """

    name = "metropolis"
    blocked = False
    options = {"scaling": (1.0, number(0.0, ends=False)), "tune_interval": (100, whole_number(1))}

    @classmethod
    def competence(cls, rv: Tensor, states: States | None) -> int:
        return COMPATIBLE

    @classmethod
    def why_not(cls) -> str:
        return "it moves variables of numbers"

    def step(self, names: tuple[str, ...]) -> list[Step]:
        continuous = {str(v.name) for v in self.model.continuous_value_vars}
        settings = MetropolisSettings(**self.settings)
        kinds = ((MetropolisKernel, [n for n in names if n in continuous]), (IntegerMetropolis, [n for n in names if n not in continuous]))
        return [Step(kernel, tuple(some), settings) for kernel, some in kinds if some]


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
    """

    name = "compound"

    def __init__(self, methods: Sequence[Any]) -> None:
        self.methods = list(methods)

    def __repr__(self) -> str:
        return f"CompoundStep({self.methods!r})"


METHODS: tuple[type[StepMethod], ...] = (NUTS, Metropolis, BinaryMetropolis, BinaryGibbsMetropolis, CategoricalGibbsMetropolis)
"""Those that a variable is assigned to: the most competent, the first of equals."""
