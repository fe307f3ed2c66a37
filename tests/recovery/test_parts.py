"""Parts of a recovery: what is drawn, kept and not drawn again."""

from pathlib import Path

import torch
from torch.testing import assert_close

from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.guidance import GuidanceConfig
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recovery import recover, with_frame_before
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.trained import TrainedDenoiser, Usage
from motiongrpo.diffusion.window_blend import WindowPlan
from motiongrpo.head.path import Floor, HeadRecording, Stretch
from motiongrpo.recovery.parts import Drawing, Part, PartFolder
from motiongrpo.recovery.recovered import Pieces, recovered
from tests.bodies import open_body, window_batch
from tests.denoisers import small

SAMPLING = SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0)
USAGE = Usage(
    fps=30.0,
    plan=WindowPlan(length=16, overlap=4),
    sampling=SAMPLING,
    head_height_m=(1.2, 1.8),
    head_speed_m_s=2.0,
)
UNGUIDED = GuidanceConfig(
    enabled=False,
    iterations=1,
    rotation=1,
    rotation_rate=0,
    position=0,
    acceleration=0,
    sliding=0,
    penetration=0,
    sinking=0,
    support=0,
)


def model(seed: int = 0) -> TrainedDenoiser:
    torch.manual_seed(seed)
    denoiser = Denoiser(small(encoder_layers=1, decoder_layers=1)).eval()
    return TrainedDenoiser(denoiser, USAGE, "'policy'", f"weights {seed}", open_body().digest)


def stretch(frames: int, start_s: float = 0.0) -> Stretch:
    path = window_batch(frames=frames - 1, count=1).T_world_cpf[0].float()
    time = start_s + torch.arange(frames, dtype=torch.float64) / 30
    return Stretch(path, time, torch.zeros(frames, dtype=torch.int64))


def recording(*stretches: Stretch) -> HeadRecording:
    floor = Floor(0.0, "format", 0.0)
    return HeadRecording("walk.csv", "openxr", 30.0, stretches or (stretch(90),), floor, {}, (), ())


def drawing(**changes) -> Drawing:
    return Drawing(**({"model": model(), "samples": 3, "seed": 0, "longest_s": 1.5} | changes))


def drawn(folder: PartFolder, work: Drawing, recordings: dict[str, HeadRecording]) -> list[str]:
    names = []
    for name, part in work.draw(recordings, work.missing(recordings, folder)):
        folder.save(name, part)
        names.append(name)
    return names


def test_a_recording_is_drawn_in_chunks_and_each_once(tmp_path):
    folder, walk = PartFolder(tmp_path), {"walk": recording()}
    assert drawn(folder, drawing(), walk) == ["walk/000_0000000", "walk/000_0000045"]
    assert drawn(folder, drawing(), walk) == []


def test_what_a_stop_left_out_is_drawn_and_is_what_it_would_have_been(tmp_path):
    folder, walk = PartFolder(tmp_path), {"walk": recording()}
    drawn(folder, drawing(), walk)
    whole = {path.name: path.read_bytes() for path in tmp_path.rglob("*.npz")}
    (tmp_path / "walk/000_0000045.npz").write_bytes(b"half")
    assert drawn(folder, drawing(), walk) == ["walk/000_0000045"]
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.npz")} == whole


def test_another_path_model_seed_or_number_of_samples_is_drawn_anew(tmp_path):
    folder = PartFolder(tmp_path)
    drawn(folder, drawing(), {"walk": recording()})
    moved = stretch(90)
    moved.T_world_cpf[70, 4] += 0.001
    for work, path in (
        (drawing(), recording(moved)),
        (drawing(seed=1), recording()),
        (drawing(samples=2), recording()),
        (drawing(model=model(1)), recording()),
    ):
        assert len(drawn(folder, work, {"walk": path})) == 2


def test_a_part_holds_what_recover_draws():
    walk = recording(stretch(40))
    work, recordings = drawing(), {"walk": walk}
    ((_, part),) = work.draw(recordings, work.missing(recordings, PartFolder(Path("nowhere"))))
    path = with_frame_before(walk.stretches[0].T_world_cpf)
    whole: PlacedMotion = recover(model(), path, 3, seed=0)
    hung = part.hung(part.betas, walk.stretches[0].T_world_cpf)
    assert_close(hung.contacts, whole.contacts)
    assert hung.R_parent_joint.shape == whole.R_parent_joint.shape


def pieces(tmp_path, *stretches: Stretch) -> Pieces:
    walk, folder, work = recording(*stretches), PartFolder(tmp_path), drawing()
    drawn(folder, work, {"walk": walk})
    places = work.places({"walk": walk})
    found = [folder.get(place.name) for place in places]
    return Pieces(walk, places, [part for part in found if part is not None])


def test_a_body_has_one_shape_and_every_frame_of_its_stretches(tmp_path):
    found = recovered(pieces(tmp_path, stretch(70), stretch(50, start_s=9)), open_body(), None, UNGUIDED)
    assert found.motion.R_parent_joint.shape[:2] == (1, 120)
    assert found.motion.betas.shape == (1, 16)
    heads = torch.cat([s.T_world_cpf for s in found.recording.stretches])
    assert_close(found.motion.T_world_cpf[0], heads)
    assert found.radius_90_m is None


def test_the_shape_is_the_mean_over_frames_not_over_chunks():
    whole = Pieces(
        recording(),
        [],
        [
            Part("", torch.zeros(1, 16), torch.zeros(1, 30, 21, 4), torch.zeros(1, 30, 21)),
            Part("", torch.ones(1, 16), torch.zeros(1, 10, 21, 4), torch.zeros(1, 10, 21)),
        ],
    )
    assert_close(whole.shapes(), torch.full((1, 16), 0.25))


def test_the_sample_that_stands_for_all_is_the_nearest_to_their_mean(tmp_path):
    body, some = open_body(), pieces(tmp_path, stretch(40))
    found = recovered(some, body, None, UNGUIDED)
    joints = torch.cat([m.posed(body)[1].p_world_joint[..., :22, :] for m in some.hung()], dim=1)
    distance = (joints - joints.mean(0)).norm(dim=-1).mean((1, 2))
    assert found.sample == int(distance.argmin())
    assert found.samples == 3
