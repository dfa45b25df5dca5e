from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from semipose.signals import EXIT_STOPPED, Interruption, Stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_remembered_and_the_second_interrupts(number) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.asked
        os.kill(os.getpid(), number)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_another_thread_leaves_the_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def enter() -> None:
        with Interruption():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


def test_the_message_says_how_to_go_on() -> None:
    message = str(Stopped(7, Path("runs/a/checkpoints/last.ckpt")))
    assert "step 7" in message and "--resume runs/a/checkpoints/last.ckpt" in message
    assert EXIT_STOPPED == 3
