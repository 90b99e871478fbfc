"""The Dask recipe of docs/machines.md on this machine, compared with a preparation by one process.

    python benchmarks/shards.py --files 2000 --shards 6 --workers 2

The files are those of benchmarks/many_files.py. The command fails if the two prepared corpora differ in a byte.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from dask.distributed import Client, LocalCluster
from many_files import digest_of, write_files

import seqforge


def run_shard(cache: str, corpus: str, shard: str) -> str:
    """Do one part of the work in a process of the cluster; return its stage."""
    os.environ["SEQFORGE_CACHE"] = cache
    return seqforge.prepare("midi", corpus=corpus, shard=shard, workers=1).stage


def main() -> None:
    """Prepare a corpus in both ways, and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--shards", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2, help="processes of the cluster")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        corpus, shared, alone = (Path(name) / part for part in ("corpus", "shared", "alone"))
        write_files(corpus, arguments.files)
        shards = [f"{number}/{arguments.shards}" for number in range(1, arguments.shards + 1)]
        stages: list[str] = []
        start = time.perf_counter()
        os.environ["SEQFORGE_CACHE"] = str(shared)
        with (
            LocalCluster(n_workers=arguments.workers, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            for _ in range(2):
                futures = [client.submit(run_shard, str(shared), str(corpus), shard, pure=False) for shard in shards]
                stages += sorted(set(client.gather(futures)))
                stages.append(seqforge.prepare("midi", corpus=str(corpus), merge=True).stage)
        shared_seconds = time.perf_counter() - start
        start = time.perf_counter()
        os.environ["SEQFORGE_CACHE"] = str(alone)
        seqforge.prepare("midi", corpus=str(corpus), workers=1)
        result = {
            "stages": stages,
            "dask_seconds": round(shared_seconds, 1),
            "one_process_seconds": round(time.perf_counter() - start, 1),
            "same_content": digest_of(shared) == digest_of(alone),
        }
        print(json.dumps(result))
        if not result["same_content"]:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
