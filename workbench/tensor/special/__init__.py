"""Special functions of mathematics."""

from workbench.names import answers

__all__: list[str] = []
__getattr__ = answers(__name__)
