"""Crash tests: train, prepare and generate are killed (SIGKILL) and resumed; then they must leave the same files.

`python -m tools.crash` (`make crash`) kills at random moments and at every file operation; `tests/crash` kills a few
times. A killed process is a fork of this one, so that it does not import torch again. POSIX only.
"""
