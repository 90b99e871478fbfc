import os
import signal

import pytest

from seqforge.cli.signals import Signals

NUMBERS_AND_CODES = [
    (getattr(signal, name), code)
    for name, code in (("SIGINT", 130), ("SIGTERM", 143), ("SIGQUIT", 131), ("SIGHUP", 129))
    if hasattr(signal, name)
]


@pytest.mark.parametrize(("number", "code"), NUMBERS_AND_CODES)
def test_first_signal_is_recorded_once_there_is_something_to_save(number: signal.Signals, code: int) -> None:
    with Signals() as signals:
        signals.can_save = True
        assert not signals() and signals.code is None
        os.kill(os.getpid(), number)
        assert signals() and signals.code == code
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_signal_before_there_is_something_to_save_interrupts() -> None:
    with Signals() as signals:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.code == 143


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_repeated_sighup_does_not_interrupt_the_saving() -> None:
    with Signals() as signals:
        signals.can_save = True
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.code == 143


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_sighup_stays_ignored_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.code is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Signals():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
