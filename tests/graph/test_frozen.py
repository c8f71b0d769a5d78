"""Frozen values behave as frozen dataclasses do; made without their source text."""

import dataclasses
import inspect
import pickle

import numpy as np
import pytest

from workbench.graph.frozen import changed, fields, frozen


@frozen
class Point:
    x: int
    y: int = 2
    unit = "m"


@frozen
class Named(Point):
    label: str = "p"


@frozen
class Alone:
    pass


@frozen
class AloneToo:
    pass


@frozen(eq=False)
class Itself:
    value: object


class Shown:
    def __repr__(self):
        return "shown"


@frozen
class Showing(Shown):
    x: int


@dataclasses.dataclass(frozen=True)
class Reference:
    x: int
    y: int = 2


def test_equal_fields_make_equal_values():
    assert Point(1) == Point(1, 2) == Point(x=1, y=2) == Point(1, y=2)
    assert Point(1) != Point(2) and Point(1) != Named(1) and Point(1) != (1, 2)
    assert len({Point(1), Point(1), Point(2), Named(1), Named(1)}) == 3
    assert Alone() == Alone() and Alone() != AloneToo() and len({Alone(), Alone(), AloneToo()}) == 2
    assert Itself(1) != Itself(1) and len({Itself(1), Itself(1)}) == 2


def test_a_field_that_is_itself_is_equal_whatever_its_comparison_says():
    nan, array = float("nan"), np.zeros(3)
    assert Named(nan) == Named(nan)
    One = frozen(type("One", (), {"__annotations__": {"a": "Any"}}))
    assert One(array) == One(array)


def test_values_do_not_change():
    point = Point(1)
    for act in (lambda: setattr(point, "x", 3), lambda: setattr(point, "z", 3), lambda: delattr(point, "x")):
        with pytest.raises(AttributeError, match="Point"):
            act()
    below = type("Below", (Point,), {})(1)
    below.z = 3
    with pytest.raises(AttributeError, match="Below"):
        below.x = 3
    assert below.z == 3 and below.x == 1
    assert changed(point, y=5) == Point(1, 5) and point == Point(1)
    assert changed(Named(1), label="q") == Named(1, 2, "q")


def test_fields_are_those_above_then_its_own():
    assert fields(Named(1)) == {"x": 1, "y": 2, "label": "p"} and fields(Alone()) == {}
    assert fields(Reference(1)) == {"x": 1, "y": 2}
    assert (Point(1).unit, repr(Named(1)), repr(Showing(1))) == ("m", "Named(x=1, y=2, label='p')", "shown")
    assert repr(Point(1)) == repr(Reference(1)).replace("Reference", "Point")
    assert str(inspect.signature(Point)) == "(x, y=2)"


@pytest.mark.parametrize("made", [lambda c: c(), lambda c: c(1, 2, 3), lambda c: c(1, z=3), lambda c: c(1, x=1)])
def test_wrong_calls_are_errors_where_those_of_a_dataclass_are(made):
    for cls in (Reference, Point):
        with pytest.raises(TypeError):
            made(cls)


def test_a_match_statement_reads_the_fields():
    match Named(1, 3):
        case Named(x, y, label):
            assert (x, y, label) == (1, 3, "p")


def test_values_are_pickled():
    for value in (Point(1), Named(2, 3, "q"), Alone()):
        assert pickle.loads(pickle.dumps(value)) == value
