"""What chains have drawn: rows as they are made, and the rows that several chains have together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ModelError, closest
from workbench.inference.columns import Columns
from workbench.inference.stores import Rows
from workbench.model.position import Places

Array = np.ndarray[Any, Any]


class Chain:
    """What one chain has made so far. Rows of warm-up come first.

    Parameters
    ----------
    number
        Of the chain.
    rows
        Where its draws go, and are.
    columns
        What every draw has.
    tune
        Draws of warm-up.
    """

    def __init__(self, number: int, rows: Rows, columns: Columns, tune: int) -> None:
        self.number, self.rows, self.columns, self.tune = number, rows, columns, tune

    @property
    def count(self) -> int:
        """How many draws there are. Readers never see one half written."""
        return self.rows.count

    @property
    def state(self) -> list[Array]:
        """What the sampler needs to go on."""
        return self.rows.state

    def add(
        self, q: Array, z: Array, stats: Array, values: Sequence[Array], state: list[Array], begun: float, seconds: float, cpu_seconds: float
    ) -> None:
        """Append draws, and the state after them."""
        share = stats[:, -1] / max(stats[:, -1].sum(), 1.0)
        times = np.stack([begun + seconds * (np.cumsum(share) - share), seconds * share, cpu_seconds * share], axis=1)
        before = self.stat("divergences", self.count - 1) if self.count > self.tune else None
        tuning = np.arange(self.count, self.count + len(q)) < self.tune
        rows = self.columns.of(q, z, stats, values, times, 0 if before is None else int(before[0]), tuning)
        self.rows.append(rows, state)

    def keep(self, state: list[Array]) -> None:
        """Keep a state that is on its way to the next draw."""
        self.rows.append([np.empty((0, *c.shape), c.dtype) for c in self.columns.all], state)

    def value(self, i: int, start: int = 0, stop: int | None = None) -> Array:
        """Return draws of the model's variable of that number, (n, *shape)."""
        return self.rows.read(i, start, self.count if stop is None else stop)

    def position(self, start: int = 0, stop: int | None = None) -> tuple[Array, Array]:
        """Return continuous values (n, d), and discrete ones (n, k)."""
        stop = self.count if stop is None else min(stop, self.count)
        q, z = (self.columns.vector(name, lambda at: self.rows.read(at, start, stop), max(0, stop - start)) for name in "qz")
        return q, z

    def stat(self, name: str, start: int = 0, stop: int | None = None) -> Array | None:
        """Return a statistic, (n,), of the first kernel that has one of that name; ``None`` if there is none."""
        at = self.columns.stats.get(name)
        if at is None:
            return None
        found = self.rows.read(at, start, self.count if stop is None else stop)
        return found if found.ndim == 1 else found[:, 0]


def state_of(chain: Chain, tune: int) -> dict[str, Any]:
    """Return what is shown of a chain while it goes on; its warm-up is that long."""
    n = chain.count
    recent = {name: chain.stat(name, max(0, n - 100)) for name in ("step_size", "n_steps", "tree_depth")}
    known = {name: x for name, x in recent.items() if x is not None and len(x)}
    divergences = chain.stat("divergences", max(0, n - 1)) if n else None
    return {
        "chain": chain.number,
        "draws": n,
        "tuning": n < tune,
        "step_size": float(known["step_size"][-1]) if "step_size" in known else float("nan"),
        "gradients": float(known["n_steps"].mean()) if "n_steps" in known else float("nan"),
        "divergences": 0 if divergences is None else int(divergences[-1]),
        "tree_depth": float(known["tree_depth"].sum() / max(1, (known["tree_depth"] > 0).sum())) if "tree_depth" in known else float("nan"),
    }


def named_draws(draws: Mapping[str, Array], name: Any) -> Array:
    """Return the draws of a variable, (chain * draw, *shape), of those of all, (chain, draw, *shape).

    Raises
    ------
    ModelError
        If there is no variable of that name, or it is no name.
    """
    if name not in draws:
        near = closest(name, draws) if isinstance(name, str) else None
        raise ModelError(f"the run has no draws of {name!r}", f"did you mean {near!r}?" if near else f"it has those of {', '.join(draws) or 'no variable'}")
    x = draws[name]
    return x.reshape(-1, *x.shape[2:])


class Cut:
    """The rows from `first` on, before `last`, of as many chains as have most of them together.

    A chain that was stopped early is left out where that keeps more draws than it costs.

    Attributes
    ----------
    chains, numbers
        The chains, and their numbers.
    draws
        How many rows each of them has.
    left_out
        How many rows each chain that is left out has, by its number.
    """

    def __init__(self, chains: Sequence[Chain], first: int, last: int, places: Places, names: Sequence[str]) -> None:
        self.first, self.places, self.names = first, places, names
        counts = [max(0, min(c.count, last) - first) for c in chains]
        self.draws = max(sorted(counts), key=lambda n: n * sum(k >= n for k in counts), default=0)
        self.last = first + self.draws
        self.chains = [c for c, k in zip(chains, counts) if self.draws and k >= self.draws]
        self.numbers = [c.number for c in self.chains]
        self.left_out = {c.number: k for c, k in zip(chains, counts) if k and c.number not in self.numbers}

    def values(self) -> dict[str, Array]:
        """Return draws by variable, (chain, draw, *shape)."""
        if not self.chains:
            return {}
        return {name: np.stack([c.value(i, self.first, self.last) for c in self.chains]) for i, name in enumerate(self.names)}

    def unconstrained(self) -> dict[str, Array]:
        """Return draws of the values, unconstrained ones of continuous variables, by name."""
        if not self.chains:
            return {}
        q, z = (np.stack(v) for v in zip(*(c.position(self.first, self.last) for c in self.chains)))
        return self.places.point(q, z)

    def stats(self) -> dict[str, Array]:
        """Return statistics by ArviZ's names, (chain, draw); those that several kernels have with an axis more."""
        if not self.chains:
            return {}
        return {name: np.stack([c.rows.read(at, self.first, self.last) for c in self.chains]) for name, at in self.chains[0].columns.stats.items()}
