"""What `import workbench` costs: the median of processes that import it, against those that import NumPy alone.

    python benchmarks/imports.py
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

# As any installed package, both keep their byte code.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(module: str) -> float:
    """Of one process that imports a module, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=ENVIRONMENT)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=15, help="how many processes of each, one of each in turn")
    times = parser.parse_args().times
    seconds("workbench")
    pairs = [(seconds("numpy"), seconds("workbench")) for _ in range(times)]
    numpy_s, ours = (statistics.median(column) for column in zip(*pairs))
    print(f"import numpy {numpy_s * 1e3:.0f} ms, import workbench {ours * 1e3:.0f} ms: {ours / numpy_s:.2f} times (target 1.5)")


if __name__ == "__main__":
    main()
