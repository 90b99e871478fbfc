"""`python -m seqforge` is `seqforge`."""

from seqforge.cli import main

main()
