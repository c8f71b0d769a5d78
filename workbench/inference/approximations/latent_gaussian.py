"""Which variables of a model are jointly normal given the others: the latent Gaussian field, and its hyperparameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.continuous import Flat
from workbench.distributions.distribution import Draw
from workbench.distributions.location_scale import Normal
from workbench.distributions.matrices import KroneckerNormal, MatrixNormal
from workbench.distributions.normals import CholeskyMvNormal, MvNormal, MvStudentT, PrecisionMvNormal
from workbench.distributions.random_walks import RandomWalk
from workbench.distributions.spatial import CAR, ICAR
from workbench.distributions.time_series import AR
from workbench.distributions.zero_sum import ZeroSumNormal
from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.provenance import nowhere
from workbench.graph.traverse import ancestors, replace
from workbench.model.density import flat_vector
from workbench.model.model import Model
from workbench.model.position import Places
from workbench.tensor.tensor import Tensor
from workbench.transforms.gradient import grad, vjp

Array = np.ndarray[Any, Any]

NORMAL = (Normal, Flat, MvNormal, CholeskyMvNormal, PrecisionMvNormal, KroneckerNormal, MatrixNormal, CAR, ICAR, ZeroSumNormal)
LOCATION = "mu"
"""The parameter in which a latent variable may stand, if what it moves is linear in it."""
ROUNDING = 1e-8


class LatentField:
    """The latent Gaussian variables of a model, and the rest.

    Attributes
    ----------
    names, hyper_names
        Names of the latent variables, and of the hyperparameters.
    where, hyper
        Their elements in the flat vector, int64.
    """

    def __init__(self, model: Model, latent: Sequence[Tensor]) -> None:
        chosen = {id(x) for x in latent}
        self.names = tuple(str(x.name) for x in model.free_RVs if id(x) in chosen)
        self.hyper_names = tuple(str(x.name) for x in model.free_RVs if id(x) not in chosen)
        places = Places.of(model)
        self.where = places.indices([model.value_name(x) for x in model.free_RVs if id(x) in chosen])
        self.hyper = places.indices([model.value_name(x) for x in model.free_RVs if id(x) not in chosen])


def latent_field(model: Model, latent: Iterable[Any] | Any = None) -> LatentField:
    """Return the latent Gaussian variables of a model: those that are named, or else all that are found to be.

    Found are normal variables of any kind (`Normal`, `MvNormal`, `GaussianRandomWalk`, `AR`, `CAR`, `ICAR`, `ZeroSumNormal`, ...) whose
    joint density given the rest is that of a normal distribution: none stands in the scale of another one or of observations, and the
    third derivatives of their density by each other are zero.

    Parameters
    ----------
    model
        The model, at its current shapes.
    latent
        Variables or names.

    Raises
    ------
    ModelError
        If there are none, or one that is named is not normal given the rest: says why, at its line.
    """
    if latent is not None:
        chosen = _named(model, [latent] if isinstance(latent, (Expr, str)) else list(latent))
        for x in chosen:
            why = _why_not(x, model)
            if why:
                raise ModelError(f"{x.name} is no latent Gaussian variable: {why}", "leave it out of latent: it is a hyperparameter then", _line(x))
        for x in chosen:
            if (other := _scaled_by(x, chosen)) is not None:
                raise ModelError(f"{x.name} is no latent Gaussian variable beside {other.name}, which has it in its scale or its coefficients", "leave it out of latent", _line(x))
        if chosen and not _quadratic(model, chosen):
            worst = _culprit(model, chosen)
            raise ModelError(f"{', '.join(str(x.name) for x in chosen)} are not jointly normal given the rest: {worst.name} multiplies another one", "leave it out of latent", _line(worst))
        return LatentField(model, chosen)
    chosen = [x for x in model.free_RVs if not _why_not(x, model) and not _scales_observations(x, model)]
    while chosen:
        scales = [x for x in chosen if _scaled_by(x, chosen) is not None]
        if scales:
            chosen = [x for x in chosen if not any(x is y for y in scales)]
        elif _quadratic(model, chosen):
            return LatentField(model, chosen)
        else:
            worst = _culprit(model, chosen)
            chosen = [x for x in chosen if x is not worst]
    said = "; ".join(f"{x.name}: {_why_not(x, model) or 'it scales others'}" for x in model.free_RVs)
    raise ModelError(f"the model has no latent Gaussian variables ({said})", "nested Laplace approximations are for these: use pm.sample, or pm.fit_laplace")


def _named(model: Model, given: Sequence[Any]) -> list[Tensor]:
    names = [str(x.name) if isinstance(x, Expr) else str(x) for x in given]
    known = {str(x.name): x for x in model.free_RVs}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise ModelError(f"latent: the model has no free variable {', '.join(map(repr, unknown))}", f"it has {', '.join(known)}")
    return [x for x in model.free_RVs if str(x.name) in names]


def _line(x: Tensor) -> Any:
    return x.provenance.location if x.provenance else None


def _why_not(x: Tensor, model: Model) -> str:
    """Why a variable is not normal given the rest, by its own distribution; nothing if it may be."""
    if not isinstance(x.op, Draw):
        return "it is derived from others"
    kind: Any = x.op.distribution
    parts = kind.components if issubclass(kind, RandomWalk) else (kind.start,) if issubclass(kind, AR) else None
    if _is_normal(kind) if parts is None else all(_is_normal(p.distribution) for p in parts):
        if model.rvs_to_transforms.get(x) is not None and not issubclass(kind, ZeroSumNormal):
            return "it is transformed"
        return ""
    return f"{kind.__name__} is not normal"


def _is_normal(kind: Any) -> bool:
    return issubclass(kind, NORMAL) and not issubclass(kind, MvStudentT)


def _scaled_by(x: Tensor, chosen: Sequence[Tensor]) -> Tensor | None:
    """One of the variables in whose parameters, other than its mean, a variable stands."""
    return next((y for y in chosen if y is not x and _in_scale(x, y)), None)


def _in_scale(x: Tensor, y: Tensor) -> bool:
    if not isinstance(y.op, Draw):
        return False
    names = y.op.distribution.parameters
    others = [p for name, p in zip(names, y.inputs[1:]) if name.rpartition(".")[2] != LOCATION]
    return x in ancestors(others)


def _scales_observations(x: Tensor, model: Model) -> bool:
    """Whether a variable stands in the scale of observed variables that have a mean: it is better integrated over as a hyperparameter."""
    return any(
        isinstance(y.op, Draw) and "mu" in y.op.distribution.parameters and "sigma" in y.op.distribution.parameters and _in_scale(x, y) for y in model.observed_RVs
    )


def _quadratic(model: Model, chosen: Sequence[Tensor]) -> bool:
    """Whether the density of some variables given the rest is that of a normal distribution: third derivatives are zero."""
    with nowhere():
        names = {str(x.name) for x in chosen}
        density = model.density()
        total: Any = sum((t for name, t in density.terms.items() if name in names), pt.constant(0.0))
        q, parts = flat_vector(model)
        (total,) = replace([total], parts)
        u = pt.tensor("u", "float64", q.type.shape)
        second = vjp(grad(total, q, disconnected_inputs="ignore"), q, u, disconnected_inputs="ignore")
        third = grad(pt.sum(u * second), q, disconnected_inputs="ignore")
        graph = Graph([q, u], [second, third])
    field = LatentField(model, chosen)
    rng = np.random.default_rng(0)
    for _ in range(2):
        direction = np.zeros(model.flat_size)
        direction[field.where] = rng.normal(size=len(field.where))
        with np.errstate(all="ignore"):
            bend, change = graph.run("numpy", 0.5 * rng.normal(size=model.flat_size), direction)
        size = np.abs(np.asarray(bend)[field.where]).max(initial=0.0)
        if not (np.abs(np.asarray(change)[field.where]) <= ROUNDING * (1.0 + size)).all():
            return False
    return True


def _culprit(model: Model, chosen: Sequence[Tensor]) -> Tensor:
    """The smallest variable without which the others are jointly normal; the smallest one, if there is none."""
    by_size = sorted(chosen, key=lambda x: model.rvs_to_values[x].size)
    for x in by_size:
        rest = [y for y in chosen if y is not x]
        if rest and _quadratic(model, rest):
            return x
    return by_size[0]
