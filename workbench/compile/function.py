"""`function`: from expressions to a compiled Python function."""

from __future__ import annotations

import importlib
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compile import phases
from workbench.compile.asked import Givens, Updates, checked_update, options, pairs, warn_of_size
from workbench.compile.binding import at_lengths, data_of, leaf_of, with_leaves
from workbench.compile.entered_lengths import KEPT, lengths_of
from workbench.compile.precision import computed_in_single_precision
from workbench.compile.slots import Whole, filled, slots_of
from workbench.compile.updating import States
from workbench.compile.value_lengths import computed_before
from workbench.errors import CompileError, Location, ShapeError, user_location
from workbench.graph.arrays import fitting
from workbench.graph.collecting import without_collecting
from workbench.graph.conditions import check
from workbench.graph.expr import Data, Expr, input_like
from workbench.graph.inner import Graph, extract
from workbench.graph.lengths import Symbol, substitute
from workbench.graph.rewrite import Mode, Trace
from workbench.graph.traverse import depends_on, replace, topological
from workbench.graph.types import TensorType
from workbench.tensor.control.flow import Slot
from workbench.tensor.shape.lengths import numbers_in_length
from workbench.tensor.tensor import as_tensor, set_data

BACKENDS = {
    "c": "workbench.compile.c.backend:CFunction",
    "numba": "workbench.compile.numba.backend:NumbaFunction",
    "jax": "workbench.compile.jax.backend:JaxFunction",
    "numpy": "workbench.compile.numpy.backend:NumpyFunction",
}
"""Where each backend is: a class that is made from a graph and a name, and called with arrays."""

ONCE = ("c", "numba", "numpy")
"""Backends that compile once for all lengths; the others anew for each tuple of shapes."""

HOLDING = ("c", "numba")
"""Backends whose code finds data of open lengths where it finds other data, not among its arguments."""

PLAIN = 0x101
"""NumPy's flags of an array that compiled code reads as it is: rows first, and aligned."""

_said_no_compiler = False


def choose_backend(backend: str) -> str:
    """Return the backend that a name stands for: "auto" is C if there is a compiler, else Numba.

    Raises
    ------
    CompileError
        If there is no such backend.
    """
    global _said_no_compiler
    if backend != "auto":
        if backend not in BACKENDS:
            raise CompileError(f"there is no backend {backend!r}", f"choose auto, {', '.join(BACKENDS)}")
        return backend
    # It brings what runs processes, which importing the package does not need.
    from workbench.compile.c.toolchain import find_compiler, why_none

    if find_compiler() is not None:
        return "c"
    if not _said_no_compiler:
        _said_no_compiler = True
        where = user_location() or Location(__file__, 1)
        warnings.warn_explicit(f"{why_none()}: backend='auto' uses Numba", UserWarning, where.filename, where.lineno)
    return "numba"


if TYPE_CHECKING:
    from workbench.compile.profiling import Profile



class CompiledFunction:
    """A graph compiled for one backend; made by :func:`function`.

    Call it with one NumPy value per input. Code takes lengths that are open as arguments: it is compiled
    once for all of them; JAX compiles for each tuple of shapes. Any number of threads may call it at once.
    Results are new arrays, the caller's own: to change them changes nothing else.

    Attributes
    ----------
    trace
        Every rewrite that led from the graph as written to the optimised one.
    backend, source, timings
        The backend's name, the generated code, and seconds for "rewrite", "lower", "compile" and
        "first_call".
    """

    @without_collecting
    def __init__(
        self,
        inputs: Sequence[Expr],
        outputs: Any,
        backend: str,
        mode: Mode | None,
        name: str,
        updates: Updates | None = None,
        givens: Givens | None = None,
        keep_values: bool = False,
        threads: int = 1,
        precision: str = "float64",
    ) -> None:
        self._asked = (list(inputs), outputs, backend, mode, name, updates, givens, keep_values, threads, precision)
        self.backend = choose_backend(backend)
        self._options = options(self.backend, keep_values, threads, precision)
        self._last: Callable[..., Any] | None = None
        self.name = name
        if len(set(inputs)) < len(inputs):
            x = next(x for i, x in enumerate(inputs) if any(x is y for y in inputs[:i]))
            raise CompileError(f"{x!r} is given twice among the inputs of {name}", "give it once: each input has one value")
        self._single = isinstance(outputs, Expr)
        wanted = [outputs] if isinstance(outputs, Expr) else list(outputs)
        changes = [checked_update(x, new) for x, new in pairs(updates)]
        wanted = replace([*wanted, *(new for _, new in changes)], dict(pairs(givens)))
        self._updated = [x for x, _ in changes]
        apart = self.backend != "numpy" and not any(x.type.is_open for x in self._updated)
        self._states = States(self._updated if apart else [], self.backend in HOLDING)
        self._turns = threading.RLock()  # Calls that update data take turns.
        # Data whose shape may change are arguments, and so is what has lengths by values: it is computed first.
        open_data = [n for n in topological(wanted) if isinstance(n.op, Data) and n.type.is_open]
        # Where all values are kept, none is taken away from the graph.
        arrays, numbers = computed_before(wanted, [*inputs, *open_data], self.backend == "jax") if not keep_values else ([], [])
        before = [*open_data, *arrays, *numbers]
        entering = {x: input_like(x, x.type) for x in (*self._states.data, *before)}
        self.written = Graph([*inputs, *entering.values()], replace(wanted, entering) if entering else wanted)
        self._of_inputs = bool(depends_on(before, inputs))
        self._data = [n for n in topological(before) if isinstance(n.op, Data)]
        self._before = extract(before, [*(inputs if self._of_inputs else ()), *self._data])
        self._lengths = [symbol for x in numbers for _, symbol in numbers_in_length(entering[x])]
        self._types: list[TensorType] = [p.type for p in self.written.params]
        self._asking = self.written.params
        self.written, self._conditions = self.written.unified(self._lengths)
        self._fitting: set[tuple[Any, ...]] = set()  # Shapes of arguments, and numbers that are lengths, for which the conditions hold.
        self._given = len(inputs)
        self._checked_data: tuple[list[Any] | None, list[np.ndarray[Any, Any]]] = (None, [])
        self._bound: dict[Expr, np.ndarray[Any, Any]] = {}
        self._known: dict[Symbol, int] = {}  # Lengths of the data that the function is bound to.
        self._now: Callable[[Graph], Graph] | None = None  # A graph over these data.
        self.timings: dict[str, float] = {}
        warn_of_size(self.written.results, name)
        phases.begin("rewrite")
        start = time.perf_counter()
        if mode is None:
            from workbench.rewrites import default_mode

            mode = default_mode()
        results, self.trace = mode.run(self.written.results)
        self._graph = Graph(self.written.params, results)
        if precision != "float64" and "precision" not in self._options:
            self._graph = computed_in_single_precision(self._graph)
        self._returns = self._graph.result_types
        self._whole: Graph | None = None
        self.timings["rewrite"] = time.perf_counter() - start
        self._mode = mode
        self._slots = slots_of(self._graph)
        self._linked: dict[str, CompiledFunction] = {}
        self._code: dict[tuple[Any, ...], Any] = {}  # By shapes, of all functions that differ in their slots.
        self._compiled: dict[tuple[Any, ...], Any] = {}
        self._dtypes = [np.dtype(t.dtype) for t in self._types]
        self._numbers = range(len(self._types))
        self._shapes = [p.type.shape for p in self.written.params]
        self._only: Any = None  # Where code is compiled once.
        self._enter: Callable[..., Any] | None = None  # The way in that checks by itself, where the backend has one.
        if self.backend in ONCE or not (numbers or self.written.is_open):
            self._compile_only()

    def __reduce__(self) -> Any:
        # What it was made of: it is compiled again, or found in the cache, where it is read.
        return _compiled_again, (self._asked, self._linked, self._bound)

    @property
    def slots(self) -> tuple[str, ...]:
        """Labels of the slots to fill."""
        return tuple(self._slots)

    def link(self, **functions: CompiledFunction) -> CompiledFunction:
        """Return the function with compiled functions in its slots: its own code as it is, and theirs.

        Parameters
        ----------
        functions
            By the slots' labels; on the same backend, with lengths that are known.

        Raises
        ------
        CompileError
            If there is a function for no slot, or none for a slot, or one of other types.
        """
        if set(functions) != set(self._slots):
            there = f"has the slots {', '.join(self._slots)}" if self._slots else "has no slots"
            raise CompileError(f"{self.name} {there}, and is given functions for {', '.join(functions) or 'none'}")
        for label, f in functions.items():
            self._check_link(label, f)
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made._linked, made._compiled, made.timings, made._turns = functions, {}, {}, threading.RLock()
        made._only = made._enter = made._last = made._whole = None
        # The functions say what lengths are.
        lengths = {s: n for label, f in functions.items() for s, n in self._slots[label].numbers(f._types).items()}
        made._types = [t.with_shape(tuple(substitute(n, lengths) for n in t.shape)) for t in self._types]
        made._shapes = [t.shape for t in made._types]
        if self._only is not None:
            made._compile_only()
        return made

    def _check_link(self, label: str, f: CompiledFunction) -> None:
        slot, what = self._slots[label], f"{f.name}, given for the slot {label} of {self.name},"
        if f.backend != self.backend or f._options != self._options:
            raise CompileError(f"{what} is compiled for another backend or in another precision than {self.name}")
        by_shape = f._only is None and hasattr(_class_of(self.backend), "linked")
        if by_shape or f._before.results or f._updated or f._slots.keys() - f._linked.keys():
            raise CompileError(
                f"{what} has lengths known only at the call, updates, or slots of its own that are empty",
                "the function with the data that there are now: f.bound()" if f._before.results else "",
            )
        takes, returns = tuple(f._types), tuple(at_lengths(t, f._known) for t in f._returns)
        if not slot.fits(takes, returns) and not Slot(label, takes, returns).fits(slot.takes, slot.returns):
            wanted, got = (f"({', '.join(map(str, a))}) -> ({', '.join(map(str, b))})" for a, b in ((slot.takes, slot.returns), (takes, returns)))
            raise CompileError(f"{what} is {got}, the slot is for {wanted}")

    @property
    def binds(self) -> bool:
        """Whether it can be bound to data: what gives lengths by its values follows from these alone."""
        return not (self._updated or self._slots or self._of_inputs)

    def bound(self, data: Mapping[Expr, Any] | None = None) -> CompiledFunction:
        """Return the function with the data that there are now, to which new ones make no difference.

        C and Numba code is this one's, whatever lengths the data have; JAX compiles anew.

        Parameters
        ----------
        data
            Arrays in the place of data, where they are not to be those of now.

        Raises
        ------
        CompileError
            If the function updates data, has slots, or lengths by the values of its inputs.
        ShapeError
            If lengths of the data disagree.

        Examples
        --------
        >>> import workbench.tensor as pt
        >>> x = pt.data("x", [1.0, 2.0], shape=(None,))
        >>> total = function([], x.sum(), backend="numpy")
        >>> then = total.bound()
        >>> set_data(x, [1.0, 2.0, 3.0])
        >>> float(total()), float(then())
        (6.0, 3.0)
        """
        if not self.binds:
            raise CompileError(f"{self.name} cannot be bound to data: it updates them, has slots, or lengths by the values of its inputs")
        if self._bound:
            return self
        given = dict(data or {})
        values = {x: given.get(x, x.op.value) for x in dict.fromkeys([*self._data, *data_of([self._graph])])}
        if not values:
            return self
        held = self._computed(*(values[x] for x in self._data))
        shapes, numbers = [a.shape for a in held], dict(zip(self._lengths, map(int, held[len(held) - len(self._lengths) :])))
        check(self._conditions, self._asking[self._given :], shapes, numbers)
        made = CompiledFunction.__new__(CompiledFunction)
        made.__dict__.update(self.__dict__)
        made._bound, made._known = values, lengths_of(self.written.params[self._given :], shapes, numbers)
        made._types = [at_lengths(p.type, made._known) for p in self.written.params[: self._given]]
        made._shapes = [t.shape for t in made._types]
        made._data, made._before, made._lengths, made._conditions = [], Graph([], []), [], []
        made._compiled, made._fitting, made.timings, made._turns = {}, set(), {}, threading.RLock()
        made._numbers, made._enter, made._last, made._whole = range(self._given), None, None, None
        params = [p if p.type is t else input_like(p, t) for p, t in zip(self.written.params, made._types)]

        def now(graph: Graph) -> Graph:
            entering = dict(zip(graph.params[self._given :], held))
            return with_leaves(graph, params, {x: leaf_of(x, v) for x, v in {**values, **entering}.items()})

        if self.backend in HOLDING:
            made._now = now
            made._only = made._compiled[tuple(made._shapes)] = self.compiled.bound(held, {x.op: v for x, v in values.items()})
            return made
        graph = now(self._graph) if self.backend in ONCE else now(self.written).map_results(lambda r: self._mode.run(r, record=False)[0])
        made._graph, made._returns, made._code = graph, graph.result_types, {}
        made._compile_only()
        return made

    @property
    def graph(self) -> Graph:
        """The optimised graph, with the graphs of the functions in its slots."""
        if self._whole is None:
            graph = self._graph if self._now is None else self._now(self._graph)
            self._whole = filled(graph, {label: f.graph for label, f in self._linked.items()}) if self._linked else graph
        return self._whole

    @property
    def compiled(self) -> Any:
        """The code, of a function whose lengths are all known, or arguments of it."""
        assert self._only is not None
        return self._only

    @property
    def source(self) -> str:
        """The generated code (of the first shapes it was called with)."""
        for f in self._compiled.values():
            return str(getattr(f, "source", ""))
        return ""

    @property
    def values(self) -> dict[Expr, np.ndarray[Any, Any]]:
        """The value of every node of `graph` at the last call, where `keep_values` was asked for."""
        return dict(getattr(self._last, "values", {}))

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """Names of the operations that have no form on the backend, whose NumPy form is called back."""
        names = [name for f in self._compiled.values() for name in getattr(f, "fallbacks", ())]
        return tuple(dict.fromkeys(names))

    @property
    def compilations(self) -> int:
        """How many forms of the graph have been compiled: one for all lengths, or one for each tuple of shapes."""
        return len(self._compiled)

    def explain(self) -> str:
        """Return a text that says what is compiled: which lengths are arguments of the code, how many forms there are; on C and Numba
        also what shares a loop, what is called back and why, and what memory is for.

        Examples
        --------
        >>> import workbench.tensor as pt
        >>> x = pt.vector("x", "county")
        >>> print(function([x], pt.exp(x).sum(), backend="numpy", name="total").explain())
        total on numpy: 1 form of 2 operations
          x: float64[county]
          lengths that are arguments of the code: county
        """
        from workbench.compile.explaining import explanation

        return explanation(self)

    def profile(self, *values: Any, calls: int | None = None) -> Profile:
        """Return where the time and the memory of a call go, loop by loop; `print` shows it as a table.

        Parameters
        ----------
        *values
            Arguments, as for a call. Data are not updated.
        calls
            How many calls to measure; as many as fit in a fifth of a second by default.

        Returns
        -------
        A :class:`~workbench.compile.profiling.Profile`: on C and Numba each loop and library call, by a version of the code with clocks (it is
        compiled for this, for one thread, and a loop of nanoseconds is measured less well); on NumPy each operation.

        Raises
        ------
        CompileError
            On other backends.

        Examples
        --------
        >>> import workbench.tensor as pt
        >>> x = pt.vector("x")
        >>> f = function([x], pt.exp(x).sum(), backend="numpy", name="total")
        >>> profile = f.profile(np.zeros(1000), calls=10)
        >>> [(line.what, line.bytes) for line in profile.lines], profile.arguments
        ([('exp(x)', 8000), ('sum(exp(x))', 8)], 8000)
        """
        from workbench.compile.profiling import profiled

        return profiled(self, values, calls)

    def _compile_only(self) -> None:
        """Compile once for all lengths, which are numbers or arguments of the code."""
        self._only = self._compile(tuple(p.type.shape for p in self._graph.params), self._graph)

    def _compile(self, shapes: tuple[Any, ...], graph: Graph) -> Callable[..., Any]:
        code = self._code.get(shapes)
        if code is None:
            code = self._code[shapes] = compile_graph(graph, self.backend, self.name, **self._options, **self._entering_options())
            self._timed(code)
        made = self._compiled[shapes] = code.linked(self._linked) if self._linked else code
        self._timed(made)
        return made

    def _entering_options(self) -> dict[str, Any]:
        """How many of the last parameters are no arguments of the code, and which lengths are values of the last ones."""
        held = len(self._before.results) if self.backend in HOLDING and not self._of_inputs else 0
        lengths = self._lengths if self.backend in ONCE else []
        states = len(self._states) if self.backend == "jax" else 0
        return {name: given for name, given in (("held", held), ("lengths", lengths), ("states", states)) if given}

    def _timed(self, made: Any) -> None:
        self.timings.update(getattr(made, "timings", {}))

    def _specialise(self, shapes: tuple[Any, ...]) -> Callable[..., Any]:
        if shapes in self._code:
            return self._compile(shapes, self._graph)
        params = [
            p if p.type.shape == shape else input_like(p, p.type.with_shape(shape))
            for p, shape in zip(self.written.params, shapes[: len(shapes) - len(self._lengths)])
        ]
        fixed = [as_tensor(n) for n in shapes[len(params) :]]
        results, _ = self._mode.run(self.written.apply(*params, *fixed), record=False)
        return self._compile(shapes, Graph(params, results))

    def _for_arrays(self, arrays: list[np.ndarray[Any, Any]]) -> Callable[..., Any]:
        """The code for the shapes of the arguments, less the numbers that it has as constants: these are taken off."""
        fixed = [arrays.pop()[()] for _ in self._lengths]
        shapes = (*(a.shape for a in arrays), *reversed(fixed))
        return self._compiled.get(shapes) or self._specialise(shapes)

    def __call__(self, *values: Any) -> Any:
        if self._enter is not None and (made := self._enter(*values)) is not None:
            return made[0] if self._single else made
        if not self._updated:
            results = self._results(values)
        else:
            with self._turns:
                results = self._results(values)
                news = [results.pop() for _ in self._updated]
                if self._states:
                    self._states.take(news[::-1])
                else:
                    for x, new in zip(self._updated, reversed(news)):
                        set_data(x, new)
        return results[0] if self._single else results

    def _results(self, values: tuple[Any, ...]) -> list[np.ndarray[Any, Any]]:
        if len(values) != self._given:
            raise TypeError(f"{self.name} takes {self._given} values, got {len(values)}")
        arrays = [
            v if v.__class__ is np.ndarray and v.dtype is dtype and v.shape == shape and v.flags.num & PLAIN == PLAIN else self._check(i, v)
            for i, v, dtype, shape in zip(self._numbers, values, self._dtypes, self._shapes)
        ]
        if self._states or self._before.results:
            arrays += [*self._states.values(), *(self._entering(arrays) if self._before.results else ())]
        if self._conditions:
            self._check_conditions(arrays)
        run = self._last = self._only or self._for_arrays(arrays)
        start = time.perf_counter() if "first_call" not in self.timings else 0.0
        results: list[np.ndarray[Any, Any]] = run(*arrays, **self._states.rooms())
        if start:
            self.timings["first_call"] = time.perf_counter() - start
        if not self._updated and not self._before.results:
            # Of the shapes of this call.
            self._enter = getattr(self._only, "enter", None)
        return results

    def _entering(self, given: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        """The data whose shape may change, and what gives lengths; of data alone it is computed where these have been replaced."""
        now = [n.op.value for n in self._data]
        seen, arrays = self._checked_data
        if self._of_inputs or seen is None or len(seen) != len(now) or any(a is not b for a, b in zip(seen, now)):
            arrays = self._computed(*(given if self._of_inputs else ()), *now)
            self._checked_data = now, arrays
        return arrays

    def _computed(self, *known: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        """What enters beside the inputs, from data, and inputs if that depends on them."""
        with np.errstate(all="ignore"):
            return [self._check(self._given + len(self._states) + i, v) for i, v in enumerate(self._before.run("numpy", *known))]

    def _check_conditions(self, arrays: list[np.ndarray[Any, Any]]) -> None:
        """Check what lengths must be equal, once for each tuple of shapes."""
        shapes, numbers = [a.shape for a in arrays], [int(a) for a in arrays[len(arrays) - len(self._lengths) :]]
        key = (*shapes, *numbers)
        if key in self._fitting:
            return
        check(self._conditions, self._asking, shapes, dict(zip(self._lengths, numbers)))
        if len(self._fitting) >= KEPT:
            self._fitting.clear()
        self._fitting.add(key)

    def _check(self, i: int, value: Any) -> np.ndarray[Any, Any]:
        """The value as an array that compiled code can read, or an error."""
        wanted = self._types[i]
        array = fitting(value, wanted.dtype, self._label(i))
        # What lengths are open is compared with other lengths where the code is entered.
        if array.ndim != wanted.ndim or any(n.__class__ is int and n != m for n, m in zip(wanted.shape, array.shape)):
            raise ShapeError(f"{self._label(i)} has type {wanted}, the value given has shape {array.shape}")
        return array

    def _label(self, i: int) -> str:
        return f"input {self._asking[i].name or i!r} of {self.name}"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.graph!r} on {self.backend}>"


def _compiled_again(asked: tuple[Any, ...], linked: Mapping[str, CompiledFunction], bound: Mapping[Expr, Any]) -> CompiledFunction:
    made = CompiledFunction(*asked)
    return made.link(**linked) if linked else made.bound(bound) if bound else made


def _class_of(backend: str) -> Any:
    module, _, made = BACKENDS[backend].partition(":")
    return getattr(importlib.import_module(module), made)


def compile_graph(graph: Graph, backend: str, name: str, **options: Any) -> Any:
    """Compile an optimised graph of known shapes: arrays in, list of arrays out."""
    backend_class = _class_of(backend)
    compiled = partial(backend_class, name=name, **options)
    # Code with slots can be compiled where it can be linked.
    whole = not hasattr(backend_class, "linked") and slots_of(graph)
    return Whole(graph, compiled, _with_known_lengths if backend == "jax" else lambda graph: graph) if whole else compiled(graph)


def _with_known_lengths(graph: Graph) -> Graph:
    """A graph whose lengths have become known, with what follows from them made use of: JAX computes no numbers of lengths."""
    from workbench.rewrites import default_mode

    return Graph(graph.params, default_mode().run(graph.results, record=False)[0])


def function(
    inputs: Sequence[Expr],
    outputs: Any,
    *,
    backend: str = "auto",
    mode: Mode | None = None,
    name: str = "function",
    updates: Updates | None = None,
    givens: Givens | None = None,
    keep_values: bool = False,
    threads: int = 1,
    precision: str = "float64",
) -> CompiledFunction:
    """Compile expressions to a Python function.

    Parameters
    ----------
    inputs
        Symbolic inputs, in the order of the call's values.
    outputs
        One expression, or a sequence of them (the function then returns a list).
    backend
        "c", "numba", "jax", "numpy", or "auto": C if a compiler is found, else Numba.
    mode
        The rewrite passes to run; all of them by default.
    name
        What the function is called in its code and messages.
    updates
        New values of data, as expressions by data: all are computed from the old values, and put in
        place after each call.
    givens
        Expressions to put in the place of others before compiling.
    keep_values
        Keep the value of every node at the last call, in `values`; on the NumPy backend.
    threads
        Share the rows of large loops out over so many threads; on the C backend. The order of sums
        depends on this number, and on nothing else.
    precision
        "float64", or "float32": what the graph does in float64 is done in float32, and so are its
        results. For accelerators that are slow at float64; C and Numba round each operation to float32.
        "bfloat16", on JAX: the same, with factors of products of matrices in bfloat16.

    Raises
    ------
    MissingInputError
        If an output needs an input that is not given.
    CompileError
        If the backend is not there, or an operation has no form on it.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x")
    >>> f = function([x], (x * x).sum(), backend="numpy")
    >>> float(f([1.0, 2.0]))
    5.0

    A counter:

    >>> count = pt.data("count", 0)
    >>> step = function([], count, updates={count: count + 1}, backend="numpy")
    >>> int(step()), int(step())
    (0, 1)
    """
    return CompiledFunction(inputs, outputs, backend, mode, name, updates, givens, keep_values, threads, precision)


__all__ = ["BACKENDS", "CompiledFunction", "Trace", "choose_backend", "compile_graph", "function"]
