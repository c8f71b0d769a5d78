"""What many chains say of the posterior by their moments alone: means, their errors, and whether the chains agree.

Chains are in groups that began at one point each (superchains). Nested R-hat compares the variance of the groups' means
with that within groups: it tells whether the starts are forgotten, however short the chains are, where R-hat asks
every chain to be long. Source: Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari and Gelman, "Nested R-hat:
Assessing the convergence of Markov chain Monte Carlo when running many short chains" (2024).
"""

from __future__ import annotations

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.tensor.tensor import Tensor

NAMES = ("mean", "sd", "mcse_mean", "ess", "nested_rhat")
"""Results of `moments_summary`."""


def moments_summary() -> Graph:
    """Return the graph from moments of each chain to those of all, each (values,), by `NAMES`.

    Parameters are the number of draws of each chain, means and sums of squared deviations (chains, values), the number of
    each chain's group (chains,), and zeros for each group (groups,). Chains are independent, so the errors of means, and the
    effective sample size, are known from how the chains' means differ, without autocorrelations; they and the standard
    deviation are over all chains.
    """
    seen = pt.scalar("seen")
    mean, square = pt.matrix("mean", "chains", "values"), pt.matrix("square", "chains", "values")
    group, groups = pt.vector("group", "chains", dtype="int64"), pt.vector("groups", "groups")
    n = pt.cast(mean.shape[0], "float64")
    overall = pt.mean(mean, axis=0)
    between = pt.sum(pt.square(mean - overall), axis=0) / (n - 1.0)
    total = (pt.sum(square, axis=0) + seen * pt.sum(pt.square(mean - overall), axis=0)) / (n * seen - 1.0)
    belongs = pt.cast(pt.equal(group[None, :], pt.arange(groups.shape[0])[:, None]), "float64")
    size = pt.sum(belongs, axis=1)[:, None]
    centre = (belongs @ mean) / size
    of_groups = pt.mean(centre, axis=0)
    apart = pt.sum(pt.square(centre - of_groups), axis=0) / (pt.cast(groups.shape[0], "float64") - 1.0)
    # Within a group: of chains' means, and of draws around them.
    means = (belongs @ pt.square(mean - centre[group])) / pt.maximum(size - 1.0, 1.0)
    draws = (belongs @ square) / (pt.maximum(seen - 1.0, 1.0) * size)
    within = pt.mean(means + draws, axis=0)
    error = pt.sqrt(between / n)
    ess = n * total / between
    results: list[Tensor] = [overall, pt.sqrt(total), error, ess, pt.sqrt(1.0 + apart / within)]
    return Graph([seen, mean, square, group, groups], results)
