"""From graphs to fast functions: one loop IR for C and Numba, JAX and NumPy beside them."""

from typing import TYPE_CHECKING

from workbench.compile.function import BACKENDS, CompiledFunction, choose_backend, compile_graph, function
from workbench.names import answers, listing

if TYPE_CHECKING:
    from workbench.compile.jax.backend import to_jax

__getattr__, __dir__ = answers(__name__, {"workbench.compile.jax.backend": "to_jax"}), listing(__name__)

__all__ = ["BACKENDS", "CompiledFunction", "choose_backend", "compile_graph", "function", "to_jax"]
