"""InferenceData is ArviZ's own class, whether ArviZ is imported before it, after it, meanwhile or never."""

import pickle
import subprocess
import sys

import pytest

from workbench.inference.idata import has_inference_data

pytestmark = pytest.mark.skipif(not has_inference_data(), reason="this ArviZ has xarray's DataTree for results")

SAMPLED = """
import io, pickle, sys, warnings
import workbench as pm
with pm.Model():
    pm.Normal("x")
    idata = pm.sample(50, tune=50, chains=2, progressbar=False, quiet=True, random_seed=1)
"""

USED = """
assert not {"arviz", "arviz.data", "matplotlib"} & set(sys.modules), sorted(sys.modules)
made = pickle.dumps(idata)
warnings.simplefilter("ignore")
import arviz as az
import matplotlib, matplotlib.pyplot, importlib.resources
matplotlib.use("agg")
assert type(idata) is az.InferenceData is az.data.InferenceData is az.data.inference_data.InferenceData is type(pickle.loads(made))
assert az.utils.plt is matplotlib.pyplot and az.utils.importlib is importlib
assert az.data.base.utils is az.utils and az.rcParams is az.rcparams.rcParams is az.data.inference_data.rcParams
assert az.summary(idata).shape[0] == 1 and az.plot_trace(idata) is not None
assert idata.posterior.attrs["arviz_version"] == az.__version__ == az.data.base.__version__
idata.to_netcdf(sys.argv[1])
assert type(az.from_netcdf(sys.argv[1])) is type(idata)
assert "arviz" in idata._repr_html_().lower()
assert not [x for x in sys.meta_path if type(x).__module__.startswith("workbench.inference")]
"""

NAMES = """
import sys
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "arviz":
        print(name, module.__spec__.origin, sorted(n for n in vars(module) if n != "__builtins__"))
"""

IMPORTED_MEANWHILE = """
import importlib.machinery, sys, threading, warnings
warnings.simplefilter("ignore")
from workbench.inference import arviz_class

def loaded(load=arviz_class._loaded):
    found = load()
    other.start()
    if sys.argv[1] == "before":
        other.join()
    else:
        begun.wait()
    return found

class Begun:
    def find_spec(self, name, path=None, target=None):
        if name == "arviz.preview" and threading.current_thread() is other:
            begun.set()

def imports():
    __import__(sys.argv[2])

begun = threading.Event()
sys.meta_path.insert(0, Begun())
other = threading.Thread(target=imports)
arviz_class._loaded = loaded
found = arviz_class.inference_data_class()
other.join()
import arviz
assert found is arviz.InferenceData is sys.modules["arviz.data.inference_data"].InferenceData
assert sys.modules["arviz.data.base"].utils is arviz.utils and arviz.data.base is sys.modules["arviz.data.base"]
assert arviz.plot_trace and arviz.loo
"""

FOUND_AFTERWARDS = """
import sys, threading, warnings
warnings.simplefilter("ignore")
from workbench.inference.arviz_class import inference_data_class
start, found = threading.Barrier(4), []
def asks():
    start.wait()
    found.append(inference_data_class())
threads = [threading.Thread(target=asks) for _ in range(3)]
for t in threads: t.start()
start.wait()
__import__(sys.argv[1])
for t in threads: t.join()
import arviz
assert set(found) == {arviz.InferenceData} and arviz.plot_trace and arviz.utils.Numba
"""

OTHERWISE_MADE = """
import sys, warnings
warnings.simplefilter("ignore")
from workbench.inference import arviz_class
arviz_class.MODULES += ("arviz.data.nothing",)
found = arviz_class.inference_data_class()
import arviz
assert found is arviz.InferenceData
assert sys.modules["arviz.utils"].plt.__name__ == "matplotlib.pyplot" and "_Later" not in str(type(arviz.utils.plt))
"""


def run(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_results_import_neither_arviz_nor_matplotlib_and_arviz_is_whole_when_it_is_imported(tmp_path):
    run(SAMPLED + USED, str(tmp_path / "x.nc"))


def test_arvizs_modules_have_the_names_that_they_have_elsewhere():
    first = "import warnings; warnings.simplefilter('ignore')\n"
    later = "from workbench.inference.arviz_class import inference_data_class; inference_data_class()\nimport sys; assert 'arviz' not in sys.modules\n"
    assert run(first + later + "import arviz" + NAMES) == run(first + "import arviz" + NAMES)


def test_a_pickle_is_read_where_arviz_is_imported_as_usual(tmp_path):
    path = tmp_path / "x"
    run(SAMPLED + "pickle.dump(idata, open(sys.argv[1], 'wb'))", str(path))
    import arviz

    assert isinstance(pickle.loads(path.read_bytes()), arviz.InferenceData)


@pytest.mark.parametrize(("when", "what"), [("before", "arviz"), ("meanwhile", "arviz.plots")])
def test_a_thread_that_imports_arviz_meanwhile_has_the_same_class(when, what):
    run(IMPORTED_MEANWHILE, when, what)


def test_threads_that_ask_at_once_have_one_class():
    run(FOUND_AFTERWARDS, "arviz.data.inference_data")


def test_an_arviz_made_otherwise_is_imported_as_usual():
    run(OTHERWISE_MADE)
