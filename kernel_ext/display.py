"""How panels show in a notebook: what lasts in the file first, the live widget in its place where a kernel answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from html import escape
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from kernel_ext import static_view
from kernel_ext.code.backends import BackendToggle
from kernel_ext.code.code_view import CodeView
from kernel_ext.fitting.fit_view import FitView
from kernel_ext.graphs.computation import Subject, drawn
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.planning.plan_view import PlanView
from kernel_ext.sampling.dashboard import SamplingDashboard
from kernel_ext.sampling.posterior import PosteriorView
from kernel_ext.sampling.sampling_form import code
from kernel_ext.stepper import RewriteStepper
from kernel_ext.widget.busy_kernel import answering
from kernel_ext.widget.links import Links
from kernel_ext.widget.panel import Panel
from kernel_ext.widget.part import Part
from workbench import Model, sample
from workbench.inference.approximations.fit_run import FitRun
from workbench.inference.run import Run

# Two outputs, one below the other. While the widget is there the first is hidden; where there is none, as in a saved notebook
# that is opened again, the line "Error displaying widget" is.
STATIC_FIRST = (
    "<style>"
    ".jp-OutputArea-child:has([data-wb-static]):has(+ .jp-OutputArea-child .wb){display:none}"
    ".jp-OutputArea-child:has([data-wb-static]) + .jp-OutputArea-child:has(.jupyter-widgets):not(:has(.wb)){display:none}"
    "</style>"
)


def panel_of(subject: Subject, title: str = "", first: str = "") -> Panel:
    """Return the panel of a model, an expression or a function."""
    return Panel(parts_of(subject, title), first, title)


def parts_of(subject: Subject, title: str = "") -> Sequence[Part]:
    """Return the parts of the panel of a model, an expression or a function, in the order in which one leads to the next."""
    if isinstance(subject, Model):
        sampling = SamplingDashboard(subject, title)
        graphs = [GraphInspector(subject, title), GraphInspector(subject, title, "computation")]
        stepper = RewriteStepper.of(subject)
        return [*graphs, stepper, *_code(subject, title), PlanView(subject, title, sampling, stepper), sampling, FitView(subject, title), PosteriorView(sampling), Links(subject)]
    return [GraphInspector(drawn(subject), title), RewriteStepper.of(subject), *_code(subject, title), Links(subject)]


def _code(subject: Subject, title: str) -> list[Part]:
    return [CodeView(subject, title), BackendToggle(subject, title)]


def show(panel: Panel) -> Callable[[dict[str, str]], None]:
    """Display a panel. The function returned puts something else in the place of what lasts."""
    shown = panel.members.get(panel.first)
    lasting = shown.static() if shown is not None else {"text/plain": panel.title}
    # The kernel may have no front end, as IPython in a terminal.
    live = hasattr(get_ipython(), "kernel")
    handle = display(_marked(lasting, panel), raw=True, display_id=True)
    if live:
        display(widget_bundle(panel), raw=True)
    panel.lasting, panel.replace = lasting, lambda now: handle.update(_marked(now, panel), raw=True)
    return panel.replace


def _marked(bundle: dict[str, str], panel: Panel) -> dict[str, str]:
    html = bundle.get("text/html") or f"<pre>{escape(bundle['text/plain'])}</pre>"
    return {**bundle, "text/html": f'{STATIC_FIRST}<div data-wb-static="{panel.model_id}" style="overflow:auto">{html}</div>'}


def widget_bundle(widget: Panel) -> dict[str, Any]:
    """Return a widget's own representation."""
    made = widget._repr_mimebundle_()
    data = dict((made[0] if isinstance(made, tuple) else made) or {})
    return {**data, "text/plain": ""}


def show_subject(subject: Subject, title: str = "", first: str = "") -> None:
    """Display the panel of a model, an expression or a function; where the widgets are not built, what lasts of it, and why."""
    try:
        show(panel_of(subject, title, first))
    except FileNotFoundError as missing:
        bundle = static_view.subject_bundle(drawn(subject))
        display({**bundle, "text/plain": f"{bundle['text/plain']}\n({missing})"}, raw=True)


def show_run(run: Run) -> Callable[[], None]:
    """Display a run's dashboard; the function returned puts what lasts in its place."""
    dashboard = SamplingDashboard(run)
    panel = Panel([dashboard, PosteriorView(dashboard)])
    return _followed(dashboard, run, show(panel))


def show_fit(run: FitRun) -> Callable[[], None]:
    """Display a fit; the function returned puts what lasts in its place."""
    view = FitView(run)
    update = show(Panel([view]))
    busy = ExitStack()
    busy.enter_context(answering(getattr(get_ipython(), "kernel", None)))

    def finish() -> None:
        view.ready.wait(30)
        busy.close()
        update(view.static())

    return finish


def _followed(dashboard: SamplingDashboard, run: Run, update: Callable[[dict[str, str]], None]) -> Callable[[], None]:
    """What ends the display of a run that a cell waits for: until then the kernel answers pages that are loaded anew."""
    kernel = getattr(get_ipython(), "kernel", None)
    run.shows_problems = kernel is not None
    publisher = dashboard.publisher
    assert publisher is not None
    busy = ExitStack()
    busy.enter_context(answering(kernel))

    def finish() -> None:
        publisher.ready.wait(30)
        busy.close()
        update(dashboard.static())

    return finish


def sample_in_panel(model: Model, title: str, options: dict[str, Any]) -> Any:
    """Sample a model while its panel shows the run; return the draws, also those of a run that was stopped."""
    if not hasattr(get_ipython(), "kernel"):
        return sample(**options, model=model)
    panel = panel_of(model, title, SamplingDashboard.name)
    dashboard = panel.members[SamplingDashboard.name]
    assert isinstance(dashboard, SamplingDashboard)
    run = sample(**options, model=model, blocking=False, progressbar=False)
    given = {k: v for k, v in options.items() if v is not None}
    # The form shows what the run was made with, the backend where it says where.
    dashboard.watch(run, code=code(title, given), given={"place" if k == "backend" else k: str(v) for k, v in given.items()})
    finish = _followed(dashboard, run, show(panel))
    run.wait()
    finish()
    return run.idata
