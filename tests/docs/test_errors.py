"""Pages on errors: each is reached from its message, what it shows raises it, and what it advises works."""

import re
import warnings
from pathlib import Path

import pytest

import workbench as pm
from workbench.errors import ArgumentError, WorkbenchError, explain, more, pages
from workbench.inference.convergence import PAGES as WARNINGS
from workbench.inference.convergence import with_page

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "errors"
TEXT = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.md"))}
WARNED = ["solver-stopped"]
"""Pages of warnings that a value gives, outside of runs."""
ERRORS = [name for name in TEXT if name not in (*WARNINGS.values(), *WARNED)]


def blocks(name):
    return re.findall(r"^```python\n(.*?)^```", TEXT[name], re.S | re.M)


@pytest.mark.parametrize("name", ERRORS)
def test_what_a_page_shows_raises_its_error_and_what_it_advises_works(name):
    wrong, *right = blocks(name)
    namespace = {"__name__": name}
    with pytest.raises(WorkbenchError) as caught:
        exec(compile(wrong, f"<{name}>", "exec"), namespace)
    assert str(caught.value).endswith(more(name))
    shown = re.search(r"```text\n(.*?)\n```", TEXT[name], re.S)[1]
    assert f"{type(caught.value).__name__}: {caught.value.message}" == shown.partition("\n  hint:")[0].partition("\n  more:")[0].rstrip()
    assert caught.value._render_traceback_()[-1] == more(name)
    assert right
    for block in right:
        exec(compile(block, f"<{name}>", "exec"), namespace)


@pytest.mark.parametrize("name", WARNED)
def test_what_a_page_shows_warns_and_what_it_advises_does_not(name):
    wrong, *right = blocks(name)
    namespace = {"__name__": name}
    with pytest.warns(RuntimeWarning) as caught:
        exec(compile(wrong, f"<{name}>", "exec"), namespace)
    said = str(caught[0].message)
    assert said.endswith(more(name))
    shown = re.search(r"```text\n(.*?)\n```", TEXT[name], re.S)[1]
    assert f"{caught[0].category.__name__}: {said}" == " ".join(shown.split())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in right:
            exec(compile(block, f"<{name}>", "exec"), namespace)


@pytest.mark.parametrize("said, name", WARNINGS.items())
def test_warnings_of_a_run_end_with_their_page(said, name):
    assert said in TEXT[name]
    problem = TEXT[name].partition("```text\n")[2].partition("\n(more")[0]
    assert with_page(problem) == f"{problem} ({more(name)})"


def test_pages_that_messages_name_exist_and_pages_are_named():
    named = set(WARNINGS.values())
    for path in (ROOT / "workbench").rglob("*.py"):
        named |= set(re.findall(r'\bpage ?= ?"([\w-]+)"', path.read_text()))
    assert named == set(TEXT)


def test_a_page_is_short_and_begins_with_its_message():
    for name, text in TEXT.items():
        assert text.startswith("# ") and "\n\n```text\n" in text and "\n## What to do\n" in text, name
        assert len(text) < 3000, name


def test_explain_prints_a_page(capsys):
    assert set(pages()) == set(TEXT)
    pm.explain("divergences")
    assert capsys.readouterr().out == TEXT["divergences"] + "\n"
    explain()
    assert "- no-model" in capsys.readouterr().out
    with pytest.raises(ArgumentError, match="did you mean 'divergences'"):
        explain("divergence")


def test_other_problems_have_no_page():
    assert with_page("there is one chain") == "there is one chain"
