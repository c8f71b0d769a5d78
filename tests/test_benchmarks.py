"""Benchmarks that need a device no one may have at hand run here in small, on the CPU."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


def test_the_comparison_on_a_gpu_runs_in_small_on_a_cpu():
    given = ["--small", "--device", "cpu", "--libraries", "workbench", "--seconds", "240"]
    done = subprocess.run([sys.executable, str(SCRIPT), *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, *rows = (line.split() for line in done.stdout.splitlines())
    assert head[0] == "problem" and [r[:3] for r in rows] == [[p, "workbench", "64"] for p in ("radon", "logistic", "hierarchical")]
    for row in rows:
        seconds, gradients, ess = float(row[4]), int(row[5].replace(",", "")), float(row[6].replace(",", ""))
        # 6,400 draws are made; those of the worst element are worth a twentieth of that, or more.
        assert seconds > 0.0 and gradients >= 400 and ess > 320.0
