"""ArviZ's InferenceData, without the 2 seconds of plots and statistics that ``import arviz`` imports before it.

The class stands in four modules of ArviZ. Where ArviZ is not imported, their code is run by itself, with an ``import`` that
finds them among one another, and they become the modules of those names: what imports ArviZ later, as usual, has the same class. Until then
there is no module ``arviz``, so that no thread can find half of one. See ``docs/decisions/0079-the-class-of-results.md``.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.metadata
import importlib.util
import sys
import threading
from importlib import _bootstrap  # type: ignore[attr-defined]
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

MODULES = ("arviz.rcparams", "arviz.utils", "arviz.data.base", "arviz.data.inference_data")
"""What the class needs, each after those that it imports itself."""
PACKAGES = ("arviz", "arviz.data")
PLOTS = "matplotlib.pyplot"
_turn = threading.Lock()


def inference_data_class() -> Any:
    """Return ArviZ's InferenceData.

    Examples
    --------
    >>> inference_data_class().__name__
    'InferenceData'
    >>> import arviz
    >>> arviz.InferenceData is inference_data_class()
    True
    """
    with _turn:
        if "arviz" not in sys.modules and MODULES[-1] not in sys.modules:
            # Another version of ArviZ may need more than these modules: then it is imported as usual.
            with contextlib.suppress(Exception):
                _publish(_loaded())
        if "arviz" not in sys.modules and MODULES[-1] in sys.modules:
            return sys.modules[MODULES[-1]].InferenceData
    from arviz import InferenceData

    return InferenceData


def version() -> str:
    """Return the version of ArviZ, without importing it."""
    return importlib.metadata.version("arviz")


def _loaded() -> dict[str, ModuleType]:
    """The modules, which nothing else knows of yet."""
    found: dict[str, ModuleType] = {}
    spec = importlib.util.find_spec("arviz")
    places = list(spec.submodule_search_locations or ()) if spec else []
    own = {**vars(builtins), "__import__": _import_among(found, [Path(p) for p in places])}
    for name in MODULES:
        *packages, _ = name.split(".")[1:]
        spec = PathFinder.find_spec(name, ["/".join([p, *packages]) for p in places])
        if spec is None or spec.loader is None:
            raise ImportError(name)
        module = found[name] = importlib.util.module_from_spec(spec)
        vars(module)["__builtins__"] = own
        spec.loader.exec_module(module)
    # It has read its files.
    found["arviz.utils"].importlib = importlib  # type: ignore[attr-defined]
    return found


def _import_among(found: dict[str, ModuleType], places: list[Path]) -> Any:
    """What ``import`` means in the modules: one of them, or what their packages have; all else as usual."""
    about = SimpleNamespace(__version__=version())
    # A class reads its style sheets from the package as it is made, by a function of `importlib.resources`, which would import the package.
    files = SimpleNamespace(**{**vars(importlib), "resources": SimpleNamespace(files=lambda package: places[0])})

    def load(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if level:
            package = globals["__package__"].rsplit(".", level - 1)[0]
            full = f"{package}.{name}" if name else package
            if full in found:
                return found[full]
            if full == "arviz" and set(fromlist) <= {"__version__", "utils"}:
                about.utils = found["arviz.utils"]
                return about
        elif name == "importlib.resources" and not fromlist:
            return files
        elif name == PLOTS and PLOTS not in sys.modules and not fromlist:
            return SimpleNamespace(pyplot=_Later(PLOTS))
        return builtins.__import__(name, globals, locals, fromlist, level)

    return load


class _Later(ModuleType):
    """A module that is imported when something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def _publish(found: dict[str, ModuleType]) -> None:
    """Make them the modules of their names, unless ArviZ is being imported."""
    # Who imports ArviZ has this lock from before the first of its modules until after the last.
    with getattr(_bootstrap, "_ModuleLockManager", contextlib.nullcontext)("arviz"):
        if "arviz" not in sys.modules:
            sys.meta_path.insert(0, _Binding(found))  # type: ignore[arg-type]
            sys.modules.update(found)


class _Binding:
    """Gives ArviZ's packages, when they are imported, those of their modules that are there already: Python does so only as it imports one."""

    def __init__(self, found: dict[str, ModuleType]):
        self.found = found

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in PACKAGES else None
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            for full, each in self.found.items():
                package, _, own = full.rpartition(".")
                if package == name:
                    setattr(module, own, each)
            run(module)
            if name == "arviz":
                self.found["arviz.utils"].plt = importlib.import_module(PLOTS)  # type: ignore[attr-defined]
                sys.meta_path.remove(self)  # type: ignore[arg-type]

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
