"""Make tests/reference/parameters.json: the parameters of PyMC's distributions, in order, as their sources declare them.

    pip install --no-deps -r benchmarks/peers-requirements.txt
    python tests/reference/make_parameters.py

Nothing of PyMC is imported: `dist` is read in the syntax trees of its modules, from the class or the nearest of those above it.
"""

import ast
import importlib.metadata
import importlib.util
import json
from pathlib import Path

WHERE = Path(__file__).parent / "parameters.json"
OPTIONS = {"shape", "size", "args", "kwargs", "cls"}


def parameters(function: ast.FunctionDef) -> dict[str, list[str]]:
    given = function.args
    positional = [a.arg for a in (*given.posonlyargs, *given.args) if a.arg not in OPTIONS]
    return {"positional": positional, "keyword": [a.arg for a in given.kwonlyargs if a.arg not in OPTIONS]}


def main() -> None:
    folder = Path(importlib.util.find_spec("pymc").submodule_search_locations[0]) / "distributions"
    classes: dict[str, ast.ClassDef] = {}
    for path in sorted(folder.glob("*.py")):
        classes |= {n.name: n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)}
    found = {}
    for name in classes:
        pending, seen = [name], set()
        while pending:
            one = pending.pop(0)
            if one not in classes or one in seen or one == "Distribution":
                continue
            seen.add(one)
            own = [n for n in classes[one].body if isinstance(n, ast.FunctionDef) and n.name == "dist"]
            if own:
                found[name] = parameters(own[0])
                break
            pending += [b.id for b in classes[one].bases if isinstance(b, ast.Name)]
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(found.items()))
    WHERE.write_text(f'{{"source": "PyMC {importlib.metadata.version("pymc")}", "parameters": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
