"""Graphs as text and as drawings: what is shown, and that it can be pasted anywhere."""

import shutil
import subprocess

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.graph import summary, text
from workbench.graph.printing import dot

v = pt.vector("v", 3)


def looped():
    def body(total, element):
        (chosen,) = pt.cond(total > 0.0, lambda q: [q * 2.0], lambda q: [pt.exp(q)], [total])
        return [chosen + element], [total]

    (last,), _ = pt.scan(body, [0.0], [v])
    return last


def test_bodies_of_loops_and_branches_follow_the_tree_once():
    last = looped()
    assert text(last + last) == """add : float64[]
  [1] get[0] : float64[]
    scan{#1} : (float64[], float64[3], float64[3])
      0.0 : float64[]
      v : float64[3]
  -> [1]

#1 (input : float64[], v_i : float64[])
  add : float64[]
    get[0] : float64[]
      cond{#2, #3} : (float64[])
        greater : bool[]
          input : float64[]
          0.0 : float64[]
        input : float64[]
    v_i : float64[]
  input : float64[]
  input : float64[]

#2 (input : float64[])
  multiply : float64[]
    input : float64[]
    2.0 : float64[]

#3 (input : float64[])
  exp : float64[]
    input : float64[]"""


def test_different_inputs_of_one_name_are_told_apart():
    first, second = pt.scalar(), pt.scalar()
    assert text(first - second, types=False) == "subtract\n  [1] input\n  [2] input"
    assert text(first - first * second, types=False) == "subtract\n  [1] input\n  multiply\n    [1] input\n    [2] input"
    assert text(v - v, types=False) == "subtract\n  v\n  v"


@pytest.mark.parametrize("value, shown", [([[1.0, 2.0], [3.0, 40.0]], "[[1., 2.], [3., 40.]]"), ([True, False], "[True, False]"), (np.zeros((0, 2)), "[]"), (np.arange(9.0), "const float64[9]")])
def test_a_constant_is_one_line(value, shown):
    assert repr(pt.constant(value)) == shown


@pytest.mark.parametrize("name", ["two\nlines", "tab\t", "\x00", "\u2028"])
def test_a_name_is_one_line(name):
    x = pt.scalar(name)
    assert len(text(x * 2.0).splitlines()) == 3
    assert len(summary(pt.exp(x * 2.0)).splitlines()) == 1


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_any_name_and_inner_graphs():
    names = ['a"b', "back\\\\", "<b>", "{|}", "λ", "", "two\nlines", "n1 -> n2; }"]
    drawn = subprocess.run(["dot", "-Tsvg"], input=dot([looped(), sum(pt.scalar(n) for n in names)]).encode(), capture_output=True, check=True)
    assert not drawn.stderr and b"#3" in drawn.stdout


def test_lengths_are_written_by_their_names():
    x = pt.vector("x")
    assert repr(x.shape[0]) == "n"
    assert repr(pt.broadcast_to(1.0, x.shape)) == "broadcast_to(1.0, (n,))"
    assert repr(x[:, None]) == "reshape(x, (n, 1))"
    assert repr(x[1:] * x[:-1]) == "x[1:] * x[:-1]"
