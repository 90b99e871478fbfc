"""Child processes of plugins."""

import os
import threading
from pathlib import Path

import pytest

from seqforge import ChildError, ChildProcess

PROGRAM = """
import os, signal, sys, time

def answer(number):
    print("a library prints")
    if number == 0:
        raise ValueError("zero")
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if number > 100:
        sys.exit(3)
    return os.getpid(), number * 2

def wait():
    time.sleep(600)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "child_program.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    return "child_program"


def test_a_process_answers_many_calls_and_is_replaced_after_a_crash(module: str) -> None:
    child = ChildProcess(module, "answer")
    child.start()
    pid, two = child.call(1, seconds=60)
    assert two == 2 and pid != os.getpid()
    with pytest.raises(ChildError, match=r"^failed \(ValueError: zero\)$"):
        child.call(0, seconds=60)
    assert child.call(4, seconds=60) == (pid, 8)
    with pytest.raises(ChildError, match=r"^crashed \(signal 9\)$"):
        child.call(-1, seconds=60)
    with pytest.raises(ChildError, match=r"^ended \(exit code 3\)$"):
        child.call(101, seconds=60)
    other, six = child.call(3, seconds=60)
    assert six == 6 and other != pid


def test_a_process_that_takes_too_long_is_ended(module: str) -> None:
    with pytest.raises(ChildError, match=r"^took more than 0\.2 seconds$"):
        ChildProcess(module, "wait").call(seconds=0.2)


def test_calls_of_several_threads_get_their_answers(module: str) -> None:
    child, answers = ChildProcess(module, "answer"), dict[int, int]()

    def call(number: int) -> None:
        answers[number] = child.call(number, seconds=60)[1]

    threads = [threading.Thread(target=call, args=(number,)) for number in range(1, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: 2 * number for number in range(1, 20)}


def test_a_module_that_cannot_be_imported_fails_each_call(module: str) -> None:
    child = ChildProcess("no_such_module", "answer")
    for _ in range(2):
        with pytest.raises(ChildError, match=r"^failed \(ModuleNotFoundError: No module named 'no_such_module'\)$"):
            child.call(seconds=60)


def test_the_process_ends_with_its_object(module: str) -> None:
    child = ChildProcess(module, "answer")
    child.start()
    process = child._process
    assert process is not None and process.poll() is None
    del child
    assert process.poll() == 0


def test_the_child_imports_no_package_that_its_module_does_not_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "heavy_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "light.py").write_text(
        "import sys\n\ndef loaded():\n    return sorted({'heavy_package', 'seqforge', 'numpy'} & set(sys.modules))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert ChildProcess("heavy_package.light", "loaded").call(seconds=60) == []


def test_a_module_that_does_not_exist_is_named() -> None:
    with pytest.raises(ChildError, match="No module named 'no_such_package'"):
        ChildProcess("no_such_package.part", "answer").call(seconds=60)
