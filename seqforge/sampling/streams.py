"""The random numbers of the sampler: one independent stream per sample."""

import numpy as np

BLOCK = 512
"""The number of steps whose random numbers are drawn at once."""


class UniformStreams:
    """Uniform random numbers for rows that step together; each row reads the stream of the sample it holds.

    The numbers of sample k depend only on `seed`, k and its part, not on the row that holds the sample.

    >>> streams = UniformStreams(2, 1, seed=0)
    >>> streams.start(0, k=5, part=0)
    >>> streams.next().shape
    (2, 1)

    Source: J. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011 (Philox, a counter-based
    generator).

    Args:
        rows: The number of rows.
        width: The number of random numbers per step.
        seed: The seed of all streams.
    """

    def __init__(self, rows: int, width: int, seed: int) -> None:
        self.seed, self.width = seed, width
        self.blocks = np.zeros((rows, BLOCK, width))
        self.positions = np.zeros(rows, np.int64)
        self.generators: list[np.random.Generator | None] = [None] * rows
        self.rows = np.arange(rows)

    def start(self, row: int, k: int, part: int) -> None:
        """Start the stream of sample k in a row.

        Args:
            row: The row.
            k: The number of the sample.
            part: The number of the prompt in a request with several prompts.
        """
        key, counter = np.array([self.seed, k], np.uint64), np.array([0, 0, 0, part], np.uint64)
        self.generators[row] = np.random.Generator(np.random.Philox(counter=counter, key=key))
        self.positions[row] = BLOCK

    def keep(self, rows: list[int]) -> None:
        """Keep the streams of some rows, in this order, and remove all others."""
        self.blocks, self.positions = self.blocks[rows], self.positions[rows]
        self.generators = [self.generators[row] for row in rows]
        self.rows = np.arange(len(rows))

    def next(self) -> np.ndarray:
        """Return the random numbers of the next step, shape (rows, width)."""
        if self.positions.max() == BLOCK:
            for row in np.flatnonzero(self.positions == BLOCK).tolist():
                generator, self.positions[row] = self.generators[row], 0
                if generator is not None:
                    self.blocks[row] = generator.random((BLOCK, self.width))
        numbers: np.ndarray = self.blocks[self.rows, self.positions]
        self.positions += 1
        return numbers
