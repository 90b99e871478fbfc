"""Encoded pieces on disk: shards, the manifest, and a dataset per split."""

from seqforge.dataset.dataset import MANIFEST, SPLITS, Dataset, open_datasets, read_manifest, write_manifest
from seqforge.dataset.shards import Shard, write_shard

__all__ = [
    "MANIFEST",
    "SPLITS",
    "Dataset",
    "Shard",
    "open_datasets",
    "read_manifest",
    "write_manifest",
    "write_shard",
]
