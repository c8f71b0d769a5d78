"""How models and expressions show in a notebook: a live widget, else a drawing, else text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.display import display

from kernel_ext import static_view
from kernel_ext.dashboard import SamplingDashboard
from kernel_ext.inspector import GraphInspector
from kernel_ext.stepper import RewriteStepper
from workbench import Model
from workbench.graph import Expr
from workbench.inference.run import Run


def subject_bundle(subject: Model | Expr, title: str = "") -> dict[str, Any]:
    """Return the representations of a model or expression, the best first."""
    bundle = _static_bundle(subject)
    try:
        return {**widget_bundle(GraphInspector(subject, title)), **bundle}
    except FileNotFoundError as missing:
        return {**bundle, "text/plain": f"{bundle['text/plain']}\n({missing})"}


def _static_bundle(subject: Model | Expr) -> dict[str, Any]:
    bundle = {"text/plain": static_view.plain_text(subject)}
    svg = static_view.graph_svg(subject)
    if svg is not None:
        bundle["text/html"] = f'<div style="overflow:auto">{svg}</div>'
    return bundle


def widget_bundle(widget: Any) -> dict[str, Any]:
    """Return a widget's own representation."""
    made = widget._repr_mimebundle_()
    data = made[0] if isinstance(made, tuple) else made
    return dict(data or {})


def show_graph(subject: Model | Expr, title: str = "") -> None:
    """Display a model's or expression's graph."""
    display(subject_bundle(subject, title), raw=True)


def show_steps(stepper: RewriteStepper) -> None:
    """Display a stepper, with its passes as text for viewers without widgets."""
    lines = [f"{p.name}: {len(p.firings)} steps, {p.seconds * 1e3:.1f} ms" for p in stepper.replay.passes]
    display({**widget_bundle(stepper), "text/plain": "\n".join(lines)}, raw=True)


def show_run(run: Run) -> Callable[[], None]:
    """Display a run's dashboard; the function returned puts what lasts in its place."""
    dashboard = SamplingDashboard(run)
    handle = display({**widget_bundle(dashboard), "text/plain": "sampling ..."}, raw=True, display_id=True)

    def finish() -> None:
        dashboard.over.wait(30)
        names = dashboard.shown() if run.kept else []
        rows = dashboard.final_rows or (dashboard.rows(run.variable_names()) if run.kept else [])
        handle.update({"text/html": static_view.run_html(run, names, rows), "text/plain": repr(run)}, raw=True)

    return finish
