"""glTF 2.0, binary (GLB): the skinned and animated body, for Blender, game engines and browsers.

Metres, seconds, y up, z forward at rest. There is one node for each body joint; fingers are at rest and move
with their wrist. Each vertex follows its four heaviest joints of the body file, and corrective shapes are
left out. The animation's `extras` keep each frame's time by the clock of the recorded file and the bits of
`Touch`.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pygltflib import (
    ANIM_LINEAR,
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    GLTF2,
    Animation,
    AnimationChannel,
    AnimationChannelTarget,
    AnimationSampler,
    Asset,
    Attributes,
    Buffer,
    Material,
    Mesh,
    Node,
    PbrMetallicRoughness,
    Primitive,
    Scene,
    Skin,
)
from torch import Tensor

from motiongrpo.base.files import replace_file
from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint
from motiongrpo.body.skin import SkinnedBody
from motiongrpo.export.gltf_accessors import Accessors
from motiongrpo.export.track import BodyTrack
from motiongrpo.geometry.so3 import quaternion_from_matrix
from motiongrpo.head.path import Touch

INFLUENCES = 4  # joints a vertex, as every reader takes them
COLOUR = [0.62, 0.66, 0.72, 1.0]
BODY_NODE = BODY_JOINTS  # after the joints


def write_glb(track: BodyTrack, body: SkinnedBody, path: Path) -> None:
    """One unbroken track as a GLB file, written all or nothing."""
    data = b"".join(glb(track, body).save_to_bytes())
    replace_file(path, lambda temporary: temporary.write_bytes(data))


def glb(track: BodyTrack, body: SkinnedBody) -> GLTF2:
    """The file's nodes, mesh, skin and animation over one buffer."""
    betas, arrays = track.betas.double(), Accessors()
    mesh = _mesh(body, betas, arrays)
    skin = _skin(body.model.rest_joints(betas)[:BODY_JOINTS], arrays)
    animation = _animation(track, arrays)
    gltf = GLTF2(
        asset=Asset(version="2.0", generator="motiongrpo"),
        scene=0,
        scenes=[Scene(name=track.name, nodes=[Joint.PELVIS, BODY_NODE])],
        nodes=_nodes(body.model.shaped(betas).t_parent_joint),
        meshes=[mesh],
        materials=[_material()],
        skins=[skin],
        animations=[animation],
        accessors=arrays.accessors,
        bufferViews=arrays.views,
        buffers=[Buffer(byteLength=len(arrays.blob))],
    )
    gltf.set_binary_blob(bytes(arrays.blob))
    return gltf


def four_weights(
    weights: Float[np.ndarray, "vertex joint"],
) -> tuple[UInt8[np.ndarray, "vertex 4"], Float[np.ndarray, "vertex 4"]]:
    """Per vertex the four heaviest joints, heaviest first, and their weights with a sum of one."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    heaviest = np.take_along_axis(weights, joints, axis=1)
    joints[heaviest == 0] = 0  # a joint that moves nothing is named by no one
    return joints.astype("u1"), (heaviest / heaviest.sum(1, keepdims=True)).astype("<f4")


def _nodes(t_parent_joint: Float[Tensor, "52 3"]) -> list[Node]:
    """The joints in the pose of the mesh, and the mesh, which its joints alone move."""
    joints = [
        Node(
            name=Joint(joint).name.lower(),
            translation=t_parent_joint[joint].tolist(),
            children=[child for child in range(BODY_JOINTS) if PARENTS[child] == joint],
        )
        for joint in range(BODY_JOINTS)
    ]
    return [*joints, Node(name="body", mesh=0, skin=0)]


def _mesh(body: SkinnedBody, betas: Float[Tensor, "16"], arrays: Accessors) -> Mesh:
    vertices = body.vertices(betas).numpy()
    joints, weights = four_weights(body.body_weights())
    attributes = Attributes(
        POSITION=arrays.add(vertices.astype("<f4"), ARRAY_BUFFER, bounds=True),
        NORMAL=arrays.add(_normals(vertices, body.faces).astype("<f4"), ARRAY_BUFFER),
        JOINTS_0=arrays.add(joints, ARRAY_BUFFER),
        WEIGHTS_0=arrays.add(weights, ARRAY_BUFFER),
    )
    indices = arrays.add(body.faces.flatten().astype("<u4"), ELEMENT_ARRAY_BUFFER)
    return Mesh(name="body", primitives=[Primitive(attributes=attributes, indices=indices, material=0)])


def _normals(vertices: Float[np.ndarray, "vertex 3"], faces: np.ndarray) -> Float[np.ndarray, "vertex 3"]:
    """Unit normals of the vertices: those of their faces, weighted by area."""
    a, b, c = vertices[faces.T]
    across, normals = np.cross(b - a, c - a), np.zeros_like(vertices)
    for corner in faces.T:
        np.add.at(normals, corner, across)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _material() -> Material:
    """Matt; what glTF takes where nothing is said is bare metal."""
    paint = PbrMetallicRoughness(baseColorFactor=COLOUR, metallicFactor=0.0, roughnessFactor=0.8)
    return Material(name="skin", pbrMetallicRoughness=paint)


def _skin(p_rest: Float[Tensor, "22 3"], arrays: Accessors) -> Skin:
    """The joints, and the matrices from the mesh to each of them, column by column."""
    inverse_bind = np.tile(np.eye(4, dtype="<f4"), (BODY_JOINTS, 1, 1))
    inverse_bind[:, 3, :3] = -p_rest.numpy()
    joints = list(range(BODY_JOINTS))
    return Skin(inverseBindMatrices=arrays.add(inverse_bind), skeleton=Joint.PELVIS, joints=joints)


def _animation(track: BodyTrack, arrays: Accessors) -> Animation:
    """Where the pelvis is, and how every joint is turned, from time 0 on."""
    times = arrays.add((np.arange(len(track)) / track.fps).astype("<f4"), bounds=True)
    root = track.root_y_up()
    R = torch.cat([root.R[:, None], track.R_parent_joint.double()], dim=1)
    curves = [("translation", Joint.PELVIS, root.p.numpy())]
    curves += [("rotation", joint, q) for joint, q in enumerate(_quaternions(R).unbind(1))]
    outputs = [arrays.add(np.ascontiguousarray(values, "<f4")) for _, _, values in curves]
    targets = [AnimationChannelTarget(path=path, node=int(node)) for path, node, _ in curves]
    return Animation(
        name=track.name,
        samplers=[AnimationSampler(input=times, output=n, interpolation=ANIM_LINEAR) for n in outputs],
        channels=[AnimationChannel(sampler=n, target=target) for n, target in enumerate(targets)],
        extras={
            "source_s": track.source_s.tolist(),
            "touched": track.touched.tolist(),
            "touched_bits": {bit.name.lower(): bit.value for bit in Touch if bit.name},
        },
    )


def _quaternions(R: Float[Tensor, "frame joint 3 3"]) -> Float[Tensor, "frame joint 4"]:
    """Unit quaternions `xyzw`; of q and −q the one nearer to the frame before, so that curves are short."""
    q = quaternion_from_matrix(R)[..., [1, 2, 3, 0]]
    turned = torch.where((q[1:] * q[:-1]).sum(-1, keepdim=True) < 0, -1.0, 1.0).to(q)
    return torch.cat([q[:1], q[1:] * turned.cumprod(0)])
