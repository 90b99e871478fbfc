"""Fuzzing: damaged and hostile files of every kind that seqforge reads, in worker processes with limits.

A mutant is a pure function of the seed files, the seed number, the kind and its index, so that each can be made again.
`python -m tools.fuzz` (`make fuzz`) runs many; `tests/fuzz` runs a few of each kind.
"""
