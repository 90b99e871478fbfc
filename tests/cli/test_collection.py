"""The garbage collector is off only while a command is set up."""

import gc
import subprocess
import sys

from seqforge.cli.collection import resume_collection

PROGRAM = """
import gc, sys
from seqforge.api.generation import Generation
from seqforge.cli import main
run = Generation.run
def report(self, *arguments, **names):
    print(gc.isenabled(), file=sys.stderr)
    return run(self, *arguments, **names)
Generation.run = report
main()
"""


def test_the_collector_is_on_when_pieces_are_drawn() -> None:
    arguments = ["generate", "--model", "text", "--length", "5", "--quiet"]
    process = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True, text=True)
    assert process.stderr.splitlines() == ["True"]


def test_nothing_is_frozen_if_the_collector_was_on() -> None:
    count = gc.get_freeze_count()
    resume_collection()
    assert gc.get_freeze_count() == count
    assert gc.isenabled()
