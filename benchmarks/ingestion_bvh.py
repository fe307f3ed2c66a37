"""Speed of ingestion of motion capture: from packed text to stored clips at 30 frames/s, on one thread.

    python benchmarks/ingestion_bvh.py FOLDER [ENV]

FOLDER contains BVH files or pairs of `.asf` and `.amc`, plain or packed with xz; ENV is the environment that
describes them. CPU time includes everything that `kedro run --pipelines ingestion` does with a file:
fingerprint, unpacking, parsing, retargeting, quality check, resampling, the floor with contacts and head, and
encoding; the start of Python is excluded. Unpacking is also timed alone: it bounds the speed of packed files,
and the rest is the speed of plain ones.

Measured on 60 takes of CMU's, in turn with the code before, medians of 7 rounds with both cores kept busy by
others. Packed: asfamc 125, daz 231, iclone 119, motionbuilder 174, all 162 times real time (145 before), the
rest at 308 (233 before). Plain: asfamc 189, daz 493, iclone 284, motionbuilder 359, all 365 (247 before); in
a quieter quarter of an hour 273, 669, 357, 490, all 488 (304 before). Unpacking alone allows 397 (iclone,
with 303 channels, 272), or 430 in a quiet minute.

A BVH of 30 minutes at 120 frames/s (216,000 frames, 162 MB) takes 501 MB when `Ingestion.one` reads it, in a
process that has 424 MB before it reads anything; 568 MB before.
"""

import os
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch
from _parameters import section

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.datasets.raw_motions import RawMotionFolder
from motiongrpo.motion.ingestion import IngestionConfig
from motiongrpo.motion.parallel import Ingestion
from motiongrpo.motion.raw import fingerprints


def main(folder: Path, env: str | None = None) -> None:
    torch.set_num_threads(1)
    config = IngestionConfig(**section("ingestion", env) | {"source": "mocap"})
    raw = RawMotionFolder(str(folder)).load()
    ingestion = Ingestion(raw, load_body_model(OPEN_BODY), config, None)
    motion_s, work_s, unpacking_s = defaultdict(float), defaultdict(float), defaultdict(float)
    for name in ingestion.readers:
        kind = name.rpartition("/")[0] or "."
        start = time.process_time()
        list(fingerprints([raw.files[name]], {}, config.most_megabytes))
        motion_s[kind] += ingestion.one(name).line["seconds"]
        work_s[kind] += time.process_time() - start
        start = time.process_time()
        raw.files[name].read()
        unpacking_s[kind] += time.process_time() - start
    for kind, seconds in motion_s.items():
        _report(kind, seconds, work_s[kind], unpacking_s[kind])
    _report("all", *(sum(of_kind.values()) for of_kind in (motion_s, work_s, unpacking_s)))
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _report(kind: str, motion_s: float, work_s: float, unpacking_s: float) -> None:
    print(
        f"{kind:16s} {motion_s:7.1f} s of motion in {work_s:6.2f} s: {motion_s / work_s:3.0f} x real time; "
        f"unpacking alone {motion_s / unpacking_s:.0f} x, the rest {motion_s / (work_s - unpacking_s):.0f} x"
    )


if __name__ == "__main__":
    named = sys.argv[1:] or os.environ.get("DATA_ROOT", "").split()
    if named:
        main(Path(named[0]), *named[1:])
    else:
        print("needs motion capture, which is not shipped: name its folder (make bench DATA_ROOT=DIR)")
