"""From a model to its log-density: derived by rules, values in place of variables, gradient."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Distribution, Draw
from workbench.distributions.draws import require_lengths
from workbench.errors import ModelError
from workbench.graph.expr import Constant, Data, Expr, Input, give_name, intern, rebuild
from workbench.graph.frozen import changed
from workbench.graph.inner import Graph
from workbench.graph.lengths import Length, Size, at_least, maximum
from workbench.graph.provenance import derived, nowhere
from workbench.graph.rewrite import Firing, PassRecord, Rule, Trace
from workbench.graph.traverse import depends_on, replace, topological
from workbench.graph.types import TensorType
from workbench.model.elimination import Elimination, Factor, Factors, refused, sum_of, total_of
from workbench.model.functions import function_of
from workbench.model.missing import Part, in_own_dtype
from workbench.model.simulators import require_density
from workbench.tensor.shape import Dim, paired
from workbench.tensor.shape.lengths import number_of
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform, unconstrained_logp
from workbench.transforms.gradient import grad
from workbench.transforms.logprob import down_to_draws, logp_node, logprob_pass, require_derived

if TYPE_CHECKING:
    from workbench.model.model import Model


class LogpGraph:
    """The log-density of a model over its value variables.

    Attributes
    ----------
    elementwise, terms
        The log-density of each variable, element by element, and summed.
    total
        The sum of all.
    values
        Every random variable's value in its own space, as an expression of the value variables.
    factors
        The terms with what they are of: the joint density of several variables, where something was eliminated.
    stages
        The terms before each of the model's eliminations.
    trace
        The passes that led here.
    """

    @nowhere()
    def __init__(self, model: Model, jacobian: bool = True, vars: Any = None) -> None:
        self.trace = Trace()
        self.model = model
        self.values: dict[Expr, Any] = values_of_variables(model)
        self.stages: list[Factors] = []
        wanted = _wanted(model, vars)
        if model.eliminations and vars is not None:
            factors = self._given_others(wanted, jacobian)
        else:
            factors = self._factors(wanted, jacobian)
        self.factors = factors
        from workbench.rewrites.reroll import rerolled

        # Terms of one form are one over all of them before anything else is done with each. Term by term they are as they were.
        (total,), rolled = rerolled(factors.roots[:1])
        self.trace.passes += [rolled] if rolled.firings else []
        found = self._unconstrained([total] if rolled.firings else factors.roots)
        self.total: Any = found[0]
        self._elementwise = found[1:] if not rolled.firings else None

    def _unconstrained(self, roots: Sequence[Expr]) -> Sequence[Any]:
        from workbench.rewrites import unconstrained_pass

        found, record = unconstrained_pass().run(roots)
        self.trace.passes.append(record)
        return found

    @functools.cached_property
    def elementwise(self) -> dict[str, Tensor]:
        """The log-density of each variable, element by element."""
        with nowhere():
            found = self._unconstrained(self.factors.roots[1:]) if self._elementwise is None else self._elementwise
        return dict(zip((f.name for f in self.factors.all), found))

    @functools.cached_property
    def terms(self) -> dict[str, Tensor]:
        """The log-density of each variable, summed."""
        with nowhere():
            return {name: sum_of(x) for name, x in self.elementwise.items()}

    def _factors(self, wanted: Sequence[Tensor], jacobian: bool) -> Factors:
        """The terms of some variables and potentials, derived, with values in the place of variables, and less what is eliminated."""
        model = self.model
        self._drawn_for: dict[Expr, Tensor] = {}
        named: dict[str, Any] = {}
        scales: dict[str, Any] = {}
        for x in [*model.marginalized_RVs, *wanted]:
            name = str(x.name)
            with derived(x.provenance, None, kind_of_term(model, x), (name,)):
                named[name] = self._checked(x, self.term(x, jacobian))
                if model.eliminations:
                    # What is eliminated is so from the terms as they are.
                    scales[name] = model.rvs_to_scalings.get(x)
                else:
                    named[name] = self._scaled(x, named[name])
        start = [total_of(list(named.values())), *named.values()]
        found: Any
        found, record = logprob_pass().run(start)
        require_derived(found)
        self.trace.passes.append(record)
        substituted, record = _substituted(model, self.values, found)
        self.trace.passes.append(record)
        _require_values(model, named, substituted[1:])
        factors = Factors(model, self.values, tuple(Factor((name,), term, scales.get(name)) for name, term in zip(named, substituted[1:])))
        self.stages = []
        for elimination in model.eliminations:
            self.stages.append(factors)
            begun, before = time.perf_counter(), factors.roots
            factors, firings = elimination.eliminate(factors)
            _require_eliminated(model, elimination, factors)
            seconds = time.perf_counter() - begun
            self.trace.passes.append(PassRecord(elimination.title, elimination.reason, before, factors.roots, firings, seconds))
        return factors

    def _given_others(self, wanted: Sequence[Tensor], jacobian: bool) -> Factors:
        """The terms of some variables where others have been eliminated: those that they add to the joint density of others before them.

        Observed variables are given the free ones, potentials given both, so all terms add up to the whole.
        """
        model = self.model
        before: list[Tensor] = []
        if not any(x is rv for x in wanted for rv in model.free_RVs):
            observed = any(x is rv for x in wanted for rv in model.observed_RVs)
            before = [*model.free_RVs, *(() if observed else model.observed_RVs)]
        known = self._factors(before, jacobian) if before else None
        self.trace = Trace()
        together = self._factors([*before, *wanted], jacobian)
        names = {str(x.name) for x in wanted}
        found = []
        for f in together.all:
            if names.isdisjoint(f.of):
                continue
            others = [g.scaled for g in known.all if set(g.of) <= set(f.of)] if known is not None else []
            own: Any = f.scaled
            for other in others:
                alike = other.type.shape == own.type.shape and len(others) == 1
                own = own - other if alike else sum_of(own) - sum_of(other)
            found.append(Factor(tuple(n for n in f.of if n in names), own, along=f.along))
        return changed(together, all=tuple(found))

    def representable(self, total: Tensor) -> Tensor:
        """The log-density, minus infinity where it is no number because a constrained value is too large or small for one.

        A density of other variables given ``exp(q)`` is not to be had where that, or its square, is 0 or infinite in double
        precision: a sampler must turn back from there.
        """
        lost: Any = None
        for rv, transform in self.model.rvs_to_transforms.items():
            value = self.values.get(rv)
            if transform is None or value is None or not _is_exponential(transform, self.model.rvs_to_values[rv], rv):
                continue
            with derived(rv.provenance, None, "guard"):
                size = pt.abs(value)
                found = pt.any(pt.logical_or(size > 1e150, size < 1e-150))
            lost = found if lost is None else pt.logical_or(lost, found)
        return total if lost is None else pt.where(pt.logical_and(pt.logical_not(total < np.inf), lost), -np.inf, total)

    def _checked(self, x: Tensor, term: Tensor) -> Tensor:
        value = self.model.rvs_to_values.get(x)
        # A density of one's own may return anything: sums, or terms that are not those of single values.
        own = isinstance(x.op, Draw) and hasattr(x.op.distribution, "of_density")
        return term if value is None or own or isinstance(x.op, Part) else _one_length(str(x.name), term, value)

    def _scaled(self, x: Tensor, term: Tensor) -> Tensor:
        scale = self.model.rvs_to_scalings.get(x)
        return term if scale is None else scale * term

    def term(self, x: Tensor, jacobian: bool) -> Tensor:
        """The log-density of a variable, not derived yet; a potential as it is."""
        model = self.model
        if x not in model.rvs_to_values:
            return x
        value = model.rvs_to_values[x]
        if isinstance(x.op, Part):
            return _density_of_part(model, x, model.rvs_to_values)
        if any(x is rv for rv in model.observed_RVs):
            value = _of_its_lengths(model, x, value)
        if not isinstance(x.op, Draw):
            # What is derived from others is so given their values.
            transform = model.rvs_to_transforms[x]
            given: Any = rebuild(x, tuple(replace(list(x.inputs), self.values)))
            self._claim(x, given)
            return unconstrained_logp(given, value, transform, jacobian)
        return unconstrained_logp(x, value, model.rvs_to_transforms.get(x), jacobian)

    def _claim(self, x: Tensor, given: Tensor) -> None:
        """Raise an error if another variable is made of the same random variables: each density would count them as its own."""
        for node in down_to_draws(given):
            if not isinstance(node.op, Draw):
                continue
            other = self._drawn_for.setdefault(node, x)
            if other is not x:
                raise ModelError(
                    f"{other.name} and {x.name} are made of the same random variable {node!r}, which is no variable of the model: "
                    "their joint density is not the product of theirs",
                    f"make it a variable of the model: {node.op.name}(name, ...), or two of them, one for each",
                    x.provenance.location if x.provenance else None,
                )

    @staticmethod
    def likelihood(model: Model, x: Tensor, values: Mapping[Expr, Any]) -> Tensor:
        """The log-density of an observed variable given values of the others in their own space, not derived yet."""
        if isinstance(x.op, Part):
            return _density_of_part(model, x, values)
        if isinstance(x.op, Draw):
            require_lengths(x)
            return logp_node(x, values[x])
        given: Any = rebuild(x, tuple(replace(list(x.inputs), values)))
        return logp_node(given, values[x])


def _is_exponential(transform: Transform, value: Tensor, rv: Tensor) -> bool:
    """Whether it is a transform itself, and not a parameter, that makes a number too large or small."""
    above = depends_on([transform.backward(value, rv)], [value])
    return any(node.op is pt.exp for node in above)


def _of_its_lengths(model: Model, x: Tensor, value: Tensor) -> Tensor:
    """Observed values, which must have the lengths of their variable and of its dims, whatever the data are."""
    for axis, n in enumerate(x.type.shape):
        if isinstance(n, int) and not isinstance(value.type.shape[axis], int):
            value = paired(f"{x.name}: the observed data, and the variable,", value, axis, pt.zeros(n), 0)
    for axis, d in enumerate(model.named_vars_to_dims.get(str(x.name), ())):
        n = None if d is None else model.dim_lengths[d]
        if isinstance(n, Tensor) and isinstance(n.op, Dim):
            value = paired(f"{x.name}: the observed data, and those along its dim {d!r},", value, axis, n.inputs[0], n.op.axis)
    return _of_its_parameters(x, value)


def _of_its_parameters(x: Tensor, value: Tensor) -> Tensor:
    """Observed values, which must have the lengths of the parameters that depend on data."""
    if not isinstance(x.op, Draw):
        return value
    require_lengths(x)
    d = x.op.distribution
    if d.batch_shape.__func__ is not Distribution.batch_shape.__func__:  # type: ignore[attr-defined]
        # Made of others: an axis of parameters may be over the components.
        return value
    for name, p, rank in zip(d.parameters, x.inputs[1:], d.ranks or (0,) * len(x.inputs)):
        # Of data observed along their own length, a parameter is stretched to it: what counts is what it is without.
        p = p.inputs[0] if p.op.name == "broadcast_to" else p
        for back in range(1, p.ndim - rank + 1):
            axis = value.ndim - d.event_rank - back
            if axis >= 0 and isinstance(p.type.shape[p.ndim - rank - back], Length) and value.type.shape[axis] != 1:
                value = paired(f"{x.name}: the observed data, and its parameter {name},", value, axis, p, p.ndim - rank - back)
    return value


def _one_length(name: str, term: Tensor, value: Tensor) -> Tensor:
    """A log-density, one term for each value: of one value and several parameters there would be several."""
    for axis in range(min(term.ndim, value.ndim)):
        if not isinstance(term.type.shape[axis], int):
            term = paired(f"{name}: its log-density and its value", term, axis, value, axis)
    return term


def _density_of_part(model: Model, x: Tensor, values: Mapping[Any, Any]) -> Tensor:
    """Missing elements of vectors are counted with the observed ones."""
    if x.op.free:
        return pt.constant(0.0)
    whole = x.inputs[0]
    other = next(rv for rv in model.free_RVs if isinstance(rv.op, Part) and rv.inputs[0] is whole)
    order = [*x.op.chosen(whole.size), *other.op.chosen(whole.size)]
    both = pt.concatenate([values[x], values[other]])
    return logp_node(whole, pt.reshape(both[np.argsort(order)], whole.type.static_shape))


def kind_of_term(model: Model, x: Tensor) -> str:
    """Return what the term of a variable, or a potential, is in the log-density: a kind of :class:`Purpose`."""
    if x not in model.rvs_to_values:
        return "potential"
    return "density" if any(x is rv for rv in model.observed_RVs) else "prior"


def _wanted(model: Model, vars: Any) -> list[Tensor]:
    """The variables and potentials whose terms are asked for."""
    if vars is None:
        return [*model.basic_RVs, *model.potentials]
    wanted = [vars] if isinstance(vars, (Expr, str)) else list(vars)
    found: list[Any] = [model[x] if isinstance(x, str) else x for x in wanted]
    for x in found:
        if any(x is rv for rv in model.marginalized_RVs):
            raise ModelError(f"{x.name} has left the density of the model: it has no term of its own there", "pm.recover draws it")
        if x not in model.rvs_to_values and not any(x is p for p in model.potentials):
            raise ModelError(f"{_called(x)} is neither a random variable nor a potential of the model: it has no log-density of its own")
    return found


def _require_values(model: Model, names: Any, terms: Sequence[Expr]) -> None:
    """Raise an error if a log-density depends on a random variable that has no value."""
    if not any(isinstance(node.op, Draw) for node in topological(terms)):
        return
    for name, term in zip(names, terms):
        for node in topological([term]):
            if isinstance(node.op, Draw):
                hint = f"make it one: {node.op.name}(name, ...), not {node.op.name}.dist(...)"
                if node.name:
                    hint = "variables of another model are not this one's: write it in this model's block too"
                raise ModelError(
                    f"the log-density of {name} depends on {_called(node)}, which is no variable of the model and has no value",
                    hint,
                    node.provenance.location if node.provenance else None,
                )


def _called(x: Expr) -> str:
    return f"{x.name} = {x!r}" if x.name else repr(x)


def _require_eliminated(model: Model, elimination: Elimination, factors: Factors) -> None:
    """Raise an error if a term depends on what should have left."""
    for name in elimination.variables:
        found = factors.depending_on(factors.placeholder(name))
        if found:
            raise refused(model, name, f"after its {elimination.title} the term of {found[0].name} depends on it still")


def _substitute(rv: Expr) -> None:
    """A random variable stands for its value: where the density is asked for, the value is put in its place."""


VALUE_FOR_VARIABLE = Rule(
    "value_for_variable", "values", (_substitute.__doc__ or "").strip(), (), lambda expr: None, _substitute
)


def _part(value: Expr) -> None:
    """A variable's unconstrained value is its part of the flat vector."""


PART_FOR_VALUE = Rule("part_for_value", "flat vector", (_part.__doc__ or "").strip(), (), lambda expr: None, _part)


def values_of_variables(model: Model) -> dict[Expr, Any]:
    """Return each random variable's value in its own space, as an expression of the value variables."""
    values: dict[Expr, Any] = {}
    for rv in in_order(model):
        with nowhere():
            own = _own_value(model, rv, model.rvs_to_values[rv])
            (values[rv],) = replace([own], {x: values[x] for x in topological([own]) if x in values})
        give_name(values[rv], rv.name)
    return values


def in_order(model: Model) -> list[Tensor]:
    """Return the random variables so that each comes after those on which its value depends, given its coordinates.

    Parameters come first as they are made; what a transform has beside these may come later.
    """
    placed: dict[Tensor, None] = {}
    for rv in model.rvs_to_values:
        pending = [rv]
        while pending:
            x = pending[-1]
            transform = model.rvs_to_transforms.get(x)
            below = topological(transform.inputs) if transform is not None and transform.inputs else []
            waiting: list[Any] = [y for y in below if y in model.rvs_to_values and y not in placed]
            if x in placed or not waiting:
                placed[pending.pop()] = None
            else:
                pending += waiting
    return list(placed)


def _own_value(model: Model, rv: Tensor, value: Tensor) -> Tensor:
    transform = model.rvs_to_transforms.get(rv)
    with derived(rv.provenance, None, "value", (str(rv.name),)):
        step = in_own_dtype(rv, value) if transform is None else transform.backward(value, rv)
    return give_name(step, rv.name)  # type: ignore[no-any-return]


def _substituted(model: Model, values: dict[Expr, Any], roots: Sequence[Expr]) -> tuple[list[Any], PassRecord]:
    """Put each variable's value in its place."""
    start = time.perf_counter()
    firings = []
    for rv, value in model.rvs_to_values.items():
        begun = time.perf_counter()
        firings.append(Firing(VALUE_FOR_VARIABLE, rv, _own_value(model, rv, value), time.perf_counter() - begun))
    # One at a time, the last variable goes first: an earlier one may be among its parameters.
    firings.reverse()
    current = replace(roots, values)
    record = PassRecord(
        "values", "Each random variable is replaced by its value.", tuple(roots), tuple(current), tuple(firings),
        time.perf_counter() - start,
    )  # fmt: skip
    return current, record


def values_for_variables(model: Model, roots: Sequence[Expr]) -> tuple[dict[Expr, Any], list[Any]]:
    """Return each random variable's value, and `roots` with the values in their places."""
    values = values_of_variables(model)
    return values, replace(list(roots), values)


def flat_vector(model: Model) -> tuple[Tensor, dict[Expr, Tensor]]:
    """Return the flat vector, and each value variable as a part of it."""
    return vector_of_values(model, model.free_RVs, "q")


def vector_of_values(model: Model, variables: Sequence[Tensor], name: str, dtype: str = "float64") -> tuple[Tensor, dict[Expr, Any]]:
    """Return a vector that holds the values of some free variables one after the other, and each value as a part of it.

    Raises
    ------
    ModelError
        If a length follows from no data.
    """
    values = [model.rvs_to_values[rv] for rv in variables]
    # A length such as n - 1 is none for n = 0: that there is a value of its length is a condition of the reshaping.
    sizes: list[Any] = [n if at_least(n, 0) else maximum(n, 0) for n in (value.type.length for value in values)]
    with nowhere():
        vector: Tensor = intern(Input(name, TensorType(dtype, (sum(sizes),))))
    # All of the vector is the value of one variable: whoever meets it, in code or a message, is told which.
    vector.name = values[0].name if len(values) == 1 and values[0].ndim == 1 else name
    parts: dict[Expr, Any] = {}
    at: Any = 0
    for rv, value, size in zip(variables, values, sizes):
        with derived(rv.provenance, None, "value", (str(rv.name),)):
            begin, end = lengths_in((at, at + size), model, rv)
            part = pt.reshape(vector[begin:end], lengths_in(value.type.shape, model, rv))
            if part.dtype != value.dtype:
                part = pt.cast(part, value.dtype)
        part.name = value.name
        parts[value] = part
        at += size
    return vector, parts


def lengths_in(shape: Sequence[Size], model: Model, x: Tensor) -> tuple[Any, ...]:
    """Return the lengths of a value of a model as numbers, and as expressions of its data where they follow from these.

    Raises
    ------
    ModelError
        If one follows from no data.
    """
    if all(isinstance(n, int) for n in shape):
        return tuple(shape)
    where = [*model.named_vars.values(), *(model.rvs_to_values[rv] for rv in model.observed_RVs)]
    found: list[Any] = []
    for n in shape:
        try:
            found.append(n if isinstance(n, int) else number_of(n, *where))
            known = not isinstance(found[-1], Expr) or all(isinstance(node.op, (Data, Constant)) for node in topological(found[-1:]) if not node.inputs)
        except LookupError:
            known = False
        if not known:
            raise ModelError(f"{x.name}: the length {n} of its values follows from no data")
    return tuple(found)


class Slopes(NamedTuple):
    """A model's log-density over the flat vector, and its gradient to each value.

    Attributes
    ----------
    density
        The log-density over the value variables.
    q, parts
        The flat vector, and each value variable as a part of it.
    total
        The log-density over the flat vector.
    rows
        The gradient to each free variable's value, flat, one after the other.
    """

    density: LogpGraph
    q: Tensor
    parts: dict[Expr, Any]
    total: Tensor
    rows: list[Tensor]

    @property
    def graph(self) -> Graph:
        """The graph from the flat vector to the log-density and its gradient."""
        with nowhere():
            flat = pt.concatenate(self.rows) if self.rows else pt.zeros(0)
            return Graph([self.q], [self.total, slope_of_zero(self.total, flat)])


@nowhere()
def slopes(model: Model, trace: Trace | None = None) -> Slopes:
    """Return a model's log-density over the flat vector and its gradient to each value, and record how they are derived."""
    discrete = [rv for rv in model.free_RVs if np.dtype(rv.dtype).kind != "f"]
    if discrete:
        made = discrete[0].provenance
        raise ModelError(
            f"{', '.join(str(rv.name) for rv in discrete)}: a discrete free variable has no gradient",
            "observe it, or sum it out of the model",
            made.location if made else None,
        )
    require_density(model, "it has no gradient")
    density = model.density()
    q, parts = flat_vector(model)
    (total,) = replace([density.total], parts)
    if trace is not None:
        firings = tuple(Firing(PART_FOR_VALUE, value, part, 0.0) for value, part in parts.items())
        doc = "The unconstrained values are parts of one vector, which the sampler moves."
        trace.passes += [*density.trace.passes, PassRecord("flat vector", doc, (density.total,), (total,), firings, 0.0)]
    gradients = grad(total, list(parts.values()), disconnected_inputs="ignore", trace=trace)
    (total,) = replace([density.representable(density.total)], parts)
    return Slopes(density, q, parts, total, list(map(_row, model.free_RVs, gradients)))


def logp_grad_graph(model: Model, trace: Trace | None = None) -> Graph:
    """Return the graph from the flat vector to the log-density and its gradient."""
    return slopes(model, trace).graph


def _row(rv: Tensor, gradient: Tensor) -> Tensor:
    with derived(rv.provenance, None, "gradient to", (str(rv.name),)):
        return pt.reshape(gradient, (-1,))


def slope_of_zero(total: Tensor, gradient: Tensor) -> Tensor:
    """The gradient of a log-density; where that is minus infinity, what is computed as infinite or NaN is 0.

    Without exponentials, and with nothing that is said to have no density, nothing is added.
    """
    if not any(node.op is pt.exp or _is_minus_infinity(node) for node in topological([total])):
        return gradient
    lost = pt.logical_and(pt.equal(total, -np.inf), pt.logical_not(pt.isfinite(gradient)))
    return pt.where(lost, 0.0, gradient)


def _is_minus_infinity(node: Expr) -> bool:
    return isinstance(node.op, Constant) and node.op.value.shape == () and bool(node.op.value == -np.inf)


class LogpDlogp:
    """A model's log-density and gradient, compiled.

    Call it with the flat unconstrained vector, as long as it is with the data that there are then; it returns ``(logp, gradient)``.

    Attributes
    ----------
    function
        The compiled function; `source`, `timings`, `trace` and `backend` are its own.
    """

    def __init__(self, model: Model, backend: str) -> None:
        self.function = function_of(model, "logp_grad", backend, logp_grad_graph)
        self.timings = dict(self.function.timings)
        self.trace = self.function.trace
        self.backend = self.function.backend

    @property
    def source(self) -> str:
        return self.function.source

    def __call__(self, q: Any) -> tuple[float, np.ndarray[Any, Any]]:
        value, gradient = self.function(q)
        return float(value), gradient
