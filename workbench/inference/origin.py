"""What a store says of the run that it is of, so that the same run can go on."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ModelError, StoreError, warn_user
from workbench.inference.linked import Step
from workbench.inference.stores.fingerprint import describe, differences, fingerprint
from workbench.samplers import Kernel

if TYPE_CHECKING:
    from workbench.inference.run import Run
    from workbench.model.model import Model


def about(run: Run) -> dict[str, Any]:
    """Return what is known of a run, as JSON can hold it."""
    import workbench

    model = describe(run.model)
    kept = {k: v for k, v in dataclasses.asdict(run.results.kept).items() if k not in ("dims", "coords")}
    return {
        "model": model, "fingerprint": fingerprint(model), "random_seed": str(run.seed), "backend": run.backend, "results": kept,
        **({} if run.longest_tune is None else {"longest_tune": run.longest_tune}),
        **({} if not run.shorter_targets else {"shorter_targets": run.shorter_targets, "shortened": run.shortened}),
        **({} if run.external is None else {"external": run.external.told}),
        "steps": [{"kernel": _address(s.kernel), "names": list(s.names), "settings": repr(s.settings), "candidates": getattr(s.settings, "candidates", 0)} for s in run.steps],
        "made_by": dict(run.linked.about),
        "versions": {"workbench": workbench.__version__, "numpy": np.__version__, "python": sys.version.split()[0]},
    }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Told:
    """The settings of a kernel as a store tells them: all but what its functions are made for is in the states of chains.

    Attributes
    ----------
    text
        The settings, written out.
    candidates
        For how many values at once a conditional density is computed; 0 where there is none.
    """

    text: str
    candidates: int

    def __repr__(self) -> str:
        return self.text


def check_model(model: Model, told: Mapping[str, Any], where: str) -> None:
    """Raise if a model is not the one that a run was of.

    Raises
    ------
    ModelError
        If it is not: says what is different.
    """
    import workbench

    mine = describe(model)
    if fingerprint(mine) == told["fingerprint"]:
        return
    found = differences(mine, told["model"])
    other = told["versions"]["workbench"]
    hint = "give the model, and the data, that the run was begun with; begin a run of this model at another path"
    if other != workbench.__version__:
        hint += f"; or use workbench {other}, which began it: this is {workbench.__version__}, which may write the same formula in another way"
    shown = "; ".join(found[:SHOWN]) + (f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
    raise ModelError(f"{where}: its draws are of another model: {shown}", hint)


SHOWN = 5
"""Most differences that are said."""


def check_versions(told: Mapping[str, Any], where: str) -> None:
    """Warn where a run goes on with another version than began it."""
    import workbench

    other = told["versions"]["workbench"]
    if other != workbench.__version__:
        warn_user(f"{where}: begun by workbench {other}, it goes on with {workbench.__version__}: the draws need not be those that there would have been")


def steps_again(told: Mapping[str, Any], where: str) -> list[Step]:
    """Return the kernels of a run, which are told by name; their settings are in the states of chains.

    Raises
    ------
    StoreError
        If a kernel is not known.
    """
    known = {_address(kind): kind for kind in _all_kernels()}
    unknown = [s["kernel"] for s in told["steps"] if s["kernel"] not in known]
    if unknown:
        raise StoreError(f"{where}: there is no kernel {unknown[0]} here", "import the module that has it, of the version that began the run")
    return [Step(known[s["kernel"]], tuple(s["names"]), Told(s["settings"], s["candidates"])) for s in told["steps"]]


def _address(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _all_kernels() -> list[type[Kernel]]:
    found: list[type[Kernel]] = []
    pending = Kernel.__subclasses__()
    while pending:
        found.append(pending.pop())
        pending += found[-1].__subclasses__()
    return found
