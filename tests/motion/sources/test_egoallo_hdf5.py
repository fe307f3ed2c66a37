"""EgoAllo's preprocessed AMASS from a miniature file in its layout."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.kinematics import central_pupil_frame
from motiongrpo.motion.division import divided
from motiongrpo.motion.ingestion import clip_readers, ingest
from motiongrpo.motion.sources.egoallo_hdf5 import read_group
from tests.bodies import open_body, standing_clip
from tests.motion.sources.raw_folders import base_config, listed

h5py = pytest.importorskip("h5py")
FILE, LIST = "egoalgo_no_skating_dataset.hdf5", "egoalgo_no_skating_dataset_files.txt"
GROUP = "ACCAD/Female1Walking_c3d/B3_walk1_poses.npz"


def group_arrays(frames: int = 60) -> dict[str, np.ndarray]:
    """The arrays that EgoAllo writes for a take, of a person with betas 0.5 on the open body."""
    clip = standing_clip(frames)
    betas = torch.full((16,), 0.5, dtype=torch.float64)
    clip = type(clip)(**clip.__dict__ | {"betas": betas})
    cpf = central_pupil_frame(*clip.posed(open_body()))
    cpf_poses = cpf.wxyz_xyz().numpy()
    return {
        "T_world_root": clip.T_world_root.numpy(),
        "body_quats": clip.q_parent_joint[:, :21].numpy(),
        "hand_quats": clip.q_parent_joint[:, 21:].numpy(),
        "betas": betas[None].numpy(),
        "contacts": np.zeros((frames, 21)),
        "T_world_cpf": cpf_poses,
        "T_cpf_tm1_cpf_t": cpf_poses,
        "height_from_floor": cpf_poses[:, 6:],
        "joints_wrt_cpf": np.zeros((frames, 21, 3)),
    }


def tree(root: Path, groups: dict[str, dict[str, np.ndarray]], listing: list[str] | None = None) -> Path:
    with h5py.File(root / FILE, "w") as file:
        for name, arrays in groups.items():
            for key, value in arrays.items():
                chunks = (min(32, len(value)), *value.shape[1:])
                file.create_dataset(f"{name}/{key}", data=value.astype(np.float32), chunks=chunks)
    (root / LIST).write_text("\n".join(groups if listing is None else listing))
    return root


def verdicts(root: Path, **changes):
    config = base_config("egoallo_hdf5", egoallo_hdf5={"subsets": ["ACCAD"]} | changes)
    readers = clip_readers(listed(root), open_body(), config, None)
    return {name: ingest(name, read, open_body(), config) for name, read in readers}


def test_a_take_is_read_as_it_is(tmp_path):
    arrays = group_arrays()
    (verdict,) = verdicts(tree(tmp_path, {GROUP: arrays})).values()
    assert verdict.verdict == "accepted", verdict.reason
    clip = verdict.clips[0].clip
    assert_close(
        clip.q_parent_joint[:, :21].double(), torch.from_numpy(arrays["body_quats"]), rtol=0, atol=1e-6
    )
    assert_close(
        clip.q_parent_joint[:, 21:].double(), torch.from_numpy(arrays["hand_quats"]), rtol=0, atol=1e-6
    )
    assert clip.subject == "ACCAD/Female1Walking_c3d"
    assert clip.fps == 30
    assert (clip.betas == 0).all()


def test_the_files_betas_are_taken_only_on_the_body_they_were_made_for(tmp_path):
    tree(tmp_path, {GROUP: group_arrays()})
    (verdict,) = verdicts(tmp_path, betas="file").values()
    assert_close(verdict.clips[0].clip.betas, torch.full((16,), 0.5), rtol=0, atol=0)
    other = group_arrays()
    other["betas"] = -other["betas"]
    (verdict,) = verdicts(tree(tmp_path, {GROUP: other}), betas="file").values()
    assert "on this body file the head is" in verdict.reason


def test_hands_that_were_not_kept_are_flat(tmp_path):
    arrays = group_arrays()
    del arrays["hand_quats"]
    (verdict,) = verdicts(tree(tmp_path, {GROUP: arrays})).values()
    assert (verdict.clips[0].clip.q_parent_joint[:, 21:] == torch.tensor([1.0, 0, 0, 0])).all()


def test_mirrored_copies_are_left_out_of_every_split(tmp_path):
    mirrored = GROUP.replace(".npz", "_reflect.npz")
    found = verdicts(tree(tmp_path, {GROUP: group_arrays(), mirrored: group_arrays()}))
    assert [v.verdict for v in found.values()] == ["accepted", "refused"]
    assert "a mirrored copy" in found[mirrored].reason


def test_unreadable_groups_are_listed_and_the_rest_goes_through(tmp_path):
    broken = {
        "ACCAD/a/nan_poses.npz": group_arrays() | {"T_world_root": np.full((60, 7), np.nan)},
        "ACCAD/a/long_poses.npz": group_arrays() | {"body_quats": np.ones((10, 21, 4))},
        "ACCAD/a/loose_poses.npz": group_arrays() | {"body_quats": np.ones((60, 21, 4))},
        GROUP: group_arrays(),
    }
    found = verdicts(tree(tmp_path, broken, [*broken, "ACCAD/a/absent_poses.npz", "CNRS/a/b_poses.npz"]))
    assert [v.verdict for v in found.values()] == ["refused"] * 3 + ["accepted"] + ["refused"] * 2
    reasons = [v.reason for v in found.values()]
    assert "is not finite" in reasons[0]
    assert "must be (60, 21, 4) of floats, got (10, 21, 4) of float32" in reasons[1]
    assert "quaternions of length 2, which must be 1" in reasons[2]
    assert "has no 'ACCAD/a'" in reasons[4] or "has no 'ACCAD/a/absent_poses.npz'" in reasons[4]
    assert "does not name 'CNRS'" in reasons[5]


def test_no_link_in_the_file_is_followed(tmp_path):
    secret = tmp_path / "secret.hdf5"
    with h5py.File(secret, "w") as file:
        for key, value in group_arrays().items():
            file.create_dataset(f"take/{key}", data=value.astype(np.float32))
    tree(tmp_path, {GROUP: group_arrays()})
    (tmp_path / "raw.bin").write_bytes(np.zeros((60, 7), np.float32).tobytes())
    with h5py.File(tmp_path / FILE, "a") as file:
        file["ACCAD/elsewhere"] = h5py.ExternalLink("secret.hdf5", "/take")
        file["ACCAD/soft"] = h5py.SoftLink(f"/{GROUP}")
        for key, value in group_arrays().items():
            if key != "T_world_root":
                file.create_dataset(f"ACCAD/virtual/{key}", data=value.astype(np.float32))
                file.create_dataset(f"ACCAD/external/{key}", data=value.astype(np.float32))
        layout = h5py.VirtualLayout((60, 7), np.float32)
        layout[:] = h5py.VirtualSource(str(secret), "take/T_world_root", (60, 7))
        file.create_virtual_dataset("ACCAD/virtual/T_world_root", layout)
        stored = [(str(tmp_path / "raw.bin"), 0, 60 * 7 * 4)]
        file.create_dataset("ACCAD/external/T_world_root", (60, 7), np.float32, external=stored)
    for group, message in {
        "ACCAD/elsewhere": "no link in a file is followed",
        "ACCAD/soft": "no link in a file is followed",
        "ACCAD/virtual": "is not an array that lies in the file itself",
        "ACCAD/external": "is not an array that lies in the file itself",
    }.items():
        with pytest.raises(InputError, match=message):
            read_group(tmp_path / FILE, group)


def test_a_missing_file_list_or_subset_is_an_error(tmp_path):
    tree(tmp_path, {GROUP: group_arrays()})
    with pytest.raises(InputError, match=r"CMU are missing or empty in 'egoalgo.*', which holds ACCAD"):
        verdicts(tmp_path, subsets=["CMU"])
    (tmp_path / LIST).unlink()
    with pytest.raises(InputError, match=f"there is no '{LIST}' in data_root"):
        verdicts(tmp_path)


def test_a_file_that_is_no_hdf5_refuses_every_take(tmp_path):
    tree(tmp_path, {GROUP: group_arrays()})
    (tmp_path / FILE).write_bytes(b"hello")
    (verdict,) = verdicts(tmp_path).values()
    assert f"'{FILE}' cannot be read at '{GROUP}'" in verdict.reason


def test_its_subsets_decide_the_split():
    config = base_config("egoallo_hdf5")
    splits, _ = divided(["CMU/01", "SSM/x", "MoSh/y"], config)
    assert splits == {"CMU/01": "train", "SSM/x": "test", "MoSh/y": "validation"}
