"""Linear algebra on the last two axes, batched over the leading ones, in the names of ``numpy.linalg``."""

from workbench.names import answers
from workbench.tensor.linalg.functions import *  # noqa: F403
from workbench.tensor.linalg.functions import __all__ as __all__

__getattr__ = answers(__name__)
