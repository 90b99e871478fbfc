"""Corpora for seqforge: one folder each, with a corpus.toml. Nothing here is ever imported."""
