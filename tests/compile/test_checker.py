"""The proof that generated code reads what was written for it: it finds every kind of fault, in programs written by hand."""

import numpy as np
import pytest
from workbench.pytensor import scan

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.loop_ir import checker, storage
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.checker import STEPS, check
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import Storage, plan
from workbench.config import checks_programs
from workbench.errors import CompileError
from workbench.graph import Graph, Mode
from workbench.graph.expr import constant_op
from workbench.graph.lengths import symbols
from workbench.tensor import elementwise as e
from workbench.transforms import grad

N = 6
F = "float64"


def buffer(name, shape=(N,), kind="temporary", dtype=F, base=None, offset=0):
    return L.Buffer(name, dtype, shape, kind, base, offset)


def move(target, source, n=N, at="i0", to="i0"):
    """``target[to] = source[at]`` for every i0 below n."""
    return L.Kernel((n,), [L.Load("v", F, source, at)], [L.Store(target, to, "v")])


class Case:
    """A program with one input and one output, of which all temporaries lie one after another."""

    def __init__(self):
        self.x, self.out = buffer("in0", kind="input"), buffer("out0", kind="output")
        self.a, self.b, self.c = (buffer(name) for name in "abc")
        self.p = buffer("p", (), dtype="bool")
        self.storage = Storage(offset={self.a: 0, self.b: 64, self.c: 128}, arena=192)
        self.constants = []

    def check(self, *body):
        check(L.Program("program", [self.x], [self.out], self.constants, list(body), [], [], []), self.storage)


@pytest.fixture
def case():
    return Case()


def test_what_is_right_passes(case):
    x, out, a, b = case.x, case.out, case.a, case.b
    case.check(move(a, x), move(b, a), L.Copy([(a, b), (b, a)]), move(out, a))


def test_every_program_of_the_tests_is_checked(monkeypatch):
    assert checks_programs()
    # The whole is filled too late: the piece that also has storage of its own is written after the whole was read.
    w = pt.tensor("w", shape=(3, 3))
    graph = Graph([w], [pt.stack([w.T, w @ w]).sum(0) @ w.T])
    program = lower(graph, "stacked")
    late = next(s for s in program.body if isinstance(s, L.Kernel) and any(x.buffer.name.startswith("cat") for x in s.stores))
    program.body.remove(late)
    program.body.insert(len(program.body) - 1, late)
    with pytest.raises(CompileError, match=r"stacked: element \d of cat\d+ is read before it is written"):
        plan(program)


def test_a_program_is_proven_once_for_each_values_of_its_lengths(monkeypatch):
    proven = []
    monkeypatch.setattr("workbench.compile.loop_ir.checker.check", lambda program, storage, values: proven.append(values[n]))
    x = pt.vector("x")
    (n,) = symbols(x.type.shape[0])
    storage = plan(lower(Graph([x], [pt.cumsum(pt.sort(x)) + 1.0]), "sorted", [n]))
    for length in (3, 5, 3, 5, 3):
        assert storage.at({n: length})[n] == length
    assert proven == [3, 5]

    def refuse(*_):
        raise CompileError("not so")

    monkeypatch.setattr("workbench.compile.loop_ir.checker.check", refuse)
    for _ in range(2):
        with pytest.raises(CompileError, match="not so"):
            storage.at({n: 7})


def test_read_before_it_is_written(case):
    with pytest.raises(CompileError, match="element 0 of a is read before it is written"):
        case.check(move(case.out, case.a))


def test_output_that_is_not_written(case):
    with pytest.raises(CompileError, match="element 0 of out0 is read before"):
        case.check()


def test_part_that_is_not_written(case):
    with pytest.raises(CompileError, match="element 4 of a is read before"):
        case.check(move(case.a, case.x, 4), move(case.out, case.a))


def test_piece_of_a_whole_that_is_written_later(case):
    whole = buffer("whole", (2 * N,))
    case.storage.offset[whole] = 192
    case.storage.arena = 320
    first, second = (buffer(name, base=whole, offset=k) for name, k in (("first", 0), ("second", N)))
    begin, read = L.Begin(whole), move(case.out, whole, at=L.multiply("i0", 2))
    case.check(begin, move(first, case.x), move(second, case.x), read)
    with pytest.raises(CompileError, match=f"element {N} of whole is read before"):
        case.check(begin, move(first, case.x), read, move(second, case.x), move(case.out, second))
    with pytest.raises(CompileError, match="element 0 of whole is read before"):
        case.check(move(whole, case.x), begin, move(second, case.x), read)


def test_branch_that_writes_on_one_path_only(case):
    test = [L.Kernel((), [L.Load("v", F, case.x, 0), L.Let("q", "bool", e.greater, ("v", L.Literal(0.0, F)), (F, F))], [L.Store(case.p, 0, "q")])]
    one, other = move(case.a, case.x), L.Fill(case.a, L.Literal(0.0, F))
    case.check(*test, L.Branch(case.p, [one], [other]), move(case.out, case.a))
    with pytest.raises(CompileError, match="element 0 of a is read before"):
        case.check(*test, L.Branch(case.p, [one], []), move(case.out, case.a))
    with pytest.raises(CompileError, match="element 0 of p is read before"):
        case.check(L.Branch(case.p, [one], [other]), move(case.out, case.a))


def unknown_loop(case, *body):
    """While the first element of a is positive."""
    line = [L.Load("v", F, case.a, 0), L.Let("q", "bool", e.greater, ("v", L.Literal(0.0, F)), (F, F))]
    return L.Loop([L.Kernel((), line, [L.Store(case.p, 0, "q")])], case.p, list(body))


def test_loop_that_may_not_run(case):
    with pytest.raises(CompileError, match="element 0 of b is read before"):
        case.check(move(case.a, case.x), unknown_loop(case, move(case.b, case.x)), move(case.out, case.b))


def test_value_that_a_later_round_of_a_loop_overwrites(case):
    # In the first round b still has what was put there before the loop.
    body = [move(case.out, case.b), move(case.c, case.a), L.Copy([(case.a, case.c)])]
    case.check(move(case.a, case.x), move(case.b, case.x), unknown_loop(case, *body), move(case.out, case.b))
    case.storage.offset[case.c] = 64
    with pytest.raises(CompileError, match="element 0 of b is read after something else was put there"):
        case.check(move(case.a, case.x), move(case.b, case.x), unknown_loop(case, *body), move(case.out, case.x))


def test_rotation_that_goes_wrong_in_the_third_round(case):
    d = buffer("d")
    case.storage.offset[d] = 192
    case.storage.arena = 256
    rotate = [L.Copy([(case.a, case.b), (case.b, case.c), (case.c, d)])]
    start = [move(x, case.x) for x in (case.a, case.b, case.c)]
    with pytest.raises(CompileError, match="element 0 of a is read before"):
        case.check(*start, L.Begin(d), unknown_loop(case, *rotate), move(case.out, case.x))


def counted(case, steps, target, by=1):
    """Row by row: ``target[k] = x[k]``, with the counter of a scan."""
    k = buffer("k", (), dtype="int64")
    test = L.Kernel((), [L.Let("q", "bool", e.less, ("k", L.Literal(steps * by, "int64")), ("int64", "int64"))], [L.Store(case.p, 0, "q")])
    n = buffer("n", (), dtype="int64")
    row = L.Kernel((), [L.Load("v", F, case.x, 0)], [L.Store(target, "k", "v")])
    more = L.Kernel((), [L.Let("m", "int64", e.add, ("k", L.Literal(by, "int64")), ("int64", "int64"))], [L.Store(n, 0, "m")])
    return [L.Copy([(k, L.Literal(0, "int64"))]), L.Begin(target), L.Loop([test], case.p, [row, more, L.Copy([(k, n)])], steps)]


@pytest.mark.parametrize("steps", [2, STEPS - 1, STEPS, STEPS + 1, 40])
def test_scan_fills_every_row(case, steps):
    rows, out = buffer("rows", (steps,)), buffer("rows2", (steps,))
    case.storage.offset.update({rows: 192, out: 192 + 8 * 64})
    case.storage.arena = 192 + 16 * 64
    case.check(*counted(case, steps, rows), move(out, rows, steps), move(case.out, case.x))
    with pytest.raises(CompileError, match=f"element {steps - 1} of rows is read before"):
        case.check(*counted(case, steps - 1, rows), move(out, rows, steps), move(case.out, case.x))
    with pytest.raises(CompileError, match="rows.* runs from|goes beyond the end"):
        case.check(*counted(case, steps + 1, rows), move(out, rows, steps), move(case.out, case.x))
    with pytest.raises(CompileError, match="of rows is read before|runs from|goes beyond the end"):
        case.check(*counted(case, steps, rows, by=2), move(out, rows, steps), move(case.out, case.x))


@pytest.mark.parametrize("steps", [3, 40])
def test_scan_whose_rows_lie_where_something_lives(case, steps):
    rows, out = buffer("rows", (steps,)), buffer("rows2", (steps,))
    case.storage.offset.update({rows: 192, out: 192 + 8 * 64})
    case.storage.arena = 192 + 16 * 64
    # The last row lies where the first element of a does.
    case.storage.offset[case.a] = 192 + 8 * (steps - 1)
    with pytest.raises(CompileError, match="element 0 of a is read after something else"):
        case.check(move(case.a, case.x), *counted(case, steps, rows), move(case.out, case.a))


def test_memory_that_is_given_away_while_its_value_lives(case):
    body = move(case.a, case.x), move(case.b, case.x), move(case.out, case.a)
    case.check(*body)
    case.storage.offset[case.b] = 40  # Its first element is the last of a.
    with pytest.raises(CompileError, match="element 5 of a is read after something else was put there"):
        case.check(*body)


def test_two_values_in_one_place(case):
    body = move(case.a, case.x), L.Copy([(case.b, case.a)]), L.Fill(case.b, L.Literal(0.0, F)), move(case.out, case.a)
    case.check(*body)
    case.storage.home[case.b] = case.a
    with pytest.raises(CompileError, match="element 0 of a is read after something else was put there"):
        case.check(*body)


def test_numbers_of_different_widths_share_memory(case):
    flags = buffer("flags", (8,), dtype="bool")
    case.storage.offset[flags] = 40
    with pytest.raises(CompileError, match="element 5 of a is read after something else was put there"):
        case.check(move(case.a, case.x), L.Fill(flags, L.Literal(True, "bool")), move(case.out, case.a))


def test_written_in_place_where_other_indices_read(case):
    reverse = move(case.b, case.a, at=L.add(L.multiply("i0", -1), N - 1))
    case.check(move(case.a, case.x), reverse, move(case.out, case.b))
    case.storage.home[case.b] = case.a
    with pytest.raises(CompileError, match="b is written where other indices of the loop use a"):
        case.check(move(case.a, case.x), reverse, move(case.out, case.b))
    case.check(move(case.a, case.x), move(case.b, case.a), move(case.out, case.b))


def test_sum_into_what_the_loop_reads(case):
    total = L.Kernel((N,), [L.Load("v", F, case.a, "i0")], [], [L.Fold(case.b, 0, e.add, "v")])
    case.check(move(case.a, case.x), L.Fill(case.b, L.Literal(0.0, F)), total, move(case.out, case.b))
    with pytest.raises(CompileError, match="element 0 of b is read before"):
        case.check(move(case.a, case.x), total, move(case.out, case.b))
    case.storage.offset[case.b] = 0
    with pytest.raises(CompileError, match="b is written where other indices of the loop use a|of a is read after something else"):
        case.check(move(case.a, case.x), L.Fill(case.b, L.Literal(0.0, F)), total, move(case.out, case.b))


def test_copy_that_overwrites_what_it_reads(case):
    shifted = buffer("shifted", (N - 1,), base=case.a, offset=1)
    start = buffer("start", (N - 1,), base=case.b)
    copies = L.Copy([(start, shifted), (shifted, start)])
    case.check(move(case.a, case.x), move(case.b, case.x), copies, move(case.out, case.a))
    case.storage.offset[case.b] = 8  # start is then the same memory as shifted, one further than a.
    with pytest.raises(CompileError, match="overwritten|something else"):
        case.check(move(case.a, case.x), L.Copy([(case.b, case.a), (case.c, case.a)]), move(case.out, case.c))


def test_result_of_a_call_in_its_argument(case):
    call = L.External(0, [case.a], [case.b])
    case.check(move(case.a, case.x), call, move(case.out, case.b))
    case.storage.offset[case.b] = 8
    with pytest.raises(CompileError, match="b, the result of a call, lies in a"):
        case.check(move(case.a, case.x), call, move(case.out, case.b))


def test_indices_are_in_range(case):
    with pytest.raises(CompileError, match="an index of in0, which has 6 elements, runs from 1 to 6"):
        case.check(move(case.out, case.x, at=L.add("i0", 1)))
    with pytest.raises(CompileError, match="an index of out0, which has 6 elements, runs from -1 to 4"):
        case.check(move(case.out, case.x, to=L.add("i0", -1)))
    at = buffer("at", dtype="int64", kind="input")
    gather = [L.Load("j", "int64", at, "i0")]
    checked = [*gather, L.Row("r", "j", N, 0), L.Load("v", F, case.x, "r")]
    case.check(L.Kernel((N,), checked, [L.Store(case.out, "i0", "v")]))
    with pytest.raises(CompileError, match="an index, j, is not checked"):
        case.check(L.Kernel((N,), [*gather, L.Load("v", F, case.x, "j")], [L.Store(case.out, "i0", "v")]))
    with pytest.raises(CompileError, match="runs from 0 to 6"):
        case.check(L.Kernel((N,), [*gather, L.Row("r", "j", N + 1, 0), L.Load("v", F, case.x, "r")], [L.Store(case.out, "i0", "v")]))
    for last in (N - 1, N):
        table = buffer("k0", dtype="int64", kind="constant")
        case.constants = [(table, constant_op(np.array([0, 1, 2, 3, 4, last])))]
        known = L.Kernel((N,), [L.Load("j", "int64", table, "i0"), L.Load("v", F, case.x, "j")], [L.Store(case.out, "i0", "v")])
        if last == N - 1:
            case.check(known)
        else:
            with pytest.raises(CompileError, match="runs from 0 to 6"):
                case.check(known)


def test_rows_chosen_at_run_time_do_not_fill(case):
    at = buffer("at", dtype="int64", kind="input")
    scatter = L.Kernel((N,), [L.Load("j", "int64", at, "i0"), L.Row("r", "j", N, 0), L.Load("v", F, case.x, "i0")], [L.Store(case.a, "r", "v")])
    case.check(L.Fill(case.a, L.Literal(0.0, F)), scatter, move(case.out, case.a))
    with pytest.raises(CompileError, match="element 0 of a is read before"):
        case.check(scatter, move(case.out, case.a))


def test_loops_that_take_turns_share_rows_only(case):
    rows = [L.Kernel((N,), [L.Load("v", F, case.x, "i0")], [L.Store(case.a, "i0", "v")]), move(case.out, case.a)]
    case.check(L.Blocked(N, 2, rows))
    turned = move(case.out, case.a, at=L.add(L.multiply("i0", -1), N - 1))
    with pytest.raises(CompileError, match="a and a share memory in different rows"):
        case.check(L.Blocked(N, 2, [rows[0], turned]))


def test_pieces_of_a_join_that_are_needed_again():
    """A view gets storage of its own where a call needs it: not as a piece of a whole that was read before."""
    w = pt.tensor("w", shape=(3, 3))
    product = pt.stack([w.T, w @ w]).sum(0) @ w.T
    values = np.arange(9.0).reshape(3, 3)
    wanted = (values.T + values @ values) @ values.T
    assert wanted[0].tolist() == [75.0, 264.0, 453.0]
    for backend in ("c", "numba", "jax", "numpy"):
        if backend != "c" or _has_compiler():
            for mode in (None, Mode(())):
                np.testing.assert_allclose(function([w], product, backend=backend, mode=mode)(values), wanted, rtol=1e-13)


def test_slices_of_joins_are_results_and_pieces():
    w, u, v = pt.tensor("w", shape=(3, 3)), pt.vector("u", 3), pt.vector("v", 3)
    c1 = (pt.concatenate([pt.exp(w) * 0.3, w]) @ u)[1:4]
    c2 = pt.concatenate([v, u])[::2]
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    first = (np.concatenate([np.exp(a) * 0.3, a]) @ b)[1:4]
    second = np.concatenate([c, b])[::2]
    wanted = [second, np.concatenate([first, second])[::2], first]
    for backend in ("c", "numba"):
        if backend != "c" or _has_compiler():
            for result, right in zip(function([w, u, v], [c2, pt.concatenate([c1, c2])[::2], c1], backend=backend)(a, b, c), wanted):
                np.testing.assert_allclose(result, right, rtol=1e-13)


@pytest.mark.parametrize("backend", ["numpy", "c", "numba", "jax"])
def test_rows_that_are_the_same_are_not_updated_in_turns(backend):
    """Each value is computed of what was there before, though two of them go to one row."""
    if backend == "c" and not _has_compiler():
        pytest.skip("no C compiler on this system")
    x = pt.tensor("x", shape=(4, 3))
    y = pt.sin(x) @ pt.constant(np.eye(3))
    for rows in ([-1, -1], [0, 2, 0]):
        doubled = pt.set_subtensor(y[pt.constant(rows)], y[pt.constant(rows)] * 2.0)
        values = np.arange(12.0).reshape(4, 3)
        wanted = np.sin(values)
        wanted[list(set(rows))] *= 2.0
        np.testing.assert_allclose(function([x], doubled, backend=backend)(values), wanted, rtol=1e-13)


def test_rows_that_repeat_are_not_written_where_they_are_read(case):
    twice = L.Kernel((2, 3), [L.Load("v", F, case.a, L.add("i1", 3))], [L.Store(case.b, L.add("i1", 3), "v")])
    body = move(case.a, case.x), L.Fill(case.b, L.Literal(0.0, F)), twice, move(case.out, case.b)
    case.check(*body)
    case.storage.home[case.b] = case.a
    with pytest.raises(CompileError, match="b is written where other indices of the loop use a"):
        case.check(move(case.a, case.x), twice, move(case.out, case.b))


def _has_compiler():
    from workbench.compile.c.toolchain import find_compiler

    return find_compiler() is not None


@pytest.mark.parametrize("asked, proofs", [("1", storage.FEW), ("all", 3)])
def test_a_long_program_is_proven_at_a_few_of_its_lengths_or_at_all(asked, proofs, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CHECK", asked)
    monkeypatch.setattr(storage, "LONG", 0)
    found = []
    monkeypatch.setattr(checker, "check", lambda program, plan, values: found.append(values))
    x = pt.vector("x")
    f = function([x], pt.cumsum(x) + pt.sort(x), backend="c")
    for n in (3, 4, 5, 4):
        f(np.ones(n))
    assert len(found) == proofs


def test_a_loop_whose_stacks_have_rows_of_several_lengths():
    """What reverse mode keeps of each step: a vector, a number and a matrix, of more steps than the proof runs."""

    def step(v, m, total, x):
        new = pt.tanh(v * x + total * m.sum(axis=1))
        return [new, m * pt.exp(-x), pt.sin(total * new.sum())], []

    x = pt.vector("x", 3 * STEPS)
    (v, m, total), _ = pt.scan(step, [pt.ones(2), pt.ones((2, 3)), pt.constant(0.3)], [x])
    slope = grad(v.sum() + m.sum() * total, x)
    f, g = (function([x], slope, backend=b) for b in ("c", "numpy"))
    at = np.linspace(-0.4, 0.9, 3 * STEPS)
    np.testing.assert_allclose(f(at), g(at), rtol=1e-12)


def test_long_loops_in_loops_are_proven_with_numbers_that_fit():
    def halved(x, steps):
        return scan(lambda y: 0.5 * y + 1.0, outputs_info=x, n_steps=steps, return_updates=False)[-1]

    x = y = pt.vector("x", 3)
    for _ in range(4):
        y = scan(lambda z: halved(halved(z, 2000), 2000), outputs_info=y, n_steps=1000, return_updates=False)[-1]
    np.testing.assert_array_equal(function([x], y, backend="c")(np.ones(3)), np.full(3, 2.0))
