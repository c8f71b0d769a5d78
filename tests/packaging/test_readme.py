"""The README: what it points at is there, its example runs, its pictures are small."""

import re
import subprocess
from pathlib import Path

import workbench as pm

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()


def test_what_it_points_at_is_there():
    named = {*re.findall(r"\]\(([^)#]+)\)", TEXT), *re.findall(r'(?:src|srcset)="([^"]+)"', TEXT), *re.findall(r"`((?:tutorials|workbench|docs)/[\w/.]+)`", TEXT)}
    assert {"docs/images/readme-light.png", "docs/images/readme-dark.png", "CITATION.cff"} <= named
    assert [n for n in named if not n.startswith("http") and not (ROOT / n).exists()] == []


def test_its_commands_are_there():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([\w-]+)", TEXT, re.M)) <= targets
    for script in re.findall(r"python (benchmarks/\w+\.py)", TEXT):
        assert (ROOT / script).exists()


def test_its_pictures_are_small():
    for picture in (ROOT / "docs/images").glob("readme-*.png"):
        assert 20_000 < picture.stat().st_size <= 200_000


def test_its_example_runs(capsys):
    example = next(block for block in re.findall(r"```python\n(.*?)```", TEXT, re.S) if "pm.sample(" in block)
    assert len(example.splitlines()) == 12
    names = {}
    exec(example, names)
    assert {"mu", "tau", "floor", "eps"} == set(pm.summary(names["idata"], var_names=["mu", "tau", "floor", "eps"]).index)
    # Gelman and Hill's fit by maximum likelihood: 1.46 and -0.69 (2007, section 12.4), of logarithms without 0.1.
    posterior = names["idata"].posterior
    assert abs(float(posterior["mu"].mean()) - 1.49) < 0.06 and abs(float(posterior["floor"].mean()) + 0.66) < 0.06
    assert "mu" in capsys.readouterr().out


def test_a_missing_tool_is_one_line(tmp_path):
    # A PATH without Python and node: make alone.
    for tool in ("make", "bash", "sh"):
        (tmp_path / tool).symlink_to(subprocess.run(["bash", "-c", f"command -v {tool}"], capture_output=True, text=True, check=True).stdout.strip())
    for target, tool in (("tools", "python3"), ("node", "node")):
        done = subprocess.run(["make", "-s", target], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
        assert done.returncode and done.stdout.strip().startswith(f"{tool} is missing: install ") and "\n" not in done.stdout.strip()
