"""Run the first tutorial through a real Jupyter kernel; print what it found, its times, and where it lies."""

from __future__ import annotations

import sys
import textwrap
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
            said = output.get("data", {})
            if output.output_type == "stream" and not output.text.startswith("Sampling: "):
                print(output.text, end="")
            elif "text/markdown" in said:
                print(textwrap.fill(said["text/markdown"].replace("`", ""), 120))
            elif "mu_a" in said.get("text/plain", "") and "ess_bulk" in said["text/plain"]:
                print(said["text/plain"])
    print(f"the notebook ran in {time.perf_counter() - begin:.1f} s; with its results: {OUTPUT.relative_to(Path.cwd())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
