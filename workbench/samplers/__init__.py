"""Samplers, each written once as a graph: model and sampler compile together to any backend."""

from workbench.samplers.compiled import ROWS, CompiledSampler, compiled_sampler
from workbench.samplers.kernel import Kernel, Position
from workbench.samplers.nuts import Nuts, NutsSettings

__all__ = ["ROWS", "CompiledSampler", "Kernel", "Nuts", "NutsSettings", "Position", "compiled_sampler"]
