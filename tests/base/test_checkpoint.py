import json
import random

import pytest
import torch
from safetensors.torch import save_file

from motiongrpo.base.checkpoint import (
    COMPLETE,
    STATE,
    Checkpoint,
    CheckpointFolder,
    Header,
    digest_of,
    load_checkpoint,
    read_header,
    save_checkpoint,
    weights_digest,
)
from motiongrpo.base.errors import InputError
from motiongrpo.base.network import Network, with_weights

TENSORS = {
    "weight": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "double": torch.tensor([1 / 3, -0.0, 1.7e308, 5e-324], dtype=torch.float64),
    "count": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "none": torch.zeros(0, 5),
}
HEADER = Header(
    kind="denoiser",
    stage="pretraining",
    step=12,
    seed=3,
    architecture={"width": 16},
    body_digest="body",
    parameters={"rate": 0.1, "terms": ["a", "b"]},
    inputs={"motions": "abc"},
    code_version="0",
    metrics={"loss": 1 / 3},
)


def saved(path, tensors=TENSORS, **changes):
    save_checkpoint(Checkpoint(HEADER.model_copy(update=changes), tensors), path)
    return path


def test_what_goes_in_comes_out_bit_by_bit(tmp_path):
    loaded = load_checkpoint(saved(tmp_path / "deep" / "a.safetensors"), "denoiser")
    assert loaded.header.model_copy(update={"weights": "", "seal": ""}) == HEADER
    assert loaded.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert loaded.tensors[name].dtype == tensor.dtype
        assert loaded.tensors[name].numpy().tobytes() == tensor.numpy().tobytes()


def test_equal_checkpoints_are_equal_files(tmp_path):
    """In whichever order their tensors were collected."""
    backwards = dict(reversed(TENSORS.items()))
    one, other = saved(tmp_path / "a"), saved(tmp_path / "b", backwards)
    assert one.read_bytes() == other.read_bytes()


def test_a_transposed_view_is_written_as_what_it_shows(tmp_path):
    view = torch.arange(6.0).reshape(2, 3).T.requires_grad_()
    loaded = load_checkpoint(saved(tmp_path / "a", {"view": view}), "denoiser").tensors["view"]
    assert loaded.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_the_header_names_the_weights_and_is_read_alone(tmp_path):
    header = read_header(saved(tmp_path / "a"))
    assert header.weights == weights_digest(TENSORS)
    assert len(header.weights) == 16


@pytest.mark.parametrize(
    "other",
    [
        TENSORS | {"count": torch.tensor(8)},
        TENSORS | {"none": torch.zeros(0, 5, dtype=torch.int64)},
        TENSORS | {"count": torch.tensor([7])},
        {("renamed" if name == "count" else name): value for name, value in TENSORS.items()},
    ],
    ids=["value", "type", "shape", "name"],
)
def test_weights_that_differ_in_anything_have_another_digest(other):
    assert weights_digest(other) != weights_digest(TENSORS)
    assert weights_digest(dict(reversed(TENSORS.items()))) == weights_digest(TENSORS)


def test_a_digest_goes_by_content_and_not_by_the_order_of_keys():
    assert digest_of({"a": 1, "b": [2, 3]}) == digest_of({"b": [2, 3], "a": 1})
    assert digest_of({"a": 1, "b": [2, 3]}) != digest_of({"a": 1, "b": [3, 2]})
    assert digest_of("a", "b") != digest_of("ab")


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = saved(tmp_path / "a")
    with pytest.raises(InputError, match="is a denoiser checkpoint, but a reward_model checkpoint is needed"):
        load_checkpoint(path, "reward_model")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no checkpoint at '.*nothing'"):
        read_header(tmp_path / "nothing")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_file_cut_anywhere_is_refused(share, tmp_path):
    path = saved(tmp_path / "a")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(
        InputError, match=r"'.*a' is not a whole safetensors file \(.*\); delete or restore it"
    ):
        load_checkpoint(path, "denoiser")


def test_a_foreign_file_is_told_that_it_has_no_header(tmp_path):
    for metadata in (None, {"format": "pt"}):
        save_file({"weight": torch.zeros(2)}, tmp_path / "a", metadata=metadata)
        with pytest.raises(InputError, match=r"'.*a' is a safetensors file without a motiongrpo header"):
            load_checkpoint(tmp_path / "a", "denoiser")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "'format' input should be 1"),
        ({"kind": "cake"}, "'kind' input should be 'denoiser', 'reward_model' or 'training_state'"),
        ({"seed": "many"}, "'seed' input should be a valid integer"),
        ({"future": 1}, "'future' extra inputs are not permitted"),
    ],
)
def test_a_header_from_elsewhere_is_refused_at_its_first_fault(change, message, tmp_path):
    text = json.dumps(HEADER.model_dump() | change)
    save_file({"weight": torch.zeros(2)}, tmp_path / "a", metadata={"motiongrpo": text})
    with pytest.raises(InputError, match=f"the header of '.*a' is not readable: {message}"):
        read_header(tmp_path / "a")


def test_writing_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    """Two tensors that share memory, which safetensors refuses to write, make it fail."""
    before = saved(tmp_path / "a").read_bytes()
    shared = torch.zeros(4)
    with pytest.raises(RuntimeError, match="share memory"):
        saved(tmp_path / "a", {"one": shared, "other": shared})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == before


def test_the_models_of_a_folder_are_in_order_and_the_state_is_none_of_them(tmp_path):
    folder = CheckpointFolder(tmp_path)
    assert folder.files() == []
    for name in ("step_0000020.safetensors", STATE, "step_0000003.safetensors"):
        saved(tmp_path / name)
    assert [path.stem for path in folder.files()] == ["step_0000003", "step_0000020"]
    with pytest.raises(InputError, match="has not finished; run the same command to go on"):
        folder.final()
    (tmp_path / COMPLETE).touch()
    assert folder.final().stem == "step_0000020"


def test_a_flipped_bit_is_refused_wherever_weights_are_read(tmp_path):
    path = saved(tmp_path / "a.safetensors")
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a.safetensors' is damaged: its weights are not those of its hea"):
        load_checkpoint(path, "denoiser")


@pytest.mark.parametrize("kind", ["denoiser", "training_state"])
def test_a_flipped_bit_is_found_wherever_it_is(kind, tmp_path):
    """In the header, in its description of tensors, and in the tensors."""
    whole = saved(tmp_path / "a", kind=kind).read_bytes()
    places = random.Random(0).sample(range(8 * len(whole)), 120)
    for bit in places:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / "b").write_bytes(flipped)
        with pytest.raises(InputError) as told:
            load_checkpoint(tmp_path / "b", kind)
        assert "\n" not in str(told.value)


def test_weights_of_a_type_that_numpy_lacks_are_not_those_of_the_header(tmp_path):
    metadata = {"motiongrpo": HEADER.model_copy(update={"weights": "0"}).model_dump_json()}
    save_file({"a": torch.zeros(3, dtype=torch.bfloat16)}, tmp_path / "a", metadata=metadata)
    with pytest.raises(InputError, match="its weights are not those of its header; restore it"):
        load_checkpoint(tmp_path / "a", "denoiser")


class Line(Network):
    Config = Header

    def __init__(self, config) -> None:
        super().__init__(config)
        self.line = torch.nn.Linear(2, 1)


def test_whole_numbers_are_no_weights():
    tensors = {"line.weight": torch.ones(1, 2, dtype=torch.int64), "line.bias": torch.zeros(1)}
    with pytest.raises(InputError, match=r"'a' holds tensors of another type .*line.weight torch.int64 for"):
        with_weights(Line, HEADER, tensors, "'a'")
