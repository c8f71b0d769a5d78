"""Which elements of an array an element of an expression depends on, against changing the array's elements one by one."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.transforms.accesses import Dependence

TABLE = np.array([[0.3, -1.2], [2.0, 0.7], [1.1, 5.0], [-0.4, 0.9]])
ROWS = np.array([2, 0, 0, 1, 3])

CASES = {
    "itself": lambda z: z * 2.5,
    "reversed, along another axis": lambda z: z[::-1, None] * TABLE,
    "a part": lambda z: z[1:] + 0.5,
    "neighbours": lambda z: z[1:] * z[:-1],
    "a gather by data": lambda z: pt.exp(z[ROWS] / 3.0),
    "rows of a table": lambda z: pt.constant(TABLE)[z],
    "elements of a table": lambda z: pt.constant(TABLE)[np.arange(4), pt.clip(z, 0, 1)],
    "rows of a table, by a grid": lambda z: pt.constant(TABLE)[z[np.array([[0, 1], [2, 3]])]],
    "columns of a table": lambda z: pt.constant(TABLE.T)[:, z],
    "a choice": lambda z: pt.where(pt.equal(z, 1)[:, None], TABLE, 0.0),
    "reshaped": lambda z: pt.reshape(z, (2, 2)).T,
    "sums over another axis": lambda z: pt.sum(pt.exp(TABLE * z[:, None]), axis=1),
    "a sum of all": lambda z: pt.sum(z),
    "joined": lambda z: pt.concatenate([pt.constant([5]), z[:2], z[3:]]),
    "set": lambda z: pt.constant(np.zeros(6, "int64"))[1:5].set(z),
    "a matrix times": lambda z: pt.constant(TABLE[:2]) @ (pt.constant(TABLE)[z][:, :, None]),
    "a product with a matrix": lambda z: pt.cast(z, "float64") @ pt.constant(TABLE),
    "solutions": lambda z: pt.linalg.solve_triangular(pt.constant(np.array([[1.0, 0.0], [0.5, 2.0]])), pt.constant(TABLE)[z][:, :, None], lower=True),
    "columns of solutions": lambda z: pt.linalg.solve_triangular(pt.constant(np.array([[1.0, 0.0], [0.5, 2.0]])), pt.constant(TABLE)[z].T, lower=True),
    "columns of a product": lambda z: pt.constant(TABLE[:2]) @ pt.constant(TABLE)[z].T,
    "rows of a product": lambda z: pt.constant(TABLE)[z] @ pt.constant(TABLE[:2]),
    "rows of products": lambda z: pt.constant(TABLE)[z][None] @ pt.constant(np.stack([TABLE[:2], TABLE[2:]])),
    "solutions of systems": lambda z: pt.linalg.solve(pt.eye(2) * (2.0 + z)[:, None, None], pt.constant(TABLE[:2])),
    "its own neighbours, in a table": lambda z: pt.constant(TABLE)[z[1:], pt.clip(z[:-1], 0, 1)],
    "cumulative": lambda z: pt.cumsum(z),
}


@pytest.mark.parametrize("case", CASES)
def test_every_element_that_matters_is_among_the_accesses(case):
    z = pt.tensor("z", "int64", (4,))
    x = CASES[case](z)
    run = Graph([z], [x])
    shape = np.shape(run.run("numpy", np.zeros(4, np.int64))[0])
    depends = np.zeros((*shape, 4), bool)
    rng = np.random.default_rng(1)
    for _ in range(30):
        start = rng.integers(0, 4, 4)
        for i in range(4):
            for other in range(4):
                moved = start.copy()
                moved[i] = other
                depends[..., i] |= run.run("numpy", start)[0] != run.run("numpy", moved)[0]
    said = np.zeros((*shape, 4), bool)
    exact = True
    for access in Dependence([z]).of(x):
        if access.element is None:
            said[:], exact = True, False
            continue
        numbers = np.broadcast_to(access.numbers, shape)
        for at in np.ndindex(shape):
            if numbers[at] >= 0:
                said[(*at, numbers[at])] = True
    assert not (depends & ~said).any()
    if exact and case not in ("cumulative", "a matrix times", "solutions", "solutions of systems", "its own neighbours, in a table"):
        assert (depends == said).all()


def test_what_does_not_depend_has_no_access():
    z, other = pt.tensor("z", "int64", (4,)), pt.vector("other", 4)
    assert Dependence([z]).of(other * 2.0) == ()
    assert Dependence([z]).of(pt.zeros(z.shape) + other) == ()
