"""The variables of a model: by name, and by role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.graph.conditions import axes_named
from workbench.graph.expr import Input, intern
from workbench.graph.lengths import fresh, number
from workbench.graph.types import Shape
from workbench.model.dims import Dims
from workbench.model.functions import Functions, Moment
from workbench.model.restrictions import note
from workbench.model.shapes import CurrentShapes
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform

if TYPE_CHECKING:
    from workbench.model.elimination import Elimination

SEPARATOR = "::"


class Variables(Dims):
    """What a model knows of its variables: their names, roles, values, transforms and starts."""

    parent: Variables | None

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise ModelError(f"the name of a model is a string, not {name!r}", "coordinates are given as Model(coords=...)")
        self.name = _checked_name(name)
        self.named_vars: dict[str, Tensor] = {}
        self.free_RVs: list[Tensor] = []
        self.observed_RVs: list[Tensor] = []
        self.marginalized_RVs: list[Tensor] = []
        self.deterministics: list[Tensor] = []
        self.recovered_deterministics: list[Tensor] = []
        self.potentials: list[Tensor] = []
        self.data_vars: list[Tensor] = []
        self.rvs_to_values: dict[Tensor, Tensor] = {}
        self.rvs_to_transforms: dict[Tensor, Transform | None] = {}
        self.rvs_to_initial_values: dict[Tensor, Any] = {}
        self.rvs_to_scalings: dict[Tensor, Tensor] = {}
        self.eliminations: tuple[Elimination, ...] = ()
        self.shapes = CurrentShapes()
        self.compiled_functions = Functions()
        self.taken_from: Moment | None = None
        self.make_dims(self.parent)

    # Names ---------------------------------------------------------------------------------------

    @property
    def root(self) -> Variables:
        """The outermost model that this one is a part of, or itself."""
        return self if self.parent is None else self.parent.root

    @property
    def isroot(self) -> bool:
        return self.parent is None

    @property
    def lineage(self) -> list[Variables]:
        """This model, and those it is a part of."""
        return [self] if self.parent is None else [self, *self.parent.lineage]

    @property
    def prefix(self) -> str:
        """What is put in front of names."""
        above = "" if self.parent is None else self.parent.prefix
        return SEPARATOR.join(part for part in (above, self.name) if part)

    def name_for(self, name: str) -> str:
        """Return the full name of a variable of this model."""
        name = _checked_name(name)
        prefix = self.prefix
        if not prefix or name.startswith(prefix + SEPARATOR):
            return name
        return f"{prefix}{SEPARATOR}{name}"

    def name_of(self, name: str) -> str:
        """Return a full name without this model's prefix."""
        return name.removeprefix(self.prefix + SEPARATOR) if self.prefix else name

    def check_new(self, name: str) -> str:
        """Return the full name of a new variable.

        Raises
        ------
        ModelError
            If the name is taken, or is none that results can have.
        """
        full = self.name_for(name)
        if not full:
            raise ModelError("the name of the variable is empty", "results are found by the names of variables")
        if full in self.root.named_vars:
            made = self.root.named_vars[full].provenance
            first = f", and the first is: {made.location.text}" if made and made.location and made.location.text else ""
            raise ModelError(f"the model has a variable {full!r} already", f"names must be unique{first}", page="name-taken")
        if full.endswith("__") and any(full == value.name for value in self.root.value_vars):
            raise ModelError(f"{full!r} is the name of an unconstrained value of the model", "choose another name for the variable")
        return full

    def add_name(self, name: str, variable: Tensor, dims: Sequence[str | None] | None = None) -> None:
        """Give a variable its full name, in this model and those it is a part of.

        Raises
        ------
        ModelError
            If the name is taken.
        """
        full = self.check_new(name)
        if full in (dims or ()):
            raise ModelError(f"{full}: it has the name of its own dim", "results tell them apart by their names: give one of them another")
        variable.name = full
        for m in self.lineage:
            m.named_vars[full] = variable
            if dims:
                m.named_vars_to_dims[full] = tuple(dims)

    def __getitem__(self, name: str) -> Tensor:
        for full in (name, self.name_for(name)):
            if full in self.named_vars:
                return self.named_vars[full]
        raise KeyError(f"the model has no variable {name!r}; it has {', '.join(self.named_vars)}")

    def __getattr__(self, name: str) -> Tensor:
        named = self.__dict__.get("named_vars", {})
        full = "" if name.startswith("_") else self.name_for(name)
        if full in named:
            return named[full]
        raise AttributeError(f"a {type(self).__name__} has no attribute, and no variable, {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(n for n in map(self.name_of, self.named_vars) if n.isidentifier())]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.named_vars or self.name_for(name) in self.named_vars)

    # Variables by role ---------------------------------------------------------------------------

    def add_to(self, role: str, variable: Tensor) -> None:
        """Append a variable to a list of this model and those it is a part of."""
        for m in self.lineage:
            getattr(m, role).append(variable)

    @property
    def basic_RVs(self) -> list[Tensor]:
        """The random variables: free ones, then observed ones."""
        return [*self.free_RVs, *self.observed_RVs]

    @property
    def unobserved_RVs(self) -> list[Tensor]:
        """Free variables and deterministics."""
        return [*self.free_RVs, *self.deterministics]

    @property
    def values_to_rvs(self) -> dict[Tensor, Tensor]:
        """The random variable of each value."""
        return {value: rv for rv, value in self.rvs_to_values.items()}

    @property
    def value_vars(self) -> list[Tensor]:
        return [self.rvs_to_values[rv] for rv in self.free_RVs]

    @property
    def continuous_value_vars(self) -> list[Tensor]:
        return [v for v in self.value_vars if v.type.kind == "f"]

    @property
    def discrete_value_vars(self) -> list[Tensor]:
        return [v for v in self.value_vars if v.type.kind != "f"]

    @property
    def initial_values(self) -> dict[Tensor, Any]:
        return self.rvs_to_initial_values

    def value_name(self, rv: Tensor) -> str:
        """Return the name of a free variable's value: ``sigma_log__`` for ``sigma``."""
        transform = self.rvs_to_transforms[rv]
        return f"{rv.name}_{transform.name}__" if transform is not None else str(rv.name)

    def make_value(self, rv: Tensor, transform: Transform | None) -> None:
        """Give a free variable its unconstrained value, an input."""
        if transform is not None and f"{rv.name}_{transform.name}__" in self.root.named_vars:
            raise ModelError(
                f"{rv.name}: its unconstrained value is called {rv.name}_{transform.name}__, as a variable of the model is",
                "choose another name for one of them",
            )
        note(rv, transform)
        for m in self.lineage:
            m.rvs_to_transforms[rv] = transform
        shape = self._value_shape(rv, transform)
        value: Tensor = intern(Input(self.value_name(rv), rv.type.with_shape(shape)))
        value.name = self.value_name(rv)
        for m in self.lineage:
            m.rvs_to_values[rv] = value

    def _value_shape(self, rv: Tensor, transform: Transform | None) -> Shape:
        if transform is None:
            return rv.type.shape
        now = self.shapes.of(rv)
        numbers = [n for n in now if isinstance(n, int)]
        if len(numbers) != rv.ndim:
            return rv.type.shape
        shape = tuple(transform.value_shape(tuple(numbers)))
        if not rv.type.is_open:
            return shape
        try:
            of_lengths = tuple(transform.value_shape(rv.type.shape))
            known, _ = axes_named([rv], [numbers])
            if tuple(number(n, known) for n in of_lengths) == shape:
                return of_lengths
        except (TypeError, KeyError):
            pass  # A transform of someone's own, which computes with numbers alone.
        if len(shape) != rv.ndim:
            return shape
        return tuple(k if isinstance(n, int) else fresh("n") if k != now[a] else n for a, (n, k) in enumerate(zip(rv.type.shape, shape)))

    def set_initval(self, rv: Tensor, initval: Any) -> None:
        """Set where sampling starts: a value in the variable's own space, "prior", or ``None`` for the support point."""
        for m in self.lineage:
            m.rvs_to_initial_values[rv] = initval


def _checked_name(name: str) -> str:
    if not isinstance(name, str):
        raise ModelError(f"the name of a variable is a string, not {name!r}")
    if "/" in name:
        raise ModelError(f"the name {name!r} has a slash", "files of results take it for a group: choose another name")
    if name.endswith(":"):
        raise ModelError(f"the name {name!r} ends with a colon", "colons separate the names of models")
    return name
