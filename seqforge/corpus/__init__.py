"""Corpora: files into pieces, pieces into splits, splits into datasets; and the corpora that are installed."""

from seqforge.corpus.catalogue import Corpus, default_corpora, find_corpus, installed_corpora, readable_corpora
from seqforge.corpus.pieces import read_pieces
from seqforge.corpus.prepare import PreparedCorpus, cache_folder, prepare, prepared_name
from seqforge.corpus.sources import SourceFile, Sources, SplitChoice, find_sources

__all__ = [
    "Corpus",
    "PreparedCorpus",
    "SourceFile",
    "Sources",
    "SplitChoice",
    "cache_folder",
    "default_corpora",
    "find_corpus",
    "find_sources",
    "installed_corpora",
    "prepare",
    "prepared_name",
    "read_pieces",
    "readable_corpora",
]
