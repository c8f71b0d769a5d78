"""What is large: memory that there is not, long scans, graphs of very many operations."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import asked, function, memory
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import CompileError, NotEnoughMemoryError, ShapeError
from workbench.graph import Mode, topological
from workbench.rewrites import default_mode
from workbench.transforms import grad

PLAIN = Mode(())
with_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")


def walk(steps, **options):
    x = pt.scalar("x")
    carried, outputs = pt.scan(lambda c: ([pt.sin(c) + x], [c * 2.0]), [x], n_steps=steps, **options)
    return x, carried[0], outputs[0]


@with_compiler
def test_a_scan_that_does_not_fit_is_refused_before_it_starts():
    x, _, ys = walk(10**14)
    with pytest.raises(NotEnoughMemoryError, match=r"total needs 800\.0 TB|total needs 800000\.0 GB") as caught:
        function([x], ys.sum(), backend="c", name="total")
    text = str(caught.value)
    assert "the largest is x*2 of each step: 800000.0 GB, of shape (100,000,000,000,000)" in text and " are free" in text
    assert "ask for the last value alone" in text and "test_what_is_large.py" in text
    assert isinstance(caught.value, MemoryError)


@with_compiler
def test_lengths_that_are_known_at_the_call_are_asked_about_there(monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 1000)
    monkeypatch.setattr(memory, "free_memory", lambda: 40_000)
    x = pt.vector("x")
    f = function([x], pt.outer(x, x), backend="c")
    assert f(np.ones(60)).shape == (60, 60)
    with pytest.raises(NotEnoughMemoryError, match=r"needs 80\.0 kB .* 40\.0 kB are free.*of shape \(100, 100\)"):
        f(np.ones(100))
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    assert f(np.ones(100)).shape == (100, 100)


def test_free_memory_is_a_number_of_bytes_or_not_known():
    free = memory.free_memory()
    assert free is None or 10**6 < free < 10**15


@with_compiler
def test_the_last_output_of_ten_million_steps_needs_no_memory():
    x, last, ys = walk(1000)
    short = function([x], [ys[-1], last], backend="c")
    before = 0.3
    for _ in range(999):
        before = np.sin(before) + 0.3
    np.testing.assert_allclose(short(0.3), [2.0 * before, np.sin(before) + 0.3], rtol=1e-12)
    assert short.profile(0.3, calls=1).temporaries < 1000
    x, last, ys = walk(10**7)
    end, carried = function([x], [ys[-1], last], backend="c")(0.3)
    np.testing.assert_allclose(end, 2.0 * float(carried), rtol=1e-9)  # The walk has come to rest by then.


def test_what_is_read_of_outputs_decides_whether_they_are_carried(backend):
    x, xs = pt.scalar("x"), pt.vector("xs", 6)
    (c,), (y, doubled, pair) = pt.scan(lambda c, e: ([pt.sin(c) + e], [pt.sin(c) + e, c * 2.0, pt.stack([c, e])]), [x], [xs])
    outputs = [y[-1], doubled.sum(), pair[-1], pair[-1, 0], c, y[-1] * pair[5, 1]]
    values = 0.3, np.linspace(0.0, 1.0, 6)
    wanted = function([x, xs], outputs, backend="numpy", mode=PLAIN)(*values)
    f = function([x, xs], outputs, backend=backend)
    for found, w in zip(f(*values), wanted):
        np.testing.assert_allclose(found, w, rtol=1e-13)
    made, trace = default_mode().run([y[-1], pair[-1], c])
    (loop,) = (n for n in topological(made) if n.op.name == "scan")
    assert len(loop.type.items) == loop.op.carries == 2  # y is what is carried already.
    assert "last_of_scan" in trace.counts
    # All of it, or another than the last.
    for others in ([y[-1], y], [y[-2]], [y[::-1]]):
        assert "last_of_scan" not in default_mode().run(others)[1].counts


@pytest.mark.parametrize("every", [1, 4, 5, 13, 40])
def test_checkpoints_change_no_value_and_no_gradient(every):
    xs, a = pt.matrix("xs", 13, 2), pt.vector("a", 2)

    def run(**options):
        (last,), (seen,) = pt.scan(lambda c, e: ([pt.tanh(c * a + e)], [c.sum()]), [pt.ones(2)], [xs], **options)
        cost = last.sum() + pt.square(seen).sum()
        return [last, seen, *pm.grad(cost, [xs, a])]

    rng = np.random.default_rng(2)
    values = rng.normal(size=(13, 2)), rng.normal(size=2)
    for reverse in (False, True):
        wanted = function([xs, a], run(reverse=reverse), backend="numpy")(*values)
        for found, w in zip(function([xs, a], run(reverse=reverse, checkpoint_every=every), backend="numpy")(*values), wanted):
            np.testing.assert_allclose(found, w, rtol=1e-12, atol=1e-14)


@with_compiler
def test_the_gradient_of_a_long_scan_with_checkpoints_needs_little_memory():
    def needed(**options):
        x, last, _ = walk(90_000, **options)
        profile = (f := function([x], pm.grad(last, x), backend="c")).profile(0.3, calls=1)
        return profile.temporaries, float(f(0.3))

    (whole, slope), (little, same) = needed(), needed(checkpoint_every=300)
    assert whole >= 90_000 * 8 and little < 5 * 300 * 8
    assert slope == pytest.approx(same, rel=1e-12)


def test_checkpoints_need_a_number_of_steps():
    xs = pt.vector("xs")
    with pytest.raises(ShapeError, match="number of steps that is known(.|\n)*n_steps"):
        pt.scan(lambda c, e: ([c + e], []), [0.0], [xs], checkpoint_every=4)
    with pytest.raises(ShapeError, match="one step or more, not 0"):
        walk(10, checkpoint_every=0)


def test_a_very_large_graph_is_told_with_its_lines(monkeypatch):
    monkeypatch.setattr(asked, "MANY", 100)
    x = pt.scalar("x")
    y = x
    for _ in range(60):
        y = pt.sin(y) + x
    with pytest.warns(UserWarning, match=r"wave is a graph of 121 operations, most of them from test_what_is_large.py:\d+ \(120\).*pt.scan"):
        function([x], y, backend="numpy", name="wave")


def test_a_graph_that_is_too_large_is_refused_where_it_is_differentiated_or_compiled(monkeypatch):
    monkeypatch.setenv("WORKBENCH_MOST_OPERATIONS", "100")
    x = pt.scalar("x")
    y = x
    for _ in range(60):
        y = pt.sin(y) + x
    for asked_for in (lambda: grad(y, x), lambda: function([x], y, backend="numpy")):
        with pytest.raises(CompileError, match=r"121 operations.*test_what_is_large.py:\d+ \(120\)(.|\n)*pt.scan.*WORKBENCH_MOST_OPERATIONS"):
            asked_for()
    # Terms that are one loop are few operations, however many are written.
    v = pt.vector("v", 200)
    total = sum((pt.exp(v[k] * 0.1 * k) for k in range(200)), pt.constant(0.0))
    np.testing.assert_allclose(function([v], total, backend="numpy")(np.linspace(-0.1, 0.1, 200)), np.exp(np.linspace(-0.1, 0.1, 200) * 0.1 * np.arange(200)).sum())
    monkeypatch.setenv("WORKBENCH_MOST_OPERATIONS", "many")
    with pytest.raises(CompileError, match="WORKBENCH_MOST_OPERATIONS is 'many'"):
        function([x], y, backend="numpy")
