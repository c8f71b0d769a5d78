"""The ``%%model`` cell: what names it sees, how it is run, what its errors say, what completes in it."""

from kernel_ext.cell.columns import columns_of
from kernel_ext.cell.failures import Failures
from kernel_ext.cell.priors import say_priors
from kernel_ext.cell.running import run_cell
from kernel_ext.cell.scope import visible_names

__all__ = ["Failures", "columns_of", "run_cell", "say_priors", "visible_names"]
