"""Code written for PyMC, as it is: ``python -m workbench.as_pymc script.py`` gives its ``import pymc`` this package.

``pymc`` is then `workbench`, ``pytensor`` is `workbench.pytensor` and ``pytensor.tensor`` `workbench.tensor`, their modules too, whether the
packages of those names are installed or not. In a notebook, :func:`install` does so for the imports that follow.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAMES = {"pytensor.tensor": "workbench.tensor", "pytensor": "workbench.pytensor", "pymc": "workbench"}
"""Their packages and what takes their place, the longest first."""


def ours(name: str) -> str | None:
    """Return the module that takes the place of one of theirs.

    Examples
    --------
    >>> ours("pymc.distributions.transforms"), ours("pytensor.tensor"), ours("numpy")
    ('workbench.distributions.transforms', 'workbench.tensor', None)
    """
    for theirs, place in NAMES.items():
        if name == theirs or name.startswith(f"{theirs}."):
            return place + name[len(theirs) :]
    return None


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds our modules under their names."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        place = ours(fullname)
        return None if place is None else importlib.util.spec_from_loader(fullname, self, origin=place, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        place = ours(name)
        assert place is not None
        try:
            found = importlib.import_module(place)
        except ModuleNotFoundError as error:
            above, _, last = place.rpartition(".")
            # A name that is no module has its explanation.
            getattr(importlib.import_module(above), last)
            raise ModuleNotFoundError(f"{name}: there is no module {place}", name=name) from error
        sys.modules[name] = found


def install() -> None:
    """Let what is imported from now on as ``pymc`` and ``pytensor`` be this package."""
    if not any(isinstance(f, Finder) for f in sys.meta_path):
        for name in [n for n in sys.modules if ours(n) is not None]:
            del sys.modules[name]
        sys.meta_path.insert(0, Finder())


def main(arguments: Sequence[str]) -> Any:
    """Run a script; its arguments follow it."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m workbench.as_pymc script.py [arguments]", file=sys.stderr)
        return 0 if arguments else 2
    install()
    sys.argv = list(arguments)
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
