"""A step method: which kernel moves which variables of a model, and with which options."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from workbench.errors import ArgumentError, ModelError
from workbench.inference.linked import Step
from workbench.model.context import modelcontext
from workbench.model.model import Model
from workbench.model.position import Places
from workbench.model.states import States, finite_states
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
    by_gradient: ClassVar[bool] = False
    """Whether it needs the density's gradient."""
    of_population: ClassVar[bool] = False
    """Whether it moves all variables of all chains together."""
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

    def size(self, names: tuple[str, ...]) -> int:
        """How many elements some values have."""
        return len(Places.of(self.model).indices(names))

    def _names(self, vars: Any) -> tuple[str, ...]:
        """Names of the values of the variables that are given."""
        model, states = self.model, states_by_name(self.model)

        def moves(rv: Tensor) -> int:
            return self.competence(rv, states(model.value_name(rv)))

        if vars is None:
            found = [rv for rv in model.free_RVs if moves(rv)]
            if not found:
                raise ModelError(f"{type(self).__name__}: the model has no variable that it moves: {self.why_not()}")
        else:
            several = [vars] if isinstance(vars, (str, Tensor)) or not isinstance(vars, Iterable) else list(vars)
            if not several:
                raise ArgumentError(f"{type(self).__name__}: no variable is given", "leave vars out for all that it can move")
            known = self._known()
            found = [self._variable(x, known) for x in several]
            for rv in found:
                if not moves(rv):
                    raise ModelError(f"{type(self).__name__} cannot move {rv.name}: {self.why_not()}")
        names = [model.value_name(rv) for rv in found]
        counts = Counter(names)
        twice = next((n for n in names if counts[n] > 1), None)
        if twice is not None:
            raise ModelError(f"{type(self).__name__}: {twice} is given twice")
        return tuple(names)

    def _known(self) -> dict[Any, Tensor]:
        """The free variables by what one may be given by: itself, its value, and the names of both."""
        model = self.model
        found: dict[Any, Tensor] = {}
        for rv in model.free_RVs:
            for key in (rv, model.rvs_to_values[rv], str(rv.name), model.value_name(rv)):
                found.setdefault(key, rv)
        return found

    def _variable(self, given: Any, known: Mapping[Any, Tensor]) -> Tensor:
        """A free variable that is given by itself, its value, or the name of either."""
        model, title = self.model, type(self).__name__
        if isinstance(given, (str, Tensor)) and given in known:
            return known[given]
        name = given if isinstance(given, str) else getattr(given, "name", None) or repr(given)
        free = ", ".join(str(x.name) for x in model.free_RVs)
        if any(str(x.name) == name for x in model.observed_RVs):
            raise ModelError(f"{title}: {name} is observed, and does not move", f"the free variables are {free}")
        raise ModelError(f"{title}: {name} is no free variable of the model", f"these are {free}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(self.names)}])"


def states_of(model: Model, name: str) -> States | None:
    """Return the states of a free variable, given by the name of its value, where they are finitely many."""
    return states_by_name(model)(name)


def states_by_name(model: Model) -> Callable[[str], States | None]:
    """Return what says the states of free variables, as :func:`states_of` does, of many."""
    now = model.at_current_shapes()
    by_name = {now.value_name(x): x for x in now.free_RVs}

    def states(name: str) -> States | None:
        rv = by_name[name]
        return finite_states(now, rv) if rv.type.kind != "f" else None

    return states
