"""What a person must know of a finished run before trusting it, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import more
from workbench.inference.diagnostics import summary

if TYPE_CHECKING:
    from workbench.inference.chains import Cut
    from workbench.inference.element_table import ElementTable
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
STUCK = 0.05
"""A chain that moves in a smaller share of its draws is stuck."""
FEWEST_TO_MOVE = 50
"""Draws below which that is not said: where one proposal in five is taken, none is in so many with a probability below 1e-4."""


class ConvergenceWarning(UserWarning):
    """Draws that may not represent the posterior."""


def convergence_problems(run: Run, table: ElementTable | None = None) -> Iterator[str]:
    """Yield what speaks against a run: chains that are stuck, divergences, full trees, chains that disagree, few effective draws.

    Parameters
    ----------
    run
        A run that is over.
    table
        What its draws say of every element, if that is known.

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
    if not cut.draws:
        yield "it was stopped in warm-up: there are no draws of the posterior, only those of warm-up"
        return
    stats, chains, draws = cut.stats(), len(cut.chains), cut.draws
    stuck = _stuck(cut) if draws >= FEWEST_TO_MOVE else []
    for i in stuck:
        yield _where_stuck(run, cut, i)
    free = [i for i in range(chains) if i not in stuck]
    divergences = int(stats["diverging"][free].sum()) if "diverging" in stats else 0
    if divergences:
        yield (
            f"{divergences} of {len(free) * draws} transitions after warm-up diverged: the draws miss where they end; "
            "raise target_accept, or reparameterise"
        )
    full = [cut.numbers[i] for i in free if "reached_max_treedepth" in stats and stats["reached_max_treedepth"][i].mean() > FULL_TREES]
    if full:
        yield (
            f"trees reached the greatest depth in {_listed('chain', full)}: draws are slow and correlated; "
            "reparameterise, or raise max_treedepth"
        )
    if draws < FEWEST:
        yield f"{draws} {'draws' if draws > 1 else 'draw'} a chain {'are' if draws > 1 else 'is'} too few to tell whether the chains have converged"
        return
    if stuck:
        # What R-hat and the effective sample size would advise cannot help.
        return
    if chains < 2:
        yield "there is one chain: whether others would agree with it is not known"
    names = run.variable_names()
    rows: list[dict[str, Any]]
    if table is not None and table.complete and table.step == 1 and table.draws.chains == cut.numbers and table.draws.count == draws:
        of = f"of {len(names)} elements"
        rows = [{"name": names[i], **{k: table.columns[k][i] for k in ("rhat", "ess_bulk")}} for i in table.worst()]
    else:
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


PAGES = {
    "after warm-up diverged": "divergences", "R-hat is above": "r-hat", "effective draws a chain": "few-effective-draws",
    "the greatest depth": "deep-trees", "is stuck: ": "stuck-chain",
}  # fmt: skip
"""Which page of docs/errors/ says more of a problem."""


def with_page(problem: str) -> str:
    """Return what speaks against a run, and which page says more."""
    page = next((page for said, page in PAGES.items() if said in problem), None)
    return problem if page is None else f"{problem} ({more(page)})"


def _stuck(cut: Cut) -> list[int]:
    """Chains, by their place in the cut, that do not move: hardly a draw differs, or all within a millionth of all chains'.

    Discrete values may be all but certain: where nothing is continuous, chains that stand still at one place are not stuck.
    """
    rows = [np.concatenate(chain.position(cut.first, cut.last), axis=1) for chain in cut.chains]
    low, high = np.min([q.min(axis=0) for q in rows], axis=0), np.max([q.max(axis=0) for q in rows], axis=0)
    found = []
    for i, q in enumerate(rows):
        moved = (q[1:] != q[:-1]).any(axis=1).mean()
        if moved < STUCK or (len(rows) > 1 and (np.ptp(q, axis=0) <= 1e-6 * (high - low)).all()):
            found.append(i)
    if found and not cut.places.continuous:
        usual = [_usual(q) for q in rows]
        if all(np.array_equal(q, usual[0]) for q in usual[1:]):
            return []
    return found


def _usual(q: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The row that is there most often."""
    rows, counts = np.unique(q, axis=0, return_counts=True)
    return rows[np.argmax(counts)]  # type: ignore[no-any-return]


def _where_stuck(run: Run, cut: Cut, i: int) -> str:
    """What to say of a stuck chain: where it is, and which variable holds it there."""
    chain = cut.chains[i]
    q, z = chain.position(cut.last - 1, cut.last)
    value, gradient = run.linked.density(q[0], z[0])
    if not gradient.any():
        # No kernel goes by it, or it is 0.
        return (
            f"chain {chain.number} is stuck: its draws hardly move, where the log-density is {value:.4g}; the other chains' draws are "
            "not affected: start elsewhere with initvals, or choose another step"
        )
    # What is not finite comes first.
    slope = np.where(np.isfinite(gradient), np.abs(gradient), np.inf)
    at = int(np.argmax(slope))
    name, (where, shape) = next((n, s) for n, s in cut.places.continuous.items() if s[0].start <= at < s[0].stop)
    rv = next(x for x in run.model.free_RVs if run.model.value_name(x) == name)
    x = run.draws_of(chain.number)[str(rv.name)][cut.draws - 1]
    index = np.unravel_index(at - where.start, shape) if x.shape == tuple(shape) else ()
    element = str(rv.name) + (f"[{', '.join(map(str, index))}]" if index else "")
    number = np.array2string(np.asarray(x[index]), precision=6, threshold=8)
    steps = chain.stat("step_size", cut.last - 1, cut.last)
    step = "" if steps is None else f", and the step size {steps[0]:.2g}"
    return (
        f"chain {chain.number} is stuck: its draws do not move from {element} = {number}, where the log-density is {value:.4g}, its "
        f"slope in the unconstrained {name} {gradient[at]:.4g}{step}. No option of the sampler mends a density that is "
        f"not finite, jumps or rises without bound: look at the priors and the likelihood near this value, or start "
        f"elsewhere with initvals; the other chains' draws are not affected"
    )


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
