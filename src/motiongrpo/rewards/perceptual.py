"""The perceptual model φ(J | H): a score of how lifelike a body's motion is, given the head path.

A token per joint and short run of frames attends to the head trajectory, then blocks of {attention
over joints, attention over time, MLP}; the mean token gives one logit (MotionGRPO, arXiv:2605.05680).
"""

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from motiongrpo.base.config import Config
from motiongrpo.base.network import Network
from motiongrpo.base.row_parallel import by_rows
from motiongrpo.base.shapes import PerSequence
from motiongrpo.body.kinematics import PosedBody
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.architecture import DEEPEST, WIDEST
from motiongrpo.diffusion.conditioning import CONDITION_FEATURES
from motiongrpo.geometry.heading import heading_angle, rotation_about_up
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import rotation_6d

JOINT_FEATURES = 3 + 3 + 6 + 1

JointFeatures = Float[Tensor, "batch frame 22 13"]


class PerceptualConfig(Config):
    """The architecture of the perceptual model."""

    width: int = Field(ge=8, le=WIDEST)
    heads: int = Field(ge=1)
    blocks: int = Field(ge=1, le=DEEPEST)
    frames_per_token: int = Field(ge=1)
    contacts: bool  # whether it is shown contact labels, which a policy may change without moving a joint


def joint_features(
    posed: PosedBody, contacts: Float[Tensor, "batch frame 21"], head: Transform, fps: float
) -> JointFeatures:
    """Per joint: position, velocity (m, m/s), orientation (6D), contact, in the heading of the head.

    Positions are relative to the root; the root's own is relative to the floor point below the true
    head, so that floating, sinking and a body beside its head are visible.
    """
    level = rotation_about_up(-heading_angle(head.R))[:, :, None]
    root = posed.p_world_joint[:, :, :1]
    below_head = head.p[:, :, None] * torch.tensor([1.0, 1.0, 0.0]).to(root)
    relative = torch.cat([root - below_head, posed.p_world_joint[:, :, 1:] - root], dim=2)
    velocity = posed.p_world_joint.diff(dim=1, prepend=posed.p_world_joint[:, :1]) * fps
    touching = torch.nn.functional.pad(contacts, (1, 0))[..., None]
    parts = [
        (level @ relative[..., None])[..., 0],
        (level @ velocity[..., None])[..., 0],
        rotation_6d(level @ posed.R_world_joint),
        touching,
    ]
    return torch.cat(parts, dim=-1)


class PerceptualModel(Network):
    """One logit a motion, higher is better; `score` maps it to (0, 1) through a fitted calibration."""

    Config = PerceptualConfig
    config: PerceptualConfig
    calibration: Tensor  # slope and offset of the logistic that makes scores probabilities

    def __init__(self, config: PerceptualConfig) -> None:
        super().__init__(config)
        width, run = config.width, config.frames_per_token
        self.embed_joint = nn.Linear(run * JOINT_FEATURES, width)
        self.embed_head = nn.Linear(run * CONDITION_FEATURES, width)
        self.joint_identity = nn.Parameter(0.02 * torch.randn(BODY_JOINTS, width))
        self.look_at_head = Attention(width, config.heads)
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(config.blocks))
        self.readout = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())
        self.logit = nn.Linear(width, 1)
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))

    @by_rows
    def forward(
        self,
        features: JointFeatures,
        condition: Float[Tensor, "batch frame 154"],
        mask: Bool[Tensor, "batch frame"],
    ) -> PerSequence:
        """The logit of each motion under its condition. Padded frames change nothing."""
        real = mask[..., None].to(features)
        if not self.config.contacts:
            features = torch.nn.functional.pad(features[..., :-1], (0, 1))
        joints = self.embed_joint(self._runs(features * real[..., None]))
        head = self.embed_head(self._runs(condition * real))
        token_mask = self._runs(mask[..., None]).any(-1)
        position = sinusoids(head.shape[1], self.config.width).to(head)
        tokens = joints + position[:, None] + self.joint_identity
        tokens = tokens + self._attend_to_head(tokens, head + position, token_mask)
        for block in self.blocks:
            tokens = block(tokens, token_mask)
        weight = token_mask.to(tokens) / token_mask.sum(-1, keepdim=True)
        return self.logit(torch.einsum("btw,bt->bw", self.readout(tokens).mean(2), weight))[:, 0]

    def score(self, logit: PerSequence) -> PerSequence:
        """The probability, on held-out pairs, that a motion with this logit is real."""
        return torch.sigmoid(self.calibration[0] * logit + self.calibration[1])

    def _runs(self, x: Tensor) -> Tensor:
        """(batch, frame, …, feature) → (batch, token, …, run · feature), zeros completing the last run."""
        run = self.config.frames_per_token
        rest = x.new_zeros(len(x), -x.shape[1] % run, *x.shape[2:])
        return torch.cat([x, rest], dim=1).unflatten(1, (-1, run)).movedim(2, -2).flatten(-2)

    def _attend_to_head(self, tokens: Tensor, head: Tensor, token_mask: Tensor) -> Tensor:
        queries = tokens.flatten(1, 2)
        return self.look_at_head(queries, head, token_mask).view_as(tokens)


class Block(nn.Module):
    """Attention over joints, attention over time, MLP; each added to a normalised input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.over_joints, self.over_time = Attention(width, heads), Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(
        self, x: Float[Tensor, "batch token joint width"], token_mask: Bool[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token joint width"]:
        by_frame = x.flatten(0, 1)
        x = x + self.over_joints(by_frame, by_frame, None).view_as(x)
        by_joint = x.transpose(1, 2).flatten(0, 1)
        mask = token_mask.repeat_interleave(x.shape[2], 0)
        over_time = self.over_time(by_joint, by_joint, mask)
        x = x + over_time.unflatten(0, (len(x), -1)).transpose(1, 2)
        return x + self.mlp(x)


class Attention(nn.Module):
    """Multi-head attention with a normalised query; keys where the mask is False are not seen."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_query, self.norm_key = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, key_mask: Tensor | None) -> Tensor:
        q = self.query(self.norm_query(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        kv = self.key_value(self.norm_key(memory)).unflatten(-1, (2, self.heads, -1))
        k, v = kv.permute(2, 0, 3, 1, 4)
        mask = None if key_mask is None else key_mask[:, None, None, :]
        attended = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(attended.transpose(1, 2).flatten(-2))


def sinusoids(positions: int, width: int) -> Float[Tensor, "position width"]:
    """Sines and cosines of geometrically spaced wavelengths (Vaswani et al. 2017, arXiv:1706.03762)."""
    rate = torch.exp(-torch.arange(0, width, 2) / width * torch.log(torch.tensor(10000.0)))
    angle = torch.arange(positions)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=-1)[:, :width]
