"""What a distribution is, and `Draw`: a random variable is a tensor drawn from one under a key."""

from __future__ import annotations

import inspect
import operator
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

import workbench.tensor as pt
from workbench.distributions.batch_shapes import alike, fits
from workbench.distributions.constraints import Check, Constraint, checked, shortened, violation, where_violated
from workbench.distributions.distribution_type import DistributionType
from workbench.distributions.families import Family
from workbench.distributions.signatures import CallSignature
from workbench.errors import ArgumentError, ModelError, ShapeError, closest
from workbench.graph.expr import Constant, Expr, Input, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.lengths import Length
from workbench.graph.traverse import topological
from workbench.graph.types import Shape, TensorType
from workbench.names import ARGUMENTS, answers
from workbench.tensor.elementwise import broadcast_shapes, cast
from workbench.tensor.keys import fresh_key, seed
from workbench.tensor.shape import Dim, broadcast_to, extent, length_of, paired
from workbench.tensor.shape.lengths import number_of
from workbench.tensor.tensor import Tensor, as_tensor

Support = str
"""Where a distribution puts its mass. The model chooses the transform to unconstrained space from it."""

REAL, POSITIVE, UNIT, INTERVAL, DISCRETE = "real", "positive", "unit", "interval", "discrete"
SIMPLEX, CIRCULAR = "simplex", "circular"

LENGTHS = "lengths"
"""The name of a parameter, of zeros, that has lengths of a variable which are known only at run time, and no other use."""

register_variable: list[Callable[..., Tensor]] = []
"""How a model registers a named variable; put here by the model layer."""

register_deterministic: list[Callable[..., Tensor]] = []
"""How a distribution keeps what it derives from its draw (`probs`, `corr`); put here by the model layer."""


OpenShape = tuple[int | None, ...]
"""The shape of a draw, ``None`` where a length is that of a parameter."""

class Distribution(metaclass=DistributionType):
    """Base of all distributions. Subclasses are declarations and are never instantiated.

    ``Normal("x", 0, 1)`` makes a variable in the current model, ``Normal.dist(0, 1)`` one outside.

    Attributes
    ----------
    parameters
        Names of the parameters of the formulas, in order.
    domains
        What parameters must satisfy, by name.
    event_rank
        How many of the last axes are one draw together: 0, 1 for vectors, 2 for matrices.
    ranks
        The same for each parameter; 0 by default.
    repeated
        Which parameter a variable has its lengths from that are known only at run time, where none has them
        already; ``None`` if none can.
    support, dtype
        Where the mass lies, and the dtype of draws.
    chained
        Whether a transform that is given comes after that of the support, and not instead of it.
    family
        How its draws follow from those of a standard one by a location and a scale; ``None`` if they do not.
    missing_as_nan
        Whether NaN in what is observed is a value that was not seen, which the density integrates over.
    simulated
        Whether there is no density, but a distance of simulated data in its place, another one for each key.
    made_from
        For a class that :meth:`with_fields` made: the class it was made of, and the fields.

    Examples
    --------
    >>> issubclass(pm.Normal, pm.Distribution), pm.Normal.parameters
    (True, ('mu', 'sigma'))
    """

    parameters: ClassVar[tuple[str, ...]] = ()
    domains: ClassVar[Mapping[str, Constraint]] = {}
    event_rank: ClassVar[int] = 0
    ranks: ClassVar[tuple[int, ...]] = ()
    repeated: ClassVar[int | None] = 0
    support: ClassVar[Support] = REAL
    dtype: ClassVar[str] = "float64"
    chained: ClassVar[bool] = True
    family: ClassVar[Family | None] = None
    missing_as_nan: ClassVar[bool] = False
    simulated: ClassVar[bool] = False
    made_from: ClassVar[tuple[Any, Mapping[str, Any]] | None] = None
    __signature__: ClassVar[Any] = CallSignature(register_variable)

    def __new__(cls, name: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(name, str):
            raise ModelError(
                f"{cls.__name__} needs a name as its first argument",
                f'write {cls.__name__}("name", ...); in a %%model cell a call assigned straight to a name '
                f"takes that name; {cls.__name__}.dist(...) makes a variable outside of models",
                page="no-name",
            )
        if not register_variable:
            raise ModelError("no model layer is loaded", "import workbench as pm")
        return register_variable[0](cls, name, *args, **kwargs)

    @classmethod
    def with_fields(cls, **fields: Any) -> type[Self]:
        """This distribution with something fixed in it, such as the distributions that it modifies.

        A subclass with `fields` as attributes. It is the same class for equal fields, so that equal
        draws are one expression.
        """
        key = (cls, *sorted(fields.items()))
        # A function as it is would be taken for a method of the class.
        attributes = {name: staticmethod(v) if inspect.isroutine(v) else v for name, v in fields.items()}
        content = {**attributes, "made_from": (cls, fields), "__doc__": cls.__doc__, "__module__": cls.__module__}
        made: type[Self] = _made.setdefault(key, DistributionType(cls.__name__, (cls,), content))
        return made

    @classmethod
    def arguments(cls, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The call's parameters in the order of `parameters` (alternative ones converted)."""
        raise NotImplementedError

    @classmethod
    def dist(cls, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> Tensor:
        """Return a random variable outside of any model.

        Parameters
        ----------
        args, kwargs
            The distribution's parameters.
        shape
            Shape of the variable; that of the parameters by default.
        size
            The shape without the axes of one draw: an alternative to `shape`.

        Raises
        ------
        ModelError
            If a constant parameter is outside its domain.
        ShapeError
            If the parameters do not broadcast to `shape`.
        """
        every: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
        for given_as, p in every:
            if isinstance(p, str):
                raise cls._is_text(given_as, p)
        numbers = {name: as_real(p) for name, p in kwargs.items()}
        given = cls.call(cls.arguments, *map(as_real, args), **numbers)
        missing = [name for name, p in zip(cls.parameters, given) if p is None]
        if missing:
            raise ArgumentError(f"{cls.__name__} is missing {', '.join(missing)}")
        return cls.variable([cast_real(p) for p in given], shape, size, cls._given(args, kwargs))

    @classmethod
    def _is_text(cls, given_as: int | str, text: str) -> ModelError:
        """The error of a parameter, by its position or name, that is a text."""
        names = list(inspect.signature(cls.arguments).parameters)
        which = given_as if isinstance(given_as, str) else names[given_as] if given_as < len(names) else None
        what = which if isinstance(given_as, str) else f"parameter {given_as + 1}"
        hint = f"give a number or a tensor: the variable {text} is written without quotes"
        return ModelError(f"{cls.__name__}: {what} is the text {text!r}", hint, argument=which)

    @classmethod
    def _given(cls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers that a call gives, by the names of its arguments."""
        names = [n for n in inspect.signature(cls.arguments).parameters if n not in kwargs]
        return {n: p for n, p in {**dict(zip(names, args)), **kwargs}.items() if p is not None}

    @classmethod
    def call(cls, what: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a class method, `dist` or `arguments`; arguments that it does not take are the user's error.

        Raises
        ------
        ArgumentError
            If there are too many arguments, too few, or unknown ones.
        """
        try:
            return what(*args, **kwargs)
        except TypeError as error:
            wrong = re.match(rf"\S*\b{what.__name__}\(\) ", str(error))
            if wrong is None or isinstance(error, ArgumentError):
                raise
            given = {n: p for n, p in inspect.signature(what).parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
            known = [f"{n}=" if p.kind is p.KEYWORD_ONLY else n for n, p in given.items() if n not in ("shape", "size")]
            text = str(error)[wrong.end() :]
            if "positional arguments but" in text:
                # Python counts the class too.
                text = re.sub(r"\d+", lambda count: str(int(count[0]) - 1), text)
            old = re.search(r"unexpected keyword argument '(\w+)'", text)
            today = ARGUMENTS.get(old[1]) if old else None
            hint = f"{old[1]} is called {today} today; " if old and today and (today in given or today == "initval") else ""
            near = closest(old[1], given) if old and not hint else None
            hint = f"did you mean {near!r}? " if near else hint
            raise ArgumentError(f"{cls.__name__} {text}", f"{hint}its parameters are {', '.join(known)}", argument=old[1] if old else None, page="unknown-parameter") from None

    @classmethod
    def variable(cls, given: Sequence[Tensor], shape: Any = None, size: Any = None, said: Mapping[str, Any] = MappingProxyType({})) -> Tensor:
        """Return a random variable with these parameters, in the order of `parameters`; `said` are the user's own, for messages."""
        cls._check_constants(given, said)
        if cls.repeated is None or not given:
            asked = shape if size is None else size
            if any(isinstance(n, Tensor) for n in (asked if isinstance(asked, (tuple, list)) else (asked,))):
                # What has these lengths is a parameter of its own, 0, with no other use.
                made = cls.with_fields(parameters=(LENGTHS, *cls.parameters), ranks=(0, *(cls.ranks or (0,) * len(given))), repeated=0)
                return made.variable([pt.constant(0.0), *given], shape, size)
        batch = cls.batch_shape(*given)
        event = cls.event_shape(*given)
        if size is not None:
            if shape is not None:
                raise ModelError(f"{cls.__name__}: give shape or size, not both")
            shape = (*((size,) if isinstance(size, (int, np.integer)) or getattr(size, "ndim", 1) == 0 else size), *event)
        wanted = (shape,) if isinstance(shape, (int, np.integer)) or getattr(shape, "ndim", 1) == 0 else shape
        natural = (*batch, *event)
        given, full = cls._with_lengths(given, batch, event, natural if wanted is None else tuple(wanted))
        split = len(full) - cls.event_rank
        if split < 0 or not alike(event, full[split:]) or not fits(batch, full[:split]):
            raise ShapeError(f"a draw of {cls.__name__} with these parameters has shape {natural}, which does not broadcast to {full}")
        node: Tensor = intern(Draw(cls, full), (fresh_key(), *given))
        return node

    @classmethod
    def _with_lengths(
        cls, given: Sequence[Tensor], batch: Shape, event: Shape, wanted: Sequence[Any]
    ) -> tuple[Sequence[Tensor], OpenShape]:
        """The parameters and shape of a variable some of whose lengths are known only at run time.

        Such a length is that of a parameter. Of the axes of one draw it must be the one that is asked
        for; along the others the first parameter is repeated to it, if none has it already.
        """
        full = tuple(None if n is None or isinstance(n, (Tensor, Length)) else as_length(n) for n in wanted)
        split = len(full) - cls.event_rank
        if split < 0:
            return given, full
        given = cls._of_event(given, event, wanted[split:])
        full = (*full[:split], *(m if n is None and isinstance(m, int) else n for n, m in zip(full[split:], event)))
        known = (1,) * (split - len(batch)) + tuple(batch)
        if any(isinstance(n, Length) and m == 1 for n, m in zip(known, full)):
            given = cls._of_length_one(given, full[:split])
        if all(n == length_of(length) for n, length in zip(known, wanted) if isinstance(length, Tensor)):
            return given, full
        at = cls.repeated or 0
        x, rank = given[at], cls.ranks[at] if cls.ranks else 0
        core = [extent(x, i) for i in range(x.ndim - rank, x.ndim)]
        return [*given[:at], broadcast_to(x, (*wanted[:split], *core)), *given[at + 1 :]], full

    @classmethod
    def _of_length_one(cls, given: Sequence[Tensor], batch: OpenShape) -> Sequence[Tensor]:
        """The parameters, of length 1 along axes where the variable is: its one value is not weighed for several."""
        found = []
        for name, p, rank in zip(cls.parameters, given, cls.ranks or (0,) * len(given)):
            for axis, n in enumerate(p.type.shape[: p.ndim - rank], len(batch) - (p.ndim - rank)):
                if isinstance(n, Length) and batch[axis] == 1:
                    p = paired(f"{cls.__name__}: {name} and the variable", p, axis - len(batch) + p.ndim - rank, pt.zeros(1), 0)
            found.append(p)
        return found

    @classmethod
    def _lengths_from(cls, event_rank: int) -> int | None:
        """Which parameter has the axes of one draw as its last; ``None`` if none is known to."""
        return next((i for i, rank in enumerate(cls.ranks) if rank and rank == event_rank), None)

    @classmethod
    def _of_lengths(cls, value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """A value, whose draws must have the lengths that the parameters say: a sum over other ones would be taken, too."""
        i = cls._lengths_from(cls.event_rank)
        like = None if i is None else parameters[i]
        for axis in range(-cls.event_rank, 0):
            lengths = () if like is None else (value.type.shape[axis], like.type.shape[axis])
            if like is not None and any(isinstance(n, Length) for n in lengths):
                value = paired(f"{cls.__name__}: a value and {cls.parameters[i or 0]}", value, axis, like, axis)
        return value

    @classmethod
    def _of_event(cls, given: Sequence[Tensor], event: Shape, wanted: Sequence[Any]) -> Sequence[Tensor]:
        """The parameters; that which one draw has its lengths from must have those that are asked for."""
        i = cls._lengths_from(cls.event_rank)
        if i is None:
            return given
        found = given[i]
        for axis, (n, m) in enumerate(zip(wanted, event), -len(wanted)):
            # A length that is no number of the graph is the parameters' own.
            asked = isinstance(n, Tensor) or (isinstance(m, Length) and n is not None and not isinstance(n, Length))
            if asked and found.ndim >= -axis:
                like, other = (n.inputs[0], n.op.axis) if isinstance(n, Tensor) and isinstance(n.op, Dim) else (pt.zeros((n,)), 0)
                found = paired(f"{cls.__name__}: {cls.parameters[i]} and the lengths of one draw", found, axis, like, other)
        return [*given[:i], found, *given[i + 1 :]]

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        """Shape of one draw, of `event_rank` axes; ``None`` for a length of the parameters that is known only at run time."""
        return ()

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        """Shape of the draws that the parameters make together."""
        ranks = cls.ranks or (0,) * len(parameters)
        shapes = [p.type.shape[: p.ndim - rank] for p, rank in zip(parameters, ranks)]
        for name, p, rank in zip(cls.parameters, parameters, ranks):
            if p.ndim < rank:
                raise ShapeError(f"{cls.__name__}: the parameter {name} needs at least {rank} axes, it has shape {p.type.shape}")
        return broadcast_shapes(*shapes, what=f"parameters of {cls.__name__}")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        """Conditions on the parameters, each with what its message says."""
        by_name = dict(zip(cls.parameters, parameters))
        return [(c.holds(by_name[name]), f"{name} must be {c.text}") for name, c in cls.domains.items()]

    @classmethod
    def checks_of_draws(cls, *parameters: Tensor) -> list[Check]:
        """Conditions on the parameters without which there is no draw."""
        return cls.checks(*parameters)

    @classmethod
    def _check_constants(cls, parameters: Sequence[Tensor], said: Mapping[str, Any]) -> None:
        """Raise for conditions that fail whatever the values of the model's variables are."""
        for name, p in zip(cls.parameters, parameters):
            if isinstance(p.op, Constant) and np.isnan(p.op.value).any():
                raise ModelError(f"{cls.__name__}: the parameter {name} is NaN", "check the data it comes from", argument=name)
        for condition, text in cls.checks_of_draws(*parameters):
            if not is_certain(condition):
                continue
            with np.errstate(all="ignore"):
                holds = condition.eval()
                if np.all(holds):
                    continue
                fixed = {n: p.eval() for n, p in zip(cls.parameters, parameters) if is_certain(p)}
            named = {n: v for n, v in fixed.items() if re.search(rf"(?<![\w.]){re.escape(n.rpartition('.')[2])}\b", text)}
            fixed = named or fixed
            own = {n: p for n, p in said.items() if n not in cls.parameters and isinstance(p, (int, float, np.generic, np.ndarray, list))}
            source = ", ".join(f"{n} = {shortened(p)}" for n, p in own.items())
            found = where_violated(holds, tuple(fixed), tuple(fixed.values()))
            names = [*own, *fixed]
            wrong = ModelError(
                f"{cls.__name__}: {text}, got {found}" + (f" (from {source})" if source else ""),
                "these are fixed numbers, outside of what the distribution is defined for: mend them where they come from",
                page="parameter-outside-its-domain",
                argument=names[0] if len(own) == 1 or len(names) == 1 else None,
            )
            wrong.at = tuple(int(i) for i in np.argwhere(~np.asarray(holds))[0])
            raise wrong

    @classmethod
    def density(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """The log-density with its checks of the parameters; a whole number's is minus infinity between them."""
        value = cls._of_lengths(value, parameters)
        found = cls.logp(value, *parameters)
        if value.type.kind == "f" and np.dtype(cls.dtype).kind in "iu":
            # So not at infinity, and not at NaN.
            whole = pt.equal(value - pt.floor(value), 0.0)
            if cls.event_rank:
                whole = pt.all(whole, axis=tuple(range(-cls.event_rank, 0)))
            found = pt.where(whole, found, -np.inf)
        return checked(cls.__name__, found, cls.checks(*parameters), cls.parameters, parameters)

    @classmethod
    def density_of(cls, x: Tensor, value: Tensor) -> Tensor:
        """The log-density of a random variable `x` of this distribution, with its checks."""
        return cls.density(value, *x.inputs[1:])

    @classmethod
    def density_rank(cls, x: Tensor) -> int:
        """How many of the last axes of a random variable `x` its log-density sums over."""
        return cls.event_rank

    @classmethod
    def as_wide_as(cls, x: Tensor, value: Tensor) -> Tensor:
        """The random variable `x` of this distribution in the shape of a value, if its log-density depends on it."""
        return x

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Log-density (or log-mass) of each draw, minus infinity outside the support.

        The parameters are taken as valid: `checks` are made around it.
        """
        raise NotImplementedError

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Logarithm of the cumulative distribution function of each element."""
        raise NotImplementedError(f"{cls.__name__}.logcdf")

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Logarithm of the probability of more than `value`; to be given where it keeps more digits."""
        return pt.log1mexp(cls.logcdf(value, *parameters))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        """Quantile function: the inverse of the cumulative distribution function."""
        raise NotImplementedError(f"{cls.__name__}.icdf")

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        """A draw under `key`: the same on every backend."""
        raise NotImplementedError

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """A finite point of the support, where sampling starts."""
        raise NotImplementedError

    @classmethod
    def support_point_of(cls, x: Tensor) -> Tensor:
        """The support point of a random variable `x` of this distribution."""
        return cls.support_point(*x.inputs[1:])

    @classmethod
    def is_mixed(cls) -> bool:
        """Whether single values have a probability, beside a density of the others."""
        return False

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Lower and upper bound, for an "interval" support."""
        raise NotImplementedError

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any] | None:
        """The least and the greatest whole number that a draw can be, or infinity; ``None`` where draws are other than numbers that are whole."""
        return None


_made: weakref.WeakValueDictionary[tuple[Any, ...], Any] = weakref.WeakValueDictionary()


def as_length(n: Any) -> int:
    """Return a length as an integer.

    Raises
    ------
    ShapeError
        If it is no whole number, or negative.
    """
    try:
        found = operator.index(n)
    except TypeError:
        found = int(n) if isinstance(n, (float, np.floating)) and n == int(n) else -1
    if found < 0:
        raise ShapeError(f"a length is a whole number that is not negative, not {n!r}", argument="shape")
    return found


def as_real(given: Any) -> Any:
    """What is given as a parameter, in double precision where it is a number or an array of some.

    Parametrisations compute with it: a variance is a square, which narrow integers do not hold.
    """
    if given is None or isinstance(given, float) or hasattr(given, "toarray"):
        return given
    return float(given) if isinstance(given, int) else cast_real(given)


def cast_real(parameter: Any) -> Tensor:
    """A parameter as a real tensor."""
    x = as_tensor(parameter)
    return x if x.dtype == "float64" else cast(x, "float64")


def as_wide(value: Tensor) -> Tensor:
    """A value in 64 bits with a sign: formulas compute with it in its dtype, as with the difference of two counts."""
    kind, size = value.type.kind, np.dtype(value.dtype).itemsize
    wide = "float64" if kind == "f" or (kind == "u" and size == 8) else "int64"
    return value if value.dtype == wide else cast(value, wide)


def parameters_of(rv: Expr) -> list[Any]:
    """Return the parameters of a random variable that say how it is distributed."""
    assert isinstance(rv.op, Draw)
    names = rv.op.distribution.parameters
    return [p for i, p in enumerate(rv.inputs[1:]) if i >= len(names) or names[i] != LENGTHS]


def key_of(rv: Tensor) -> Tensor:
    """Return the key of a random variable."""
    assert isinstance(rv.op, Draw)
    return rv.inputs[0]


def set_key(rv: Tensor, word: int) -> None:
    """Replace the seed of a random variable: its value is the same each time."""
    seed(key_of(rv), word)


@frozen
class Draw(Op):
    """A draw from a distribution: inputs are a key and the parameters.

    A length of ``None`` is that of the parameters, known only at run time.

    Examples
    --------
    >>> type(pm.Normal.dist(0.0, 1.0).op).__name__
    'Draw'
    """

    distribution: type[Distribution]
    shape: tuple[Any, ...]

    plain = True

    @property
    def name(self) -> str:
        return self.distribution.__name__

    def read(self, node: Expr, *operands: str) -> str:
        given = [text for x, text in zip(node.inputs[1:], operands[1:]) if any(x is p for p in parameters_of(node))]
        return f"{self.name}({', '.join(given)})"

    def infer(self, key: TensorType, *parameters: TensorType) -> TensorType:
        kind = TensorType(self.distribution.dtype, self.shape)
        if None not in self.shape:
            return kind
        inputs = [intern(Input(None, t)) for t in parameters]
        batch, event = self.distribution.batch_shape(*inputs), self.distribution.event_shape(*inputs)
        known = ((1,) * (len(self.shape) - len(event) - len(batch)) + tuple(batch)) + tuple(event)
        return kind.with_shape(tuple(m if n is None else n for n, m in zip(self.shape, known)))

    def formula(self, key: Any, *parameters: Any) -> Tensor:
        """The draw as a graph over the key's bits."""
        lengths = self.infer(key.type, *(p.type for p in parameters)).shape
        shape: Any = tuple(n if isinstance(n, int) else number_of(n, *parameters) for n in lengths)
        drawn = self.distribution.draw(key, shape, *parameters)
        return broadcast_to(drawn, shape)

    def _run(self, form: str, values: Sequence[Any]) -> Any:
        params = [
            intern(Input(None, TensorType(np.dtype(v.dtype).name, tuple(v.shape)))) for v in map(as_array, values)
        ]
        return Graph(params, [self.formula(*params)]).run(form, *values)[0]

    def numpy(self, *values: Any) -> Any:
        _, *parameters = map(as_array, values)
        inputs = [intern(Input(None, TensorType(np.dtype(p.dtype).name, tuple(p.shape)))) for p in parameters]
        checks = self.distribution.checks(*inputs)
        for (_, text), holds in zip(checks, Graph(inputs, [c for c, _ in checks]).run("numpy", *parameters)):
            if not np.all(holds):
                raise violation(f"{self.name}: {text}", holds, self.distribution.parameters, parameters)
        return self._run("numpy", values)

    def jax(self, *values: Any) -> Any:
        return self._run("jax", values)


def as_array(value: Any) -> Any:
    return value if hasattr(value, "dtype") and hasattr(value, "shape") else np.asarray(value)


def event_rank(x: Expr) -> int:
    """How many of the last axes of a random expression are one draw together.

    That of the draws it is made of, not of those that they depend on.
    """
    if not x.type.ndim:
        return 0
    rank, seen, pending = 0, {x}, [x]
    while pending:
        node = pending.pop()
        if isinstance(node.op, Draw):
            rank = max(rank, node.op.distribution.density_rank(node))  # type: ignore[arg-type]
            continue
        fresh = [n for n in node.inputs if n not in seen]
        seen.update(fresh)
        pending += fresh
    return rank


def is_certain(condition: Expr) -> bool:
    """Whether a condition is one on constants alone."""
    return all(isinstance(n.op, Constant) for n in topological([condition]) if not n.inputs)


def has_draw(x: Expr) -> bool:
    """Whether an expression is random: some random variable lies below it."""
    return any(isinstance(n.op, Draw) for n in topological([x]))


__getattr__ = answers(__name__)
