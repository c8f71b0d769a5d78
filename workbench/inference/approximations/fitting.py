"""`fit`: an approximation of a model's posterior."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.inference.approximations.methods import Inference, method_named
from workbench.inference.options import backend_of
from workbench.model.context import modelcontext
from workbench.model.model import Model


def fit(
    n: int | None = None,
    method: Any = "advi",
    model: Model | None = None,
    random_seed: Any = None,
    start: Mapping[Any, Any] | None = None,
    start_sigma: Mapping[Any, Any] | None = None,
    inf_kwargs: Mapping[str, Any] | None = None,
    *,
    callbacks: Sequence[Callable[..., Any]] | None = None,
    progressbar: bool | str = True,
    obj_n_mc: int = 1,
    obj_optimizer: Any = None,
    total_grad_norm_constraint: float | None = None,
    backend: str | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
    compute_convergence_checks: bool = True,
    quiet: bool = False,
    blocking: bool = True,
    **others: Any,
) -> Any:
    """Fit a simple distribution to the posterior: faster than sampling, and further off.

    After the fit it is said, in a sentence, whether to trust it: by k-hat, the shape of the tail of the importance weights of its
    draws. With ``pm.Minibatch`` each step takes other rows of the data.

    Parameters
    ----------
    n
        Steps: 10,000 by default, at most 200 for "dadvi".
    method
        - "advi": independent normal distributions, in unconstrained space (mean field);
        - "fullrank_advi", "lowrank_advi": normal, with any covariance, or a diagonal one plus a few directions (``rank=5``);
        - "dadvi": as "advi", by Newton's method over draws that stay (``n_draws=30``): no step size to choose, and it knows its end;
        - "nfvi": a normalising flow (``flow="coupling*4-scale-loc"``, or ``method="nfvi=scale-planar*8-loc"``);
        - "svgd", "asvgd": Stein's particles (``n_particles=100``), or a full-rank approximation that is moved by them;

        or a class of these, `ADVI`, ..., or one made already, such as ``pm.KLqp(pm.MeanField())``.
    model
        The model; that of the surrounding ``with`` block by default.
    random_seed
        The same seed gives the same fit, on C, Numba and NumPy alike.
    start, start_sigma
        Means at first, as the initial values of `sample`, and standard deviations of the unconstrained values.
    inf_kwargs
        Further options of the method.
    callbacks
        Each is called with the approximation, the losses so far and the number of the step; :class:`Tracker` keeps values, and
        :class:`CheckParametersConvergence` ends the fit. One without an attribute `every` is called after each step, for which
        the fit comes back to Python.
    progressbar
        Show progress: a line in a terminal, or what watches fits in a notebook.
    obj_n_mc
        Draws of each step.
    obj_optimizer
        ``pm.adam(learning_rate=0.01)``, for example; ``pm.adagrad_window()``, PyMC's default, if not given.
    total_grad_norm_constraint
        Longest gradient: longer ones are shortened.
    backend, compile_kwargs
        "c", "numba", "jax", "numpy" or "auto", or PyMC's name of a mode; the model's by default.
    compute_convergence_checks
        Whether to compute k-hat, and say it.
    quiet
        Show no progress and say nothing.
    blocking
        Wait for the end. If not, the `FitRun` is returned at once: ``.loss_history .state .stop() .wait() .approx``.
    others
        PyMC's options that are not there are errors.

    Returns
    -------
    Approximation or FitRun

    Raises
    ------
    ModelError
        If a free variable is discrete, at its line; or a name is none of the model.
    SamplingError
        If a loss is not finite: the error says of which variable, and has what was fitted, `error.run.approx`.
    ArgumentError
        If an option is not known.

    Warns
    -----
    ConvergenceWarning
        If the approximation is not to be trusted.

    References
    ----------
    Kucukelbir et al., "Automatic differentiation variational inference" (2017); Yao et al., "Yes, but did it work?" (2018).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 3.0, 2.0, shape=2)
    ...     approx = pm.fit(method="dadvi", random_seed=1, quiet=True, backend="numpy")
    >>> approx.mean.eval().round(6).tolist(), approx.std.eval().round(6).tolist()
    ([3.0, 3.0], [2.0, 2.0])
    >>> approx.sample(100, return_inferencedata=False)["x"].shape
    (100, 2)
    """
    own: dict[str, Any] = {"random_seed": random_seed, "start": start, "start_sigma": start_sigma}
    if not isinstance(method, Inference):
        own["backend"] = backend_of(backend, compile_kwargs, modelcontext(model))
    elif backend is not None:
        own["backend"] = backend
    made = method_named(method, model, {**{k: v for k, v in own.items() if v is not None}, **(inf_kwargs or {})})
    return made.fit(
        n, callbacks=callbacks, progressbar=progressbar, obj_n_mc=obj_n_mc, obj_optimizer=obj_optimizer,
        total_grad_norm_constraint=total_grad_norm_constraint, compute_convergence_checks=compute_convergence_checks, quiet=quiet,
        blocking=blocking, **others,
    )  # fmt: skip
