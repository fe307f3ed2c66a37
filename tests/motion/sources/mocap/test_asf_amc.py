import re

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.geometry.so3 import matrix_from_quaternion, matrix_from_rotation_vector
from motiongrpo.motion.rig import rig_poses
from motiongrpo.motion.sources.mocap.amc import amc_chain, parse_amc
from motiongrpo.motion.sources.mocap.asf import parse_asf

ASF = """# a comment
:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name thigh
     direction 0 -1 0
     length 7
     axis 0 0 20 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name socket
     direction 0.6 0 0.8
     length 2
     axis 10 20 30 XYZ
  end
:hierarchy
  begin
    root socket
    socket thigh
  end
"""
AMC = """#!OML:ASF
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
thigh 0 0 0
2
root 4 5 6 10 20 30
thigh 40 50 60
3
root 7 8 9 0 0 0
thigh 1.5e-015 0 -3
"""


def about(axis: int, degrees: float) -> torch.Tensor:
    vector = torch.zeros(3, dtype=torch.float64)
    vector[axis] = np.radians(degrees)
    return matrix_from_rotation_vector(vector)


def chain():
    return amc_chain(parse_amc(AMC, parse_asf(ASF, "s.asf"), "t.amc"), ["thigh.end"])


def test_a_bone_starts_where_its_parent_ends():
    asf = parse_asf(ASF, "s.asf")
    assert asf.names == ("root", "socket", "thigh", "thigh.end")
    assert asf.parents == (-1, 0, 1, 2)
    assert_close(asf.offsets, np.array([[0.0, 0, 0], [0, 0, 0], [1.2, 0, 1.6], [0, -7, 0]]))
    assert asf.unit_m == pytest.approx(0.0564444, rel=1e-5)


def test_angles_apply_in_their_order_about_fixed_axes():
    assert_close(
        matrix_from_quaternion(chain().q_parent_joint)[1, 0],
        about(2, 30) @ about(1, 20) @ about(0, 10),
        rtol=0,
        atol=1e-12,
    )


def test_a_bone_turns_about_axes_of_its_own():
    C, M = about(2, 20), about(2, 60) @ about(1, 50) @ about(0, 40)
    assert_close(matrix_from_quaternion(chain().q_parent_joint)[1, 2], C @ M @ C.T, rtol=0, atol=1e-12)


def test_a_bone_without_freedom_does_not_turn_and_the_root_travels():
    ours = chain()
    assert_close(
        matrix_from_quaternion(ours.q_parent_joint)[:, 1],
        torch.eye(3, dtype=torch.float64).expand(3, 3, 3),
        rtol=0,
        atol=1e-15,
    )
    assert ours.t_parent_joint[:, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_at_zero_angles_bones_lie_as_the_skeleton_draws_them():
    chain = amc_chain(parse_amc(AMC, parse_asf(ASF, "s.asf"), "t.amc"), ["thigh.end"])
    names = {name: name for name in chain.names}
    p = rig_poses(chain, names, 1.0, "z", "t.amc").at_zero_angles("z").positions(names)[0]
    bones = torch.tensor([[0, 0, 0], [0, 0, 0], [1.2, 0, 1.6], [1.2, -7, 1.6]], dtype=torch.float64)
    assert_close(p - p[0], bones)


def test_radians_in_both_files_are_read_as_radians():
    radians = ASF.replace("angle deg", "angle rad")
    amc = AMC.replace(":DEGREES", ":RADIANS")
    ours = amc_chain(parse_amc(amc, parse_asf(radians, "s"), "t"), ["thigh"])
    assert_close(
        matrix_from_quaternion(ours.q_parent_joint)[2, 2], about(2, np.degrees(-3.0)), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":hierarchy", ":something", "s.asf has no ':hierarchy' section"),
        ("angle deg", "angle gon", "s.asf: 'angle' must be deg or rad, got 'gon'"),
        ("  length 0.45\n", "", "s.asf: 'length' is missing"),
        ("length 0.45", "length 0", "s.asf: 'length' must be above 0, got 0.0"),
        ("length 7", "length x", "s.asf, bone 'thigh': expected a number, got 'x'"),
        ("direction 0 -1 0", "direction 0 -1", "s.asf, bone 'thigh': expected 3 numbers, got '0 -1'"),
        (
            "0 0 20 XYZ",
            "0 0 20",
            "s.asf, bone 'thigh': an axis needs three angles and their order such as XYZ",
        ),
        ("dof rx ry rz", "dof rx l", "s.asf, bone 'thigh': 'l' is not a degree of freedom"),
        ("dof rx ry rz", "dof tx rx", "s.asf, bone 'thigh': a bone may only turn, got 'dof tx rx'"),
        ("name socket", "name thigh", "s.asf: bone 'thigh' is described twice"),
        ("    socket thigh\n", "", "s.asf: bone 'thigh' is not in the hierarchy"),
        ("socket thigh", "socket shin", "s.asf: the hierarchy hangs 'shin' on 'socket'"),
        ("position 0 0 0", "position 0 1 0", "s.asf: the root's 'position' must be 0 0 0"),
    ],
)
def test_a_damaged_skeleton_gets_one_sentence_with_the_place(old, new, message):
    assert old in ASF
    with pytest.raises(InputError, match=re.escape(message)):
        parse_asf(ASF.replace(old, new, 1), "s.asf")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "thigh 40 50 60\n",
            "",
            "t.amc, frame 2: expected a line for each of 2 bones, got 1 lines; the file is cut",
        ),
        ("thigh 1.5e-015 0 -3\n", "thigh 1.5", "t.amc, frame 3: 'thigh' needs 3 numbers, got '1.5'"),
        ("thigh 40 50 60", "thigh 40 x 60", "t.amc, frame 2: 'thigh' needs 3 numbers, got '40 x 60'"),
        ("thigh 40 50 60", "shin 40 50 60", "t.amc, frame 2: expected a line for each of 2 bones"),
        ("thigh 40 50 60", "thigh 40 inf 60", "t.amc, frame 2: 'thigh' has inf; cut the take around it"),
        ("\n2\n", "\n4\n", "t.amc: frame 2 is missing, 4 stands in its place"),
        ("thigh 0 0 0", "shin 0 0 0", "t.amc: its first frame and the skeleton s.asf differ in 'shin'"),
        (":DEGREES", ":RADIANS", "t.amc says :RADIANS and its skeleton s.asf does not: they are no pair"),
    ],
)
def test_a_damaged_take_gets_one_sentence_with_the_place(old, new, message):
    assert old in AMC
    with pytest.raises(InputError, match=re.escape(message)):
        parse_amc(AMC.replace(old, new, 1), parse_asf(ASF, "s.asf"), "t.amc")


@pytest.mark.parametrize(
    ("old", "new"),
    [("thigh 40 50 60", "thigh +40 5e1 60."), ("thigh 40 50", "thigh\t40\u2003\r\n50"), ("\n2\n", "\n02\n")],
)
def test_numbers_are_the_same_however_they_are_written(old, new):
    assert old in AMC
    asf = parse_asf(ASF, "s.asf")
    plain, odd = (parse_amc(text, asf, "t.amc").values for text in (AMC, AMC.replace(old, new)))
    assert np.array_equal(odd, plain)


def test_a_take_without_frames_is_refused():
    with pytest.raises(InputError, match=re.escape("t.amc has no frames")):
        parse_amc(AMC[: AMC.index("1\nroot")], parse_asf(ASF, "s.asf"), "t.amc")
