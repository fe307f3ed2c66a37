"""Miniature data sets on disk, in the exact layouts of the originals, and their readers."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from motiongrpo.datasets.raw_motions import RawMotionFolder
from motiongrpo.motion.ingestion import IngestionConfig
from motiongrpo.motion.raw import RawFolder
from tests.pipelines.kedro_project import ROOT


def base_config(source: str, **changes: Any) -> IngestionConfig:
    """`conf/base` for another source; changes of a section replace the named fields."""
    values = yaml.safe_load((ROOT / "conf/base/parameters_ingestion.yml").read_text())["ingestion"]
    for key, change in changes.items():
        values[key] = values[key] | change if isinstance(change, dict) else change
    return IngestionConfig(**values | {"source": source})


def listed(folder: Path) -> RawFolder:
    return RawMotionFolder(str(folder)).load()


def swaying(frames: int, fps: float, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Axis angles (root first, the rest small) and positions of a person who shifts weight; z up."""
    t = np.arange(frames) / fps
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, width)
    poses = 0.05 * np.sin(2 * np.pi * 0.3 * t[:, None] + phase)
    poses[:, :3] = [np.pi / 2, 0, 0]
    return poses, np.stack([0.02 * np.sin(t), 0 * t, 1.0 + 0.01 * np.cos(t)], axis=1)


def smplh_file(path: Path, seconds: float = 2.0, fps: float = 60.0, **changes: Any) -> Path:
    """AMASS, SMPL+H G."""
    frames = round(seconds * fps)
    poses, trans = swaying(frames, fps, 156)
    arrays = {
        "trans": trans,
        "gender": np.array("male"),
        "mocap_framerate": np.array(fps),
        "betas": np.linspace(-1, 1, 16),
        "dmpls": np.zeros((frames, 8)),
        "poses": poses,
    }
    return _saved(path, arrays | changes)


def smplx_file(path: Path, seconds: float = 2.0, fps: float = 60.0, **changes: Any) -> Path:
    """AMASS, SMPL-X G: jaw and eyes before the hands, and another spelling of the frame rate."""
    frames = round(seconds * fps)
    poses, trans = swaying(frames, fps, 156)
    poses = np.concatenate([poses[:, :66], np.full((frames, 9), 0.7), poses[:, 66:]], axis=1)
    arrays = {
        "gender": np.array("female"),
        "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": np.array(fps),
        "mocap_time_length": np.array(seconds),
        "markers_latent": np.zeros((67, 3)),
        "latent_labels": np.array(["ARIEL"] * 67),
        "markers_latent_vids": np.arange(67),
        "trans": trans,
        "poses": poses,
        "betas": np.linspace(-1, 1, 16),
        "num_betas": np.array(16),
        "root_orient": poses[:, :3],
        "pose_body": poses[:, 3:66],
        "pose_hand": poses[:, 75:],
        "pose_jaw": poses[:, 66:69],
        "pose_eye": poses[:, 69:75],
    }
    return _saved(path, arrays | changes)


def _saved(path: Path, arrays: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def camera_to_world(c: float = 1.0) -> dict[str, Any]:
    """A multicam2world file: the first camera looks along its z with y down, turned by a yaw and moved."""
    angle = 0.7
    yaw = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    upright = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # camera y down and z forward, world z up
    return {"R": (yaw @ upright).T.tolist(), "t": [1.0, -2.0, 5.0], "c": c}


def rich_tree(
    root: Path, sequence: str, subject: str, frames: range, folder: str = "test"
) -> dict[int, Path]:
    """RICH's pickles of one person, `multicam2world` of the scene and the toolkit's `gender.json`.

    The person moves in the world like `swaying`; the files are in the camera's coordinates.
    """
    world = camera_to_world()
    scene = sequence.partition("_")[0]
    for name, content in {
        f"data/multicam2world/{scene}_multicam2world.json": world,
        "resource/gender.json": {str(i): "female" if i in (9, 10, 12, 13) else "male" for i in range(22)},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))
    R, t = np.array(world["R"]), np.array(world["t"])
    poses, p_world = swaying(len(frames), 30.0, 66, seed=int(subject))
    paths = {}
    for i, frame in enumerate(frames):
        orient = (Rotation.from_matrix(R) * Rotation.from_rotvec(poses[i, :3])).as_rotvec()
        body = {
            "transl": R @ (p_world[i] - t),  # without J₀, which the reader has to add
            "global_orient": orient,
            "body_pose": poses[i, 3:],
            "betas": np.linspace(-1, 1, 10),
            "left_hand_pose": np.full(12, 0.3),
            "right_hand_pose": np.full(12, 0.3),
            "jaw_pose": np.zeros(3),
            "leye_pose": np.zeros(3),
            "reye_pose": np.zeros(3),
            "expression": np.zeros(10),
        }
        paths[frame] = root / f"data/bodies/{folder}/{sequence}/{frame:05d}/{subject}.pkl"
        paths[frame].parent.mkdir(parents=True, exist_ok=True)
        with paths[frame].open("wb") as file:
            pickle.dump({key: value[None].astype(np.float32) for key, value in body.items()}, file)
    return paths
