"""`NativeCall`: an operation as a function of generated C, and of the Python that Numba compiles."""

from __future__ import annotations

from workbench.graph.frozen import frozen
from workbench.graph.lengths import Size


@frozen
class NativeCall:
    """A call of a function: ``name(library, *sizes, *arguments, *results)``.

    Attributes
    ----------
    support
        The function's C code, behind that of functions that it calls.
    python
        The same in the Python that Numba compiles, over pointers. BLAS and LAPACK routines are called by ``routine``, with numbers that
        ``stacked`` gives an address, and the number of a ``letter``.
    c_name
        The function's name in C, where it has another there.
    shared
        Whether in C all threads call it, each for a share of the work: after `library` it then takes the
        number of its thread, and how many there are.
    """

    support: tuple[str, ...]
    python: tuple[str, ...]
    name: str
    sizes: tuple[Size, ...]
    c_name: str = ""
    shared: bool = False
