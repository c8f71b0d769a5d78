"""Models with simulators: what needs a density is not for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.distributions.distribution import Draw
from workbench.errors import ModelError

if TYPE_CHECKING:
    from workbench.model.model import Model
    from workbench.tensor.tensor import Tensor


def simulated_variables(model: Model) -> list[Tensor]:
    """Return the random variables of a model that are simulators."""
    return [rv for rv in model.basic_RVs if isinstance(rv.op, Draw) and rv.op.distribution.simulated]


def require_density(model: Model, what: str) -> None:
    """Raise, at its line, if a variable is a simulator.

    Parameters
    ----------
    model
        The model.
    what
        What needs a density.

    Raises
    ------
    ModelError
        If there is one.
    """
    for rv in simulated_variables(model):
        raise ModelError(
            f"{rv.name} is a simulator: it has no density, but a distance of data that are simulated anew each time; {what}",
            "pm.sample_smc() samples the parameters of simulators", rv.provenance.location if rv.provenance else None,
        )  # fmt: skip
