"""Constraints from parts: automata over tokens, their product, and the table that makes a constraint of them.

A part is an `Automaton`: it tells which state follows a token, or that the token is forbidden. Parts are combined with
`&`. `TableConstraint` explores the states as they are needed, forbids steps after which no end can be reached, and
computes the exact distance to the nearest end.
"""

from seqforge.constraints.automaton import Automaton, Product
from seqforge.constraints.brackets import Brackets
from seqforge.constraints.expression import Expression
from seqforge.constraints.prefixes import Prefixes
from seqforge.constraints.table_constraint import TableConstraint
from seqforge.constraints.totals import Count, FilledBars, Total

__all__ = [
    "Automaton",
    "Brackets",
    "Count",
    "Expression",
    "FilledBars",
    "Prefixes",
    "Product",
    "TableConstraint",
    "Total",
]
