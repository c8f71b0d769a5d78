"""Every tutorial: its stored form, and a run through a real kernel, with the answers of its exercises.

What the form is:

- The first cell has the title, what is learnt and how many minutes it takes; the last says what to read next.
- No outputs are stored. A measured number is printed by a cell: text has no number with decimals outside code and formulas.
- What the text claims is asserted in cells with the tag ``claims``, whose source is hidden.
- Three to five exercises, each with ``<details><summary>Answer</summary>``. Its ``python`` blocks are run where they stand.
- A cell that is meant to fail has the tag ``raises-exception``, one that is meant to warn has the tag ``warns``, and the text
  before it says "error" or "warn". Any other error or warning is a fault.
"""

import os
import re
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "tutorials"
NAMES = (
    "01_radon",
    "02_graphs",
    "03_rewriting",
    "04_from_story_to_density",
    "05_vectorising_and_intervening",
    "06_backends",
    "07_hmc_and_nuts",
    "08_discrete_variables",
    "09_parametrisation_and_inference",
    "10_workflow",
    "11_many_chains",
    "12_deep_learning",
    "13_gaussian_processes_and_time",
)
NOT_YET_IN_FORM: set[str] = set()
WRITTEN = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
IN_FORM = [name for name in WRITTEN if name not in NOT_YET_IN_FORM]
LIMIT = 60.0  # seconds of an idle core, compilers and answers included
# As users run them: without the proof of each program, which took half of the time; and without what ArviZ says once a day where it is imported.
AS_USERS = {"WORKBENCH_CHECK": "0", "PYTHONWARNINGS": "ignore::FutureWarning:arviz"}

# Examples that users of Theano, PyMC3 and PyMC 4 were shown, and where they stand: the lines of each, in order.
EXAMPLES = {
    "01_radon": [
        'a = Normal("a", dims="county") * sigma_a + mu_a',
        'b = Normal("b", dims="county") * sigma_b + mu_b',
        'eps = HalfNormal("eps", 1.5)',
        "radon_est = a[county_idx] + b[county_idx] * floor",
        'Normal("radon_like", mu=radon_est, sigma=eps, observed=log_radon, dims="obs_id")',
        "sample(target_accept=0.9",
        'sample(init="jitter+adapt_diag_grad", target_accept=0.9',
        "sampling_jax.sample_numpyro_nuts(target_accept=0.9, progress_bar=False",
        "sample_posterior_predictive",
        "az.summary(",
        '["ess_bulk"]',
        ".plot.barh()",
    ],
    "02_graphs": [
        "a = tt.scalar('a')",
        "x = tt.vector('x')",
        "y = tt.ivector('y')",
        "inner = a * x**3 + y**2",
        "out = tt.exp(inner).sum()",
        "np.exp(inner).sum()",
        "func = function([a, x, y], [out])",
        "func(1.2, np.random.randn(10), ",
        "if (a > 0).all():",
        "b = tt.switch((a > 0).all(), tt.sqrt(a), -a)",
        "a[10]",
        "a[[1, 2, 10]]",
        "tt.set_subtensor(a[:10], 1)",
    ],
    "03_rewriting": [
        'x = tt.vector("x")',
        "tt.log(1 + x)",
        "tt.log(tt.exp(x))",
        "tt.exp(tt.log(x))",
        "tt.linalg.det(tt.diag(x))",
        "tt.linalg.inv(tt.kron(A, B))",
        "pm.Normal.dist(0, 1) + a",
    ],
    "04_from_story_to_density": [
        "mu = Normal('mu', mu=0, sd=1)",
        "y = Normal('y', mu=mu, sd=1, observed=data)",
        "Normal.dist(0, 1).logp(mu)",
        "HalfNormal('sd', 1)",
        "sd_log__",
        "at.clip(x, 0, np.inf).eval()",
        "xy = at.stack([x, y])",
        'index = Bernoulli("index", p=0.5)',
        "xy[index].eval()",
        'Categorical("index", [.3, .3], shape=3)',
        "x = Poisson('x', 2)",
        "z = Normal('z', shape=x)",
        "z.eval()",
    ],
    "06_backends": [
        "beta = Normal('beta', 0, 1, shape=len(design_matrix))",
        "predict = tt.dot(design_matrix, beta)",
        "sd = HalfCauchy('sd', beta=2.5)",
        "Normal('y', mu=predict, sd=sd, observed=data)",
    ],
}


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", 4)


def answers(source):
    """Return the python blocks of the hidden answers of a cell of text."""
    return [
        block
        for details in re.findall(r"<details>.*?</details>", source, flags=re.DOTALL)
        for block in re.findall(r"```python\n(.*?)```", details, flags=re.DOTALL)
    ]


def prose(source):
    """Return text without code, formulas and addresses."""
    for pattern in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$\n]*\$", r"`[^`\n]*`", r"\]\([^)]*\)", r"<[^>]*>"):
        source = re.sub(pattern, " ", source, flags=re.DOTALL)
    return source


@pytest.mark.parametrize("name", WRITTEN)
def test_notebook_is_stored_without_results_and_for_any_kernel(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, f"a result is stored: {cell.source[:60]}"
            assert cell.execution_count is None
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.parametrize("name", IN_FORM)
def test_notebook_begins_and_ends_as_all_do(name):
    cells = read(name).cells
    first, last = cells[0], cells[-1]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert re.search(r"\bminutes\b", first.source), "the first cell says how many minutes it takes"
    assert "learn" in first.source, "the first cell says what is learnt"
    assert last.cell_type == "markdown" and re.search(r"^## .*next", last.source, flags=re.MULTILINE | re.IGNORECASE)
    assert re.search(r"\]\(\d\d_\w+\.ipynb\)", last.source), "the last cell leads to another tutorial"
    assert "http" in last.source, "the last cell names a paper or a book"


@pytest.mark.parametrize("name", IN_FORM)
def test_links_lead_to_tutorials(name):
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\((?!http)([^)#]+)\)", cell.source):
                assert Path(target).stem in NAMES or (FOLDER / target).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("name", IN_FORM)
def test_exercises_have_hidden_answers(name):
    text = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")
    hidden = re.findall(r"<details><summary>Answer</summary>(.*?)</details>", text, flags=re.DOTALL)
    assert text.count("<details>") == text.count("</details>") == len(hidden)
    assert 3 <= len(hidden) <= 5, f"{len(hidden)} exercises"
    assert all(answer.strip() for answer in hidden)
    assert sum("```python" in answer for answer in hidden) >= 2, "answers that can be run"


@pytest.mark.parametrize("name", IN_FORM)
def test_text_has_no_measured_numbers(name):
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"\d+\.\d+", prose(cell.source))
            assert not found, f"{found} in: {cell.source[:80]}"


@pytest.mark.parametrize("name", IN_FORM)
def test_claims_are_asserted_out_of_sight(name):
    claims = [cell for cell in read(name).cells if "claims" in cell.metadata.get("tags", [])]
    assert claims, "no cell with the tag claims"
    for cell in claims:
        assert cell.cell_type == "code" and re.search(r"^\s*assert ", cell.source, flags=re.MULTILINE)
        assert cell.metadata.get("jupyter", {}).get("source_hidden") is True


@pytest.mark.parametrize("name", IN_FORM)
def test_faults_that_are_meant_are_announced(name):
    said = ""
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            said = cell.source
        tags = cell.metadata.get("tags", [])
        if "raises-exception" in tags:
            assert re.search(r"\berrors?\b|\brefuse", said), f"the text before does not say that an error is meant: {cell.source[:60]}"
        if "warns" in tags:
            assert re.search(r"\bwarn", said), f"the text before does not say that a warning is meant: {cell.source[:60]}"


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name in IN_FORM])
def test_examples_of_other_packages_stand_there(name):
    code = "\n".join(cell.source for cell in read(name).cells)
    missing = [line for line in EXAMPLES[name] if line not in code]
    assert not missing, missing


def with_answers(notebook):
    """Return the notebook with a code cell for each block of an answer, right after it."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            for block in answers(cell.source):
                added = nbformat.v4.new_code_cell(block)
                added.metadata["tags"] = ["answer"]
                cells.append(added)
    notebook.cells = cells
    return notebook


# Seconds of the kernel's processor, its threads and the compilers that it started: what an idle core would need, on any machine.
SECONDS = """
import os as _os
print(f"{sum(_os.times()[:4]):.2f}")
"""


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.timeout(600)
def test_notebook_runs_as_it_says(name, tmp_path, capsys):
    notebook = with_answers(read(name))
    measure = nbformat.v4.new_code_cell(SECONDS)
    notebook.cells.append(measure)
    begin = time.perf_counter()
    client = NotebookClient(notebook, timeout=400, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    path = os.pathsep.join([str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    client.execute(env={**os.environ, **AS_USERS, "PYTHONPATH": path})
    wall = time.perf_counter() - begin
    (printed,) = (cell.outputs[0].text for cell in notebook.cells[-1:])
    with capsys.disabled():
        print(f" {name}: {float(printed):.1f} s of a core, {wall:.1f} s on the clock ", end="")
    for cell in notebook.cells[:-1]:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        kinds = {output.output_type for output in cell.outputs}
        assert ("error" in kinds) == ("raises-exception" in tags), f"an error was meant, and there was none: {cell.source[:80]}"
        warned = "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stderr")
        assert bool(warned) == ("warns" in tags), f"{'a' if warned else 'no'} warning at {cell.source[:80]!r}: {warned[:2000]}"
    assert float(printed) <= LIMIT


def test_answers_are_found_where_they_are_hidden():
    source = "Try.\n\n<details><summary>Answer</summary>\n\n```python\nx = 1\n```\nand\n```python\ny = 2\n```\n</details>\n```python\nz = 3\n```"
    assert answers(source) == ["x = 1\n", "y = 2\n"]
    assert re.findall(r"\d+\.\d+", prose("`0.5` and $0.25$ but 0.75")) == ["0.75"]


