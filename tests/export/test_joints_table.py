"""The table of joints."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.export.joints_table import joints_table, write_joints_table
from motiongrpo.export.track import BodyTrack
from tests.bodies import open_body
from tests.export.tracks import FRAMES, split_walk, walk


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pd.DataFrame:
    path = tmp_path_factory.mktemp("table") / "a.parquet"
    write_joints_table(split_walk(), open_body(), path)
    return pd.read_parquet(path)


def at(table: pd.DataFrame, frame: int, joint: Joint) -> pd.Series:
    """The only row of a joint in a frame."""
    (row,) = table[(table["frame"] == frame) & (table["joint"] == joint.name.lower())].index
    return table.loc[row]


def test_every_joint_of_every_frame_is_a_row_at_its_place(table):
    posed = split_walk().posed(open_body()).p_world_joint.numpy()
    assert len(table) == FRAMES * BODY_JOINTS
    for frame, joint in ((0, Joint.PELVIS), (13, Joint.LEFT_WRIST), (23, Joint.RIGHT_FOOT)):
        row = at(table, frame, joint)
        assert_allclose(row[["x", "y", "z"]].astype(float), posed[frame, joint], rtol=0, atol=1e-12)
        assert row["source_s"] == float(split_walk().source_s[frame])
        assert row["touched"] == int(split_walk().touched[frame])
        assert row["radius_90_m"] == float(split_walk().radius_90_m[frame, joint])
        assert row["stretch"] == (1 if frame < 10 else 2)


def test_a_contact_is_that_of_its_joint_and_the_pelvis_has_none(table):
    contacts = split_walk().contacts.numpy()
    frame, below = np.argwhere(contacts)[0]
    assert at(table, frame, Joint(below + 1))["contact"]
    assert table.loc[table["joint"] == "pelvis", "contact"].isna().all()
    rest = table.loc[table["joint"] != "pelvis", "contact"].astype(bool).to_numpy().reshape(FRAMES, 21)
    assert np.array_equal(rest, contacts)


def test_a_radius_that_is_not_known_is_no_column(table):
    assert list(table)[-1] == "radius_90_m"
    assert "radius_90_m" not in joints_table(walk(), open_body())


def test_types_are_those_of_the_documentation(table):
    types = {name: str(dtype) for name, dtype in table.dtypes.items()}
    assert types | {"joint": ""} == {
        "stretch": "int64",
        "frame": "int64",
        "source_s": "float64",
        "joint": "",
        "x": "float64",
        "y": "float64",
        "z": "float64",
        "contact": "boolean",
        "touched": "int64",
        "radius_90_m": "float32",
    }
    assert table["joint"].astype(str).unique().tolist() == [j.name.lower() for j in Joint][:BODY_JOINTS]


def test_a_table_of_one_frame_is_a_table():
    one: BodyTrack = replace(walk(), stretches=(range(1), range(1, FRAMES))).parts()[0]
    assert len(joints_table(one, open_body())) == BODY_JOINTS
