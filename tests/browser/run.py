"""Open notebooks in a real JupyterLab and Notebook 7 in a real browser, and use them as a person would.

Needs Debian's ``chromium`` (or WORKBENCH_CHROMIUM) and js/node_modules; says so and skips where a
browser cannot be had. Screenshots go to build/screenshots.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from standalone import served

ROOT = Path(__file__).resolve().parents[2]
ALONE = ("inspector", "stepper", "generated", "posterior")
"""Views in pages of their own, without Jupyter: NAME.mjs looks at the panels of NAME.py."""
TESTS = ("lab", "hosts", "writing", "sampling")
"""In Jupyter. All in turn; ``run.py lab`` runs one alone."""
BY_NAME = ("tutorials",)
"""In Jupyter, when they are asked for: ``run.py tutorials`` runs all of them there, WORKBENCH_TUTORIALS="02_graphs 03_rewriting" some."""
PICTURES = ("readme",)
"""Not tests: ``run.py readme`` makes docs/images, in a light and a dark JupyterLab."""
LONGEST, START = {"tutorials": 1800}, 180
"""Seconds that one test may take, where it is more than 420, and that Jupyter may take to start."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass(frozen=True)
class Outcome:
    """What became of a test: what it said where it failed, nothing where it passed."""

    test: str
    seconds: float
    problem: str


def main() -> int:
    browser = os.environ.get("WORKBENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("browser test skipped: no chromium on this system (apt install chromium)")
        return 0
    shots = ROOT / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:] or [*ALONE, *TESTS]
    known = (*ALONE, *TESTS, *BY_NAME, *PICTURES)
    unknown = [t for t in wanted if t not in known]
    if unknown:
        print(f"no browser test is called {unknown[0]!r}: there are {', '.join(known)}")
        return 2
    outcomes = []
    for test in (t for t in wanted if t in ALONE):
        with ExitStack() as pages:
            urls = [pages.enter_context(served(panel)) for panel in import_module(test).panels()]
            outcomes.append(drive(test, ",".join(urls), browser, shots))
    if tests := [t for t in wanted if t not in ALONE]:
        outcomes += in_jupyter(tests, browser, shots)
    for made in (shots / f"{o.test}-{theme}.png" for o in outcomes if o.test in PICTURES and not o.problem for theme in ("light", "dark")):
        keep(made)
    # Last of all, for logs that are cut.
    print("browser tests")
    for o in outcomes:
        print(f"  {'FAILED' if o.problem else 'passed'}  {o.test} ({o.seconds:.0f} s)")
    for o in outcomes:
        if o.problem:
            print(f"{o.test}: {o.problem}")
    return int(any(o.problem for o in outcomes))


def keep(picture: Path) -> None:
    """Put a picture into docs/images, in 256 colours."""
    from PIL import Image

    Image.open(picture).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(ROOT / "docs" / "images" / picture.name, optimize=True)


def drive(test: str, url: str, browser: str, shots: Path) -> Outcome:
    """Run a test in the browser. What it prints is passed on; from the line "failed:" on, it is what went wrong."""
    shot = shots / f"{test}-failed.png"
    shot.unlink(missing_ok=True)
    command = ["node", str(Path(__file__).parent / f"{test}.mjs"), url, browser, str(shots)]
    begun, longest = time.monotonic(), LONGEST.get(test, 420)
    process = subprocess.Popen(command, cwd=ROOT / "js", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    late = threading.Timer(longest, os.killpg, (process.pid, signal.SIGKILL))
    late.start()
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    status = process.wait()
    late.cancel()
    seconds = time.monotonic() - begun
    if not status:
        return Outcome(test, seconds, "")
    said = "".join(lines[next((i for i, line in enumerate(lines) if line.startswith("failed:")), -5) :]).strip()
    if seconds >= longest:
        said = f"not done within {longest} s, after:\n{said}"
    seen = f"\n  what was seen: {shot.relative_to(ROOT)}" if shot.exists() else ""
    return Outcome(test, seconds, said + seen)


def in_jupyter(tests: list[str], browser: str, shots: Path) -> list[Outcome]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    work = Path(tempfile.mkdtemp(prefix="workbench-browser-"))
    tutorials = sorted((ROOT / "tutorials").glob("*.ipynb")) if "tutorials" in tests else []
    os.environ.setdefault("WORKBENCH_TUTORIALS", " ".join(t.stem for t in tutorials))
    for notebook in [*Path(__file__).parent.glob("*.ipynb"), *tutorials]:
        shutil.copy(notebook, work)
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(work / "config"), "JUPYTERLAB_SETTINGS_DIR": str(work / "settings")}
    data = next((p / "shared" / "data" for p in (ROOT, *ROOT.parents) if (p / "shared" / "data").is_dir()), None)
    if data is not None:
        environment.setdefault("WORKBENCH_DATA", str(data))
    quiet = work / "settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ip=127.0.0.1", "--allow-root",
        "--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={work}",
        "--LabApp.news_url=", "--LabApp.collaborative=False", "--expose-app-in-browser", "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    log = work / "server.log"
    outcomes = []
    with log.open("w") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=work)
        try:
            try:
                wait_for(f"{url}/api", server)
            except RuntimeError as error:
                return [Outcome(t, 0.0, f"{error}:\n{log.read_text()[-1000:]}") for t in tests]
            for test in tests:
                before = log.stat().st_size
                outcomes.append(drive(test, url, browser, shots))
                if outcomes[-1].problem:
                    print(f"the server's log of {test}:\n{log.read_text()[before:][-3000:]}")
                end_sessions(url)
        finally:
            server.terminate()
            server.wait(20)
            shutil.rmtree(work, ignore_errors=True)
    return outcomes


def end_sessions(url: str) -> None:
    """End what a test left running, which would be in the way of the next."""
    for session in json.load(urllib.request.urlopen(f"{url}/api/sessions", timeout=60)):
        urllib.request.urlopen(urllib.request.Request(f"{url}/api/sessions/{session['id']}", method="DELETE"), timeout=60).close()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < START:
        if server.poll() is not None:
            raise RuntimeError("JupyterLab ended before it was ready")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise RuntimeError(f"JupyterLab was not ready within {START} s")


if __name__ == "__main__":
    sys.exit(main())
