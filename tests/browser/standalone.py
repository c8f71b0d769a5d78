"""A panel in a page of its own, without Jupyter: the kernel's side here, the front end in a browser, frames by HTTP.

``python tests/browser/standalone.py script.py`` serves what the script calls ``panel`` at http://127.0.0.1:8899/ until it is
stopped; `served` does the same in a test. The page is dark with ``/?dark``, narrow with ``/?width=500``.
"""

from __future__ import annotations

import base64
import json
import runpy
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kernel_ext.widget.panel import Panel, static_file

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>panel</title>
<style>body{margin:12px;font-family:sans-serif} body.dark{background:#111;--jp-ui-font-color1:#eee;--jp-ui-font-color2:#aaa;
--jp-layout-color1:#111;--jp-layout-color2:#222;--jp-border-color2:#444;color-scheme:dark}</style><body><main id="host"></main>
<script type="module">
const asked = new URLSearchParams(location.search);
document.body.classList.toggle("dark", asked.has("dark"));
if (asked.has("width")) document.body.style.width = asked.get("width") + "px";
const traits = await (await fetch("/traits")).json(), heard = [];
const post = (content) => fetch("/send", { method: "POST", body: JSON.stringify(content) });
const model = {
  get: (name) => traits[name], send: (content) => void post(content), save_changes() {}, set(name, value) { traits[name] = value; },
  on: (event, callback) => heard.push([event, callback]), off: (event, callback) => { const i = heard.findIndex(([e, c]) => e === event && c === callback); if (i >= 0) heard.splice(i, 1); },
};
window.wb = { model, frames: [] };
const widget = (await import("/loader.js")).default;
void widget.render({ model, el: document.getElementById("host") });
for (;;) {
  const messages = await (await fetch("/poll?page=PAGE")).json().catch(() => null);
  if (!messages) break;
  for (const [content, data] of messages) {
    wb.frames.push(content);
    const buffers = data === null ? [] : [new DataView(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer)];
    for (const [event, callback] of [...heard]) if (event === "msg:custom") callback(content, buffers);
  }
}
</script></body></html>"""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that was closed does not read its last answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(panel: Panel, port: int = 0) -> Iterator[str]:
    """Serve a panel; the address of its page."""
    messages: deque[Any] = deque()
    there = threading.Condition()
    page = 0

    def send(content: Any, buffers: Any = None) -> None:
        with there:
            messages.append((json.loads(json.dumps(content)), base64.b64encode(buffers[0]).decode() if buffers else None))
            there.notify_all()

    def begun() -> int:
        """The number of a page that is loaded: one before it, which may still be waiting for messages, gets none of its own."""
        nonlocal page
        with there:
            page += 1
            messages.clear()
            there.notify_all()
            return page

    def found(asking: int) -> list[Any]:
        with there:
            there.wait_for(lambda: messages or page != asking, timeout=20)
            return [] if page != asking else [messages.popleft() for _ in range(min(len(messages), 100))]

    panel.send = send

    class Handler(BaseHTTPRequestHandler):
        def answer(self, body: bytes, kind: str = "application/json") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == "/":
                self.answer(PAGE.replace("PAGE", str(begun())).encode(), "text/html")
            elif path == "/loader.js":
                self.answer(static_file("loader.js").read_bytes(), "text/javascript")
            elif path == "/traits":
                self.answer(json.dumps({k: getattr(panel, k) for k in ("parts", "first", "title", "module")}).encode())
            elif path == "/poll":
                self.answer(json.dumps(found(int(self.path.rpartition("=")[2]))).encode())
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(b"{}")
            panel._receive(None, content, [])

        def log_message(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with served(runpy.run_path(sys.argv[1])["panel"], int(sys.argv[2]) if len(sys.argv) > 2 else 8899) as address:
        print(address, flush=True)
        threading.Event().wait()
