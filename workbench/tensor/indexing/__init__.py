"""Indexing as in NumPy, and updates of what is indexed.

Three families of operations, from the simplest: `slices` have fixed bounds on every axis, `rows` are
numbered by an integer array along the first axis, `advanced` takes any key that NumPy takes.
"""
