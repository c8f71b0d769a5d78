"""Operations of deep learning: ours in C beside PyTorch on the CPU and jax.jit, in one process.

    pip install -r benchmarks/peers-requirements.txt torch jax
    python benchmarks/deep.py                    # all parts
    python benchmarks/deep.py convolutions --seconds 20

All take turns, so that what else the machine does meets all alike; times are the least of each. Ours are called with as many threads as
PyTorch has. Results are compared before anything is timed. A part is a module ``deep_NAME.py`` beside this one, with a function ``cases()``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("JAX_ENABLE_X64", "1")

import numpy as np

HERE = Path(__file__).resolve().parent
PARTS = ("attention", "convolutions", "training")
"""Those that there are; each is asked for its cases."""


class Case(NamedTuple):
    """One thing to compute, in several ways.

    Attributes
    ----------
    name
        What it is.
    ways
        Functions of no arguments by the names of libraries, "ours" among them; each returns when its result is there: an array.
    digits
        By how much results may differ, in proportion to the largest element of ours.
    """

    name: str
    ways: dict[str, Callable[[], Any]]
    digits: float = 1e-4


def in_turns(ways: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Return the least seconds of each way, called in turns for so long."""
    best = dict.fromkeys(ways, float("inf"))
    stop = time.perf_counter() + seconds
    rounds = 0
    while rounds < 5 or time.perf_counter() < stop:
        for name, call in ways.items():
            # Twice, of which the second finds its own arrays in the caches, and its threads awake.
            for _ in range(2):
                begin = time.perf_counter()
                call()
                best[name] = min(best[name], time.perf_counter() - begin)
        rounds += 1
    return best


def agree(case: Case) -> None:
    """Raise unless all ways give one result."""
    # Each is called once: a step of training changes what the next one finds.
    results = {name: np.asarray(call(), float) for name, call in case.ways.items()}
    ours = results["ours"]
    for name, theirs in results.items():
        difference = abs(ours - theirs).max() / abs(ours).max()
        if not difference < case.digits:
            raise SystemExit(f"{case.name}: {name} differs from ours by {difference:.1e}")


def cases_of(part: str) -> Iterator[Case]:
    """Yield the cases of a part."""
    yield from importlib.import_module(f"deep_{part}").cases()


def main() -> None:
    """Print a table: milliseconds of each library, and ours in proportion to each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each case is timed")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    given = parser.parse_args()
    sys.path.insert(0, str(HERE))
    for part in given.parts:
        for case in cases_of(part):
            if given.only not in case.name:
                continue
            agree(case)
            best = in_turns(case.ways, given.seconds)
            shown = ", ".join(f"{name} {t * 1e3:.2f} ms" + (f" (ours {best['ours'] / t:.2f} x)" if name != "ours" else "") for name, t in best.items())
            print(f"{case.name}: {shown}", flush=True)


if __name__ == "__main__":
    main()
