"""How fast motion capture is read: packed text to retargeted clips at 30 frames/s, on one thread.

    python benchmarks/ingestion_bvh.py FOLDER

FOLDER holds CMU's takes, plain or packed with xz, `.bvh` or pairs of `.asf` and `.amc`. Counted are the
unpacking, the parsing, the retargeting, the quality check and the resampling; not the start of Python.

Measured on 60 packed takes, with a second core kept busy by others: asfamc 142, daz 286, iclone 190,
motionbuilder 213 times real time. Half of it is the unpacking.

A BVH of 30 minutes at 120 frames/s (216,000 frames, 189 MB) takes 591 MB when `Ingestion.one` reads it, in a
process that has 435 MB before it reads anything; it was 3.5 GB.
"""

import lzma
import os
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch
from _parameters import section

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.quality import QualityConfig, check_quality
from motiongrpo.motion.resample import resample
from motiongrpo.motion.rig import RigPoses
from motiongrpo.motion.sources.mocap.amc import parse_amc
from motiongrpo.motion.sources.mocap.asf import parse_asf
from motiongrpo.motion.sources.mocap.bvh import parse_bvh
from motiongrpo.motion.sources.mocap.layouts import BVH_LAYOUTS, recognise_layout
from motiongrpo.motion.sources.mocap.takes import MocapConfig, amc_clip, bvh_clip, rest_pose

FPS = 30.0
REST_TAKE = "07_03"
INGESTION = section("ingestion")
CONFIG, QUALITY = MocapConfig(**INGESTION["mocap"]), QualityConfig(**INGESTION["quality"])
MODEL = load_body_model(OPEN_BODY)


def text(path: Path) -> str:
    """The contents of a file, packed or not."""
    data = path.read_bytes()
    return (lzma.decompress(data) if path.suffix == ".xz" else data).decode()


def name_of(path: Path) -> str:
    return path.name.split(".")[0]


def read(path: Path, rest_poses: dict[str, RigPoses]) -> tuple[str, Clip]:
    """A take and the layout it was in."""
    if ".amc" in path.suffixes:
        (skeleton,) = path.parent.glob(f"{name_of(path).split('_')[0]}.asf*")
        take = parse_amc(text(path), parse_asf(text(skeleton), skeleton.name), path.name)
        return "asfamc", amc_clip(take, name_of(path), MODEL, CONFIG)
    take = parse_bvh(text(path), path.name)
    layout = recognise_layout(take.hierarchy.names, BVH_LAYOUTS, path.name)
    return layout, bvh_clip(take, name_of(path), rest_poses, MODEL, CONFIG)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    takes = sorted(path for path in folder.rglob("*") if {".bvh", ".amc"} & set(path.suffixes))
    rest = [path for path in takes if name_of(path) == REST_TAKE]
    rest_poses = dict(rest_pose(parse_bvh(text(path), path.name), CONFIG) for path in rest)
    motion_s, work_s = defaultdict(float), defaultdict(float)
    for path in takes:
        start = time.process_time()
        layout, clip = read(path, rest_poses)
        pieces, _ = check_quality(clip, QUALITY)
        for piece in pieces:
            resample(piece, FPS)
        work_s[layout] += time.process_time() - start
        motion_s[layout] += len(clip) / clip.fps
    for layout, seconds in motion_s.items():
        speed = seconds / work_s[layout]
        print(f"{layout:14s} {seconds:6.1f} s of motion in {work_s[layout]:.2f} s: {speed:.0f} x real time")
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DATA_ROOT")
    if named:
        main(Path(named))
    else:
        print("needs motion capture, which is not shipped: name its folder (make bench DATA_ROOT=DIR)")
