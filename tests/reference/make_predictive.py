"""Make predictive.json: run with PyMC in an environment of its own.

    python tests/reference/make_predictive.py

For each of `predictive_cases.CASES`: what PyMC says it samples, the mean of each result over the draws, and
the words of a warning; or its error.
"""

import json
import logging
import warnings
from pathlib import Path

import numpy as np
import pymc as pm
from predictive_cases import CASES

HERE = Path(__file__).parent


class Said(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def describe(make):
    said = Said()
    logger = logging.getLogger("pymc.sampling.forward")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, given, options = make(pm)
        logger.addHandler(said)
        with model, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = pm.sample_posterior_predictive(
                given, random_seed=1, progressbar=False, compile_kwargs={"mode": "FAST_COMPILE"}, **options
            )
    except Exception as error:
        return {"error": type(error).__name__}
    finally:
        logger.removeHandler(said)
    groups = [g for g in found.groups() if g in ("posterior_predictive", "predictions")]
    dims = len(options.get("sample_dims", ("chain", "draw")))
    values = {k: np.round(v.to_numpy().mean(tuple(range(dims))), 4).tolist() for g in groups for k, v in found[g].data_vars.items()}
    words = sorted({str(w.message).split(".")[0] for w in caught if issubclass(w.category, UserWarning) and "Potential" in str(w.message)})
    return {"said": said.lines, "values": values, **({"warnings": words} if words else {})}


def main():
    found = {name: describe(make) for name, make in CASES.items()}
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    (HERE / "predictive.json").write_text(f'{{"pymc": "{pm.__version__}", "cases": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
