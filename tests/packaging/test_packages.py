"""What a wheel and an sdist hold, that they are made alike twice, without node where the bundles are there; and that a wheel alone is enough."""

import ast
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted(p for folder in ("workbench", "kernel_ext") for p in (ROOT / folder).rglob("*.py"))
# Modules that the standard library of some Python from 3.11 to 3.14 does not have.
GONE = {
    "asynchat", "asyncore", "imp", "distutils", "smtpd", "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "mailcap", "msilib", "nis", "nntplib",
    "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib", "lib2to3",
}  # fmt: skip
# Names of ast and others that Python 3.12 to 3.14 took away.
GONE_NAMES = {"ast.Num", "ast.Str", "ast.Bytes", "ast.NameConstant", "ast.Ellipsis", "typing.ByteString", "pkgutil.find_loader"}


def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_node(folder):
    """A PATH with what a build needs, but node."""
    folder.mkdir(exist_ok=True)
    for name in ("git", "tar", "gcc", "ld", "as", "cc", "sh", "uname"):
        if (found := shutil.which(name)) and not (folder / name).exists():
            (folder / name).symlink_to(found)
    return {**os.environ, "PATH": str(folder), "SOURCE_DATE_EPOCH": "1700000000"}


def build(source, target, env, *kinds):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target), *[x for kind in kinds for x in ("-t", kind)]]
    subprocess.run(command, cwd=source, env=env, check=True, capture_output=True, text=True)
    return {kind: next(target.glob({"sdist": "*.tar.gz", "wheel": "*.whl"}[kind])) for kind in kinds}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """An sdist of the checkout, what is unpacked of it, and a wheel made of that; node is not on the PATH for either."""
    if not (ROOT / "kernel_ext/static/built").exists() or (ROOT / "kernel_ext/static/built").read_text() != hook().digest(ROOT / "js"):
        pytest.skip("the front end is not built: make kernel_ext/static/built")
    home = tmp_path_factory.mktemp("packages")
    env = without_node(home / "bin")
    sdist = build(ROOT, home / "sdist", env, "sdist")["sdist"]
    with tarfile.open(sdist) as archive:
        archive.extractall(home / "unpacked", filter="data")
    source = next((home / "unpacked").iterdir())
    return home, env, sdist, source, build(source, home / "wheel", env, "wheel")["wheel"]


def test_a_wheel_has_the_samplers_of_its_sources_lowered(built, tmp_path):
    *_, source, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    assert hook().is_lowered(source) and hook().is_lowered(tmp_path)
    assert len(list((tmp_path / "workbench/lowered").iterdir())) > 10
    # What lowers them is asked for where they are not.
    asked = "import hatchling.build as b, json; print(json.dumps(b.get_requires_for_build_wheel()))"
    found = json.loads(subprocess.run([sys.executable, "-c", asked], cwd=source, check=True, capture_output=True, text=True).stdout)
    assert not any(name.startswith("numpy") for name in found)
    root = tmp_path / "source"
    shutil.copytree(source, root, ignore=shutil.ignore_patterns("lowered", "tests", "js"))
    found = json.loads(subprocess.run([sys.executable, "-c", asked], cwd=root, check=True, capture_output=True, text=True).stdout)
    assert [name.partition(">")[0] for name in found] == ["numpy", "scipy"]
    hook().ensure_lowered(root)
    assert hook().is_lowered(root)
    (root / "workbench/names.py").write_text((root / "workbench/names.py").read_text() + "\n")
    assert not hook().is_lowered(root)


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_wheel_has_the_front_end_the_data_and_its_types(built):
    *_, wheel = built
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"kernel_ext/static/loader.js", "kernel_ext/static/workbench.js", "workbench/py.typed", "kernel_ext/py.typed"} <= names
    assert {f"workbench/datasets/data/{p.name}" for p in (ROOT / "workbench/datasets/data").iterdir()} <= names
    assert {str(p.relative_to(ROOT)) for p in CODE} <= names
    assert {f"workbench/error_pages/{p.name}" for p in (ROOT / "docs/errors").glob("*.md")} <= names
    assert {n.split("/")[0] for n in names} == {"workbench", "kernel_ext", next(n for n in names if ".dist-info" in n).split("/")[0]}
    assert wheel.stat().st_size < 3_000_000


def test_an_sdist_has_what_its_wheel_is_made_of_and_what_tests_it(built):
    _, _, sdist, source, _ = built
    assert sdist.name.startswith("bayes_workbench-")
    for needed in ("hatch_build.py", "js/src/loader.ts", "kernel_ext/static/workbench.js", "Makefile", "requirements.lock", "tests/conftest.py", "tutorials/01_radon.ipynb", "docs/architecture.md"):
        assert (source / needed).exists(), needed
    assert not (source / "js/node_modules").exists()


def test_two_builds_are_the_same_bytes(built):
    home, env, sdist, source, wheel = built
    # From another folder, and with files of another age.
    other = home / "elsewhere" / source.name
    shutil.copytree(source, other)
    for path in other.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    again = build(other, home / "again", env, "sdist", "wheel")
    assert sha(again["wheel"]) == sha(wheel) and sha(again["sdist"]) == sha(sdist)


def test_a_build_without_the_front_end_says_what_to_install(built, tmp_path, monkeypatch):
    source = built[3]
    root = tmp_path / "source"
    shutil.copytree(source / "js", root / "js")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"node and npm are not on the PATH. Install Node.js 20 or later"):
        hook().ensure_built(root)
    # Bundles of other sources do not count.
    shutil.copytree(source / "kernel_ext/static", root / "kernel_ext/static")
    hook().ensure_built(root)
    (root / "js/src/loader.ts").write_text("export default {};\n")
    with pytest.raises(RuntimeError, match="is not built"):
        hook().ensure_built(root)


def test_metadata_name_each_python_and_each_dependency_is_explained():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    assert project["requires-python"] == ">=3.11"
    assert {c.rsplit(" ", 1)[1] for c in project["classifiers"] if "Python :: 3." in c} == {"3.11", "3.12", "3.13", "3.14"}
    for line in text[text.index("dependencies = [") : text.index("[project.optional-dependencies]")].splitlines()[1:]:
        assert not line.startswith("    ") or "# " in line, f"say what it is for: {line}"


def test_code_is_python_3_11_to_3_14():
    found = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 11))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level):
                named = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
                found += [f"{where} {n}" for n in named if n.split(".")[0] in GONE]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in GONE_NAMES:
                found.append(f"{where} {node.value.id}.{node.attr}")
            elif isinstance(node, ast.Try) and any(isinstance(x, ast.Return) for s in node.finalbody for x in ast.walk(s)):
                # A warning since 3.14: it hides the error that came to it.
                found.append(f"{where} return in finally")
    assert found == []


@pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="installs a wheel with all it needs: WORKBENCH_TESTS=all")
@pytest.mark.timeout(1800)
def test_a_wheel_alone_runs_the_tutorials(built):
    home, env, _, source, wheel = built
    venv.create(home / "venv", with_pip=True)
    python = home / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel), "nbclient"], check=True)
    env = {k: v for k, v in env.items() if k not in ("PYTHONPATH", "WORKBENCH_DATA")} | {"WORKBENCH_CACHE_DIR": str(home / "cache"), "HOME": str(home)}
    away = home / "away"
    away.mkdir()
    sample = "import workbench as pm, kernel_ext, os; assert 'venv' in pm.__file__\nwith pm.Model():\n x = pm.Normal('x'); idata = pm.sample(100, tune=100, chains=2, progressbar=False)\nassert idata.posterior.x.shape == (2, 100)"
    subprocess.run([python, "-c", sample], cwd=away, env=env, check=True)
    run = "import nbformat, sys\nfrom nbclient import NotebookClient\nNotebookClient(nbformat.read(sys.argv[1], 4), timeout=600, kernel_name='python3').execute()"
    for notebook in sorted((source / "tutorials").glob("0[1-6]_*.ipynb")):
        shutil.copy(notebook, away)
        subprocess.run([python, "-c", run, notebook.name], cwd=away, env=env, check=True, timeout=600)


def test_the_conda_recipe_asks_for_what_pyproject_does():
    import yaml

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    recipe = yaml.safe_load((ROOT / "conda-recipe/recipe.yaml").read_text())
    renamed = {"matplotlib": "matplotlib-base", "graphviz": "python-graphviz"}
    wanted = set()
    for line in project["dependencies"]:
        name, _, version = line.partition(">=")
        wanted.add(f"{renamed.get(name, name)} >={version}")
    assert set(recipe["requirements"]["run"]) == wanted | {f"python {project['requires-python']}", "c-compiler"}
    assert recipe["package"]["name"] == project["name"]
    version = (ROOT / "workbench/__init__.py").read_text().split('__version__ = "')[1].split('"')[0]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert recipe["context"]["version"] == citation["version"] == version and citation["license"] == project["license"]
