"""Samplers, each written once as a graph: model and sampler compile together to any backend."""

from workbench.samplers.compiled import ROWS, CompiledNuts, compiled_nuts
from workbench.samplers.nuts import STATS, Nuts, NutsSettings

__all__ = ["ROWS", "STATS", "CompiledNuts", "Nuts", "NutsSettings", "compiled_nuts"]
