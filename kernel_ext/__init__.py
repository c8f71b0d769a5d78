"""The notebook side of the workbench: ``%load_ext kernel_ext``."""

from __future__ import annotations

import importlib
import threading
from typing import Any

SOON_NEEDED = ("scipy.special", "scipy.linalg", "workbench.rewrites.passes", "workbench.compile.c.printer")
"""What the first model takes half a second to import: its author is still writing it."""
_COMMANDS = ("model", "steps", "graph", "sample", "backend")


def load_ipython_extension(ip: Any) -> None:
    """Add the magics, the displays of models and expressions, and the dashboard. Loading twice is fine."""
    from kernel_ext.cell.completion import matcher_for
    from kernel_ext.cell.inspection import inspect_cells
    from kernel_ext.display import show_fit, show_run, show_subject
    from kernel_ext.graphs.computation import FUNCTIONS, function_in
    from kernel_ext.magics import WorkbenchMagics
    from kernel_ext.sampling.draws import remember
    from workbench import Model
    from workbench.graph import Expr
    from workbench.inference import run
    from workbench.inference.approximations import fit_run

    if not isinstance(ip.magics_manager.registry.get("WorkbenchMagics"), WorkbenchMagics):
        ip.register_magics(WorkbenchMagics)
    formatter = ip.display_formatter.ipython_display_formatter
    formatter.for_type(Model, lambda model: show_subject(model, _name_of(ip, model)))
    formatter.for_type(Expr, show_subject)
    for kind in FUNCTIONS:
        formatter.for_type(kind, lambda f: show_subject(function_in(f), _name_of(ip, f)))
    _leave(ip)
    ip.Completer.custom_matchers.append(matcher_for(ip, _COMMANDS))
    if getattr(ip, "kernel", None) is not None:
        inspect_cells(ip.kernel)
        threading.Thread(target=import_soon_needed, name="workbench-imports", daemon=True).start()
    run.on_start += [watch for watch in (show_run, remember) if watch not in run.on_start]
    fit_run.on_start += [watch for watch in (show_fit,) if watch not in fit_run.on_start]


def unload_ipython_extension(ip: Any) -> None:
    """Take away what loading added."""
    from kernel_ext.display import show_fit, show_run
    from kernel_ext.graphs.computation import FUNCTIONS
    from kernel_ext.sampling.draws import remember
    from workbench import Model
    from workbench.graph import Expr
    from workbench.inference import run
    from workbench.inference.approximations import fit_run

    _leave(ip)
    manager = ip.magics_manager
    if manager.registry.pop("WorkbenchMagics", None) is not None:
        for kind in ("line", "cell"):
            for command in _COMMANDS:
                manager.magics[kind].pop(command, None)
    formatter = ip.display_formatter.ipython_display_formatter
    for kind_of in (Model, Expr, *FUNCTIONS):
        if kind_of in formatter.type_printers:
            formatter.pop(kind_of)
    for watch in (show_run, remember):
        if watch in run.on_start:
            run.on_start.remove(watch)
    if show_fit in fit_run.on_start:
        fit_run.on_start.remove(show_fit)
    Model.default_backend = "auto"


def _leave(ip: Any) -> None:
    """Take completion and documentation in model cells away."""
    from kernel_ext.cell.inspection import leave_cells

    ours = [m for m in ip.Completer.custom_matchers if getattr(m, "matcher_identifier", "") == "workbench"]
    for matcher in ours:
        ip.Completer.custom_matchers.remove(matcher)
    if getattr(ip, "kernel", None) is not None:
        leave_cells(ip.kernel)


def import_soon_needed() -> None:
    """Import what the first model needs."""
    for module in SOON_NEEDED:
        importlib.import_module(module)


def _name_of(ip: Any, model: Any) -> str:
    return next((k for k, v in ip.user_ns.items() if v is model and not k.startswith("_")), "")
