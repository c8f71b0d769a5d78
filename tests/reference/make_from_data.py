"""Store PyMC's log-densities of the models of `from_data.py`, with plain arrays.

    python tests/reference/make_from_data.py        (with PyMC 5.28.5)
"""

import json
import sys
import warnings
from pathlib import Path

import pymc as pm

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from from_data import LENGTHS, cases  # noqa: E402


def logp(arrays, make):
    with pm.Model() as model:
        make(pm, "y", {k: v for k, v in arrays.items() if k != "value"}, observed=arrays["value"])
    return float(model.compile_logp()({}))


def main():
    warnings.simplefilter("ignore")
    found = {}
    for name, arrays, make in cases():
        try:
            found[name] = [logp(arrays(n), make) for n in LENGTHS]
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:150]}")
    (HERE / "from_data.json").write_text(json.dumps({"pymc": pm.__version__, "logp": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
