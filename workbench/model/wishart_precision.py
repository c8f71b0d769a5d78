"""Precision matrices with a Wishart prior, integrated out of normal vectors: these have a matrix t density then, and it a Wishart posterior."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import checked
from workbench.distributions.distribution import Draw
from workbench.distributions.matrices import Wishart
from workbench.distributions.normals import PrecisionMvNormal, log_diagonal
from workbench.graph.expr import Expr
from workbench.graph.frozen import frozen
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, Rule
from workbench.graph.traverse import ancestors, replace
from workbench.model.conjugate import InClosedForm, integrated_before
from workbench.model.elimination import KINDS, Eliminated, Factor, Factors, refused, total_of
from workbench.model.missing import Part
from workbench.tensor import elementwise as e
from workbench.tensor.indexing.rows import Take
from workbench.tensor.markers import Annotation
from workbench.tensor.shape import BroadcastTo, Reshape
from workbench.tensor.tensor import Tensor
from workbench.transforms.enumerated import unchecked
from workbench.transforms.gradient import grad

if TYPE_CHECKING:
    from workbench.model.model import Model

LARGE = 2.0**26
"""A precision at which squares weigh so much that they are read from a slope with all their digits; at 1 over it they weigh nothing."""


class Seen(NamedTuple):
    """What normal vectors say of a matrix T: their log-density is ``number / 2 * log(det(T)) - trace(T @ squares) / 2 + rest``."""

    number: Tensor
    squares: Tensor
    rest: Tensor


class Posterior(NamedTuple):
    """A Wishart posterior: degrees of freedom, a square root of the scale matrix, and the logarithm of what the normal vectors' density is."""

    nu: Tensor
    root: Tensor
    log_evidence: Tensor


@frozen
class WishartPrecision(InClosedForm):
    """A precision matrix with a Wishart prior is integrated out of normal vectors."""

    def eliminate(self, factors: Factors) -> Eliminated:
        begun = time.perf_counter()
        gone = factors.depending_on(factors.placeholder(self.variable))
        of = factors.joint_name(gone, self.variables)
        instead: list[Factor] = []
        if of:
            rv = factors.model[self.variable]
            with derived(rv.provenance, "conjugacy", "conjugacy", self.variables):
                own: list[Any] = replace(list(rv.inputs[1:]), dict(factors.values))
                term = checked("Wishart", self._posterior(factors).log_evidence, Wishart.checks(*own), Wishart.parameters, own)
            instead = [Factor(of, term)]
        firing = Firing(RULE, total_of([f.scaled for f in gone]), total_of([f.term for f in instead]), time.perf_counter() - begun)
        return Eliminated(factors.without(gone, instead), (firing,))

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        found = self._posterior(factors)
        return {self.variable: Wishart.dist(found.nu, found.root @ pt.matrix_transpose(found.root))}

    def _posterior(self, factors: Factors) -> Posterior:
        rv = factors.model[self.variable]
        nu, scale = (pt.cast(x, "float64") for x in replace(list(rv.inputs[1:]), dict(factors.values)))
        p = rv.type.shape[-1]
        others = [f for f in factors.depending_on(factors.placeholder(self.variable)) if f.of != (self.variable,)]
        seen = [self._seen(factors, f) for f in others]
        count, squares, rest = (sum(parts[1:], parts[0]) for parts in zip(*seen))
        # inv(inv(V) + S) = L inv(1 + L' S L) L', with L L' = V: no matrix is inverted that need not be.
        root = pt.linalg.cholesky(scale)
        turned = pt.linalg.cholesky(np.eye(p) + pt.matrix_transpose(root) @ squares @ root)
        narrower = pt.matrix_transpose(pt.linalg.solve_triangular(turned, pt.matrix_transpose(root), lower=True, b_ndim=2))
        after = nu + count
        i = np.arange(float(p))
        gammas = pt.sum(pt.gammaln(0.5 * (after - i)) - pt.gammaln(0.5 * (nu - i)))
        evidence = rest + 0.5 * count * p * math.log(2.0) + gammas + count * log_diagonal(root) - after * log_diagonal(turned)
        return Posterior(after, narrower, evidence)

    def _seen(self, factors: Factors, f: Factor) -> Seen:
        """What a factor says of the matrix: by its slope and its value at multiples of the unit matrix, of which it has that form."""
        model, t = factors.model, factors.placeholder(self.variable)
        every: list[Any] = [model[n] for n in f.of]
        why = self._obstacle(factors, t, every, f)
        if why:
            raise refused(model, self.variable, why, f"it is conjugate to MvNormal(mu, tau={self.variable}), or a multiple of it, whose mean does not depend on it")
        p = model[self.variable].type.shape[-1]
        count: Any = total_of([pt.cast(x.size, "float64") / p for x in every])
        count = count if f.scale is None else f.scale * count
        total = unchecked(total_of([f.scaled]))
        (slope,) = replace([grad(total, t)], {t: pt.constant(LARGE * np.eye(p))})
        # A matrix is symmetric: what is read of it is one triangle.
        squares = count / LARGE * np.eye(p) - slope - pt.matrix_transpose(slope)
        (at_small,) = replace([total], {t: pt.constant(np.eye(p) / LARGE)})
        return Seen(count, squares, at_small + 0.5 * count * p * math.log(LARGE) + 0.5 / LARGE * pt.sum(pt.diagonal(squares)))

    def _obstacle(self, factors: Factors, t: Any, every: Sequence[Any], f: Factor) -> str:
        """Why a factor has not the form that is needed, or nothing."""
        model, name = factors.model, self.variable
        for x in every:
            if x not in model.rvs_to_values:
                return f"the potential {x.name} depends on it"
            if isinstance(x.op, Part):
                return f"{x.name} has missing values"
        integrated = integrated_before(factors, every, f)
        if f.is_rest:
            return f"{f.name} is what is left of a density in which it is"
        hidden = {model.rvs_to_values[x] for x in integrated}
        for x in (*every, *integrated):
            if not isinstance(x.op, Draw) or not issubclass(x.op.distribution, PrecisionMvNormal):
                return f"{x.name} depends on it, and is a {x.op.name}, and no MvNormal of a precision matrix"
            mean, matrix = replace(list(x.inputs[1:]), dict(factors.values))
            if t in ancestors([mean]) or mean is t:
                return f"the mean of {x.name} depends on it"
            if not _is_multiple(matrix, t):
                return f"the precision matrix of {x.name} is no multiple of it"
            inside = hidden & set(ancestors([mean]) | {mean})
            if any(not _is_elementwise(mean, place) for place in inside):
                return f"the mean of {x.name} mixes numbers of a vector that left, which {name} joins"
        return ""


def _path(x: Expr, to: Expr) -> list[Expr] | None:
    """The nodes from an expression down to an input that one branch of it has; ``None`` where several have."""
    found = []
    while x is not to:
        below = [i for i in x.inputs if i is to or to in ancestors([i])]
        if len(below) != 1:
            return None
        found.append(x)
        x = below[0]
    return found


def _is_multiple(matrix: Expr, t: Expr) -> bool:
    """Whether a matrix is another one times a number, which may differ from vector to vector."""
    path = _path(matrix, t)
    if path is None:
        return False
    for node in path:
        if isinstance(node.op, (Annotation, BroadcastTo)):
            continue
        if node.op not in (e.multiply, e.divide) or (node.op is e.divide and t in {node.inputs[1], *ancestors([node.inputs[1]])}):
            return False
        other: Any = next(i for i in node.inputs if i is not t and t not in ancestors([i]))
        if other.ndim and tuple(other.type.shape[-2:]) not in ((1,), (1, 1)):
            return False
    return True


def _is_elementwise(mean: Expr, place: Expr) -> bool:
    """Whether a mean has the vectors of an input as they are, but for what is added to all, and numbers that multiply whole vectors."""
    path = _path(mean, place)
    if path is None:
        return False
    for node in path:
        if isinstance(node.op, (Annotation, BroadcastTo)) or node.op in (e.add, e.subtract, e.negative):
            continue
        below: Any = node.inputs[0]
        if isinstance(node.op, (Reshape, Take)) and below.ndim > 1 and node.type.shape[-1:] == below.type.shape[-1:]:  # type: ignore[attr-defined]
            continue
        if node.op not in (e.multiply, e.divide):
            return False
        other: Any = next((i for i in node.inputs if i is not place and place not in ancestors([i])), None)
        if other is None or (other.ndim and other.type.shape[-1] != 1) or (node.op is e.divide and other is node.inputs[0]):
            return False
    return True


def _wishart_prior(t: Expr) -> None:
    """A Wishart prior of a precision matrix times densities of normal vectors is a Wishart density again: with a degree of freedom more for each
    vector, and their squares added to the inverse of its scale matrix.

    What is left when the matrix is integrated out is the ratio of the two densities' constants: a matrix t density of the vectors.
    """


RULE = Rule("conjugate_wishart_prior", "conjugacy", " ".join((_wishart_prior.__doc__ or "").split()), (), lambda expr: None, _wishart_prior)


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> WishartPrecision | None:
        if len(variables) != 1 or not isinstance(variables[0].op, Draw) or not issubclass(variables[0].op.distribution, Wishart):
            return None
        (rv,) = variables
        if rv.type.ndim > 2:
            raise refused(model, str(rv.name), "it is several matrices", "give each as a variable of its own")
        return WishartPrecision(str(rv.name), f"The Wishart prior of {rv.name} is conjugate to normal vectors of which it is the precision matrix.")


KINDS.append(_Kind())
