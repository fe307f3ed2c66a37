"""Networks are restored from their weights exactly, or refused."""

import pytest
import torch
from torch import nn

from motiongrpo.base.checkpoint import Checkpoint, Header
from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.network import Network, layout_of, restored


class Sizes(Config):
    width: int


class Line(Network):
    Config = Sizes

    def __init__(self, config: Sizes) -> None:
        super().__init__(config)
        self.layer = nn.Linear(config.width, 1)


def checkpoint(tensors: dict[str, torch.Tensor], **architecture) -> Checkpoint:
    header = Header(
        kind="denoiser",
        stage="pretraining",
        step=3,
        seed=0,
        architecture=architecture or {"width": 2},
        body_digest="",
        parameters={},
        inputs={},
        code_version="",
        metrics={},
    )
    return Checkpoint(header, tensors)


def test_a_restored_network_has_the_weights_of_its_checkpoint_and_is_in_evaluation_mode():
    source = Line(Sizes(width=2))
    back = restored(checkpoint(source.state_dict()), Line)
    assert torch.equal(back.layer.weight, source.layer.weight)
    assert back.layer.weight.data_ptr() != source.layer.weight.data_ptr()
    assert back.config == source.config
    assert not back.training


@pytest.mark.parametrize(
    ("tensors", "architecture", "message"),
    [
        (
            {"layer.weight": torch.ones(1, 2)},
            {},
            "lacks tensors .* asks for: 'layer.bias'",
        ),
        (
            {"layer.weight": torch.ones(1, 2), "layer.bias": torch.ones(1), "wing": torch.ones(1)},
            {},
            "holds tensors that its configuration does not ask for: 'wing'",
        ),
        (
            {"layer.weight": torch.ones(1, 2), "layer.bias": torch.ones(1)},
            {"width": 3},
            r"of another shape than its configuration asks for: 'layer.weight \(1, 2\) for \(1, 3\)'",
        ),
        ({}, {"wings": 2}, r"otherwise than this version of the code \('wings' is not a parameter of Sizes"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(tensors, architecture, message):
    with pytest.raises(InputError, match=rf"the denoiser checkpoint of pretraining, step 3 .*{message}"):
        restored(checkpoint(tensors, **architecture), Line)


def test_a_layout_is_told_without_allocating_anything():
    assert layout_of(Line, Sizes(width=10**12)) == {"layer.weight": (1, 10**12), "layer.bias": (1,)}
