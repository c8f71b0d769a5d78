"""What a person must know of a finished run before trusting it, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.inference.diagnostics import summary

if TYPE_CHECKING:
    from workbench.inference.run import Run

MOST_RHAT = 1.01
"""Vehtari et al. (2021), "Rank-normalization, folding, and localization", section 4."""
LEAST_ESS = 100
"""Effective draws a chain; the same paper."""
FULL_TREES = 0.05
"""Share of trees of the greatest depth above which a chain is slow rather than unlucky."""
FEWEST = 100
"""Draws below which R-hat and the effective sample size say little."""
EXAMINED = 2_000_000
"""Numbers that R-hat is computed from: of larger runs, elements evenly apart are examined."""
NAMED = 3


class ConvergenceWarning(UserWarning):
    """Draws that may not represent the posterior."""


def convergence_problems(run: Run) -> Iterator[str]:
    """Yield what speaks against a run: divergences, full trees, chains that disagree, few effective draws.

    Parameters
    ----------
    run
        A run that is over.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     run = pm.sample(50, chains=2, random_seed=1, quiet=True, return_inferencedata=False)
    >>> list(convergence_problems(run))
    ['50 draws a chain are too few to tell whether the chains have converged']
    """
    cut = run.cut()
    if cut.left_out:
        yield (
            f"{_listed('chain', list(cut.left_out))} had few draws when the run was stopped, and {'are' if len(cut.left_out) > 1 else 'is'} left out: "
            f"the others have {cut.draws} each; run.draws_of(chain) has all"
        )
    stats = cut.stats()
    if not stats:
        yield "it was stopped in warm-up: there are no draws of the posterior, only those of warm-up"
        return
    chains, draws = stats["diverging"].shape
    divergences = int(stats["diverging"].sum())
    if divergences:
        yield (
            f"{divergences} of {chains * draws} trajectories after warm-up diverged: the draws miss where they end; "
            "raise target_accept, or reparameterise"
        )
    full = np.flatnonzero(stats["reached_max_treedepth"].mean(axis=1) > FULL_TREES)
    if len(full):
        yield (
            f"trees reached the greatest depth in {_listed('chain', full.tolist())}: draws are slow and correlated; "
            "reparameterise, or raise max_treedepth"
        )
    if draws < FEWEST:
        yield f"{draws} draws a chain are too few to tell whether the chains have converged"
        return
    if chains < 2:
        yield "there is one chain: whether others would agree with it is not known"
    names = run.variable_names()
    step = max(1, -(-len(names) * chains * draws // EXAMINED))
    some = names[::step]
    of = f"of {len(some)} elements" + (f" examined, of {len(names)}," if step > 1 else "")
    rows = summary(some, _every(step, list(cut.values().values())))
    apart = [r for r in rows if r["rhat"] > MOST_RHAT]
    if apart and chains > 1:
        worst = ", ".join(f"{r['name']} ({r['rhat']:.2f})" for r in apart[:NAMED])
        yield f"R-hat is above {MOST_RHAT} for {len(apart)} {of}, the worst {worst}: the chains do not agree; draw longer, or reparameterise"
    few = sorted((r for r in rows if r["ess_bulk"] < LEAST_ESS * chains), key=lambda r: r["ess_bulk"])
    if few:
        worst = ", ".join(f"{r['name']} ({r['ess_bulk']:.0f})" for r in few[:NAMED])
        yield f"fewer than {LEAST_ESS} effective draws a chain for {len(few)} {of}, the fewest {worst}: draw longer"


def _every(step: int, variables: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Each `step`-th element of variables, (chain, draw, *shape): by position, for labels need not differ."""
    found, at = [], 0
    for v in variables:
        columns = v.reshape(*v.shape[:2], -1)
        found.append(columns[:, :, -at % step :: step].astype(np.float64))
        at += columns.shape[2]
    return np.concatenate(found, axis=2)


def _listed(what: str, numbers: list[int]) -> str:
    return f"{what}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
