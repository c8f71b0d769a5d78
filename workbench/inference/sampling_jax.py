"""PyMC's names of NUTS in JAX: ``pm.sampling_jax.sample_numpyro_nuts``, which is ``pm.sample(nuts_sampler="numpyro")``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.inference.sampling import sample
from workbench.model.model import Model


def _sample(
    sampler: str,
    draws: int = 1000,
    *,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.8,
    random_seed: Any = None,
    initvals: Any = None,
    jitter: bool = True,
    model: Model | None = None,
    var_names: Sequence[str] | None = None,
    nuts_kwargs: Mapping[str, Any] | None = None,
    progressbar: bool = True,
    quiet: bool = False,
    keep_untransformed: bool = False,
    chain_method: str = "parallel",
    postprocessing_backend: str | None = None,
    postprocessing_vectorize: str | None = None,
    postprocessing_chunks: Any = None,
    idata_kwargs: Mapping[str, Any] | None = None,
    compute_convergence_checks: bool = True,
) -> Any:
    of_sampler = {
        "nuts_kwargs": nuts_kwargs, "chain_method": chain_method, "postprocessing_backend": postprocessing_backend,
        "postprocessing_vectorize": postprocessing_vectorize, "postprocessing_chunks": postprocessing_chunks,
    }  # fmt: skip
    return sample(
        draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=random_seed, initvals=initvals,
        init="jitter+adapt_diag" if jitter else "adapt_diag", model=model, var_names=var_names, progressbar=progressbar, quiet=quiet,
        idata_kwargs={**({"include_transformed": True} if keep_untransformed else {}), **(idata_kwargs or {})},
        compute_convergence_checks=compute_convergence_checks, nuts_sampler=sampler, nuts_sampler_kwargs=of_sampler,
    )  # fmt: skip


def sample_numpyro_nuts(draws: int = 1000, **options: Any) -> Any:
    """Draw from the posterior with NumPyro's NUTS: :func:`workbench.sample` with ``nuts_sampler="numpyro"``, by PyMC's options.

    Parameters
    ----------
    draws
        Draws to keep, per chain.
    options
        ``tune``, ``chains``, ``target_accept``, ``random_seed``, ``initvals``, ``model``, ``var_names``, ``progressbar``, ``quiet``, ``idata_kwargs``,
        ``compute_convergence_checks`` as in `sample`; ``jitter`` (of starts), ``nuts_kwargs``, ``keep_untransformed``, ``chain_method``.

    Returns
    -------
    InferenceData

    Raises
    ------
    MissingPackageError
        If numpyro is not installed.
    """
    return _sample("numpyro", draws, **options)


def sample_blackjax_nuts(draws: int = 1000, **options: Any) -> Any:
    """Draw from the posterior with BlackJAX's NUTS; see :func:`sample_numpyro_nuts`.

    Raises
    ------
    MissingPackageError
        If blackjax is not installed.
    """
    return _sample("blackjax", draws, **options)


__all__ = ["sample_blackjax_nuts", "sample_numpyro_nuts"]
