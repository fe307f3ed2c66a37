"""A table of joints, for pandas, R and spreadsheets: one row for each joint and frame, z up, metres.

stretch     int     from 1
frame       int     from 0, over all stretches
source_s    float   by the clock of the recorded file
joint       word    `left_knee`, the names of SMPL-H
x, y, z     float   in the world, the floor at z = 0
contact     bool    with the floor; null for the pelvis, which has no label
touched     int     bits of why the frame is not what the headset said; 0 is untouched
radius_90_m float   of the ball that holds the true joint nine times in ten, where it is known
"""

from pathlib import Path

import numpy as np
import pandas as pd

from motiongrpo.base.files import replace_file
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.export.track import BodyTrack

NAMES = [joint.name.lower() for joint in Joint if joint < BODY_JOINTS]


def write_joints_table(track: BodyTrack, body: BodyModel, path: Path) -> None:
    """All stretches in one parquet file, written all or nothing."""
    table = joints_table(track, body)
    replace_file(path, lambda temporary: table.to_parquet(temporary, engine="pyarrow", index=False))


def joints_table(track: BodyTrack, body: BodyModel) -> pd.DataFrame:
    """The 22 joints of the first frame, then those of the second, and so on."""
    frames = len(track)
    x, y, z = track.posed(body).p_world_joint.reshape(-1, 3).T.numpy()
    contact = pd.DataFrame(track.contacts.numpy()).astype("boolean")
    contact.insert(0, "pelvis", pd.Series([pd.NA] * frames, dtype="boolean"))
    columns = {
        "stretch": np.repeat(track.stretch_numbers().numpy(), BODY_JOINTS),
        "frame": np.repeat(np.arange(frames), BODY_JOINTS),
        "source_s": np.repeat(track.source_s.numpy(), BODY_JOINTS),
        "joint": pd.Categorical(np.tile(np.array(NAMES), frames), categories=NAMES),
        "x": x,
        "y": y,
        "z": z,
        "contact": contact.to_numpy().flatten(),
        "touched": np.repeat(track.touched.numpy(), BODY_JOINTS),
    }
    table = pd.DataFrame(columns).astype({"contact": "boolean"})
    if track.radius_90_m is None:
        return table
    return table.assign(radius_90_m=track.radius_90_m.flatten().numpy())
