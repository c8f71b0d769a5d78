"""A script written for PyMC and PyTensor runs as it is."""

import subprocess
import sys

SCRIPT = '''
import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.distributions.transforms import ordered
from pytensor.graph.op import Apply, Op
from pytensor.tensor.extra_ops import cumsum

class Twice(Op):
    def make_node(self, x):
        x = pt.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])
    def perform(self, node, inputs, outputs):
        outputs[0][0] = 2 * inputs[0]
    def grad(self, inputs, g):
        return [2 * g[0]]

with pm.Model() as model:
    mu = pm.Normal("mu", 0, 1, shape=2, transform=ordered, initval=[-1.0, 1.0])
    y = pm.Normal("y", pt.exp(cumsum(Twice()(mu))), 1.0, observed=np.ones(2))
print(model.compile_logp()({"mu_ordered__": np.zeros(2)}).shape, pm.__name__, len(sys.argv))
'''


def test_a_script_for_pymc_runs(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import sys\n" + SCRIPT)
    run = subprocess.run([sys.executable, "-m", "workbench.as_pymc", str(path), "more"], capture_output=True, text=True)
    assert run.stdout == "() workbench 2\n", run.stderr
    path.write_text("import pymc.gp.cov.nothing")
    run = subprocess.run([sys.executable, "-m", "workbench.as_pymc", str(path)], capture_output=True, text=True)
    assert run.returncode == 1 and "Error" in run.stderr
