"""The C backend: the loop IR printed as C, compiled, called."""
