"""The JAX backend: the graph as JAX operations."""
