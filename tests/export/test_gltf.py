"""GLB: read back byte by byte, animated by a small reader of our own, and compared with our kinematics."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.mesh import Mesher
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.body.skin import SkinnedBody, load_skinned_body
from motiongrpo.export.gltf import four_weights, glb, write_glb
from motiongrpo.export.track import BodyTrack
from motiongrpo.geometry.se3 import Transform
from tests.bodies import open_body
from tests.export.tracks import FRAMES, repeated, skinned_body, split_walk, walk, wild

COMPONENTS = {5121: np.dtype("u1"), 5125: np.dtype("<u4"), 5126: np.dtype("<f4")}
SHAPES = {"SCALAR": (), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


def y_up(points: np.ndarray) -> np.ndarray:
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


class Reader:
    """The JSON and the arrays of a GLB file, read by the specification of glTF 2.0 and not by a library."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack("<4sII", data[:12])
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack("<I4s", data[12:20])
        assert (kind, size % 4) == (b"JSON", 0)
        self.json: dict[str, Any] = json.loads(data[20 : 20 + size])
        size, kind = struct.unpack("<I4s", data[20 + size : 28 + size])
        assert (kind, size % 4) == (b"BIN\0", 0)
        self.blob = data[-size:]

    def array(self, number: int) -> np.ndarray:
        accessor = self.json["accessors"][number]
        view = self.json["bufferViews"][accessor["bufferView"]]
        shape = accessor["count"], *SHAPES[accessor["type"]]
        start = view["byteOffset"] + accessor["byteOffset"]
        dtype = COMPONENTS[accessor["componentType"]]
        values = np.frombuffer(self.blob, dtype, int(np.prod(shape)), start).reshape(shape)
        assert start % 4 == 0
        assert values.nbytes == view["byteLength"]
        return values.swapaxes(1, 2) if accessor["type"] == "MAT4" else values

    def world(self, frame: int) -> np.ndarray:
        """T_world_node of every node at a key of the animation, (node, 4, 4)."""
        nodes, (animation,) = self.json["nodes"], self.json["animations"]
        local = [
            {"translation": n.get("translation", [0, 0, 0]), "rotation": n.get("rotation", [0, 0, 0, 1])}
            for n in nodes
        ]
        for channel in animation["channels"]:
            output = animation["samplers"][channel["sampler"]]["output"]
            local[channel["target"]["node"]][channel["target"]["path"]] = self.array(output)[frame]
        T = np.tile(np.eye(4), (len(nodes), 1, 1))
        parents = {child: node for node, n in enumerate(nodes) for child in n.get("children", [])}
        for node, n in enumerate(local):
            T[node, :3, :3] = Rotation.from_quat(n["rotation"]).as_matrix()
            T[node, :3, 3] = n["translation"]
            if node in parents:
                T[node] = T[parents[node]] @ T[node]
        return T

    def skinned(self, frame: int) -> np.ndarray:
        """The vertices in the world: glTF 2.0, section 3.7.3.1."""
        (skin,), attributes = self.json["skins"], self.json["meshes"][0]["primitives"][0]["attributes"]
        matrices = self.world(frame)[skin["joints"]] @ self.array(skin["inverseBindMatrices"])
        joints, weights = self.array(attributes["JOINTS_0"]), self.array(attributes["WEIGHTS_0"])
        blended = np.einsum("vi,vijk->vjk", weights, matrices[joints])
        points = np.pad(self.array(attributes["POSITION"]), ((0, 0), (0, 1)), constant_values=1.0)
        return np.einsum("vjk,vk->vj", blended, points)[:, :3]


def read(track: BodyTrack, body: SkinnedBody | None = None) -> Reader:
    return Reader(b"".join(glb(track, body or skinned_body()).save_to_bytes()))


def mesh(track: BodyTrack, file: Path = OPEN_BODY) -> np.ndarray:
    """The vertices of the project's own skinning, with all joints of the body file."""
    fingers = torch.eye(3, dtype=torch.float64).expand(len(track), 30, 3, 3)
    rotations = torch.cat([track.R_parent_joint.double(), fingers], dim=1)
    root = Transform.from_wxyz_xyz(track.T_world_root)
    return Mesher(file).skin(track.betas.expand(len(track), 16), rotations, root)[0].numpy()


@pytest.mark.parametrize("track", [walk(), wild()], ids=["walk", "wild"])
def test_every_joint_is_where_it_was(track):
    reader, expected = read(track), track.posed(open_body())
    names = [node["name"] for node in reader.json["nodes"][:BODY_JOINTS]]
    assert names == [joint.name.lower() for joint in Joint][:BODY_JOINTS]
    for frame in range(len(track)):
        T = reader.world(frame)[:BODY_JOINTS]
        assert_allclose(T[:, :3, 3], y_up(expected.p_world_joint[frame].numpy()), rtol=0, atol=1e-5)
        R = y_up(expected.R_world_joint[frame].numpy().swapaxes(1, 2)).swapaxes(1, 2)
        assert_allclose(T[:, :3, :3], R, rtol=0, atol=1e-5)


def test_the_skin_is_that_of_the_project_but_for_where_more_than_four_joints_meet():
    """On the open body this is the base of the neck; SMPL-H files have only four joints per vertex anyway."""
    reader, expected = read(walk()), mesh(walk())
    gaps = np.stack([np.abs(reader.skinned(f) - y_up(expected[f])).max(1) for f in range(0, FRAMES, 5)])
    joints = (skinned_body().body_weights() > 0).sum(1)
    assert gaps[:, joints <= 4].max() < 1e-5
    assert (gaps.max(0) > 1e-3).sum() <= 8, "of 1229 vertices"
    assert gaps.max() < 6e-3


def test_the_skin_of_a_body_with_four_joints_a_vertex_is_that_of_the_project(tmp_path):
    with np.load(OPEN_BODY) as file:
        arrays = {key: file[key] for key in file}
    np.put_along_axis(arrays["weights"], np.argsort(arrays["weights"], axis=1)[:, :-4], 0, axis=1)
    arrays["weights"] /= arrays["weights"].sum(1, keepdims=True)
    np.savez(tmp_path / "four.npz", **arrays)
    reader = read(wild(), load_skinned_body(tmp_path / "four.npz"))
    expected = mesh(wild(), tmp_path / "four.npz")
    for frame in (0, 5, 11):
        assert_allclose(reader.skinned(frame), y_up(expected[frame]), rtol=0, atol=1e-5)


def test_the_skin_rests_as_the_body_does():
    """At rest, four joints are as good as fifty: only rounding to single precision differs."""
    rotations = torch.eye(3, dtype=torch.float64).expand(FRAMES, 21, 3, 3)
    still = replace(walk(), R_parent_joint=rotations.contiguous())
    assert_allclose(read(still).skinned(3), y_up(mesh(still)[3]), rtol=0, atol=1e-5)


def test_four_weights_are_the_heaviest_and_sum_to_one():
    weights = np.array([[0.1, 0.0, 0.4, 0.2, 0.05, 0.25], [0, 0, 0, 0, 0, 1.0], [0.5, 0, 0, 0.5, 0, 0]])
    joints, kept = four_weights(weights)
    assert joints.tolist() == [[2, 5, 3, 0], [5, 0, 0, 0], [0, 3, 0, 0]]
    assert_allclose(kept[0], np.array([0.4, 0.25, 0.2, 0.1]) / 0.95, rtol=1e-6)
    assert_allclose(kept[1:], [[1, 0, 0, 0], [0.5, 0.5, 0, 0]])


def test_the_file_keeps_to_the_rules_of_the_format(tmp_path):
    """The rules that readers rely on: targets, bounds of positions and times, unit normals and weights."""
    write_glb(walk(), skinned_body(), tmp_path / "a.glb")
    reader = Reader((tmp_path / "a.glb").read_bytes())
    library = GLTF2().load(str(tmp_path / "a.glb"))
    assert library is not None
    assert len(library.nodes) == BODY_JOINTS + 1
    attributes = reader.json["meshes"][0]["primitives"][0]["attributes"]
    animation, skin = reader.json["animations"][0], reader.json["skins"][0]
    bounded = [attributes["POSITION"], animation["samplers"][0]["input"]]
    for number in bounded:
        accessor, values = reader.json["accessors"][number], reader.array(number)
        assert_allclose(np.squeeze(accessor["min"]), values.min(0), rtol=0, atol=0)
        assert_allclose(np.squeeze(accessor["max"]), values.max(0), rtol=0, atol=0)
    for name, number in attributes.items():
        assert reader.json["bufferViews"][number]["target"] == 34962, name
    times = reader.array(bounded[1])
    assert_allclose(times, np.arange(FRAMES) / 30, rtol=0, atol=1e-6)
    assert_allclose(np.linalg.norm(reader.array(attributes["NORMAL"]), axis=1), 1, rtol=0, atol=1e-6)
    assert_allclose(reader.array(attributes["WEIGHTS_0"]).sum(1), 1, rtol=0, atol=5e-7)
    faces = reader.array(reader.json["meshes"][0]["primitives"][0]["indices"]).reshape(-1, 3)
    assert np.array_equal(faces, skinned_body().faces)
    assert skin["joints"] == list(range(BODY_JOINTS))
    assert reader.json["scenes"][0]["nodes"] == [Joint.PELVIS, BODY_JOINTS]
    assert reader.json["asset"] == {"generator": "motiongrpo", "version": "2.0"}
    assert len(reader.blob) == reader.json["buffers"][0]["byteLength"]


def test_normals_point_out_of_the_body():
    attributes = read(walk()).json["meshes"][0]["primitives"][0]["attributes"]
    vertices, normals = (read(walk()).array(attributes[name]) for name in ("POSITION", "NORMAL"))
    head = vertices[:, 1] > np.quantile(vertices[:, 1], 0.97)
    outwards = vertices[head] - vertices[head].mean(0)
    assert ((outwards * normals[head]).sum(1) > 0).mean() > 0.9


def test_quaternions_never_take_the_long_way_round():
    """Half a turn and beyond, where w ≥ 0 would flip the sign from one frame to the next."""
    angles = torch.linspace(2.5, 4.0, 60).double()
    half, zero = angles / 2, torch.zeros(60).double()
    turning = torch.stack([half.cos(), zero, zero, half.sin(), zero, zero, zero], dim=1)
    first = replace(walk(), stretches=(range(1), range(1, FRAMES))).parts()[0]
    track = replace(repeated(first, 60), T_world_root=turning)
    reader = read(track)
    for channel in reader.json["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            q = reader.array(reader.json["animations"][0]["samplers"][channel["sampler"]]["output"])
            assert ((q[1:] * q[:-1]).sum(1) > 0.99).all()
            assert_allclose(np.linalg.norm(q, axis=1), 1, rtol=0, atol=1e-6)


def test_the_animation_keeps_times_and_flags_of_the_recorded_file():
    second = split_walk().parts()[1]
    extras = read(second).json["animations"][0]["extras"]
    assert extras["source_s"] == second.source_s.tolist()
    assert extras["touched"] == second.touched.tolist()
    assert extras["touched_bits"] == {"gap": 1, "jitter": 2, "frozen": 4, "tracking": 8}
