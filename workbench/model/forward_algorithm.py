"""Markov chains are summed out by the forward algorithm: a chain of T states, each one of k, costs T k^2 terms and not k^T."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import workbench.tensor as pt
from workbench.distributions.categories import Categorical
from workbench.distributions.constraints import checked
from workbench.distributions.markov_chains import DiscreteMarkovChain
from workbench.graph.frozen import frozen
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, Rule
from workbench.graph.traverse import replace
from workbench.model.chains_of_loops import chain_of
from workbench.model.elimination import KINDS, Eliminated, Factor, Factors, refused, total_of
from workbench.model.independent_elements import emitted, shape_of
from workbench.model.state_spaces import states_of
from workbench.tensor.tensor import Tensor
from workbench.transforms.enumerated import StateSpace
from workbench.transforms.hidden_markov import forward, given_observations

if TYPE_CHECKING:
    from workbench.model.model import Model


class HiddenMarkov(NamedTuple):
    """A chain of a model as what :mod:`workbench.transforms.hidden_markov` takes.

    Attributes
    ----------
    log_start, P, emissions, time_varying
        Arguments of the functions there.
    gone, rests
        The factors that depend on the chain; what of them does not.
    """

    log_start: Tensor
    P: Tensor
    emissions: Tensor
    time_varying: bool
    gone: list[Factor]
    rests: list[Factor]

    @property
    def arguments(self) -> tuple[Tensor, Tensor, Tensor, bool]:
        return self.log_start, self.P, self.emissions, self.time_varying


@frozen
class ForwardAlgorithm:
    """A :class:`DiscreteMarkovChain`, or a loop that carries a discrete draw, is summed out, whatever depends on its states one at a time.

    Attributes
    ----------
    variables
        The name of the chain.
    reason
        What it costs.
    """

    variables: tuple[str, ...]
    reason: str = ""
    title = "forward algorithm"

    def eliminate(self, factors: Factors) -> Eliminated:
        begun = time.perf_counter()
        (name,) = self.variables
        found = hidden_markov(factors, name)
        scale = factors.common_scale(found.gone, (name,))
        of = factors.joint_name(found.gone, self.variables)
        instead: list[Factor] = []
        if of:
            with derived(factors.model[name].provenance):
                made = as_chain(factors.model, factors.model[name])
                chain, parameters = made.op.distribution, replace(list(made.inputs[1:]), dict(factors.values))
                conditions = [(condition[..., None], text) for condition, text in chain.checks(*parameters)]
                terms = checked(chain.__name__, forward(*found.arguments).terms, conditions, chain.parameters, parameters)
                first = chain.n_lags - 1
                if first:
                    # The first states together are a term of the last of them.
                    terms = pt.concatenate([pt.zeros((*terms.shape[:-1], first)), terms], axis=-1)
            instead = [Factor(of, terms, scale, name)]
        after = factors.without(found.gone, [*instead, *found.rests])
        depending = total_of([f.scaled for f in found.gone])
        rest = [f.scaled for f in factors.all if not any(f is g for g in found.gone)]
        together = total_of([*rest, depending]) if rest else depending
        old, summed = factors.roots[0], total_of([f.scaled for f in (*instead, *found.rests)])
        firings = [Firing(TOGETHER, old, together, 0.0)] if together is not old else []
        return Eliminated(after, (*firings, Firing(FORWARD, depending, summed, time.perf_counter() - begun)))

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        (name,) = self.variables
        rv = as_chain(factors.model, factors.model[name])
        chain, k = rv.op.distribution, rv.inputs[1].type.shape[-1]
        found = hidden_markov(factors, name)
        start, table = given_observations(*found.arguments)
        n = chain.n_lags
        first = Categorical.dist(start)
        if n > 1:
            first = pt.stack([first // k ** (n - 1 - i) % k for i in range(n)], axis=-1)
            first = Categorical.dist(pt.cast(pt.equal(first[..., None], pt.arange(k)), "float64"))
        table = pt.reshape(table, (*table.shape[:-2], *(k,) * (n + 1)))
        return {name: DiscreteMarkovChain.dist(table, init_dist=first, n_lags=n, time_varying=True, shape=tuple(rv.shape))}

    def without(self, names: Collection[str]) -> ForwardAlgorithm | None:
        return None if self.variables[0] in names else self


def hidden_markov(factors: Factors, name: str) -> HiddenMarkov:
    """Return a chain of a model, given all that depends on it.

    Raises
    ------
    ModelError
        If something depends on several of its states at once.
    """
    model, placeholder = factors.model, factors.placeholder(name)
    rv = as_chain(model, model[name])
    chain, n = rv.op.distribution, rv.op.distribution.n_lags
    gone = factors.depending_on(placeholder)
    own = factors.of(name)
    if own is None or own.of != (name,):
        raise refused(model, name, "its own density has been put together with others", "sum it out before these")
    states = states_of(model, rv) if rv is model[name] else StateSpace(pt.constant(0), rv.inputs[1].type.shape[-1])
    parameters: list[Any] = replace(list(rv.inputs[1:]), dict(factors.values))
    emissions, rests = emitted(factors, name, states.values(shape_of(rv)), [f for f in gone if f is not own])
    k = states.size
    with derived(model[name].provenance):
        batch = tuple(rv.shape)[:-1]
        emissions = pt.zeros((*rv.shape, k)) if emissions is None else pt.moveaxis(emissions, 0, -1)
        each = [pt.moveaxis(chain.start_logp(pt.broadcast_to(pt.constant(i), (*batch, n)), *parameters), -1, 0) for i in range(k)]
        starts = pt.stack(each, axis=-1)
        log_start: Any = 0.0
        for i in range(n):
            one = starts[i] + emissions[..., i, :]
            log_start = one if i == 0 else pt.reshape(log_start[..., :, None] + one[..., None, :], (*batch, k ** (i + 1)))
        table = parameters[0]
        lead = table.shape[: table.ndim - n - 1]
        table = pt.reshape(table, (*lead, k**n, k)) if n > 1 else table
    return HiddenMarkov(log_start, table, emissions[..., n:, :], chain.time_varying, gone, rests)


def as_chain(model: Model, rv: Any) -> Any:
    """Return a variable of a model as a :class:`DiscreteMarkovChain`, which it may be written as a loop of.

    Raises
    ------
    ModelError
        If its loop is none.
    """
    found = chain_of(rv)
    if isinstance(found, str):
        raise refused(model, str(rv.name), found, "pm.DiscreteMarkovChain is a chain whose draws depend on the one before")
    return found


# What the stepper shows ------------------------------------------------------------------------------


def _together(expr: Any) -> None:
    """The terms that depend on a Markov chain are put together: they are the logarithm of the joint probability of a path of its states
    and of what is seen of them."""


def _forward(expr: Any) -> None:
    """A Markov chain is summed out by the forward algorithm. The probability of each state together with all that is seen up to its time
    follows from those of the states before, in one step over pairs of states. So T steps of k states cost T k^2 terms, not k to the power
    of T, which is how many paths there are."""


TOGETHER = Rule("terms_of_a_chain", "forward algorithm", " ".join((_together.__doc__ or "").split()), (), lambda expr: None, _together)
FORWARD = Rule("forward_algorithm", "forward algorithm", " ".join((_forward.__doc__ or "").split()), (), lambda expr: None, _forward)


# The kind --------------------------------------------------------------------------------------------


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> ForwardAlgorithm | None:
        if len(variables) != 1 or variables[0].type.kind == "f" or chain_of(variables[0]) is None:
            return None
        rv = as_chain(model, variables[0])
        k, n = rv.inputs[1].type.shape[-1], rv.op.distribution.n_lags
        name = str(variables[0].name)
        return ForwardAlgorithm((name,), f"{name} is a Markov chain of {rv.type.shape[-1]} states out of {k}: {k ** (n + 1)} terms a step")


KINDS.append(_Kind())
