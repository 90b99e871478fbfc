import os
import signal

import pytest

from seqforge.cli.signals import Signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_first_signal_is_recorded_once_there_is_something_to_save(number: signal.Signals, code: int) -> None:
    with Signals() as signals:
        signals.can_save = True
        assert not signals() and signals.code is None
        os.kill(os.getpid(), number)
        assert signals() and signals.code == code
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_signal_before_there_is_something_to_save_interrupts() -> None:
    with Signals() as signals:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.code == 143


def test_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Signals():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
