"""What a sampler of another package is given, and what it returns."""

from __future__ import annotations

import importlib
import json
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from workbench.errors import ArgumentError, MissingPackageError, StoreError, warn_user
from workbench.inference.linked import started
from workbench.inference.values import Values
from workbench.model.model import Model
from workbench.model.position import Places

if TYPE_CHECKING:
    from workbench.inference.run import Run

Array = np.ndarray[Any, Any]

ROWS = 256
"""Most draws of one chunk."""

SAMPLERS = {
    "numpyro": "workbench.inference.external.numpyro:NumPyro",
    "blackjax": "workbench.inference.external.blackjax:BlackJax",
    "nutpie": "workbench.inference.external.nutpie:Nutpie",
}
"""Where each is."""

STATS = {
    "diverging": "bool", "energy": "float64", "tree_depth": "int64", "n_steps": "int64", "step_size": "float64", "acceptance_rate": "float64",
    "lp": "float64", "reached_max_treedepth": "bool",
}  # fmt: skip
"""Statistics that all of them make, by ArviZ's names, and their dtypes; columns of a table in this order."""


@dataclass(frozen=True)
class Task:
    """What is to be drawn.

    Attributes
    ----------
    model
        A model of known shapes, with data of its own.
    draws, tune, chains
        Draws to keep and draws of warm-up of each chain, and how many chains.
    target_accept, max_treedepth
        As in :func:`workbench.sample`.
    backend
        Where variables are computed from the draws, and the log-density for a sampler that leaves the choice.
    options
        What was given for `nuts_sampler_kwargs`.
    stop
        Set when the chains are to end early.
    """

    model: Model
    draws: int
    tune: int
    chains: int
    target_accept: float
    max_treedepth: int
    backend: str
    options: Mapping[str, Any]
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def total(self) -> int:
        """Draws of a whole chain, warm-up included."""
        return self.draws + self.tune


class Rows(NamedTuple):
    """The next draws of chains that advance together."""

    q: Array
    """Unconstrained values, (chains, draws, d)."""
    stats: Array
    """Statistics, (chains, draws, len(STATS))."""
    after: Sequence[Array] = ()
    """Of one chain whose package tells it: where it is after them, as plain arrays."""


class External(ABC):
    """A sampler of another package, made for one task: to a run it is what one of ours is, compiled and linked.

    Attributes
    ----------
    columns
        Names and dtypes of a draw's statistics.
    places
        Where values lie in a position.
    """

    package: ClassVar[str]
    """What is imported."""
    on: ClassVar[str | None] = None
    """The backend that it needs, if it needs one."""
    takes: ClassVar[Mapping[str, str]]
    """Options that it takes, and what they are."""
    no_effect: ClassVar[Mapping[str, str]] = {}
    """Options that PyMC takes for it and that change nothing here, and why."""
    instead: ClassVar[Mapping[str, str]] = {}
    """Options that PyMC takes for it and that are given otherwise here, and how."""
    denser: ClassVar[str] = "{}"
    """Options for a mass matrix with correlations."""
    resumes: ClassVar[bool] = False
    """Whether a chain by itself can go on from what a store has of it."""
    rows = ROWS
    """Most draws of one call."""
    parts: ClassVar = [len(STATS)]
    """How many of the statistics are of each kernel."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.columns = list(STATS.items())
        self.places = Places.of(task.model)
        # The sampler is compiled meanwhile.
        self._values = started(lambda: Values(task.model, task.backend, ROWS))
        self._starts: dict[int, Array] = {}
        self._groups: dict[int, _Group] = {}
        self._grouping = threading.Lock()

    @abstractmethod
    def logp_grad(self, q: Array) -> tuple[float, Array]:
        """The log-density at one point and its gradient."""

    @abstractmethod
    def draw(self, keys: Sequence[int], starts: Array) -> Iterator[Rows]:
        """Yield draws of chains, those of warm-up first, as they are made.

        Parameters
        ----------
        keys
            A 64-bit word for the random numbers of each.
        starts
            Where they begin, (chains, d).
        """

    def go_on(self, key: int, start: Array, made: int, after: Sequence[Array]) -> Iterator[Rows]:
        """Yield draws of one chain from number `made` on, where it is as `Rows.after` told: nothing while it was at its first rows."""
        return self.draw([key], start[None])

    together = False
    """Whether all chains advance at once."""

    # What a run calls ----------------------------------------------------------------------------

    @property
    def values(self) -> Values:
        """From positions to the model's variables."""
        return self._values.result()

    @property
    def about(self) -> dict[str, str]:
        """What results say of how they were made."""
        return {"backend": self.on or self.task.backend, "nuts_sampler": self.version()}

    @classmethod
    def version(cls) -> str:
        """Name and version of the package."""
        return f"{cls.package} {getattr(importlib.import_module(cls.package), '__version__', '')}".strip()

    def density(self, q: Array, z: Array) -> tuple[float, Array]:
        """Return the log-density at a position, and its gradient."""
        return self.logp_grad(q)

    def init(self, key: Any, q: Array, z: Array) -> list[Any]:
        """Return the state of a chain that begins at a position: key, start, draws made, and where the package has it then."""
        self._starts[int(key)] = q
        return [np.uint64(key), q, np.int64(0)]

    def advance(self, state: list[Any], wanted: int, budget: int, tune: int) -> tuple[list[Any], int, Array, Array, Array]:
        """Return the state, leapfrogs, and the next draws of a chain: continuous and discrete values, statistics and leapfrogs of each."""
        key, start, made, *_ = state
        q, stats, after = self._group_of(state).next(int(key))
        steps = stats[:, list(STATS).index("n_steps")]
        if len(q):
            state = [key, start, np.int64(made + len(q)), *after]
        return state, int(steps.sum()), q, np.empty((len(q), 0), np.int64), np.concatenate([stats, steps[:, None]], axis=1)

    def _group_of(self, state: list[Any]) -> _Group:
        key, start, made, *after = state
        with self._grouping:
            if (key := int(key)) not in self._groups:
                members = list(self._starts) if self.together else [key]
                starts = np.stack([self._starts.get(k, start) for k in members])
                rows = self.go_on(key, start, int(made), after) if made else self.draw(members, starts)
                self._groups.update(dict.fromkeys(members, _Group(rows, members)))
            return self._groups[key]


class Chosen(NamedTuple):
    """A sampler of another package that was asked for."""

    kind: type[External]
    options: dict[str, Any]
    target_accept: float
    max_treedepth: int

    @property
    def in_turn(self) -> bool:
        """Whether one chain is to be made after the other."""
        return self.options.get("chain_method") == "sequential"

    def made(self, run: Run) -> External:
        """Return the sampler for a run."""
        return self.kind(
            Task(run.model, run.draws_requested, run.tune, run.chains, self.target_accept, self.max_treedepth, run.backend, self.options, run.stopping)
        )

    @property
    def told(self) -> dict[str, Any]:
        """What a store says of it, for the run to go on: options are left out where JSON cannot hold them."""
        told = {"package": self.kind.package, "target_accept": self.target_accept, "max_treedepth": self.max_treedepth}
        try:
            return {**told, "options": json.loads(json.dumps(self.options))}
        except (TypeError, ValueError):
            return told

    @classmethod
    def again(cls, told: Mapping[str, Any], made_by: str, where: str) -> Chosen:
        """Return the sampler that a store tells of.

        Raises
        ------
        StoreError
            If its runs cannot go on.
        MissingPackageError
            If its package is not installed.
        """
        package = told.get("package")
        kind = kind_of(package) if package in SAMPLERS else External
        read = "begin the run again at another path; the draws can be read: xarray.open_datatree(path, engine='zarr')"
        if not kind.resumes:
            raise StoreError(f"{where}: its draws are made by {made_by}, which cannot go on where it stopped", read)
        if "options" not in told:
            raise StoreError(f"{where}: its nuts_sampler_kwargs could not be written, and {made_by} cannot go on without them", read)
        options = {name: _tuples(x) for name, x in told["options"].items()}
        if options.get("chain_method") == "vectorized":
            raise StoreError(f"{where}: its chains were one program of {made_by} (chain_method='vectorized'), which cannot go on where it stopped", read)
        require(kind.package)
        chosen = cls(kind, options, told["target_accept"], told["max_treedepth"])
        if (now := kind.version()) != made_by:
            warn_user(f"{where}: begun by {made_by}, it goes on with {now}: the draws need not be those that there would have been")
        return chosen


def _tuples(x: Any) -> Any:
    """Lists of JSON as they were."""
    if isinstance(x, list):
        return tuple(map(_tuples, x))
    return {k: _tuples(v) for k, v in x.items()} if isinstance(x, Mapping) else x


class _Group:
    """Chains that advance together, and what each has not handed out yet."""

    def __init__(self, made: Iterator[Rows], members: Sequence[int]) -> None:
        self._made = made
        self._waiting: dict[int, deque[tuple[Array, Array, Sequence[Array]]]] = {i: deque() for i in members}
        self._turns = threading.Lock()

    def next(self, key: int) -> tuple[Array, Array, Sequence[Array]]:
        """The next draws of a chain, at most `ROWS`, and where it is after them; none where it was stopped."""
        with self._turns:
            if not self._waiting[key] and (rows := next(self._made, None)) is not None:
                for waiting, q, stats in zip(self._waiting.values(), rows.q, rows.stats):
                    ends = range(ROWS, max(len(q), 1) + ROWS, ROWS)
                    waiting.extend((q[end - ROWS : end], stats[end - ROWS : end], rows.after if end >= len(q) else ()) for end in ends)
            if self._waiting[key]:
                return self._waiting[key].popleft()
        return np.empty((0, 0)), np.empty((0, len(STATS))), ()


def require(package: str) -> Any:
    """Import an optional package.

    Raises
    ------
    MissingPackageError
        If it is not there, or does not load; says what to install.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == package:
            raise MissingPackageError(
                f"nuts_sampler={package!r} needs the Python package {package}, which is not installed", f"pip install 'bayes-workbench[{package}]', or pip install {package}"
            ) from None
        raise MissingPackageError(
            f"nuts_sampler={package!r}: the package {package} cannot be imported: {error}", f"pip install --upgrade {package}, or what it misses"
        ) from error


def kind_of(name: Any) -> type[External]:
    """Return the class of a sampler by its name; its package is not imported.

    Raises
    ------
    ArgumentError
        If there is no sampler of that name.
    """
    if name not in SAMPLERS:
        raise ArgumentError(f"there is no nuts_sampler={name!r}", f"it is 'workbench', {', '.join(map(repr, SAMPLERS))}")
    module, _, made = SAMPLERS[name].partition(":")
    return getattr(importlib.import_module(module), made)  # type: ignore[no-any-return]


def checked_options(kind: type[External], given: Any, quiet: bool) -> dict[str, Any]:
    """Return what was given as `nuts_sampler_kwargs`; what has no effect is warned of.

    Raises
    ------
    ArgumentError
        If it is not options by name, or one is not known.
    """
    if not isinstance(given or {}, Mapping):
        raise ArgumentError(f"nuts_sampler_kwargs must be options by name, got {given!r}", f"for example nuts_sampler_kwargs={{{next(iter(kind.takes))!r}: ...}}")
    found = {}
    for name, value in (given or {}).items():
        if name in kind.no_effect:
            if value is not None and not quiet:
                warn_user(f"nuts_sampler_kwargs: {name}={value!r} has no effect: {kind.no_effect[name]}")
        elif name in kind.takes:
            found[name] = value
        else:
            known = "; ".join(f"{n}, {what}" for n, what in kind.takes.items())
            raise ArgumentError(f"nuts_sampler_kwargs: nuts_sampler={kind.package!r} takes no {name!r}", kind.instead.get(name, f"it takes {known}"))
    return found
