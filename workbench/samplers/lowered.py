"""Samplers that are lowered when the package is built: ``python -m workbench.samplers.lowered`` does so for the sources that are here.

They are those that `sample` takes by itself: NUTS, and what moves discrete variables, alone and side by side.
"""

from __future__ import annotations

from workbench.compile.kept import OwnGraph, build_lowered
from workbench.samplers.binary_gibbs import BinaryGibbs
from workbench.samplers.categorical_gibbs import CategoricalGibbs
from workbench.samplers.compiled import compiled_sampler, graphs_apart
from workbench.samplers.kernel import Kernel
from workbench.samplers.metropolis import IntegerMetropolis
from workbench.samplers.nuts import Nuts

ALONE: tuple[type[Kernel], ...] = (Nuts, IntegerMetropolis, BinaryGibbs, CategoricalGibbs)
TOGETHER: tuple[tuple[type[Kernel], ...], ...] = (
    (Nuts, IntegerMetropolis), (Nuts, BinaryGibbs), (Nuts, CategoricalGibbs), (Nuts, CategoricalGibbs, IntegerMetropolis), (Nuts, BinaryGibbs, CategoricalGibbs),
)  # fmt: skip


def graphs() -> list[OwnGraph]:
    """Return the graphs of the samplers."""
    made = [*(compiled_sampler("c", (kernel,), True) for kernel in ALONE), *(compiled_sampler("c", kinds, False) for kinds in TOGETHER)]
    return [*graphs_apart(Nuts).values(), *(own for sampler in made for own in sampler.graphs.values())]


if __name__ == "__main__":
    build_lowered(graphs)
