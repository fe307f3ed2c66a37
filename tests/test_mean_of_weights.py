"""The mean of the weights of several denoisers is a checkpoint like any other."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.checkpoint import load_checkpoint
from tests.base.test_checkpoint import TENSORS, saved
from tools.mean_of_weights import main

ONE = {name: TENSORS[name] for name in ("weight", "count")}
OTHER = ONE | {"weight": ONE["weight"] + 1.0}


def test_weights_are_averaged_and_nothing_else_changes(tmp_path):
    files = [saved(tmp_path / "a", ONE), saved(tmp_path / "b", OTHER), saved(tmp_path / "c", ONE)]
    main(tmp_path / "others/mean.safetensors", files)
    first, mean = (
        load_checkpoint(files[0], "denoiser"),
        load_checkpoint(tmp_path / "others/mean.safetensors", "denoiser"),
    )
    assert_close(mean.tensors["weight"], ONE["weight"] + 1 / 3)
    assert mean.tensors["count"].dtype == torch.int64
    assert mean.header.architecture == first.header.architecture
    assert mean.header.weights not in ("", first.header.weights)
    assert mean.header.inputs.keys() == first.header.inputs.keys() | {"mean_of_weights"}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"architecture": {"width": 8}}, "two architectures and have no mean"),
        ({"body_digest": "other"}, "two body files and have no mean"),
        ({"kind": "reward_model"}, "but a denoiser checkpoint is needed"),
    ],
)
def test_what_has_no_mean_is_refused_and_nothing_is_written(changed, sentence, tmp_path):
    files = [saved(tmp_path / "a"), saved(tmp_path / "b", **changed)]
    with pytest.raises(SystemExit, match=f"^Error: .*{sentence}"):
        main(tmp_path / "mean", files)
    assert not (tmp_path / "mean").exists()
