"""Make tests/reference/names.json: the public names of PyMC's and PyTensor's modules.

    pip install -r benchmarks/peers-requirements.txt
    python tests/reference/make_names.py

A module's `__all__`; where it has none, what it holds of PyMC, PyTensor and ArviZ, modules not counted.
"""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pymc
import pytensor
import pytensor.tensor as pt

WHERE = Path(__file__).parent / "names.json"
MODULES = {
    "workbench": "pymc", "workbench.math": "pymc.math", "workbench.tensor": "pytensor.tensor", "workbench.distributions": "pymc.distributions",
    **{f"workbench.distributions.{m}": f"pymc.distributions.{m}" for m in (
        "transforms", "timeseries", "multivariate", "mixture", "continuous", "discrete", "shape_utils", "dist_math")},
    **{f"workbench.{m}": f"pymc.{m}" for m in ("sampling", "stats", "plots", "data", "exceptions", "func_utils", "logprob", "pytensorf", "model")},
    **{f"workbench.tensor.{m}": f"pytensor.tensor.{m}" for m in (
        "extra_ops", "math", "basic", "special", "subtensor", "nlinalg", "slinalg", "random", "linalg")},
}  # fmt: skip
INSIDE = {"Apply", "COp", "Elemwise", "I0e", "I1e", "Op", "SplineWrapper", "UnaryScalarOp", "i0e_scalar", "i1e_scalar", "upgrade_to_float_no_complex", "CheckParameterValue", "Variable", "ValueGradFunction"}
"""Classes of their graphs."""


def public(name: str) -> list[str]:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", ())
    if listed and name != "pytensor.tensor":
        return sorted({n for n in listed if not n.startswith("_")})
    found = []
    for n in dir(module):
        value = getattr(module, n)
        where = getattr(value, "__module__", None) or type(value).__module__
        if len(n) > 1 and not n.startswith("_") and not isinstance(value, ModuleType) and where.startswith(("pymc", "pytensor", "arviz")) and n not in INSIDE:
            found.append(n)
    return found


def main() -> None:
    x = pt.dmatrix("x")
    names = {ours: public(theirs) for ours, theirs in MODULES.items()}
    names["Tensor"] = [n for n in dir(x) if not n.startswith("_")]
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in names.items())
    WHERE.write_text(f'{{"source": "PyMC {pymc.__version__}, PyTensor {pytensor.__version__}", "names": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
