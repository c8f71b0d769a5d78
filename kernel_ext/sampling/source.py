"""Draws to look at, whether they come from a run or from InferenceData: elements, statistics of the sampler, what speaks against them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernel_ext.sampling.chain_diagnostics import bfmi
from kernel_ext.sampling.publisher import Publisher
from kernel_ext.sampling.run_drawing import divergent_draws
from workbench.inference.convergence import FULL_TREES, LEAST_ESS, MOST_RHAT, NAMED
from workbench.inference.element_table import FINE, NOT_FINITE, Draws, ElementTable
from workbench.inference.idata import group_names
from workbench.inference.values import apart

Array = np.ndarray[Any, Any]
LEAST_BFMI = 0.3
"""Betancourt (2016): below, the momentum is drawn anew too timidly for the energies that there are."""


@dataclass
class Variable:
    """Where the elements of a variable are.

    Attributes
    ----------
    name
        Of the variable.
    first, size
        The first of its elements, and how many there are.
    """

    name: str
    first: int
    size: int


@dataclass
class Source:
    """Draws, and what is known of them.

    Attributes
    ----------
    draws, table, variables
        Draws of all elements, what they say of each, and the variables that have them.
    stats
        Statistics of the sampler by ArviZ's names, (chain, draw).
    head
        What was done, in a line.
    findings
        What speaks against the draws.
    prior
        Draws of the prior by element, where there are some.
    """

    draws: Draws
    table: ElementTable
    variables: list[Variable]
    stats: dict[str, Array]
    head: str
    findings: list[str]
    prior: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def of_publisher(cls, publisher: Publisher) -> Source:
        """The draws of a run that is over."""
        run, table = publisher.run, publisher.table
        assert table is not None
        variables, at = [], 0
        for name, shape in run.shapes.items():
            variables.append(Variable(name, at, math.prod(shape)))
            at += math.prod(shape)
        stats = {}
        chains = [c for c in run.kept[: run.shown_chains] if c.number in table.draws.chains]
        for name in ("energy", "n_steps", "tree_depth", "reached_max_treedepth"):
            rows = [c.stat(name, run.tune, run.tune + table.draws.count) for c in chains]
            if rows and all(x is not None for x in rows):
                stats[name] = np.stack(rows)  # type: ignore[arg-type]
        divergent = divergent_draws(run, table.draws.count)
        if divergent is not None:
            stats["diverging"] = divergent
        head = f"{table.draws.count:,} draws of {len(table.draws.chains)} chains on {run.backend}"
        return cls(table.draws, table, variables, stats, head, [*publisher.findings, *_low_energy(stats)])

    @classmethod
    def of_idata(cls, idata: Any) -> Source:
        """The draws of InferenceData.

        Raises
        ------
        ValueError
            If it has no posterior.
        """
        if "posterior" not in group_names(idata):
            raise ValueError(f"there is no posterior in it: it has {', '.join(group_names(idata)) or 'nothing'}")
        posterior = idata.posterior
        arrays: dict[str, Any] = {}
        names: list[str] = []
        variables: list[Variable] = []
        for name in posterior.data_vars:
            x = posterior[name].transpose("chain", "draw", ...)
            variables.append(Variable(str(name), len(names), int(np.prod(x.shape[2:], dtype=int))))
            arrays[str(name)] = x.values
            names += _labelled(str(name), x)
        draws = Draws.of_arrays(apart(names), [int(c) if np.issubdtype(type(c), np.integer) else str(c) for c in posterior["chain"].values], arrays)
        stats = {}
        if "sample_stats" in group_names(idata):
            known = idata.sample_stats
            for name in ("diverging", "energy", "n_steps", "tree_depth", "reached_max_treedepth"):
                if name in known and known[name].ndim == 2:
                    stats[name] = known[name].transpose("chain", "draw").values
        table = ElementTable(draws)
        found = cls(draws, table, variables, stats, f"{draws.count:,} draws of {len(draws.chains)} chains", [])
        if "prior" in group_names(idata):
            found.take_prior(idata.prior)
        return found

    def take_prior(self, prior: Any) -> None:
        """Keep draws of the prior beside those of the posterior."""
        for v in self.variables:
            if v.name in prior:
                x = prior[v.name].transpose("chain", "draw", ...).values
                flat = x.reshape(x.shape[0] * x.shape[1], -1)
                if flat.shape[1] == v.size:
                    self.prior |= {self.draws.names[v.first + i]: flat[:, i].astype(np.float64) for i in range(v.size)}

    def complete(self) -> None:
        """Fill the table, and say what it says against draws that have no run."""
        self.table.fill()
        if not self.findings:
            self.findings = [*_problems(self), *_low_energy(self.stats)]


def _labelled(name: str, x: Any) -> list[str]:
    """Names of a variable's elements by the labels of its dims."""
    dims = x.dims[2:]
    if not dims:
        return [name]
    labels = [[str(v) for v in (x[d].values if d in x.coords else range(x.sizes[d]))] for d in dims]
    found = [""]
    for axis in labels:
        found = [f"{before}, {label}" if before else label for before in found for label in axis]
    return [f"{name}[{label}]" for label in found]


def _low_energy(stats: Mapping[str, Array]) -> Iterator[str]:
    energy = stats.get("energy")
    if energy is None or energy.shape[1] < 10:
        return
    low = [f"{b:.2f} in chain {c}" for c, row in enumerate(energy) if np.isfinite(row).all() and (b := bfmi(row)) is not None and b < LEAST_BFMI]
    if low:
        yield f"BFMI is below {LEAST_BFMI}: {', '.join(low)}: tails are hardly explored; reparameterise, or warm up longer"


def _problems(source: Source) -> Iterator[str]:
    """What speaks against draws of which no more is known than themselves; bounds are those of warnings after a run."""
    table, stats, count, chains = source.table, source.stats, source.draws.count, len(source.draws.chains)
    if "diverging" in stats and stats["diverging"].any():
        n = int(stats["diverging"].sum())
        yield f"{n} of {stats['diverging'].size} transitions after warm-up diverged: the draws miss where they end; raise target_accept, or reparameterise"
    if "reached_max_treedepth" in stats:
        full = [str(source.draws.chains[c]) for c, row in enumerate(stats["reached_max_treedepth"]) if row.mean() > FULL_TREES]
        if full:
            yield f"trees reached the greatest depth in chains {', '.join(full)}: draws are slow and correlated; reparameterise, or raise max_treedepth"
    if (bad := int((table.notes == NOT_FINITE).sum())):
        yield f"{bad} of {len(table.names)} elements have draws that are not finite"
    if count < 100:
        yield f"{count} draws a chain are too few to tell whether the chains have converged"
        return
    if chains < 2:
        yield "there is one chain: whether others would agree with it is not known"
    order = [int(i) for i in table.worst() if table.notes[i] == FINE]
    apart_ = [i for i in order if not table.columns["rhat"][i] <= MOST_RHAT]
    if apart_ and chains > 1:
        worst = ", ".join(f"{table.names[i]} ({table.columns['rhat'][i]:.2f})" for i in apart_[:NAMED])
        yield f"R-hat is above {MOST_RHAT} for {len(apart_)} of {len(table.names)} elements, the worst {worst}: the chains do not agree; draw longer, or reparameterise"
    few = sorted((i for i in order if table.columns["ess_bulk"][i] < LEAST_ESS * chains), key=lambda i: table.columns["ess_bulk"][i])
    if few:
        worst = ", ".join(f"{table.names[i]} ({table.columns['ess_bulk'][i]:.0f})" for i in few[:NAMED])
        yield f"fewer than {LEAST_ESS} effective draws a chain for {len(few)} of {len(table.names)} elements, the fewest {worst}: draw longer"
