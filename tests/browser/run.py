"""Open notebooks in a real JupyterLab and Notebook 7 in a real browser, and use them as a person would.

Needs Debian's ``chromium`` (or WORKBENCH_CHROMIUM) and js/node_modules; says so and skips where a
browser cannot be had. Screenshots go to build/screenshots.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

from standalone import served

ROOT = Path(__file__).resolve().parents[2]
ALONE = ("inspector", "stepper", "generated", "posterior")
"""Views in pages of their own, without Jupyter: NAME.mjs looks at the panels of NAME.py."""
TESTS = ("lab", "hosts", "writing", "sampling")
"""In Jupyter. All in turn; ``run.py lab`` runs one alone."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def main() -> int:
    browser = os.environ.get("WORKBENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("browser test skipped: no chromium on this system (apt install chromium)")
        return 0
    shots = ROOT / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:] or [*ALONE, *TESTS]
    for test in (t for t in wanted if t in ALONE):
        with ExitStack() as pages:
            urls = [pages.enter_context(served(panel)) for panel in import_module(test).panels()]
            if drive(test, ",".join(urls), browser, shots):
                return 1
    return in_jupyter([t for t in wanted if t in TESTS], browser, shots) if set(wanted) & set(TESTS) else 0


def drive(test: str, url: str, browser: str, shots: Path) -> int:
    """Run a test in the browser; return its exit status."""
    command = ["node", str(Path(__file__).parent / f"{test}.mjs"), url, browser, str(shots)]
    return subprocess.run(command, cwd=ROOT / "js", timeout=420, check=False).returncode


def in_jupyter(tests: list[str], browser: str, shots: Path) -> int:
    port = free_port()
    work = Path(tempfile.mkdtemp(prefix="workbench-browser-"))
    shutil.copy(ROOT / "tutorials" / "01_radon.ipynb", work / "radon.ipynb")
    for notebook in Path(__file__).parent.glob("*.ipynb"):
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
    log = (work / "server.log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=work)
    try:
        wait_for(f"http://127.0.0.1:{port}/api", server)
        for test in tests:
            status = drive(test, f"http://127.0.0.1:{port}", browser, shots)
            if status:
                print((work / "server.log").read_text()[-3000:], file=sys.stderr)
                return status
        return 0
    finally:
        server.terminate()
        server.wait(20)
        log.close()
        shutil.rmtree(work, ignore_errors=True)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if server.poll() is not None:
            raise RuntimeError("JupyterLab ended before it was ready")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise RuntimeError("JupyterLab was not ready within a minute")


if __name__ == "__main__":
    sys.exit(main())
