"""What an error of the floor costs a recovery: the same samples drawn again under a head that is raised."""

from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recovery import demand_head_path, recover, with_frame_before
from motiongrpo.diffusion.trained import TrainedDenoiser

RAISED_M = 0.03
SECONDS = 8.0
SAMPLES = 2


def floor_cost(model: TrainedDenoiser, T_world_cpf: Float[Tensor, "frame 7"], body: BodyModel) -> float:
    """How far joints move as seen from the head, by the distance that the floor is off; a pure number.

    The mean over joints and the first seconds of the path, with the floor raised and lowered by a few
    centimetres and the same noise. Beside it the whole body stands that much too high or too low.
    """
    frames = round(SECONDS * model.usage.fps)
    path = with_frame_before(T_world_cpf[:frames])
    demand_head_path(path)
    up, down = (_joints(model, path, body, sign * RAISED_M) for sign in (1, -1))
    return float((up - down).norm(dim=-1).mean()) / (2 * RAISED_M)


def _joints(model: TrainedDenoiser, path: Tensor, body: BodyModel, raised: float) -> Tensor:
    other = path.clone()
    other[:, 6] += raised
    motions: PlacedMotion = recover(model, other, SAMPLES, seed=0)
    return motions.posed(body)[1].p_world_joint[..., :BODY_JOINTS, :] - motions.T_world_cpf[..., None, 4:]
