"""Lengths: one normal form, and the values that Python's integers give."""

from __future__ import annotations

import copy
import pickle
import random

import pytest

from workbench.graph import lengths
from workbench.graph.length_names import distinct_names, shapes_text
from workbench.graph.length_parts import made_of
from workbench.graph.lengths import (
    at_least,
    bounds,
    differ,
    fresh,
    maximum,
    minimum,
    named,
    product,
    substitute,
    symbols,
)

N, M, K = named("n"), named("m"), named("k")
SYMBOLS = [next(iter(symbols(x))) for x in (N, M, K)]


def test_equal_lengths_are_one_object() -> None:
    assert (N + 1) * 2 - N is N + 2
    assert N * M is M * N and (N + M) * (N - M) is N * N - M * M
    assert N - N == 0 and N - N + 3 == 3
    assert (4 * N + 6) // 2 is 2 * N + 3 and (3 * N + 1) // 2 is N + (N + 1) // 2
    assert (N * M) // M is N and (2 * N * M) // (2 * N) is M
    assert minimum(N, N + 1) is N and minimum(3, N, 5) is minimum(N, 3) and minimum(minimum(N, 3), M) is minimum(M, N, 3)
    assert maximum(N - 1, 0) is N - minimum(1, N) and maximum(N - M, 0) is N - minimum(N, M)
    assert minimum(N - M // 2, K - M // 2) is minimum(N, K) - M // 2 and minimum(N + M, 2 * M) is M + minimum(N, M)
    assert N // -2 is (-N) // 2 and (7 - N) // -1 is N - 7
    assert minimum(1, N) + (N - minimum(1, N)) is N
    assert product((2, N, 3)) is 6 * N and product(()) == 1
    assert fresh("n") is not fresh("n") and named("n") is N


def test_what_is_known_of_lengths() -> None:
    assert at_least(N + 1, 1) and at_least(N * M, 0) and not at_least(N, 1) and at_least(N, minimum(N, M)) and at_least(N - N // 3 * 3, 0)
    assert differ(N, N + 1) and differ(N + 1, 0) and not differ(N, M) and not differ(N, 3)
    assert bounds(minimum(N, 3)) == (0, 3) and bounds(N // 2) == (0, None) and bounds(2 - N) == (None, 2)
    with pytest.raises(TypeError, match="known only at the call"):
        bool(N)


def _random_length(rng: random.Random, values: list[int], depth: int) -> tuple[lengths.Size, int]:
    """A length made at random, and its value by Python's integers."""
    if depth == 0:
        k = rng.randrange(4)
        return ([N, M, K][k], values[k]) if k < 3 else (number := rng.randrange(4), number)
    (a, x), (b, y) = (_random_length(rng, values, depth - 1) for _ in range(2))
    match rng.randrange(6):
        case 0:
            return a + b, x + y
        case 1:
            return a - b, x - y
        case 2:
            return a * b, x * y
        case 3:
            return minimum(a, b), min(x, y)
        case 4:
            return maximum(a, b), max(x, y)
        case _:
            d = rng.randrange(1, 4)
            return a // d, x // d


@pytest.mark.parametrize("seed", range(400))
def test_the_normal_form_has_the_value_of_what_was_written(seed: int) -> None:
    rng = random.Random(seed)
    values = [rng.randrange(6) for _ in SYMBOLS]
    made, value = _random_length(rng, values, rng.randrange(1, 4))
    assert substitute(made, dict(zip(SYMBOLS, values))) == value
    low, high = bounds(made)
    assert (low is None or low <= value) and (high is None or value <= high)
    if isinstance(made, lengths.Length):
        assert pickle.loads(pickle.dumps(made)) is made and copy.deepcopy(made) is made


def test_substituting_lengths_for_names() -> None:
    n, m, _ = SYMBOLS
    assert substitute(N * M + 1, {n: M + 1}) is M * M + M + 1
    assert substitute((N + 1) // M, {n: 4}) is 5 // M
    assert substitute(minimum(N, M), {m: N + 2}) is N


def test_a_length_is_written_with_others() -> None:
    n, m, k = SYMBOLS
    t, u = named("t"), named("u")
    for size, parts, known, wanted in (
        (M * N + M * K, {N + K: t}, [m], M * t), (2 * N + 3 * K, {N + K: t}, [k], 2 * t + K), (N, {N + K: t, N + 2 * K: u}, [], 2 * t - u),
        (6 * N + 3, {2 * N: t}, [], 3 * t + 3), (3 * N + 1, {2 * N: t}, [], 3 * (t // 2) + 1), (N * M + K * M, {3 * N + 3 * K: t}, [m], N * M + K * M), (M * (2 * N - minimum(1, N)) // 3, {2 * N - minimum(1, N): t}, [m], M * t // 3), (3 * N * M, {N * M: t}, [], 3 * t), (N * N, {N + 1: t}, [], t * t - 2 * t + 1),
    ):  # fmt: skip
        assert made_of(size, parts, known) is wanted


def test_lengths_print_as_they_are_written() -> None:
    assert str(N * M + 2 * N - 3) == "n*m + 2*n - 3" and str(-N) == "-n" and str(N // 2) == "n//2"
    assert str((N + 1) // 2) == "(n + 1)//2" and str(maximum(N - 2, 0)) == "max(n - 2, 0)"
    first, second = fresh("n"), fresh("n")
    assert shapes_text((first, 3), (second,), (first,)) == ["(n, 3)", "(n2,)", "(n,)"]
    names = distinct_names([first, N])
    assert names[SYMBOLS[0]] == "n" and [names[s] for s in symbols(first)] == ["n2"]


def test_what_is_not_used_is_forgotten() -> None:
    before = len(lengths._lengths)
    for _ in range(100):
        fresh("n") + 1
    assert len(lengths._lengths) <= before + 2
