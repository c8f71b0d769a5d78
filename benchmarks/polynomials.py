"""The coefficients of the polynomials in `workbench/tensor/special`, with 50 digits by mpmath: printed as they stand there.

    python benchmarks/polynomials.py

Each is the polynomial through the function's values at Chebyshev's points of its interval, which is next to the best one;
beside it the largest relative error before its coefficients are rounded, as a power of two. Those of `BEST` are the best
ones, by Remez's exchange of points, for an error that counts by a weight: as far as the result has it.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 50
SMALL = mp.mpf(10) ** -20
"""Next to zero a quotient is its limit."""
HALF = mp.mpf(1) / 2
ROOT = mp.findroot(mp.digamma, 1.46)

Function = Callable[[mp.mpf], mp.mpf]


def through_chebyshev_points(f: Function, low: mp.mpf, high: mp.mpf, count: int) -> list[mp.mpf]:
    """Return coefficients, lowest power first, by Newton's divided differences."""
    x = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    c = [f(v) for v in x]
    for j in range(1, count):
        for i in range(count - 1, j - 1, -1):
            c[i] = (c[i] - c[i - 1]) / (x[i] - x[i - j])
    made = [c[-1]]
    for i in range(count - 2, -1, -1):
        made = [a - x[i] * b for a, b in zip([mp.mpf(0), *made], [*made, mp.mpf(0)])]
        made[0] += c[i]
    return made


def error(f: Function, coefficients: list[mp.mpf], low: mp.mpf, high: mp.mpf) -> mp.mpf:
    """Return the largest relative error at points between."""
    points = [low + (high - low) * (k + mp.mpf(1) / 3) / 202 for k in range(202)]
    return max(abs(mp.polyval(coefficients[::-1], v) / f(v) - 1) for v in points)


def best(f: Function, weight: Function, low: mp.mpf, high: mp.mpf, count: int, grid: int = 400) -> tuple[list[mp.mpf], mp.mpf]:
    """Return coefficients, lowest power first, and the largest weighted error (Remez 1934)."""
    middle, half = (low + high) / 2, (high - low) / 2
    at = [middle - half * mp.cos(mp.pi * k / count) for k in range(count + 1)]
    points = [middle - half * mp.cos(mp.pi * k / grid) for k in range(grid + 1)]
    known = [(x, f(x), weight(x)) for x in points]
    while True:
        rows = mp.matrix([[x**j for j in range(count)] + [(-1) ** i / weight(x)] for i, x in enumerate(at)])
        solved = mp.lu_solve(rows, mp.matrix([f(x) for x in at]))
        made = list(solved[:count])
        # The largest error of each sign in turn is where the next polynomial is held.
        turns: list[tuple[mp.mpf, mp.mpf]] = []
        for x, value, w in known:
            wrong = w * (mp.polyval(made[::-1], x) - value)
            if not turns or (turns[-1][1] > 0) != (wrong > 0):
                turns.append((x, wrong))
            elif abs(wrong) > abs(turns[-1][1]):
                turns[-1] = x, wrong
        while len(turns) > count + 1:
            turns.pop(0 if abs(turns[0][1]) < abs(turns[-1][1]) else -1)
        largest = max(abs(wrong) for _, wrong in turns)
        if largest < 1.05 * abs(solved[count]):
            return made, largest
        at = [x for x, _ in turns]


def exp_tail(r: mp.mpf) -> mp.mpf:
    return (mp.expm1(r) - r) / r**2 if abs(r) > SMALL else HALF


def expm1_rest(r: mp.mpf) -> mp.mpf:
    return (exp_tail(r) - HALF) / r if abs(r) > SMALL else mp.mpf(1) / 6


def log_rest(z: mp.mpf) -> mp.mpf:
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z if z > SMALL else mp.mpf(2) / 3


def lgamma_to_2(t: mp.mpf) -> mp.mpf:
    """lgamma(2 + t) without its zeros."""
    return mp.loggamma(2 + t) / (t * (1 + t)) if abs(t) > SMALL else mp.psi(0, 2)


def of_inverse_square(value: Function, limit: mp.mpf) -> Function:
    """A function of x as one of 1 / x**2."""
    return lambda t: value(1 / mp.sqrt(t)) if t > SMALL else limit


def lgamma_rest(x: mp.mpf) -> mp.mpf:
    return (mp.loggamma(x) - (x - mp.mpf(1) / 2) * (mp.log(x) - 1) - (mp.log(2 * mp.pi) - 1) / 2) * x


def gamma_rest(q: mp.mpf) -> mp.mpf:
    """lgamma(1 + x) less (x + 1/2) (log(x + 1/2) - 1) and half of log 2 pi, times x + 1; q is 2 / (x + 1) - 1."""
    if 1 + q < SMALL:
        return -mp.mpf(1) / 24
    x = 2 / (1 + q) - 1
    return (mp.loggamma(1 + x) - (x + HALF) * (mp.log(x + HALF) - 1) - mp.log(2 * mp.pi) / 2) * (x + 1)


def digamma_about_root(g: mp.mpf) -> mp.mpf:
    return mp.digamma(ROOT + g) / g if abs(g) > SMALL else mp.psi(1, ROOT)


def digamma_rest(x: mp.mpf) -> mp.mpf:
    return (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) * x**2


def trigamma_rest(x: mp.mpf) -> mp.mpf:
    return (mp.psi(1, x) - 1 / x - 1 / (2 * x**2)) * x**3


def scaled_erfc(q: mp.mpf) -> mp.mpf:
    """(1 + 2 x) exp(x**2) erfc(x), x = 4 (1 + q) / (1 - q)."""
    if 1 - q < SMALL:
        return 2 / mp.sqrt(mp.pi)
    x = 4 * (1 + q) / (1 - q)
    if x < 25:
        return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)
    total = term = mp.mpf(1)
    for k in range(1, 100):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
    return (1 + 2 * x) / (x * mp.sqrt(mp.pi)) * total


def root_of(f: Function, limit: mp.mpf = mp.mpf(1)) -> Function:
    """An odd function over its argument, as one of the square."""
    return lambda z: f(mp.sqrt(z)) / mp.sqrt(z) if z > SMALL else limit


def sine_rest(z: mp.mpf) -> mp.mpf:
    """(sin(pi r) / pi - r) / r**3, of r**2."""
    r = mp.sqrt(z)
    return (mp.sinpi(r) / mp.pi - r) / r**3 if z > SMALL else -(mp.pi**2) / 6


def scaled_bessel(order: int) -> Function:
    """sqrt(x) exp(-x) I(x) of 16 / x - 1; at infinity the root of 1 / (2 pi)."""

    def value(u: mp.mpf) -> mp.mpf:
        if 1 + u < SMALL:
            return 1 / mp.sqrt(2 * mp.pi)
        x = 16 / (1 + u)
        return mp.sqrt(x) * mp.exp(-x) * mp.besseli(order, x)

    return value


erf_over = root_of(mp.erf, 2 / mp.sqrt(mp.pi))

TABLES: dict[str, tuple[Function, mp.mpf, mp.mpf, int]] = {
    "LGAMMA_TO_2": (lgamma_to_2, -3 * HALF / 2, HALF / 2, 21),
    "LGAMMA_REST": (of_inverse_square(lgamma_rest, mp.mpf(1) / 12), mp.mpf(0), 1 / mp.mpf(4.25) ** 2, 9),
    "GAMMA_REST": (gamma_rest, mp.mpf(-1), mp.mpf(1), 24),
    "DIGAMMA_ABOUT_ROOT": (digamma_about_root, mp.mpf("1.2") - ROOT, mp.mpf("2.2") - ROOT, 21),
    "DIGAMMA_REST": (of_inverse_square(digamma_rest, mp.mpf(1) / 12), mp.mpf(0), 1 / mp.mpf("4.2") ** 2, 9),
    "TRIGAMMA_ABOUT_2": (lambda t: mp.psi(1, 2 + t), -HALF, HALF, 20),
    "TRIGAMMA_REST": (of_inverse_square(trigamma_rest, mp.mpf(1) / 6), mp.mpf(0), 1 / mp.mpf(3.5) ** 2, 11),
    "SINE": (sine_rest, mp.mpf(0), mp.mpf(1) / 4, 8),
    "COSINE": (lambda z: mp.cospi(mp.sqrt(z)) / (1 - 4 * z) if z > 0 else mp.mpf(1), mp.mpf(0), mp.mpf(1) / 4, 9),
    "SCALED_ERFC": (scaled_erfc, mp.mpf(-1), mp.mpf(1), 25),
    "I0_FAR_IN_C": (scaled_bessel(0), mp.mpf(-1), mp.mpf(1), 25),
    "I1_FAR_IN_C": (scaled_bessel(1), mp.mpf(-1), mp.mpf(1), 25),
}
SHORT = mp.mpf(10) ** -6
LOG_ROOT_2 = mp.log(2) / 2 + mp.mpf(2) ** -30
JOINT = mp.mpf("1.013671875")
BEST: dict[str, tuple[Function, Function, mp.mpf, mp.mpf, int]] = {
    "EXP_TAIL": (exp_tail, lambda r: (r * r + SHORT) / mp.exp(r), -LOG_ROOT_2, LOG_ROOT_2, 10),
    "LOG1P_REST": (log_rest, lambda z: (z + SHORT) / 2, mp.mpf(0), mp.mpf(1) / 25, 7),
    "EXPM1_TAIL": (expm1_rest, lambda r: (abs(r) ** 3 + SHORT) / abs(mp.expm1(r)) if abs(r) > SHORT else mp.mpf(1), mp.log(3 * HALF / 2), mp.log(3 * HALF), 10),
    "ERF_NEAR": (lambda v: erf_over(v + HALF) - 1, lambda v: 1 / erf_over(v + HALF), mp.mpf(10) ** -12 - HALF, JOINT**2 - HALF, 12),
    "ERF_FAR": (lambda t: mp.erfc(JOINT + t) ** (HALF / 4), lambda t: 8 * mp.erfc(JOINT + t) ** (7 * HALF / 4) / mp.erf(JOINT + t), mp.mpf(0), 6 - JOINT, 19),
}


def main() -> None:
    for name, (f, low, high, count) in TABLES.items():
        made = through_chebyshev_points(f, low, high, count)
        print(
            f"{name} = ({', '.join(repr(float(c)) for c in made)})  # 2**{float(mp.log(error(f, made, low, high), 2)):.1f}"
        )
    for name, (f, weight, low, high, count) in BEST.items():
        made, wrong = best(f, weight, low, high, count)
        print(f"{name} = ({', '.join(repr(float(c)) for c in made)})  # 2**{float(mp.log(wrong, 2)):.1f}")


if __name__ == "__main__":
    main()
