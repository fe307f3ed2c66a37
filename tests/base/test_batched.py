"""Records of tensors with common leading axes."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.testing import assert_close

from motiongrpo.base.batched import Batched


@dataclass(frozen=True)
class Pose(Batched):
    R: Tensor
    p: Tensor


@dataclass(frozen=True)
class Record(Batched):
    pose: Pose
    mask: Tensor
    fps: float  # of the batch as a whole


def record() -> Record:
    pose = Pose(torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0)), torch.rand(4, 2, 3))
    return Record(pose, torch.tensor([[True, False]] * 4), 30.0)


def assert_same(one: Record, other: Record) -> None:
    assert one.fps == other.fps
    for a, b in ((one.pose.R, other.pose.R), (one.pose.p, other.pose.p), (one.mask, other.mask)):
        assert_close(a, b, rtol=0, atol=0)


def test_rows_and_concatenation_undo_each_other():
    whole = record()
    parts = [whole.rows(slice(0, 1)), whole.rows(torch.tensor([1, 2, 3]))]
    assert [len(part.mask) for part in parts] == [1, 3]
    assert_same(Record.concatenate(parts), whole)


def test_rows_may_be_selected_by_mask_repeated_and_sliced_in_several_axes():
    whole = record()
    assert_close(whole.rows(torch.tensor([True, False, True, False])).pose.R, whole.pose.R[[0, 2]])
    assert_close(whole.rows(torch.tensor([1, 1])).pose.p, whole.pose.p[[1, 1]])
    first = whole.rows((slice(None), slice(0, 1)))
    assert_close(first.pose.R, whole.pose.R[:, :1])
    assert_close(first.mask, whole.mask[:, :1])


def test_every_tensor_moves_to_the_device():
    moved = record().to("meta")
    assert {value.device.type for value in (moved.pose.R, moved.pose.p, moved.mask)} == {"meta"}
    assert moved.fps == 30.0
