"""Frozen values: two of a class with equal fields are equal.

What ``dataclass(frozen=True)`` makes, without the source text that it writes and compiles for every class: there are over
a hundred operations, and all of them are made when the package is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
_NOT_GIVEN: Any = object()


@dataclass_transform(frozen_default=True)
def frozen(cls: Any = None, *, eq: bool = True) -> Any:
    """Make a class one of frozen values, whose annotated attributes are its fields.

    Parameters
    ----------
    cls
        The class. Fields of classes above it that are frozen too come first.
    eq
        Whether values with equal fields are equal; each is itself alone, if not.

    Examples
    --------
    >>> @frozen
    ... class Scale:
    ...     factor: float
    ...     shift: float = 0.0
    >>> Scale(2.0) == Scale(factor=2.0), Scale(2.0) == Scale(3.0), Scale(2.0)
    (True, False, Scale(factor=2.0, shift=0.0))
    """
    return _decorate if cls is None and eq else _by_identity if cls is None else _decorated(cls, eq)


def _decorate(cls: type[T]) -> type[T]:
    return _decorated(cls, True)


def _by_identity(cls: type[T]) -> type[T]:
    return _decorated(cls, False)


def _decorated(cls: Any, eq: bool) -> Any:
    defaults: dict[str, Any] = {}
    for base in cls.__mro__[-1:0:-1]:
        defaults |= base.__dict__.get("_defaults", {})
    for name in cls.__annotations__:
        defaults[name] = getattr(cls, name, _NOT_GIVEN)
    names = tuple(defaults)
    cls._defaults = defaults
    cls.__signature__ = _Signature()
    cls.__match_args__ = names  # type: ignore[misc]
    made = {"__init__": _init(cls, names, defaults), "__repr__": _repr, **_refusals(cls, names)}
    if eq:
        made |= _comparison(cls, names)
    for name, method in made.items():
        # Python itself puts `__hash__ = None` beside an `__eq__`.
        if cls.__dict__.get(name) is None and (name != "__repr__" or cls.__repr__ in (object.__repr__, _repr)):
            setattr(cls, name, method)
    return cls


class _Signature:
    """How a class is called, for those who ask."""

    def __get__(self, value: Any, cls: Any) -> Any:
        import inspect

        each = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=inspect.Parameter.empty if d is _NOT_GIVEN else d)
                for n, d in cls._defaults.items()]  # fmt: skip
        return inspect.Signature(each)


def _init(cls: Any, names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    count = len(names)

    def __init__(self: Any, *given: Any, **named: Any) -> None:
        if named or len(given) != count:
            given = _bound(self, names, defaults, given, named)
        self.__dict__.update(zip(names, given))

    return __init__


def _bound(self: Any, names: tuple[str, ...], defaults: dict[str, Any], given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """The fields in order, some of them given by name or left at their defaults."""
    title = type(self).__name__
    if len(given) > len(names):
        raise TypeError(f"{title} takes {len(names)} fields, got {len(given)}")
    found = {**defaults, **dict(zip(names, given))}
    for name, value in named.items():
        if name not in defaults:
            raise TypeError(f"{title} has no field {name!r}; it has {', '.join(names) or 'none'}")
        if name in names[: len(given)]:
            raise TypeError(f"{title} got two values for {name!r}")
        found[name] = value
    missing = [name for name in names if found[name] is _NOT_GIVEN]
    if missing:
        raise TypeError(f"{title} needs {', '.join(missing)}")
    return tuple(found[name] for name in names)


def _comparison(cls: Any, names: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    if not names:
        return {"__eq__": lambda self, other: self.__class__ is other.__class__ or NotImplemented, "__hash__": lambda self: hash(self.__class__)}
    of = attrgetter(*names)
    # A tuple compares its items by identity first.
    values = of if len(names) > 1 else lambda self: (of(self),)

    def __eq__(self: Any, other: Any) -> Any:
        return NotImplemented if other.__class__ is not self.__class__ else self is other or values(self) == values(other)

    def __hash__(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in fields(self).items())})"


def _refusals(cls: Any, names: tuple[str, ...]) -> dict[str, Callable[..., None]]:
    """What refuses to change a value; a class below that is not frozen may have attributes of its own."""

    def refuse(self: Any, name: str) -> None:
        if type(self) is cls or name in names:
            raise AttributeError(f"{type(self).__name__} is a value: its {name!r} cannot be changed")

    def __setattr__(self: Any, name: str, value: Any) -> None:
        refuse(self, name)
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:
        refuse(self, name)
        super(cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def fields(value: Any) -> dict[str, Any]:
    """Return the fields of a frozen value, or of a dataclass, by name."""
    return {name: getattr(value, name) for name in getattr(type(value), "__match_args__", ())}


def changed(value: T, **new: Any) -> T:
    """Return a frozen value with other values of some fields."""
    return type(value)(**{**fields(value), **new})
