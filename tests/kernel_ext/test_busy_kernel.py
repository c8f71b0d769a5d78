import asyncio
import threading
import types

import pytest
import zmq
from jupyter_client.session import Session

from kernel_ext.widget.busy_kernel import CONTROL, _Answers, answering


class Comms:
    def __init__(self):
        self.comms = {"w1": types.SimpleNamespace(target_name="jupyter.widget"), "x": types.SimpleNamespace(target_name="other")}
        self.handled = []

    def comm_open(self, stream, idents, request):
        self.handled.append(("open", request["content"]["comm_id"]))

    def comm_msg(self, stream, idents, request):
        self.handled.append(("msg", request["content"]["data"]["method"]))


class Kernel:
    """What the answers use of a kernel."""

    def __init__(self):
        self.session = Session(key=b"key")
        self.comm_manager, self.kernel_info = Comms(), {"implementation": "test"}
        self.sent, self.statuses, self.passed_on = [], [], []
        self.shell_stream = types.SimpleNamespace(send_multipart=lambda parts, copy=True: self.sent.append(parts))
        self.session.send = lambda stream, kind, content, request, idents: self.sent.append((kind, content, request["header"]["msg_id"], idents))

    def get_parent(self, channel):
        return {"header": {"msg_id": "cell"}}

    def _publish_status(self, status, channel, parent):
        self.statuses.append((status, parent["header"].get("msg_id")))

    async def shell_channel_thread_main(self, message):
        # As ipykernel does: a message whose content was taken before is refused.
        self.session.deserialize(self.session.feed_identities(message, copy=False)[1], content=True, copy=False)
        self.passed_on.append(message)


@pytest.fixture
def kernel():
    return Kernel()


def received(kernel, answers, kind, **content):
    client = Session(key=b"key")
    made = client.msg(kind, content)
    frames = [zmq.Message(b"who"), *(zmq.Message(part) for part in client.serialize(made))]
    asyncio.run(answers.receive(frames))
    return made["header"]["msg_id"]


def test_what_a_page_asks_first_is_answered_beside_the_cell(kernel):
    answers = _Answers(kernel)
    asked = received(kernel, answers, "kernel_info_request")
    kind, content, about, _ = kernel.sent[-1]
    assert (kind, content["implementation"], about) == ("kernel_info_reply", "test", asked)
    assert kernel.statuses == [("busy", asked), ("idle", asked), ("busy", "cell")], "the kernel is busy with the cell as before"
    received(kernel, answers, "comm_info_request", target_name="jupyter.widget")
    assert kernel.sent[-1][1]["comms"] == {"w1": {"target_name": "jupyter.widget"}}
    received(kernel, answers, "comm_open", target_name=CONTROL, comm_id="c", data={})
    received(kernel, answers, "comm_msg", comm_id="c", data={"method": "request_states"})
    answers._last.join(10)
    assert kernel.comm_manager.handled == [("open", "c"), ("msg", "request_states")] and not kernel.passed_on


@pytest.mark.parametrize("kind, content", [("execute_request", {"code": "1"}), ("comm_msg", {"comm_id": "w1", "data": {}}), ("comm_open", {"target_name": "other", "comm_id": "y"})])
def test_all_else_goes_its_way_unharmed(kernel, kind, content):
    received(kernel, _Answers(kernel), kind, **content)
    assert len(kernel.passed_on) == 1 and not kernel.sent and not kernel.statuses


def test_a_kernel_without_a_thread_for_its_shell_channel_is_left_alone():
    with answering(types.SimpleNamespace(shell_stream=object())), answering(None):
        assert threading.active_count() > 0
