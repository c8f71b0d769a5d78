"""Runs of SMC as ArviZ's InferenceData."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.inference.idata import container

if TYPE_CHECKING:
    from workbench.inference.smc.run import SmcRun

Array = np.ndarray[Any, Any]


class Posterior:
    """The draws of a run, as :class:`workbench.inference.results.Results` takes them."""

    def __init__(self, run: SmcRun) -> None:
        self.numbers = [c.number for c in run.finished]
        self._draws = run.draws

    def values(self) -> dict[str, Array]:
        """Return draws by variable, (chain, draw, *shape)."""
        return self._draws


def inference_data(run: SmcRun) -> Any:
    """Return the populations of a run that are at the posterior, with the model's dims and labels, as InferenceData.

    The group ``sample_stats`` has a row for each stage of each chain. A chain of fewer stages than another stays at inverse
    temperature 1. The logarithm of the marginal likelihood is in the last one, as no stage before it has one.
    """
    results, posterior = run.results, Posterior(run)
    kept = results.kept
    values = kept.of(posterior.values())
    if kept.unconstrained:
        values = {**values, **run.unconstrained()}
    about = {
        "sampling_time": run.timings["sample"], "backend": run.backend, "method": f"smc, {run.kernel.name}", "random_seed": str(run.seed),
        "log_marginal_likelihood": run.log_marginal_likelihood, "log_marginal_likelihood_se": run.log_marginal_likelihood_se,
        "_n_draws": run.draws_requested, **run.settings,
    }  # fmt: skip
    labels = {"chain": np.array(posterior.numbers), "draw": np.arange(run.draws_requested)}
    groups: dict[str, Any] = {"posterior": results.layout.dataset(values, ("chain", "draw"), labels, about)}
    groups["sample_stats"] = _statistics(run, about)
    groups |= results.log_densities(posterior)
    for name, data in (("observed_data", results.observed), ("constant_data", results.constant)):
        if data:
            groups[name] = results.layout.dataset(data)
    return container(groups)


def _statistics(run: SmcRun, about: dict[str, Any]) -> Any:
    """Statistics of each chain's stages, (chain, stage), and errors, (chain,)."""
    import xarray

    chains = run.finished
    most = max(len(c.stages) for c in chains)
    found: dict[str, Any] = {}
    for name in chains[0].stages[0]:
        table = np.full((len(chains), most), np.nan)
        for row, c in zip(table, chains):
            row[: len(c.stages)] = [s[name] for s in c.stages]
            if name == "beta":
                row[len(c.stages) :] = 1.0
            if name == "log_marginal_likelihood":
                row[:], row[-1] = np.nan, c.evidence
        found[name] = ("chain", "stage"), table
    found["log_marginal_likelihood_se"] = ("chain",), np.sqrt([c.variance for c in chains])
    coords = {"chain": [c.number for c in chains], "stage": np.arange(most)}
    return xarray.Dataset(found, coords=coords, attrs=about)
