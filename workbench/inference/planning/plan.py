"""`Plan`: what is to be done with a model, step by step, why, and the code that does it."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.errors import ArgumentError, closest
from workbench.inference.idata import has_inference_data

if TYPE_CHECKING:
    from workbench.inference.run import Run
    from workbench.inference.smc.run import SmcRun
    from workbench.model.model import Model


@dataclass
class Step:
    """One step of a plan.

    Attributes
    ----------
    name
        What it does: ``non-centre a``.
    reason
        Why, in a sentence.
    evidence
        What was measured, or counted, by name.
    on
        Whether it is done: a switch.
    code
        The statement that does it, of the names ``pm`` and ``model``.
    apply
        From a model to the model that it makes.
    recovers
        Whether what it took out of the model is to be drawn in the end.
    draws
        How draws are made where it is on, if not as the plan says.
    """

    name: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    on: bool = True
    code: str = ""
    apply: Callable[[Model], Model] | None = None
    recovers: bool = False
    draws: Sampling | None = None


@dataclass
class Sampling:
    """How draws are made of the model that the steps make.

    Attributes
    ----------
    options
        Of the function.
    reason
        Why these.
    evidence
        What was measured, by name.
    name
        What it is called in the plan.
    function
        The function of ``pm``: "sample", "sample_smc", "fit_inla" or "fit_pathfinder".
    """

    options: dict[str, Any]
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    name: str = "sample"
    function: str = "sample"


class Plan:
    """What :func:`workbench.infer` does with a model: steps in order, with reasons, evidence and switches.

    Attributes
    ----------
    model
        The model as it was written.
    steps
        Transformations of the model, in order.
    sampling
        How what they make is sampled, where none of them says another way.
    advice
        What speaks against the draws, and what to do next, in words; empty if nothing does.
    seconds
        Wall time: of the whole, by part.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     z = pm.Bernoulli("z", 0.3, shape=2)
    ...     mu = pm.Normal("mu", 0.0, 2.0)
    ...     y = pm.Normal("y", pm.math.where(z, mu, -mu), 1.0, observed=[1.0, -0.5])
    >>> plan = pm.infer(model, random_seed=1, run=False, show=False)
    >>> [step.name for step in plan.steps], plan["sum out z"].on
    (['sum out z'], True)
    >>> print(plan.code().splitlines()[2])
    made = pm.marginalize(made, 'z')
    """

    def __init__(self, model: Model, steps: list[Step], sampling: Sampling) -> None:
        self.model, self.steps, self.sampling = model, steps, sampling
        self.advice: list[str] = []
        self.seconds: dict[str, float] = {}
        self.measured: tuple[tuple[Any, ...], Run | SmcRun | Any] | None = None
        self._done: tuple[tuple[Any, ...], Any] | None = None
        self._made: dict[tuple[str, ...], Model] = {}

    def __getitem__(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        names = [s.name for s in self.steps]
        near = closest(name, names)
        raise ArgumentError(f"the plan has no step {name!r}", f"did you mean {near!r}?" if near else f"it has {', '.join(names) or 'none'}")

    @property
    def chosen(self) -> list[Step]:
        """The steps that are done."""
        return [s for s in self.steps if s.on]

    @property
    def how(self) -> Sampling:
        """How draws are made: as the last step that is on says, or else as `sampling` does."""
        return next((s.draws for s in reversed(self.chosen) if s.draws is not None), self.sampling)

    @property
    def as_measured(self) -> bool:
        """Whether the steps that are on and the options of what draws are those of when the plan was measured."""
        return self.measured is not None and self.measured[0] == self.key

    @property
    def key(self) -> tuple[Any, ...]:
        """What decides about its results: the steps that are on, and the options of sampling."""
        return tuple(s.name for s in self.chosen), tuple(sorted((k, repr(v)) for k, v in self.how.options.items()))

    def came_to(self, model: Model) -> None:
        """Remember the model that the steps that are on have made."""
        self._made[self._applied] = model

    @property
    def _applied(self) -> tuple[str, ...]:
        """Names of the steps that are on and make another model."""
        return tuple(s.name for s in self.chosen if s.apply is not None)

    def transformed(self) -> Model:
        """Return the model that the steps make."""
        names = self._applied
        if names not in self._made:
            made = self.model
            for step in self.chosen:
                if step.apply is not None:
                    made = step.apply(made)
            self._made[names] = made
        return self._made[names]

    def around(self, name: str) -> tuple[Model, Model]:
        """Return the model that a step is done to, by the steps before it that are on, and the one that it makes."""
        step, before = self[name], self.model
        for earlier in self.steps[: self.steps.index(step)]:
            if earlier.on and earlier.apply is not None:
                before = earlier.apply(before)
        return before, before if step.apply is None else step.apply(before)

    def code(self) -> str:
        """Return the plan as code over the name ``model``: it gives the same draws."""
        lines = ["made = model", *(s.code for s in self.chosen if s.code)]
        how = self.how
        seed = how.options.get("random_seed")
        if self.exact:
            draws = {k: how.options[k] for k in ("chains", "draws")}
            rows = f'{{"draws": numpy.zeros(({draws["chains"]}, {draws["draws"]}))}}'
            drawn = f"pm.recover({rows}, made, random_seed={seed}, extend_inferencedata=False)"
            made, package = (f"arviz.InferenceData(posterior={drawn})", "arviz") if has_inference_data() else (f'xarray.DataTree.from_dict({{"posterior": {drawn}}})', "xarray")
            imports = sorted([f"import {package}", "import numpy"])
            return "\n".join([*imports, "import workbench as pm", *lines, f"idata = {made}"])
        options = ", ".join(f"{k}={v!r}" for k, v in how.options.items())
        lines.append(f"idata = pm.{how.function}({options}, model=made)")
        if any(s.recovers for s in self.chosen):
            lines.append(f"idata = pm.recover(idata, made, random_seed={seed})")
        return "\n".join(["import workbench as pm", *lines])

    @property
    def exact(self) -> bool:
        """Whether nothing is left to sample: all is drawn from its exact conditional distributions."""
        return not self.transformed().free_RVs

    def run(self, progressbar: bool | str = False) -> Any:
        """Carry the plan out, as its switches are now, and return InferenceData of the variables of the model as it was written.

        What was drawn when the plan was measured is used where the same steps are on; else it is drawn anew.
        """
        from workbench.inference.planning.carrying_out import carry_out

        key = self.key
        if self._done is None or self._done[0] != key:
            self._done = key, carry_out(self, progressbar)
        return self._done[1]

    # Looking -----------------------------------------------------------------------------------

    @property
    def last(self) -> Sampling:
        """How draws are made in the end: as `how` says, or from closed forms where nothing is left to sample."""
        return Sampling({}, "all is drawn from closed forms: no chain runs", name="draw exactly") if self.exact else self.how

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = [("on" if s.on else "off", s.name, s.reason, listed(s.evidence)) for s in self.steps]
        drawn = self.last
        return [*rows, ("on", drawn.name, drawn.reason, listed(drawn.evidence))]

    def __repr__(self) -> str:
        lines = []
        for i, (on, name, reason, evidence) in enumerate(self._rows(), 1):
            lines.append(f"{i}. {name}" + ("" if on == "on" else " (off)"))
            lines += textwrap.wrap(reason + (f" [{evidence}]" if evidence else ""), 110, initial_indent="   ", subsequent_indent="   ")
        return "\n".join([*lines, *(f"! {line}" for line in self.advice)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{i}</td><td>{on}</td><td><b>{html.escape(name)}</b></td><td style='text-align:left'>{html.escape(reason)}</td>"
            f"<td style='text-align:left'>{html.escape(evidence)}</td></tr>"
            for i, (on, name, reason, evidence) in enumerate(self._rows(), 1)
        )
        said = "".join(f"<p>{html.escape(line)}</p>" for line in self.advice)
        head = "<tr><th></th><th></th><th>step</th><th>why</th><th>measured</th></tr>"
        return f"<table>{head}{rows}</table>{said}<pre>{html.escape(self.code())}</pre>"


def listed(evidence: Mapping[str, Any]) -> str:
    """Return what was measured, in a line."""
    return ", ".join(f"{k}: {v:.3g}" if isinstance(v, float) else f"{k}: {v}" for k, v in evidence.items())
