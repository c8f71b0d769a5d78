"""Sampling runs: threads, chunks, live draws, results for ArviZ."""

from workbench.inference.run import Run
from workbench.inference.sampling import sample

__all__ = ["Run", "sample"]
