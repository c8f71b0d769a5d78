"""The NumPy backend: the reference, which keeps every value."""
