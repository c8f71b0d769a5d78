"""What tests of kernels share: a chain of one kernel on a density that a test writes down, compiled once for all of them."""

import functools

import numpy as np
import pytest

from workbench.compile import function
from workbench.samplers import compiled_apart
from workbench.samplers.chain import Chain
from workbench.samplers.compound import Alone


@functools.cache
def compiled(kernel, backend, rows):
    chain = Chain(Alone(kernel()))
    return [function(g.params, g.results, backend=backend, name=kernel.name) for g in (chain.init, chain.advance(rows))]


def linked(f, slots, kernel, backend):
    """A function of a kernel with what is for its slots in them, of the kernel's own what there is."""
    slots = {**slots, **compiled_apart(backend, kernel)}
    return f.link(**{name: slots[name] for name in f.slots})


class OneChain:
    """A chain of a kernel on a graph from a block (d,), its last parameter, to what the kernel asks of a density."""

    def __init__(self, kernel, settings, graph, backend="c", rows=256):
        self.d = graph.params[-1].type.shape[0]
        self.settings = settings
        density = function(graph.params, graph.results, backend=backend)
        self.init, self.advance = (linked(f, {kernel.densities[0]: density}, kernel, backend) for f in compiled(kernel, backend, rows))
        self.rows = rows

    def begin(self, start, seed=5):
        self.state = self.init(np.uint64(seed), np.asarray(start), *self.settings.arguments(self.d))
        return self

    def draw(self, total, tune, budget=10**9):
        """Draws (total, d), and their statistics."""
        draws, stats, made = [], [], 0
        while made < total:
            *self.state, _, n, block, table = self.advance(*self.state, min(self.rows, total - made), budget, tune)
            made += int(n)
            draws.append(block[: int(n)])
            stats.append(table[: int(n)])
        return np.concatenate(draws), np.concatenate(stats)


@pytest.fixture(scope="session")
def one_chain():
    return OneChain
