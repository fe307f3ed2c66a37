"""The 52 joints of SMPL-H, by name: root, 21 body joints, 15 joints of each hand."""

from enum import IntEnum


class Joint(IntEnum):
    """The joints of SMPL-H; the value is the index in its joint order."""

    PELVIS = 0
    LEFT_HIP = 1
    RIGHT_HIP = 2
    SPINE1 = 3
    LEFT_KNEE = 4
    RIGHT_KNEE = 5
    SPINE2 = 6
    LEFT_ANKLE = 7
    RIGHT_ANKLE = 8
    SPINE3 = 9
    LEFT_FOOT = 10
    RIGHT_FOOT = 11
    NECK = 12
    LEFT_COLLAR = 13
    RIGHT_COLLAR = 14
    HEAD = 15
    LEFT_SHOULDER = 16
    RIGHT_SHOULDER = 17
    LEFT_ELBOW = 18
    RIGHT_ELBOW = 19
    LEFT_WRIST = 20
    RIGHT_WRIST = 21
    LEFT_INDEX1 = 22
    LEFT_INDEX2 = 23
    LEFT_INDEX3 = 24
    LEFT_MIDDLE1 = 25
    LEFT_MIDDLE2 = 26
    LEFT_MIDDLE3 = 27
    LEFT_PINKY1 = 28
    LEFT_PINKY2 = 29
    LEFT_PINKY3 = 30
    LEFT_RING1 = 31
    LEFT_RING2 = 32
    LEFT_RING3 = 33
    LEFT_THUMB1 = 34
    LEFT_THUMB2 = 35
    LEFT_THUMB3 = 36
    RIGHT_INDEX1 = 37
    RIGHT_INDEX2 = 38
    RIGHT_INDEX3 = 39
    RIGHT_MIDDLE1 = 40
    RIGHT_MIDDLE2 = 41
    RIGHT_MIDDLE3 = 42
    RIGHT_PINKY1 = 43
    RIGHT_PINKY2 = 44
    RIGHT_PINKY3 = 45
    RIGHT_RING1 = 46
    RIGHT_RING2 = 47
    RIGHT_RING3 = 48
    RIGHT_THUMB1 = 49
    RIGHT_THUMB2 = 50
    RIGHT_THUMB3 = 51


BODY_JOINTS = 22  # root and body
JOINTS = len(Joint)  # with both hands
HAND_JOINTS = JOINTS - BODY_JOINTS  # of both hands

_FINGERS = ("INDEX", "MIDDLE", "PINKY", "RING", "THUMB")
_BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


def _hand_parents(side: str) -> list[int]:
    parents = []
    for finger in _FINGERS:
        first = Joint[f"{side}_{finger}1"]
        parents += [Joint[f"{side}_WRIST"], first, first + 1]
    return parents


PARENTS: tuple[int, ...] = (*_BODY_PARENTS, *_hand_parents("LEFT"), *_hand_parents("RIGHT"))


def _mirrored(joint: Joint) -> Joint:
    side, _, rest = joint.name.partition("_")
    other = {"LEFT": "RIGHT", "RIGHT": "LEFT"}.get(side)
    return Joint[f"{other}_{rest}"] if other else joint


MIRROR: tuple[Joint, ...] = tuple(_mirrored(joint) for joint in Joint)
"""For each joint, the joint on the other side of the body; itself on the midline."""

FEET = (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE, Joint.LEFT_FOOT, Joint.RIGHT_FOOT)
CONTACT_JOINTS = (Joint.LEFT_KNEE, Joint.RIGHT_KNEE, *FEET, Joint.LEFT_WRIST, Joint.RIGHT_WRIST)
"""The joints that can be labelled as touching the floor."""

PARTS: dict[str, tuple[Joint, ...]] = {
    "trunk": (Joint.PELVIS, Joint.SPINE1, Joint.SPINE2, Joint.SPINE3, Joint.NECK, Joint.HEAD),
    "arms": tuple(
        j for j in Joint if j < BODY_JOINTS and j.name.endswith(("COLLAR", "SHOULDER", "ELBOW", "WRIST"))
    ),
    "legs": tuple(j for j in Joint if j < BODY_JOINTS and j.name.endswith(("HIP", "KNEE", "ANKLE", "FOOT"))),
}
"""The 22 body joints by part of the body."""


def children_by_depth(joints: int) -> list[list[int]]:
    """The joints below the root grouped by their depth in the joint tree, from 1 on."""
    depth = [0] * joints
    for joint in range(1, joints):
        depth[joint] = depth[PARENTS[joint]] + 1
    return [[j for j in range(joints) if depth[j] == level] for level in range(1, max(depth) + 1)]
