"""Samplers in JAX: the log-density as a JAX function with our gradient, and chains advanced in compiled chunks."""

from __future__ import annotations

import inspect
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench.compile import to_jax
from workbench.errors import ArgumentError
from workbench.inference.external.sampler import ROWS, STATS, Array, External, Rows, Task
from workbench.inference.linked import started
from workbench.model.model import Model
from workbench.rewrites import default_mode
from workbench.tensor.cotangents.jax import not_differentiated

CHUNK_SECONDS = 0.2
"""What a chunk should last: short enough for a prompt stop."""

METHODS = ("parallel", "vectorized", "sequential")


def jax_logp(model: Model) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return a model's log-density as a function of the flat unconstrained vector, jittable and differentiable, and its gradient with it.

    JAX asks for the derivative of the first; it gets ours, which was derived and simplified as a graph.

    Examples
    --------
    >>> import jax
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 2.0)
    >>> logp, _ = jax_logp(model)
    >>> float(jax.jit(jax.grad(logp))(np.ones(1))[0])
    -0.25
    """
    graph = model.logp_grad_graph()
    results, _ = default_mode().run(graph.results, record=False)
    both = to_jax(graph.params, results)
    import jax
    import jax.numpy as jnp

    def value_and_gradient(q: Any) -> Any:
        with not_differentiated():
            return both(q)

    @jax.custom_jvp
    def logp(q: Any) -> Any:
        return value_and_gradient(q)[0]

    def along(primals: Any, tangents: Any) -> Any:
        value, gradient = value_and_gradient(*primals)
        return value, jnp.vdot(gradient, tangents[0])

    logp.defjvp(along)
    return logp, value_and_gradient


class OnJax(External):
    """A sampler in JAX.

    Chains run beside each other in threads ("parallel"), or in lockstep as one program ("vectorized", for accelerators).
    """

    on = "jax"
    resumes = True
    takes: ClassVar = {
        "nuts_kwargs": "options of its NUTS by name",
        "chain_method": '"parallel" (threads), "vectorized" (one program for all chains) or "sequential"',
    }
    no_effect: ClassVar = dict.fromkeys(
        ("postprocessing_backend", "postprocessing_vectorize", "postprocessing_chunks"),
        "variables are computed from the draws by compiled code, a block of draws at a time",
    )
    instead: ClassVar = {
        "jitter": 'init="adapt_diag" starts chains without jitter', "keep_untransformed": 'idata_kwargs={"include_transformed": True} keeps unconstrained draws',
    }  # fmt: skip

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.method = task.options.get("chain_method") or "parallel"
        if self.method not in METHODS:
            raise ArgumentError(f"nuts_sampler_kwargs: chain_method={self.method!r}", f"it is one of {', '.join(map(repr, METHODS))}")
        self.together = self.method == "vectorized"
        self.logp, both = jax_logp(task.model)
        import jax

        self._value_and_gradient = jax.jit(both)
        self._compile()

    @abstractmethod
    def begin(self, key: Any, q: Any) -> tuple[Any, Any, Any]:
        """The state of a chain at its start, or of several, and rows that were made on the way to it: q and statistics, or ``None``."""

    @abstractmethod
    def step(self, key: Any, state: Any) -> tuple[Any, Any, dict[str, Any]]:
        """The next state, its q, and its statistics in the order of `STATS`."""

    def logp_grad(self, q: Array) -> tuple[float, Array]:
        value, gradient = self._value_and_gradient(q)
        return float(value), np.asarray(gradient)

    def _compile(self) -> None:
        import jax
        import jax.numpy as jnp

        several = (self.task.chains,) if self.together else ()
        q = jax.ShapeDtypeStruct((*several, self.task.model.flat_size), "float64")
        key = jax.ShapeDtypeStruct((*several, 2), "uint32")

        def advance(key: Any, state: Any, first: Any, count: Any) -> Any:
            def one(i: Any, carried: Any) -> Any:
                state, rows, stats = carried
                at = jax.vmap(jax.random.fold_in, (0, None))(key, first + i) if several else jax.random.fold_in(key, first + i)
                state, q, found = self.step(at, state)
                return state, rows.at[i].set(q), stats.at[i].set(columns(found))

            nothing = jnp.zeros((ROWS, *several, self.task.model.flat_size)), jnp.zeros((ROWS, *several, len(STATS)))
            return jax.lax.fori_loop(0, count, one, (state, *nothing))

        first = jax.jit(self.begin).lower(key, q)
        state, *_ = first.out_info
        self._structure = jax.tree.structure(state)
        begin = started(first.compile)
        number = jax.ShapeDtypeStruct((), "int64")
        self._advance = jax.jit(advance).lower(key, state, number, number).compile()
        self._begin = begin.result()

    def draw(self, keys: Sequence[int], starts: Array) -> Iterator[Rows]:
        words = _words(keys)
        if not self.together:
            words, starts = words[0], starts[0]
        state, *before = self._begin(words, starts)
        if before[0] is None:
            yield from self._steps(words, state, 0)
            return
        q, stats = map(np.asarray, before)
        yield Rows(q, stats) if self.together else Rows(q[None], stats[None], _leaves(state))
        yield from self._steps(words, state, self.task.tune)

    def go_on(self, key: int, start: Array, made: int, after: Sequence[Array]) -> Iterator[Rows]:
        import jax

        if after:
            yield from self._steps(_words([key])[0], jax.tree.unflatten(self._structure, after), made)
            return
        # It was within what `begin` makes, all of which is there at once.
        rows = self.draw([key], start[None])
        first = next(rows)
        yield Rows(first.q[:, made:], first.stats[:, made:], first.after)
        yield from rows

    def _steps(self, words: Array, state: Any, made: int) -> Iterator[Rows]:
        """Yield draws from number `made` on."""
        wanted = 1
        while made < self.task.total and not self.task.stop.is_set():
            count = min(wanted, self.task.total - made)
            begun = time.perf_counter()
            state, *found = self._advance(words, state, made, count)
            q, stats = (np.asarray(x)[:count] for x in found)
            # Draws are first here.
            yield Rows(np.swapaxes(q, 0, 1), np.swapaxes(stats, 0, 1)) if self.together else Rows(q[None], stats[None], _leaves(state))
            made += count
            wanted = int(np.clip(count * CHUNK_SECONDS / max(time.perf_counter() - begun, 1e-6), 1, min(4 * wanted, ROWS)))


def _words(keys: Sequence[int]) -> Array:
    """JAX's keys of 64-bit words, (keys, 2)."""
    return np.array([[key >> 32, key & 0xFFFFFFFF] for key in keys], np.uint32)


def _leaves(state: Any) -> list[Array]:
    """The arrays of a state."""
    import jax

    return [np.asarray(x) for x in jax.tree.leaves(state)]


def columns(stats: Mapping[str, Any]) -> Any:
    """Return statistics as the last axis of one array."""
    import jax.numpy as jnp

    return jnp.stack([jnp.asarray(stats[name], "float64") for name in STATS], axis=-1)


def checked(given: Any, function: Callable[..., Any], set_here: Sequence[str], what: str, also: Sequence[str] = ()) -> dict[str, Any]:
    """Return the options that were given as `nuts_kwargs`.

    Parameters
    ----------
    given
        The options.
    function
        What they are given to.
    set_here
        Arguments of it that are set otherwise.
    what
        Its name.
    also
        Options that were taken before.

    Raises
    ------
    ArgumentError
        If they are no options by name, or it takes no such option.
    """
    if not isinstance(given or {}, Mapping):
        raise ArgumentError(f"nuts_sampler_kwargs: nuts_kwargs must be options by name, got {given!r}")
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in set_here]
    for name in given or {}:
        if name not in known:
            raise ArgumentError(f"nuts_sampler_kwargs: {what} takes no option {name!r} here", f"it takes {', '.join([*known, *also])}")
    return dict(given or {})
