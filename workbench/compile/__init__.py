"""From graphs to fast functions: one loop IR for C and Numba, JAX and NumPy beside them."""

from workbench.compile.function import BACKENDS, CompiledFunction, choose_backend, compile_graph, function
from workbench.compile.jax.backend import to_jax

__all__ = ["BACKENDS", "CompiledFunction", "choose_backend", "compile_graph", "function", "to_jax"]
