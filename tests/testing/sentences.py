"""The sentence that a check says about each fault: recorded once, compared by the tests, shown in the docs.

`SEQFORGE_RECORD=1 pytest -p no:xdist FILE` records what the checks say now; `python -m tools.check_page` shows it.
"""

import json
import os
import re
from pathlib import Path

PATH = Path(__file__).parent / "sentences.json"
SUBJECT = re.compile(r"^the plugin 'good' \(fake-good\): ")
VARIABLE = (
    (re.compile(r" at \w+\.py:\d+"), " at FILE:LINE"),
    (re.compile(r"'[^']*/seqforge-\w+/"), "'FOLDER/"),
    (re.compile(r"(0x)?[0-9a-f]{12,}"), "..."),
    (re.compile(r" \(\d+ modules\)"), ""),
    (re.compile(r"Python \d+\.\d+\.\d+"), "Python VERSION"),
    (re.compile(r"\(?\d+(\.\d+)? ms\)?"), "N ms"),
)
"""What depends on the machine, the versions of libraries or the place of the plugin, and what stands for it."""


def without_variables(message: str) -> str:
    """Return a sentence without the name of the plugin and without what depends on the machine.

    >>> without_variables("the plugin 'good' (fake-good): Codec.encode raises KeyError at fake_good.py:52")
    'Codec.encode raises KeyError at FILE:LINE'
    """
    sentence = SUBJECT.sub("", message)
    for pattern, text in VARIABLE:
        sentence = pattern.sub(text, sentence)
    return sentence


def assert_recorded(fault: str, messages: dict[str, str]) -> None:
    """Assert that the checks say the recorded sentences about a fault, or record them.

    Args:
        fault: The name of the fault.
        messages: The message of each check that found it.
    """
    sentences = json.loads(PATH.read_text(encoding="utf-8"))
    current = {check: without_variables(message) for check, message in messages.items()}
    if os.environ.get("SEQFORGE_RECORD"):
        sentences[fault] = current
        PATH.write_text(json.dumps(sentences, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert current == sentences[fault], "record the sentences with SEQFORGE_RECORD=1, and write the page again"
