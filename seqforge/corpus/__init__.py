"""Corpora: files into pieces, pieces into splits, splits into datasets; and the corpora that are installed."""

from seqforge.corpus.attach_features import pieces_with_features
from seqforge.corpus.catalogue import default_corpora, find_corpus, installed_corpora, readable_corpora
from seqforge.corpus.description import Corpus
from seqforge.corpus.features import open_features
from seqforge.corpus.file_walk import visible_files
from seqforge.corpus.files import probe, read_files
from seqforge.corpus.prepare import PreparedCorpus, has_sources, prepare
from seqforge.corpus.source_file import SourceFile
from seqforge.corpus.sources import Sources, SplitChoice, find_sources
from seqforge.corpus.tables import TableColumns

__all__ = [
    "Corpus",
    "PreparedCorpus",
    "SourceFile",
    "Sources",
    "SplitChoice",
    "TableColumns",
    "default_corpora",
    "find_corpus",
    "find_sources",
    "has_sources",
    "installed_corpora",
    "open_features",
    "pieces_with_features",
    "prepare",
    "probe",
    "read_files",
    "readable_corpora",
    "visible_files",
]
