"""BlackJAX's NUTS after its window adaptation. Source: Cabezas et al., "BlackJAX: composable Bayesian inference in JAX" (2024)."""

from __future__ import annotations

from typing import Any

from workbench.inference.external.on_jax import OnJax, checked, columns
from workbench.inference.external.sampler import Task, require

SET_HERE = ("algorithm", "logdensity_fn", "target_acceptance_rate", "adaptation_info_fn")
OF_NUTS = ("max_num_doublings", "divergence_threshold", "integrator")
"""Options of its NUTS itself; the others are those of the adaptation."""


class BlackJax(OnJax):
    """``blackjax.nuts`` with what ``blackjax.window_adaptation`` finds."""

    package = "blackjax"
    denser = '{"nuts_kwargs": {"is_mass_matrix_diagonal": False}}'

    def __init__(self, task: Task) -> None:
        self.library = require(self.package)
        given = dict(task.options.get("nuts_kwargs") or {})
        mine = {name: given.pop(name) for name in OF_NUTS if name in given}
        self.adapted = checked(given, self.library.window_adaptation, SET_HERE, "blackjax.window_adaptation", OF_NUTS)
        self.of_nuts = {"max_num_doublings": task.max_treedepth, **mine}
        super().__init__(task)

    def begin(self, key: Any, q: Any) -> tuple[Any, Any, Any]:
        import jax

        return (jax.vmap(self._begin_one) if q.ndim > 1 else self._begin_one)(key, q)

    def _begin_one(self, key: Any, q: Any) -> tuple[Any, Any, Any]:
        import jax
        import jax.numpy as jnp

        library, tune = self.library, self.task.tune
        if not tune:
            dense = not self.adapted.get("is_mass_matrix_diagonal", True)
            metric = jnp.eye(q.size) if dense else jnp.ones(q.size)
            size = jnp.asarray(self.adapted.get("initial_step_size", 1.0), "float64")
            return (library.nuts.init(q, self.logp), size, metric), None, None

        def kept(state: Any, info: Any, adaptation: Any) -> Any:
            return state.position, columns(self._stats(state, info, adaptation.step_size))

        adaptation = library.window_adaptation(
            library.nuts, self.logp, target_acceptance_rate=self.task.target_accept, adaptation_info_fn=kept, **self.adapted, **self.of_nuts
        )
        # Draws have keys of their own numbers.
        (state, found), (rows, stats) = adaptation.run(jax.random.fold_in(key, 2**32 - 1), q, num_steps=tune)
        return (state, found["step_size"], found["inverse_mass_matrix"]), rows, stats

    def step(self, key: Any, state: Any) -> tuple[Any, Any, dict[str, Any]]:
        import jax

        return (jax.vmap(self._step_one) if key.ndim > 1 else self._step_one)(key, state)

    def _step_one(self, key: Any, state: Any) -> tuple[Any, Any, dict[str, Any]]:
        at, size, metric = state
        at, info = self.library.nuts(self.logp, size, metric, **self.of_nuts).step(key, at)
        return (at, size, metric), at.position, self._stats(at, info, size)

    def _stats(self, state: Any, info: Any, size: Any) -> dict[str, Any]:
        depth, deepest = info.num_trajectory_expansions, self.of_nuts["max_num_doublings"]
        return {
            "diverging": info.is_divergent, "energy": info.energy, "tree_depth": depth, "n_steps": info.num_integration_steps, "step_size": size,
            "acceptance_rate": info.acceptance_rate, "lp": state.logdensity,
            "reached_max_treedepth": (depth >= deepest) & ~info.is_turning & ~info.is_divergent,
        }  # fmt: skip
