"""Which kernel moves which variables."""

from __future__ import annotations

from workbench.errors import ModelError
from workbench.inference.linked import Step
from workbench.model.model import Model
from workbench.samplers import Nuts, NutsSettings


def steps_of(model: Model, nuts: NutsSettings) -> list[Step]:
    """Return the kernels that move a model's variables, in turn.

    Raises
    ------
    ModelError
        If there is none for a variable.
    """
    discrete = [rv.name for rv in model.free_RVs if rv.type.kind != "f"]
    if discrete:
        raise ModelError(
            f"{', '.join(map(str, discrete))}: a discrete free variable has no gradient",
            "observe it, or sum it out of the model",
        )
    return [Step(Nuts, tuple(model.value_name(rv) for rv in model.free_RVs), nuts)]
