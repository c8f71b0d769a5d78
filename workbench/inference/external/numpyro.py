"""NumPyro's NUTS. Source: Phan, Pradhan and Jankowiak, "Composable effects for flexible and accelerated probabilistic programming" (2019)."""

from __future__ import annotations

import importlib
from typing import Any

from workbench.inference.external.on_jax import OnJax, checked
from workbench.inference.external.sampler import Task, require

SET_HERE = ("model", "potential_fn", "kinetic_fn", "target_accept_prob", "init_strategy")


class NumPyro(OnJax):
    """``numpyro.infer.NUTS`` on a potential function."""

    package = "numpyro"
    denser = '{"nuts_kwargs": {"dense_mass": True}}'

    def __init__(self, task: Task) -> None:
        require(self.package)
        nuts = importlib.import_module("numpyro.infer").NUTS
        options = {"max_tree_depth": task.max_treedepth, **checked(task.options.get("nuts_kwargs"), nuts, SET_HERE, "numpyro.infer.NUTS")}
        depth = options["max_tree_depth"]
        self.deepest = depth[1] if isinstance(depth, tuple) else depth
        self.kernel = nuts(potential_fn=lambda q: -self.logp(q), target_accept_prob=task.target_accept, **options)
        super().__init__(task)

    def begin(self, key: Any, q: Any) -> tuple[Any, Any, Any]:
        return self.kernel.init(key, self.task.tune, init_params=q, model_args=(), model_kwargs={}), None, None

    def step(self, key: Any, state: Any) -> tuple[Any, Any, dict[str, Any]]:
        import jax.numpy as jnp

        # It carries a random key of its own.
        s = self.kernel.sample(state, (), {})
        stats = {
            "diverging": s.diverging, "energy": s.energy, "tree_depth": jnp.floor(jnp.log2(s.num_steps)) + 1, "n_steps": s.num_steps,
            "step_size": s.adapt_state.step_size, "acceptance_rate": s.accept_prob, "lp": -s.potential_energy,
            # It does not say whether the last doubling turned.
            "reached_max_treedepth": s.num_steps >= 2**self.deepest - 1,
        }  # fmt: skip
        return s, s.z, stats
