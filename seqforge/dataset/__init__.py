"""Encoded steps on disk: shards, the index of pieces, the manifest."""

from seqforge.dataset.dataset import MANIFEST, SIDES, Dataset, open_datasets, read_manifest, write_manifest
from seqforge.dataset.shards import write_shard

__all__ = ["MANIFEST", "SIDES", "Dataset", "open_datasets", "read_manifest", "write_manifest", "write_shard"]
