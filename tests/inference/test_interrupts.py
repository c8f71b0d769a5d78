"""An interrupt is answered wherever it comes."""

import signal
import threading
import weakref

import pytest

from workbench.inference.interrupts import Interrupts


class Garbage:
    pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_comes_while_garbage_is_collected_is_not_lost():
    before, done, lost = signal.getsignal(signal.SIGINT), threading.Event(), []

    def callback(_):
        signal.raise_signal(signal.SIGINT)
        lost.append("Python went on behind it")

    thing = Garbage()
    reference = weakref.ref(thing, callback)
    with Interrupts() as interrupts:
        # The exception ends in the callback.
        del thing
        assert reference() is None and not lost
        with pytest.raises(KeyboardInterrupt):
            interrupts.wait(done, 0.01)
        assert interrupts.wait(done, 0.01) is False, "it is answered once"
        done.set()
        assert interrupts.wait(done, 0.01) is True
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_while_waiting_comes_at_once_and_once():
    with Interrupts() as interrupts:
        sender = threading.Timer(0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        sender.start()
        with pytest.raises(KeyboardInterrupt):
            interrupts.wait(threading.Event(), 20)
        sender.join()
        assert interrupts.wait(threading.Event(), 0.01) is False


def test_a_programs_own_handler_is_left_alone():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
            assert interrupts.wait(threading.Event(), 0.01) is False and heard == [1]
    finally:
        signal.signal(signal.SIGINT, before)
