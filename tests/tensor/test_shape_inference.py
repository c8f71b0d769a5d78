"""Lengths that types tell, of random programs: NumPy's shapes, whatever numbers the names turn out to be.

Each program is written once and read three times: by NumPy on arrays, on inputs whose lengths are numbers, and on inputs
whose lengths are expressions of names. Types of the second have NumPy's shapes and dtypes; those of the third, with the
numbers in the place of names, too, and to infer types and then put numbers into them is to put numbers in and then infer.
All that is there of a length that NumPy repeats although it is open is a condition that does not hold.
"""

import os
import warnings

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.errors import WorkbenchError
from workbench.graph.conditions import conditions_of, retyped, solved_for
from workbench.graph.expr import Input, intern
from workbench.graph.lengths import maximum, minimum, named, number, substitute, symbols
from workbench.graph.traverse import replace, topological
from workbench.graph.types import TensorType
from workbench.tensor.tensor import as_tensor

PROGRAMS = 20_000 if os.environ.get("WORKBENCH_TESTS") == "all" else 400
PER_TEST = 50
STEPS = 10

N, M, K = named("n"), named("m"), named("k")
SYMBOLS = [next(iter(symbols(n))) for n in (N, M, K)]
SHAPES = [(), (N,), (M,), (K,), (N, M), (M, N), (N, N), (N, M, K), (N + 1,), (2 * N, 3), (3,), (3, 1), (1, M), (N * M,), (M, N + K), (2, N, 1), (N // 2,), (1,), (M, 2 * N - minimum(1, N)), (maximum(K - 2, 0), N)]
"""Of the inputs of all programs."""
OPEN = [intern(Input("x", TensorType("float64", shape))) for shape in SHAPES]

# Of tensors x and y, and of small numbers i, j, s (which may be negative) and p (which may not).
ONE = """x + 1.0; x * x; x[0]; x[-1]; x[i]; x[i:]; x[:i]; x[i:j]; x[i:j:s]; x[::s]; x[::-1]; x[..., i:]; x[..., ::s]; x[:, i:j]; x[..., None]; x[None]; x[:, None]; x[..., 0]; x[:1]; x[:0]
x[x.shape[0] // 2 :]; x[: x.shape[0] - 1]; x[: x.shape[-1]]; x[x.shape[0] - p :]; x[[0, -1]]; x[[0, 0], 0]; x[:, [0, -1]]; x[np.array([[0], [-1]])]; x[..., [0, 0, 0]]; x[x > 0.0]; x[p, ::s, None]
x.T; sum(x); sum(x, axis=0); sum(x, axis=-1, keepdims=True); mean(x, axis=0); max(x, axis=-1); argmax(x, axis=0); all(x > 0.0, axis=-1); cumsum(x, axis=-1); cumsum(x); sort(x, axis=0); argsort(x, axis=-1)
any(x > 0.0, axis=(0, 1)); std(x, axis=-1); median(x, axis=0); quantile(x, [0.2, 0.7], axis=-1); ptp(x, axis=0); diff(x, axis=-1); diff(x, n=2, axis=0); nansum(x, axis=0); count_nonzero(x, axis=-1)
reshape(x, (-1,)); reshape(x, (1, -1)); reshape(x, (x.shape[0], -1)); reshape(x, (-1, x.shape[-1])); reshape(x, (2, -1)); reshape(x, (-1, 3)); reshape(x, (x.shape[-1], x.shape[0])); ravel(x); swapaxes(x, 0, -1)
moveaxis(x, -1, 0); expand_dims(x, (0, -1)); squeeze(x, axis=0); atleast_2d(x); atleast_3d(x); flip(x); flipud(x); fliplr(x); rot90(x); roll(x, p, axis=0); roll(x, i)
tile(x, 2); tile(x, (2, 1, p)); repeat(x, p, axis=0); repeat(x, 2); pad(x, p); pad(x, 1, mode="edge"); pad(x, 1, mode="reflect"); pad(x, 2, mode="wrap"); broadcast_to(x, (2, *x.shape)); zeros_like(x); full_like(x, 2.0)
split(x, 2)[1]; split(x, [1, 2])[1]; split(x, [p, x.shape[0]])[0]; array_split(x, 3)[0]; array_split(x, 3)[2]; array_split(x, 2, axis=-1)[1]; hsplit(x, 1)[0]
diagonal(x); diagonal(x, i); diagonal(x, 1, -1, -2); diag(x); diag(x, i); diagflat(x); trace(x); tril(x); triu(x, i); x[tril_indices(2)]; nonzero(x)[0]; flatnonzero(x > 0.0); where(x > 0.0)[0]
arange(x.shape[0]); arange(p, x.shape[-1]); arange(0, x.shape[0], 2); arange(x.shape[0], 0, -1); eye(x.shape[0]); eye(x.shape[0], x.shape[-1], 1); zeros(x.shape); ones((x.shape[-1], p)); full((p, x.shape[0]), 1.5)
linspace(0.0, 1.0, x.shape[0] + 1); linspace(x, 1.0, 3); linalg.norm(x, axis=-1); linalg.norm(x); take(x, [0, -1], axis=-1); take(x, [[0]]); unique(x); meshgrid(x, x)[0]; einsum("i->", x); einsum("ii->i", x)
einsum("ij->ji", x); einsum("...i->...", x); histogram(x, [-1.0, 0.0, 1.0])[0]; concatenate([x, x[:1]]); concatenate([x[i:], x[:i]]); stack([x, x]); vstack([x, x]); x[p:-p]; x[-i:]; round(x, 1)"""
TWO = """x + y; x * y; maximum(x, y); where(x > y, x, y); where(x > 0.0, 1.0, y); x @ y; dot(x, y); outer(x, y); inner(x, y); kron(x, y); matmul(x, y); tensordot(x, y, axes=1); tensordot(x, y, axes=0); vecdot(x, y)
concatenate([x, y]); concatenate([x, y], axis=-1); stack([x, y]); hstack([x, y]); vstack([x, y]); column_stack([x, y]); append(x, y); einsum("i,j->ij", x, y); einsum("ij,jk->ik", x, y); einsum("ij,ik->jk", x, y)
broadcast_to(x, y.shape); x[:, None] + y; x[:, None] * y[None]; x - y[..., :1]; broadcast_arrays(x, y)[0]; searchsorted(sort(x, axis=-1), y); isin(x, y); x[y.shape[0] :]; x[: y.shape[-1]]; x[y > 0.0]; interp(x, arange(3) * 1.0, ones(3)); meshgrid(x, y)[1]
reshape(x, y.shape); take(x, argsort(y, axis=-1) % 1, axis=0); full_like(x, 1.0) + y; x[: len(y) // 2] if y.ndim else x; linalg.solve(x @ x.T + eye(x.shape[0]), y); convolve(x, y); minimum(x.sum(0), y)"""
ONE, TWO = ([c.strip() for c in text.replace("\n", ";").split(";")] for text in (ONE, TWO))


def names(module, linalg, convolve):
    return {**{n: getattr(module, n) for n in dir(module) if not n.startswith("_")}, "np": np, "linalg": linalg, "convolve": convolve, "len": lambda x: x.shape[0]}


NUMPYS, OURS = names(np, np.linalg, np.convolve), names(pt, pt.linalg, pt.signal.convolve)
REFUSALS = (WorkbenchError, TypeError, ValueError, IndexError, np.linalg.LinAlgError)


def read(code, scope, **given):
    """The value of a program's line, or the error with which a library refuses it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return eval(code, {**scope, **given})
        except REFUSALS as error:
            return error


NUMPY_ALONE = ("can't extend empty axis", "cannot reshape array of size 0", "empty sequence", "v cannot be empty", "a cannot be empty")
"""What NumPy says of lengths of 0 before it looks for an element: there is none where ours look; 0 rows of -1 are n of them."""


REPEATED = ("do not broadcast together", "cannot be broadcast", "stands for lengths")
"""What ours say of an axis that cannot be of the length asked for, and that NumPy repeats because it turns out to be of length 1."""


def bound(y, shape, numbers):
    """The numbers of names, those of lengths by values too, which NumPy's shape says."""
    found = dict(numbers)
    for n, m in zip(y.type.shape, shape):
        if not isinstance(n, int) and (solution := solved_for(n, m)) is not None:
            found.setdefault(*solution)
    return found


def in_numbers(y, numbers):
    """The shape of a type in numbers; ``None`` where values say it in a way that its own lengths do not."""
    return tuple(number(n, numbers) for n in y.type.shape) if all(symbols(n).keys() <= numbers.keys() for n in y.type.shape) else None


def broken(y, numbers):
    """The two numbers of each condition that does not hold; ``None`` for one that asks for other names."""
    stated = conditions_of([y])
    pairs = [(number(c.one, numbers), number(c.other, numbers)) if {*symbols(c.one), *symbols(c.other)} <= numbers.keys() else None for c in stated]
    return [p for p in pairs if p is None or p[0] != p[1]]


class Program:
    """Expressions over inputs, each as NumPy's value, over known lengths and over open ones."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.numbers = dict(zip(SYMBOLS, (int(n) for n in self.rng.integers(0, 7, 3))))
        self.pool = []
        for shape, x in zip(SHAPES, OPEN):
            known = tuple(number(n, self.numbers) for n in shape)
            self.pool.append((self.rng.normal(size=known), pt.tensor("x", "float64", known), x, f"x{shape}"))

    def pick(self):
        return self.pool[int(self.rng.integers(len(self.pool)) if self.rng.integers(3) else -1 - self.rng.integers(3))]

    def step(self):
        code = str(self.rng.choice(ONE if self.rng.integers(2) else TWO))
        x, y = self.pick(), self.pick()
        small = {"i": int(self.rng.integers(-4, 5)), "j": int(self.rng.integers(-4, 5)), "s": int(self.rng.choice([-3, -2, -1, 1, 2, 3])), "p": int(self.rng.integers(0, 4))}
        said = f"{code} of x = {x[3]}, y = {y[3]}, {small}, {self.numbers}"
        value = read(code, NUMPYS, x=x[0], y=y[0], **small)
        known, opened = (read(code, OURS, x=x[k], y=y[k], **small) for k in (1, 2))
        self.compare(said, code, value, known, opened)

    def compare(self, said, code, value, known, opened):
        if "convolve" in code and not (isinstance(known, pt.Tensor) and known.ndim == 1):
            return  # Ours takes batches.
        if isinstance(value, Exception):
            # Whether there is an element, values say.
            if not isinstance(value, IndexError) and not any(part in str(value) for part in NUMPY_ALONE):
                for y in (known, opened):
                    assert isinstance(y, Exception) or broken(y, self.numbers), f"{said}: {y.type}, NumPy: {value}"
            return
        if isinstance(known, Exception):
            return
        value, known, opened = np.asarray(value), as_tensor(known), opened if isinstance(opened, Exception) else as_tensor(opened)
        numbers = bound(known, value.shape, self.numbers)
        assert (known.dtype, in_numbers(known, numbers)) == (value.dtype.name, value.shape), f"{said}: {known.type}"
        if isinstance(opened, Exception):
            assert any(part in str(opened) for part in REPEATED), f"{said}: {opened}"
            return
        numbers = bound(opened, value.shape, numbers)
        wrong = broken(opened, numbers)
        if wrong:
            # NumPy's einsum lets a diagonal of nothing be.
            assert all(pair is None or 1 in pair or (0 in pair and "ii" in code) for pair in wrong), f"{said}: {opened.type} needs {wrong}"
            return
        assert (opened.dtype, in_numbers(opened, numbers)) == (value.dtype.name, value.shape), f"{said}: {opened.type}"
        self.substitute(said, opened, numbers, value.shape)
        self.numbers = numbers
        if value.dtype == float and value.size <= 300 and value.ndim <= 4:
            self.pool.append((np.nan_to_num(value), known, opened, f"({code})"))

    def substitute(self, said, y, numbers, shape):
        chosen = {s: self.numbers[s] for s in SYMBOLS if self.rng.integers(2)}
        (put,) = replace([y], {x: retyped(x, chosen) for x in topological([y]) if isinstance(x.op, Input)})
        if all(symbols(n).keys() <= {*SYMBOLS} for n in y.type.shape) and not conditions_of([y]):
            wanted = tuple(substitute(n, chosen) for n in y.type.shape)
            others = [dict(zip(SYMBOLS, self.rng.integers(0, 7, 3).tolist())) for _ in range(5)]
            assert put.type.shape == wanted or all(in_numbers(put, o) == tuple(number(n, o) for n in wanted) for o in others), f"{said}, then {chosen}: {put.type}, not {wanted}"
        assert in_numbers(put, bound(put, shape, numbers)) in (shape, None), f"{said}, then {chosen}: {put.type}"


@pytest.mark.parametrize("first", range(0, PROGRAMS, PER_TEST))
def test_lengths_of_types_are_those_of_numpys_results(first):
    for seed in range(first, first + PER_TEST):
        program = Program(seed)
        for _ in range(STEPS):
            program.step()
