"""Build hook: what is made before a wheel or sdist is: the notebook's front end, bundled by node, and samplers, lowered by the package itself.

`kernel_ext/static/built` holds a digest of the sources in `js/` that the bundles were made of (js/build.mjs writes it). Where it is that of
the sources that are here, as it is in an sdist, nothing is built and node is not needed. So is `workbench/lowered/made_of` for samplers, which NumPy and
SciPy are needed for. An editable install takes what `make` builds.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLES = ("loader.js", "workbench.js")


class Built(BuildHookInterface):  # type: ignore[type-arg]
    """Builds what is not of the sources that are here."""

    def dependencies(self) -> list[str]:
        """What lowers samplers, where they are not."""
        return [] if is_lowered(Path(self.root)) else ["numpy>=2.0", "scipy>=1.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the files are collected; `version` is "editable" for an editable install."""
        if version != "editable":
            ensure_built(Path(self.root), self.app.display_info)
            ensure_lowered(Path(self.root), self.app.display_info)
            if self.target_name == "wheel":
                # What `pm.explain` shows, in an installed package too.
                build_data["force_include"]["docs/errors"] = "workbench/error_pages"


def ensure_built(root: Path, tell: Any = print) -> None:
    """Make the bundles in a source tree, unless they are there.

    Raises
    ------
    RuntimeError
        If node or npm is needed and not there, or fails.
    """
    static, js = root / "kernel_ext" / "static", root / "js"
    made_of = static / "built"
    if all((static / name).exists() for name in BUNDLES) and made_of.exists() and made_of.read_text() == digest(js):
        return
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise RuntimeError(
            f"the notebook's front end is not built, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not on the PATH. "
            "Install Node.js 20 or later, or install from a wheel or sdist, which have it built."
        )
    tell("building the notebook's front end with node")
    commands = [["npm", "run", "--silent", "build"]]
    if not (js / "node_modules" / "esbuild").exists():
        commands.insert(0, ["npm", "ci", "--silent", "--no-audit", "--no-fund"])
    for command in commands:
        done = subprocess.run([shutil.which(command[0]) or command[0], *command[1:]], cwd=js, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed in {js}:\n{(done.stdout + done.stderr)[-2000:]}")


def digest(js: Path) -> str:
    """Return the digest of the sources that bundles are made of; build.mjs has the same.

    Line ends do not count: a checkout on Windows has others.
    """
    found = hashlib.sha256()
    for path in sorted([*(js / "src").rglob("*"), js / "build.mjs", js / "package-lock.json"], key=lambda p: p.relative_to(js).as_posix()):
        if path.is_file():
            found.update(path.relative_to(js).as_posix().encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return found.hexdigest()


def is_lowered(root: Path) -> bool:
    """Whether the samplers of a source tree are lowered."""
    made_of = root / "workbench" / "lowered" / "made_of"
    spec = importlib.util.spec_from_file_location("sources", root / "workbench" / "compile" / "sources.py")
    assert spec is not None and spec.loader is not None
    sources = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sources)
    return made_of.exists() and made_of.read_text() == sources.digest_of(root / "workbench")


def ensure_lowered(root: Path, tell: Any = print) -> None:
    """Lower the samplers of a source tree, unless they are.

    Raises
    ------
    RuntimeError
        If that fails.
    """
    if is_lowered(root):
        return
    tell("lowering samplers")
    # The same bytes each time: not another order of sets.
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "workbench.samplers.lowered"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"samplers could not be lowered in {root}:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    try:
        ensure_built(Path(__file__).resolve().parent)
    except RuntimeError as error:
        sys.exit(str(error))
