"""Run the first tutorial through a real Jupyter kernel; print its table, its timings, and where it lies."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent
OUTPUT = HERE.parent / "build" / "01_radon.ipynb"


def main() -> int:
    """Execute the notebook; return the exit status."""
    notebook = nbformat.read(HERE / "01_radon.ipynb", 4)
    begin = time.perf_counter()
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(HERE)}})
    try:
        client.execute()
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        OUTPUT.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, OUTPUT)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                print(output.text, end="")
            elif "mu_a" in output.get("data", {}).get("text/plain", "") and "ess_bulk" in output.data["text/plain"]:
                print(output.data["text/plain"])
    print(f"the notebook ran in {time.perf_counter() - begin:.1f} s; with its results: {OUTPUT.relative_to(Path.cwd())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
