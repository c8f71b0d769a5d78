"""The Posterior tab: what the draws say, what speaks against them, and what to do next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kernel_ext.sampling.chain_diagnostics import diagnostic_columns
from kernel_ext.sampling.dashboard import SamplingDashboard, said
from kernel_ext.sampling.predictive import compared
from kernel_ext.sampling.publisher import BATCH, NAMES, Publisher
from kernel_ext.sampling.run_drawing import drawing
from kernel_ext.sampling.sampling_form import bound, code
from kernel_ext.sampling.source import Source
from kernel_ext.widget.part import Part
from workbench import Model, compute_log_likelihood, sample_posterior_predictive, sample_prior_predictive
from workbench.inference.idata import group_names
from workbench.inference.run import Run

FOREST = 400
"""Elements of a forest plot."""
PREDICTED, FROM_PRIOR = 400, 500
"""Draws that predictions are made of."""
STEP_ACCEPT = (0.9, 0.95, 0.99)


class PosteriorView(Part):
    """Shows draws: all elements in a table, densities, ranks, pairs, forests, predictions beside data, energies.

    Parameters
    ----------
    subject
        InferenceData, a run that is over, or the part that samples.
    model
        The model, for predictions; a run has its own.
    title
        The model's name in the notebook.
    """

    name, title = "posterior", "Posterior"

    def __init__(self, subject: Any, model: Model | None = None, title: str = "") -> None:
        super().__init__()
        self.dashboard = subject if isinstance(subject, SamplingDashboard) else None
        self._model, self._title = model, title
        self._publisher: Publisher | None = None
        self._idata: Any = None
        self._source: Source | None = None
        self._working = threading.Lock()
        if self.dashboard is not None:
            self.dashboard.on_watch(self._begun)
            if self.dashboard.publisher is not None:
                self._begun(self.dashboard.publisher)
        elif isinstance(subject, Run):
            self._publisher = Publisher(subject, lambda *_, **__: None).start()
        else:
            self._idata = subject
            # What is wrong with it is said here.
            self._source = Source.of_idata(subject)

    # What is shown --------------------------------------------------------------------------------

    def _begun(self, publisher: Publisher) -> None:
        self._publisher, self._source, self._idata = publisher, None, None
        threading.Thread(target=self._when_over, args=(publisher,), name="workbench-posterior", daemon=True).start()

    def _when_over(self, publisher: Publisher) -> None:
        publisher.over.wait()
        if publisher is self._publisher and publisher.heard:
            self._show()

    @property
    def model(self) -> Model | None:
        """The model that the draws are of, if it is known."""
        if self._publisher is not None:
            return self._publisher.run.model
        return self._model

    @property
    def model_name(self) -> str:
        return self._title or (self.dashboard.called if self.dashboard is not None else "") or "model"

    def source(self) -> Source | None:
        """The draws; ``None`` as long as there are none."""
        publisher = self._publisher
        if self._source is None and publisher is not None and publisher.over.is_set() and publisher.table is not None and publisher.table.draws.count:
            self._source = Source.of_publisher(publisher)
        return self._source

    def idata(self) -> Any:
        """The draws as InferenceData."""
        if self._idata is None:
            assert self._publisher is not None
            self._idata = self._publisher.run.idata
        return self._idata

    def static(self) -> dict[str, str]:
        source = self.source()
        if source is None:
            return {"text/plain": "there are no draws yet"}
        source.complete()
        return {"text/html": drawing(source.head, source.findings, source.table, source.stats.get("diverging")), "text/plain": source.head}

    # Messages ---------------------------------------------------------------------------------------

    def on_hello(self, content: Mapping[str, Any]) -> None:
        threading.Thread(target=self._show, name="workbench-posterior", daemon=True).start()

    def _show(self) -> None:
        source = self.source()
        if source is None:
            self.push("empty", can_sample=self.dashboard is not None and self.dashboard.model is not None, sampling=self._publisher is not None)
            return
        names = list(source.draws.names)
        self.push(
            "posterior", head=source.head, chains=[str(c) for c in source.draws.chains], draws=source.draws.count, elements=len(names),
            variables=[[v.name, v.first, v.size] for v in source.variables], prior=bool(source.prior), actions=self._actions(source),
            keys=self.dashboard.keys() if self.dashboard is not None else {}, name=bound(self.model_name),
            observed=[str(x.name) for x in self.model.observed_RVs] if self.model is not None else [],
        )  # fmt: skip
        for at in range(0, len(names), NAMES):
            self.push("elements", {"name": names[at : at + NAMES]}, start=at)
        source.complete()
        for at in range(0, len(names), 8000):
            part = slice(at, at + 8000)
            columns = {name: x[part].astype(np.float32) for name, x in source.table.columns.items()}
            self.push("summary", {**columns, "note": source.table.notes[part]}, start=at, step=source.table.step, draws=source.draws.count, complete=True)
        for c in range(len(source.draws.chains)):
            columns, said = diagnostic_columns(lambda name, c=c: source.stats[name][c] if name in source.stats else None)  # type: ignore[misc]
            self.push("diagnostics", columns, chain=c, **said)
        self.push("findings", texts=source.findings, actions=self._actions(source))

    def on_element(self, content: Mapping[str, Any]) -> None:
        """Answer with an element's draws, (chain, draw) in a row, and those of the prior."""
        source = self.source()
        i = content.get("element")
        if source is None or not isinstance(i, int) or not 0 <= i < len(source.draws.names):
            return
        chains = len(source.draws.chains)
        step = max(1, -(-chains * source.draws.count // BATCH))
        x = source.draws.read(i, i + 1, step)[:, :, 0]
        divergent = source.stats.get("diverging")
        marks = np.zeros(x.shape, np.uint8)
        if divergent is not None and divergent.shape[0] == chains:
            marks = divergent[:, : source.draws.count : step].astype(np.uint8)
        prior = source.prior.get(source.draws.names[i], np.empty(0))
        columns = {"values": x.reshape(-1), "divergent": marks.reshape(-1), "prior": prior}
        self.push("element", columns, rid=content.get("rid"), element=i, chains=chains, step=step)

    def on_forest(self, content: Mapping[str, Any]) -> None:
        """Answer with intervals of a variable's elements."""
        source = self.source()
        v = next((v for v in source.variables if v.name == content.get("variable")), None) if source is not None else None
        if source is None or v is None:
            return
        last = v.first + min(v.size, FOREST)
        flat = source.draws.read(v.first, last, max(1, source.draws.count // 2000)).reshape(-1, last - v.first)
        levels = np.nanquantile(flat, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
        columns = {name: x.astype(np.float64) for name, x in zip(("low", "quarter", "median", "three_quarters", "high"), levels)}
        self.push("forest", {**columns, "name": list(source.draws.names[v.first : last])}, rid=content.get("rid"), variable=v.name, hidden=v.size - (last - v.first))

    def on_do(self, content: Mapping[str, Any]) -> None:
        work = getattr(self, f"_do_{content.get('action')}", None)
        if work is not None and self.source() is not None:
            threading.Thread(target=self._work, args=(str(content["action"]), work), name="workbench-posterior", daemon=True).start()

    # What to do next, each in a thread ----------------------------------------------------------------

    def _actions(self, source: Source) -> list[dict[str, Any]]:
        """What to do next: what the findings call for first."""
        said_of = " ".join(source.findings)
        found = []
        if self.dashboard is not None and self.dashboard.model is not None and self._publisher is not None:
            run = self._publisher.run
            more = any(w in said_of for w in ("effective draws", "R-hat", "too few"))
            found.append({"action": "more", "title": f"Draw {2 * run.draws_requested:,} a chain", "called_for": more})
            accept = self._next_accept()
            if accept is not None:
                found.append({"action": "accept", "title": f"Raise target_accept to {accept}", "called_for": "diverged" in said_of})
        if self.model is not None and self.model.observed_RVs:
            found += [{"action": "predict", "title": "Posterior predictive"}, {"action": "prior", "title": "Prior and prior predictive"}, {"action": "loo", "title": "LOO"}]
        found += [{"action": "netcdf", "title": "Save as netCDF"}, {"action": "zarr", "title": "Save as Zarr"}, {"action": "code", "title": "Show code"}]
        return sorted(found, key=lambda a: not a.get("called_for", False))

    def _given(self) -> dict[str, str]:
        """What the run was started with, as in the form."""
        assert self._publisher is not None
        run = self._publisher.run
        return {"draws": str(run.draws_requested), "tune": str(run.tuning_steps), "chains": str(run.chains), **self._publisher.about.get("given", {})}

    def _next_accept(self) -> float | None:
        now = float(self._given().get("target_accept") or 0.8)
        return next((a for a in STEP_ACCEPT if a > now + 1e-9), None)

    def _work(self, action: str, work: Callable[[], dict[str, Any]]) -> None:
        with self._working:
            self.push("doing", action=action)
            try:
                found = work()
            except Exception as error:
                found = {"message": said(error), "wrong": True}
            self.push("did", action=action, **found)

    def _do_more(self) -> dict[str, Any]:
        assert self._publisher is not None
        return self._again(draws=str(2 * self._publisher.run.draws_requested))

    def _do_accept(self) -> dict[str, Any]:
        return self._again(target_accept=str(self._next_accept()))

    def _again(self, **changed: str) -> dict[str, Any]:
        assert self.dashboard is not None
        self.dashboard.on_start({**self._given(), **changed})
        return {"message": "A new run has begun: it is in the tab Sample.", "open": "sample"}

    def _do_predict(self) -> dict[str, Any]:
        model, idata = self.model, self.idata()
        assert model is not None
        step = max(1, idata.posterior.sizes["chain"] * idata.posterior.sizes["draw"] // PREDICTED)
        made = sample_posterior_predictive(idata.isel(draw=slice(None, None, step)), model=model, progressbar=False, extend_inferencedata=False)
        return self._predicted(made.posterior_predictive, "posterior predictive")

    def _do_prior(self) -> dict[str, Any]:
        model, source = self.model, self.source()
        assert model is not None and source is not None
        made = sample_prior_predictive(FROM_PRIOR, model=model)
        source.take_prior(made.prior)
        return {**self._predicted(made.prior_predictive, "prior predictive"), "prior": bool(source.prior)}

    def _predicted(self, group: Any, what: str) -> dict[str, Any]:
        model = self.model
        assert model is not None
        plots = {}
        for rv in model.observed_RVs:
            name = str(rv.name)
            if name in group:
                x = group[name].transpose("chain", "draw", ...).values
                made = compared(np.asarray(model.rvs_to_values[rv].eval()), x.reshape(-1, *x.shape[2:]))
                if made is not None:
                    plots[name] = made
        return {"message": "" if plots else "There is nothing to draw: all predictions are not finite, or alike.", "plots": plots, "what": what}

    def _do_loo(self) -> dict[str, Any]:
        import arviz as az

        idata = self.idata()
        if "log_likelihood" not in group_names(idata):
            compute_log_likelihood(idata, model=self.model, progressbar=False)
        found = az.loo(idata)
        k = np.asarray(found.pareto_k) if hasattr(found, "pareto_k") else np.empty(0)
        bad = int((k > 0.7).sum())
        # ArviZ 1 calls them elpd and p.
        elpd, p = (found[k] if k in found else found[k.removesuffix("_loo")] for k in ("elpd_loo", "p_loo"))
        words = f"Expected log predictive density {elpd:.1f}, standard error {found.se:.1f}; effective parameters {p:.1f}."
        trust = f" {bad} of {k.size} observations have a Pareto k above 0.7: their part is not well known." if bad else f" All {k.size} Pareto k are at most 0.7." if k.size else ""
        return {"message": words + trust}

    def _do_netcdf(self) -> dict[str, Any]:
        path = _unused(f"{bound(self.model_name)}.nc")
        self.idata().to_netcdf(str(path))
        return {"message": f"Saved as {path}: az.from_netcdf({str(path)!r})."}

    def _do_zarr(self) -> dict[str, Any]:
        path = _unused(f"{bound(self.model_name)}.zarr")
        idata = self.idata()
        (idata.to_datatree() if hasattr(idata, "to_datatree") else idata).to_zarr(str(path))
        return {"message": f"Saved as {path}: xarray.open_datatree({str(path)!r}, engine=\"zarr\")."}

    def _do_code(self) -> dict[str, Any]:
        name = bound(self.model_name)
        about = self._publisher.about if self._publisher is not None else {}
        lines = [about.get("code") or code(self.model_name, {}), f"pm.summary({name})"]
        if self.model is not None and self.model.observed_RVs:
            lines += [f"pm.sample_posterior_predictive({name}, model={self.model_name})", f"pm.compute_log_likelihood({name}, model={self.model_name})", f"pm.loo({name})"]
        return {"message": "", "code": "\n".join([*lines, f'{name}.to_netcdf("{name}.nc")'])}


def _unused(name: str) -> Path:
    """A path where nothing is yet: what was saved before stays."""
    path, n = Path(name), 2
    while path.exists():
        path = Path(name).with_name(f"{Path(name).stem}-{n}{Path(name).suffix}")
        n += 1
    return path
