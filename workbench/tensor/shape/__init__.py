"""Shape operations: the same elements in another arrangement; lengths, axes, broadcasting."""

from workbench.names import answers

__all__: list[str] = []
__getattr__ = answers(__name__)
