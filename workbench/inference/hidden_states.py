"""What is known of the states of a Markov chain that was summed out: their probabilities, and the likeliest path, for each posterior draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, ModelError
from workbench.graph.traverse import topological
from workbench.inference.each_draw import each_draw_of
from workbench.inference.given_draws import GivenDraws
from workbench.inference.inference_data import groups_to_inference_data
from workbench.inference.predictive import backend_of
from workbench.model.context import modelcontext
from workbench.model.forward_algorithm import ForwardAlgorithm, HiddenMarkov, hidden_markov
from workbench.model.interventions import in_own_space
from workbench.model.model import Model
from workbench.tensor.tensor import Tensor
from workbench.transforms.hidden_markov import forward, smoothed
from workbench.transforms.hidden_markov import viterbi as likeliest


def state_probabilities(
    idata: Any, model: Model | None = None, var_name: str | None = None, given: str = "all", *,
    sample_dims: Sequence[str] | None = None, compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """Return the probabilities of the states of a Markov chain that was summed out, for each draw of the other variables.

    Parameters
    ----------
    idata
        Posterior draws of the model that :func:`marginalize` returned, in any form that :func:`sample_posterior_predictive` takes.
    model
        That model; that of the surrounding block by default.
    var_name
        The chain; the only one by default.
    given
        "all" that is observed: smoothed probabilities; or what is observed up to each time: filtered ones, "past".
    sample_dims, compile_kwargs
        As in :func:`sample_posterior_predictive`.

    Returns
    -------
    A Dataset: the probabilities by the chain's name, with its dims and one more, `state`; that is `state_state` of a chain that
    is itself named `state`.

    Raises
    ------
    ModelError
        If no such chain was summed out, or the draws lack a variable.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     z = pm.DiscreteMarkovChain("z", [[0.9, 0.1], [0.1, 0.9]], init_dist=pm.Categorical.dist([0.5, 0.5]), shape=3)
    ...     y = pm.Normal("y", pm.Normal("mu") + 4.0 * z, 1.0, observed=[0.0, 3.9, 4.2])
    >>> found = pm.state_probabilities({"mu": [[0.0]]}, pm.marginalize(model, "z"))
    >>> found.z[0, 0, :, 1].round(3).to_numpy().tolist()
    [0.003, 1.0, 1.0]
    """
    if given not in ("all", "past"):
        raise ArgumentError(f'state_probabilities: given is "all" or "past", not {given!r}', argument="given")

    def of(chain: HiddenMarkov, n: int, k: int) -> Tensor:
        if given == "past":
            if n > 1:
                raise ModelError("filtered probabilities are those of a chain with one lag", 'given="all" is there for several')
            return pt.exp(forward(*chain.arguments).log_filtered)
        start, later = smoothed(*chain.arguments)
        lead = start.shape[:-1]
        joint = pt.reshape(start, (*lead, *(k,) * n))
        first = [pt.sum(joint, axis=tuple(a for a in range(joint.ndim - n, joint.ndim) if a != joint.ndim - n + i)) if n > 1 else joint for i in range(n)]
        return pt.concatenate([pt.stack(first, axis=-2), later], axis=-2)

    return _of_chain(idata, model, var_name, f"state probabilities given {given}", of, ("state",), sample_dims, compile_kwargs)


def viterbi(
    idata: Any, model: Model | None = None, var_name: str | None = None, *,
    sample_dims: Sequence[str] | None = None, compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """Return the likeliest path of a Markov chain that was summed out, given all that is observed, for each draw of the other variables.

    The path that is likeliest as a whole: the likeliest state of each time, by :func:`state_probabilities`, may make another.

    Parameters
    ----------
    idata, model, var_name, sample_dims, compile_kwargs
        As in :func:`state_probabilities`.

    Returns
    -------
    A Dataset: the states by the chain's name, with its dims.

    Raises
    ------
    ModelError
        If no such chain was summed out, or the draws lack a variable.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     z = pm.DiscreteMarkovChain("z", [[0.9, 0.1], [0.1, 0.9]], init_dist=pm.Categorical.dist([0.5, 0.5]), shape=3)
    ...     y = pm.Normal("y", pm.Normal("mu") + 4.0 * z, 1.0, observed=[0.0, 3.9, 4.2])
    >>> pm.viterbi({"mu": [[0.0]]}, pm.marginalize(model, "z")).z.to_numpy().tolist()
    [[[0, 1, 1]]]
    """

    def of(chain: HiddenMarkov, n: int, k: int) -> Tensor:
        states, _ = likeliest(*chain.arguments)
        first = pt.stack([states[..., 0] // k ** (n - 1 - i) % k for i in range(n)], axis=-1)
        return pt.concatenate([first, states[..., 1:]], axis=-1)

    return _of_chain(idata, model, var_name, "viterbi", of, (), sample_dims, compile_kwargs)


def _of_chain(
    idata: Any, model: Model | None, var_name: str | None, which: str, of: Callable[[HiddenMarkov, int, int], Tensor], more: tuple[str, ...],
    sample_dims: Sequence[str] | None, compile_kwargs: Mapping[str, Any] | None,
) -> Any:  # fmt: skip
    opened = modelcontext(model)
    m = opened.at_current_shapes()
    chains = [n for e in m.eliminations if isinstance(e, ForwardAlgorithm) for n in e.variables]
    if var_name is None and len(chains) == 1:
        var_name = chains[0]
    if var_name not in chains:
        asked = "" if var_name is None else f"{var_name!r} is none of them: "
        raise ModelError(f"{asked}chains that were summed out are {', '.join(chains) or 'none'}", 'give the model that pm.marginalize(model, "z") returned, and a var_name')
    given = GivenDraws(idata, sample_dims)
    given.require(m.free_RVs)

    def graph(now: Model) -> tuple[list[Tensor], list[Tensor]]:
        own = in_own_space(now)
        stages = zip(own.eliminations, own.density(jacobian=False).stages)
        factors = next(f for e, f in stages if var_name in e.variables)
        distribution, table = own[var_name].op.distribution, own[var_name].inputs[1]
        found = of(hidden_markov(factors, var_name), distribution.n_lags, table.type.shape[-1])
        below = set(topological([found]))
        later = [str(x.name) for x in own.marginalized_RVs if own.rvs_to_values[x] in below]
        if later:
            raise ModelError(f"the states of {var_name} depend on {', '.join(later)}, summed or integrated out after it", f"take {var_name} out last")
        return own.value_vars, [found]

    run = each_draw_of(opened, (which, var_name), graph, backend_of(m, compile_kwargs), given.count)
    results = given.unstacked({var_name: np.asarray(run([given.of(x) for x in m.free_RVs], given.count, 0)[0])})
    of_chain = m.named_vars_to_dims.get(var_name) or (None,) * m[var_name].ndim
    dims = (*of_chain, *(f"{var_name}_{d}" if d in (var_name, *of_chain) else d for d in more))
    return groups_to_inference_data(m, {"posterior": results}, sample=given, dims={var_name: dims}).posterior


__all__ = ["state_probabilities", "viterbi"]
