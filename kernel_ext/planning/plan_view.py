"""The Infer tab: a button that finds out how to sample a model, the plan with its reasons and switches, and its run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from IPython.core.getipython import get_ipython

from kernel_ext.sampling.dashboard import SamplingDashboard, said
from kernel_ext.stepper import RewriteStepper, trace_of
from kernel_ext.widget.part import Part
from workbench import Model, infer
from workbench.graph import Trace
from workbench.inference.planning.plan import Plan, listed
from workbench.inference.run import Run

IDLE, PLANNING, READY, RUNNING, DONE, FAILED = "idle", "planning", "ready", "running", "done", "failed"


class PlanView(Part):
    """Plans the inference of a model, lets steps be switched off, and carries the plan out.

    Parameters
    ----------
    model
        The model.
    title
        Its name in the notebook.
    dashboard
        Where the run is shown.
    stepper
        Where the rules of a step are shown.
    """

    name, title = "infer", "Infer"

    def __init__(self, model: Model, title: str = "", dashboard: SamplingDashboard | None = None, stepper: RewriteStepper | None = None) -> None:
        super().__init__()
        self.stepper = stepper
        self.model, self.called, self.dashboard = model, title, dashboard
        self.plan: Plan | None = None
        self.idata: Any = None
        self.state = IDLE
        self._said = ""
        self._working = threading.Lock()

    # Handlers only hand work to a thread: they may run while a cell is busy.

    def on_hello(self, content: Mapping[str, Any]) -> None:
        self._tell()

    def on_plan(self, content: Mapping[str, Any]) -> None:
        self._start(self.make, str(content.get("seconds", "")), str(content.get("random_seed", "")))

    def on_switch(self, content: Mapping[str, Any]) -> None:
        if self.plan is None or self.state in (PLANNING, RUNNING):
            return
        for step in self.plan.steps:
            if step.name == content.get("name"):
                step.on = bool(content.get("on"))
                self.state = READY
        self._tell()

    def on_rules(self, content: Mapping[str, Any]) -> None:
        if self.plan is not None and self.stepper is not None:
            self._start(self.show_rules, str(content.get("name", "")))

    def on_run(self, content: Mapping[str, Any]) -> None:
        self._start(self.carry_out)

    # --------------------------------------------------------------------------------------------

    @property
    def bound(self) -> str:
        """What the draws are called in the notebook."""
        return f"idata_{self.called}" if self.called.isidentifier() else "idata"

    def _start(self, work: Any, *given: str) -> None:
        threading.Thread(target=self._done_once, args=(work, given), name="workbench-plan", daemon=True).start()

    def _done_once(self, work: Any, given: tuple[str, ...]) -> None:
        if not self._working.acquire(blocking=False):
            return
        try:
            work(*given)
        except Exception as error:
            self.state, self._said = FAILED, said(error)
            self._tell()
        finally:
            self._working.release()

    def make(self, seconds: str = "", random_seed: str = "") -> None:
        """Make a plan: it is measured by pilots, the best of which goes on to the end; then carry it out.

        Raises
        ------
        ValueError
            If a number is none.
        """
        options: dict[str, Any] = {}
        if seconds.strip():
            try:
                options["seconds"] = float(seconds)
            except ValueError:
                raise ValueError(f"seconds must be a number, not {seconds!r}") from None
        if random_seed.strip():
            if not (random_seed.strip().isascii() and random_seed.strip().isdigit()):
                raise ValueError(f"the seed must be a whole number, not {random_seed!r}")
            options["random_seed"] = int(random_seed)
        self.state, self._said, self.plan = PLANNING, "", None
        self._tell()
        self.plan = infer(self.model, run=False, show=False, **options)
        self.carry_out()

    def show_rules(self, name: str) -> None:
        """Let the stepper show the model that a step makes, at the first rule that is not in the model before.

        Raises
        ------
        ArgumentError
            If the plan has no such step.
        """
        assert self.plan is not None and self.stepper is not None
        before, after = self.plan.around(name)
        trace = trace_of(after)
        self.stepper.turn_to(trace, after, first_of(trace_of(before), trace), name)
        self.push("rules", name=name)

    def carry_out(self) -> None:
        """Carry the plan out as its switches are, bind its draws, and show its run in the Sample tab."""
        plan = self.plan
        if plan is None:
            return
        self.state, self._said = RUNNING, ""
        self._tell()
        self.idata = plan.run()
        shell = get_ipython()
        if shell is not None:
            shell.user_ns[self.bound] = self.idata
            self._said = f"the draws are {self.bound} in the notebook"
        if self.dashboard is not None and plan.as_measured and plan.measured is not None and isinstance(plan.measured[1], Run) and not plan.exact:
            self.dashboard.watch(plan.measured[1], code=f"{self.bound} = pm.infer({self.called or 'model'})", bound=self.bound if shell is not None else "").hello()
        self.state = DONE
        self._tell()

    def _tell(self) -> None:
        plan = self.plan
        why = "" if self.model.free_RVs else "The model has no free variable: there is nothing to infer."
        steps = [] if plan is None else [{"name": s.name, "reason": s.reason, "evidence": listed(s.evidence), "on": s.on, "switch": True, "rules": self.stepper is not None} for s in plan.steps]
        if plan is not None:
            last = plan.last
            steps.append({"name": last.name, "reason": last.reason, "evidence": listed(last.evidence), "on": True, "switch": False, "rules": False})
        self.push(
            "plan", state=self.state, why_not=why, steps=steps, code="" if plan is None else plan.code(), said=self._said,
            advice=[] if plan is None or self.state != DONE else list(plan.advice), fresh=plan is not None and not (plan.as_measured or plan.exact),
            seconds={} if plan is None else dict(plan.seconds), bound=self.bound, call=f"{self.bound} = pm.infer({self.called or 'model'})",
        )  # fmt: skip

    def static(self) -> dict[str, str]:
        if self.plan is None:
            return {"text/plain": f"no plan for {self.called or 'model'} yet: make one here, or with pm.infer({self.called or 'model'})"}
        return {"text/plain": repr(self.plan), "text/html": self.plan._repr_html_()}


def first_of(before: Trace, after: Trace) -> int:
    """Return the number of the first firing of a trace that another has not, in their order; as steppers count, from 1.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     z = pm.Bernoulli("z", 0.3)
    ...     y = pm.Normal("y", z, 1.0, observed=0.5)
    >>> trace = trace_of(pm.marginalize(model, "z"))
    >>> firings = [f for p in trace.passes for f in p.firings]
    >>> firings[first_of(trace_of(model), trace) - 1].rule.name
    'sum_over_states'
    """
    firings = [[(p.name, f.rule.name, f.before.name) for p in trace.passes for f in p.firings] for trace in (before, after)]
    return next((i for i, (a, b) in enumerate(zip_longest(*firings), 1) if a != b), 0)
