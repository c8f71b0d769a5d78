"""The Numba backend: the loop IR printed as Python."""
