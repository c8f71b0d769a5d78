"""Samplers, each written once as a graph: model and sampler compile together to any backend."""

from workbench.samplers.nuts import STATS, Nuts, NutsSettings

__all__ = ["STATS", "Nuts", "NutsSettings"]
