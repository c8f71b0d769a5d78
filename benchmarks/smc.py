"""`sample_smc` on models of known marginal likelihood: ours, and PyMC's, in one run.

    python benchmarks/smc.py [--peers path/to/python]

Each library runs peer_smc.py in a process of its own with an empty cache: the first call compiles. Of the later calls the
median is shown; and how far the populations' marginal likelihoods are from the exact one, in logarithms: their mean error and
their standard deviation.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def run(python: str, library: str, folder: Path) -> dict[str, Any]:
    caches = {
        "WORKBENCH_CACHE_DIR": str(folder / library), "PYTENSOR_FLAGS": f"base_compiledir={folder / library}",
        "PYTHONPATH": str(HERE.parent) if library == "workbench" else "",
    }  # fmt: skip
    done = subprocess.run([python, str(HERE / "peer_smc.py"), library], env={**os.environ, **caches}, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def shown(found: dict[str, Any]) -> tuple[float, float, str]:
    """Seconds of the first call, the median of the later ones, and the errors in words."""
    first, *later = found["seconds"]
    errors = [x - found["exact"] for x in found["evidence"]]
    text = f"log marginal likelihood {statistics.mean(errors):+.3f} off, sd {statistics.stdev(errors):.3f}"
    return first, statistics.median(later), text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with PyMC")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        ours = run(sys.executable, "workbench", Path(name))
        theirs = run(arguments.peers, "pymc", Path(name)) if arguments.peers else {}
    for model, found in ours.items():
        first, later, errors = shown(found)
        print(f"{model}: ours {first:.2f} s first, {later:.3f} s later; {errors}")
        if model in theirs:
            a, b, errors = shown(theirs[model])
            print(f"  PyMC {a:.2f} s first, {b:.3f} s later: {a / first:.1f} and {b / later:.1f} times ours; {errors}")


if __name__ == "__main__":
    main()
