"""Where training starts: layers that meet data begin at the scale of that data.

EgoAllo feeds raw features, whose scales differ a hundredfold: a height in metres, a head that moves by
millimetres a frame. A network whose first layer treats them alike needs long to notice the small ones,
and the small ones say which foot is on the floor. Nothing is normalised here either: only the first
weights are chosen so that the layer's outputs are what standardised features would give, and the last
biases so that the first guess is the mean motion. Architecture and parameter names stay EgoAllo's.
"""

import torch

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.motion.windows import WindowBatch

LEAST_DEVIATION = 1e-3  # features that hardly vary are not blown up
FIRST_GUESS = 0.1  # share of the last layers' random weights that is kept


@torch.no_grad()
def start_from_data(denoiser: Denoiser, batch: WindowBatch, generator: torch.Generator) -> None:
    """Set the condition's first layer and the last layers from a batch of real motion, in place."""
    condition = denoiser.condition(batch.T_world_cpf)[batch.mask]
    layer = denoiser.latent_from_cond
    weight = torch.randn(layer.weight.shape, generator=generator).to(layer.weight)
    weight = weight / condition.shape[1] ** 0.5 / condition.std(dim=0).clamp(min=LEAST_DEVIATION)
    layer.weight.copy_(weight)
    layer.bias.copy_(-weight @ condition.mean(dim=0))
    sizes = denoiser.feature_sizes
    means = true_motion(batch).pack()[batch.mask].mean(dim=0).split(list(sizes.values()))
    for name, mean in zip(sizes, means, strict=True):
        last = list(denoiser.decoders[name].children())[-1]
        assert isinstance(last, torch.nn.Linear)
        last.weight.mul_(FIRST_GUESS)
        last.bias.copy_(mean)
