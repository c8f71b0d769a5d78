"""Runs as ArviZ's InferenceData: what of a run is kept, and with what beside its draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ModelError, warn_user
from workbench.inference.idata import container
from workbench.inference.inference_data import data_of
from workbench.inference.layout import Layout
from workbench.inference.predictive import compute_log_likelihood, compute_log_prior
from workbench.model.dims import RESERVED

if TYPE_CHECKING:
    from workbench.inference.chains import Cut
    from workbench.inference.run import Run
    from workbench.inference.smc.results import Posterior
    from workbench.model.model import Model

@dataclass(frozen=True)
class Kept:
    """What of a run goes into its InferenceData.

    Attributes
    ----------
    var_names
        Variables of the posterior; all when ``None``.
    warmup
        Whether the draws of warm-up do.
    log_likelihood, log_prior
        Whether the log-density of each observation, of each free variable, is computed; names for a part of them.
    unconstrained
        Whether the unconstrained values do.
    dims, coords
        Further dims of variables, and labels of dims.
    """

    var_names: tuple[str, ...] | None = None
    warmup: bool = True
    log_likelihood: bool | Sequence[str] = False
    log_prior: bool | Sequence[str] = False
    unconstrained: bool = False
    dims: Mapping[str, Any] | None = None
    coords: Mapping[str, Any] | None = None

    def of(self, draws: Mapping[str, Any]) -> dict[str, Any]:
        """Return the draws that are kept, by variable."""
        return {k: v for k, v in draws.items() if self.var_names is None or k in self.var_names}


class Results:
    """What of a model becomes InferenceData beside its draws, as it is when a run begins.

    Parameters
    ----------
    model
        The model.
    kept
        What is asked for.
    """

    def __init__(self, model: Model, kept: Kept) -> None:
        self.model, self.kept = model, kept
        self.layout = Layout.of(model, kept.dims, kept.coords)
        self.observed, self.constant = data_of(model)

    def check(self) -> None:
        """Raise where the draws could not become InferenceData.

        Raises
        ------
        ModelError, ShapeError
            If names collide, or lengths do not agree.
        """
        model = self.model
        free = {str(x.name): x.type.static_shape for x in model.free_RVs}
        drawn = self.kept.of({**free, **{str(x.name): x.type.static_shape for x in model.deterministics}})
        if self.kept.unconstrained:
            drawn |= {str(x.name): x.type.static_shape for x in model.value_vars}
        unknown = [n for n in self.kept.dims or {} if n not in model.named_vars]
        if unknown:
            raise ModelError(f"dims: the model has no variable {', '.join(map(repr, unknown))}", f"it has {', '.join(model.named_vars)}")
        self.layout.check(drawn, RESERVED)
        self.layout.check(free if self.kept.log_prior else {}, RESERVED)
        observed = {k: v.shape for k, v in self.observed.items()}
        self.layout.check(observed, RESERVED if self.kept.log_likelihood else ())
        self.layout.check({k: v.shape for k, v in self.constant.items()})

    def inference_data(self, run: Run) -> Any:
        """Return a run's draws, statistics and data as InferenceData, with the model's dims and labels."""
        kept = self.kept
        after, before = run.cut(), run.cut(warmup=True)
        about = {"sampling_time": run.timings.get("sample", float("nan")), "tuning_steps": run.tuning_steps}
        of_run = {**about, **run.linked.about, "random_seed": str(run.seed)}
        groups: dict[str, Any] = {}
        for prefix, cut in (("", after), ("warmup_", before)):
            if cut.draws and (not prefix or kept.warmup or not after.draws):
                values = kept.of(cut.values())
                if kept.unconstrained:
                    values = {**values, **cut.unconstrained()}
                labels = {"chain": np.array(cut.numbers), "draw": np.arange(cut.draws)}
                groups[f"{prefix}posterior"] = self.layout.dataset(values, ("chain", "draw"), labels, of_run)
                groups[f"{prefix}sample_stats"] = self.layout.dataset(cut.stats(), ("chain", "draw"), labels, about)
        if after.draws:
            groups |= self.log_densities(after)
        for name, values in (("observed_data", self.observed), ("constant_data", self.constant)):
            if values:
                groups[name] = self.layout.dataset(values)
        return container(groups)

    def log_densities(self, cut: Cut | Posterior) -> dict[str, Any]:
        """The groups of log-densities that are asked for. Draws are not given up because one cannot be computed."""
        found: dict[str, Any] = {}
        for group, compute, wanted, variables in (
            ("log_likelihood", compute_log_likelihood, self.kept.log_likelihood, self.model.observed_RVs),
            ("log_prior", compute_log_prior, self.kept.log_prior, self.model.free_RVs),
        ):
            if wanted is False or not variables:
                continue
            try:
                names = None if wanted is True else list(wanted)  # type: ignore[arg-type]
                made = compute(cut.values(), var_names=names, extend_inferencedata=False, model=self.model)
                found[group] = made.assign_coords(chain=np.array(cut.numbers))
            except Exception as error:
                said = getattr(error, "message", str(error))
                warn_user(
                    f"the group {group!r} could not be computed ({type(error).__name__}: {said}): the result is without it, and has all draws; "
                    f"pm.compute_{group}(idata) computes it later"
                )
        return found
