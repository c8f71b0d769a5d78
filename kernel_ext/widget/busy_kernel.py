"""While a cell runs, a page that is loaded anew finds its widgets again: what it asks first is answered beside the cell.

A front end that connects to a kernel asks what kernel it is, which comms there are, and, over a comm that it opens, for the state of all
widgets. ipykernel answers these in turn with cells, so the page shows "Loading widget..." until the cell is over. Here they are
answered by the thread that receives them, as long as a run goes on. The names used are private in part, so they may go: then all is as
without this module.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CONTROL = "jupyter.widget.control"
NEEDED = ("shell_stream", "shell_channel_thread", "shell_channel_thread_main", "comm_manager", "session", "_publish_status")


@contextmanager
def answering(kernel: Any) -> Iterator[None]:
    """Answer what a page asks when it is loaded, while the cell that has this in hand goes on."""
    if kernel is None or any(getattr(kernel, name, None) is None for name in NEEDED):
        yield
        return
    answers = _Answers(kernel)
    loop = kernel.shell_channel_thread.io_loop
    loop.add_callback(kernel.shell_stream.on_recv, answers.receive, copy=False)
    try:
        yield
    finally:
        loop.add_callback(kernel.shell_stream.on_recv, kernel.shell_channel_thread_main, copy=False)


class _Answers:
    """Takes the messages of the shell channel, on the thread that receives them."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.parent = kernel.get_parent("shell")
        self._control: set[str] = set()
        self._last: threading.Thread | None = None

    async def receive(self, message: Any) -> None:
        try:
            taken = self._answered(message)
        except Exception:
            taken = False
        if not taken:
            await self.kernel.shell_channel_thread_main(message)

    def _answered(self, message: Any) -> bool:
        session = self.kernel.session
        idents, frames = session.feed_identities(list(message), copy=False)
        # A message whose content is taken cannot be taken again by those who come after.
        found = session.deserialize(frames, content=False, copy=False)
        kind = found["header"]["msg_type"]
        if kind not in ("kernel_info_request", "comm_info_request", "comm_open", "comm_msg"):
            return False
        content = session.unpack(found["content"])
        opened = kind == "comm_open" and content.get("target_name") == CONTROL
        if kind.startswith("comm_") and kind != "comm_info_request" and not opened and content.get("comm_id") not in self._control:
            return False
        request = session.deserialize(frames, content=True, copy=False)
        if kind == "kernel_info_request":
            self._reply("kernel_info_reply", {"status": "ok", **self.kernel.kernel_info}, idents, request)
        elif kind == "comm_info_request":
            target = content.get("target_name")
            comms = {k: {"target_name": c.target_name} for k, c in dict(self.kernel.comm_manager.comms).items() if target in (None, c.target_name)}
            self._reply("comm_info_reply", {"status": "ok", "comms": comms}, idents, request)
        elif opened:
            self._control.add(content["comm_id"])
            self._beside(self.kernel.comm_manager.comm_open, idents, request)
        else:
            self._beside(self.kernel.comm_manager.comm_msg, idents, request)
        return True

    def _reply(self, kind: str, content: dict[str, Any], idents: Any, request: Any) -> None:
        kernel = self.kernel
        kernel._publish_status("busy", "shell", request)
        # This thread is the only one that uses the stream.
        kernel.session.send(kernel.shell_stream, kind, content, request, idents)
        kernel._publish_status("idle", "shell", request)
        kernel._publish_status("busy", "shell", self.parent)

    def _beside(self, handler: Any, idents: Any, request: Any) -> None:
        """The state of many widgets takes a while: other messages do not wait for it."""
        previous = self._last

        def in_turn() -> None:
            if previous is not None:
                previous.join()
            handler(self.kernel.shell_stream, idents, request)

        self._last = threading.Thread(target=in_turn, name="workbench-widgets", daemon=True)
        self._last.start()
