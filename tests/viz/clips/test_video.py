"""Clips: a camera that follows, a fixed floor, and files with the duration of the motion."""

import math
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

from motiongrpo.datasets.pictures import ClipDataset
from motiongrpo.viz.clips.scene import AIR_M, GRID_M, Camera, Scene
from motiongrpo.viz.clips.video import HOLD_MS, Drawing, write_gif, write_mp4
from motiongrpo.viz.figures.palette import GREEN
from motiongrpo.viz.figures.skeleton import GHOST, View
from tests.viz.scenes import scene

FRAMES = 24


def head_path(x: torch.Tensor) -> torch.Tensor:
    """A head path at 1.6 m through these points, looking along +x."""
    looking = torch.tensor([0.5, 0.5, 0.5, 0.5], dtype=x.dtype).expand(len(x), 4)
    return torch.cat([looking, x[:, None], torch.zeros_like(x)[:, None], torch.full_like(x, 1.6)[:, None]], 1)


def following(x: torch.Tensor) -> Camera:
    still = [replace(m, p_world_joint=m.p_world_joint[:1].expand(len(x), -1, -1)) for m in scene().motions]
    return Camera(Scene("", 30.0, head_path(x), still))


def coloured(picture: np.ndarray, colour: str) -> int:
    """The number of pixels with a colour."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((picture[..., :3] == rgb).all(axis=-1).sum())


def test_a_scene_comes_back_from_a_file_to_a_tenth_of_a_millimetre():
    back = Scene.from_plain(scene().plain())
    assert back.title == scene().title
    for before, after in zip(scene().motions, back.motions, strict=True):
        assert after.name == before.name
        assert torch.equal(after.contacts, before.contacts)
        assert_allclose(after.p_world_joint, before.p_world_joint, rtol=0, atol=0.51e-4)
    assert_allclose(back.T_world_cpf, scene().T_world_cpf, rtol=0, atol=0.51e-4)


def test_the_camera_goes_with_a_steady_walk_and_does_not_bob_with_a_head_that_shakes():
    t = torch.arange(120, dtype=torch.float64) / 30
    steady = following(1.2 * t)
    assert_allclose(steady.centre[60, 0], 1.2 * t[60], rtol=0, atol=1e-9)
    shaking = following(1.2 * t + 0.02 * torch.sin(2 * math.pi * 3 * t))
    assert_allclose(shaking.centre[50:70, 0], 1.2 * t[50:70], rtol=0, atol=1e-4)
    assert (steady.centre[:, 2] == 0).all()


def test_the_second_view_is_a_quarter_turn_away_and_looks_down_on_the_floor():
    head = head_path(torch.zeros(1, dtype=torch.float64))
    beside, before = View.beside(head), View.before(head)
    assert_allclose(beside.across @ before.across, 0, rtol=0, atol=1e-12)
    for view in (beside, before):
        axes = torch.stack([view.across, view.up])
        assert_allclose(axes @ axes.T, np.eye(2), rtol=0, atol=1e-12)
    eye = torch.linalg.cross(before.across, before.up)
    assert_allclose(math.asin(eye[2]), math.radians(25), rtol=0, atol=1e-12)
    assert eye[0] > 0, "in front of a head that looks along +x"


def test_lines_of_the_floor_stay_where_they_are_in_the_world():
    camera = following(torch.linspace(0, 1, 60, dtype=torch.float64))
    for shot in camera.shots:
        for frame in (0, 17, 59):
            lines = camera.grid(frame, shot)
            upright = [line[0, 0] for line in lines if line[0, 0] == line[1, 0]]
            world = np.array(upright) + float(camera.centre[frame] @ shot.view.across)
            assert len(upright) >= 2
            assert_allclose(world / GRID_M, (world / GRID_M).round(), rtol=0, atol=1e-9)


def test_every_joint_of_every_frame_is_inside_the_picture():
    camera = Camera(scene())
    for shot in camera.shots:
        for motion in camera.scene.motions:
            flat = np.stack([camera.flat(motion.p_world_joint[f], f, shot.view) for f in range(FRAMES)])
            assert np.abs(flat[..., 0]).max() <= shot.reach_m - AIR_M + 1e-9
            assert shot.low_m < flat[..., 1].min()
            assert flat[..., 1].max() < shot.top_m


@pytest.mark.parametrize("height", [1.0, 0.5, 1.5])
def test_a_metre_is_as_many_pixels_up_as_across_in_every_shot(height):
    """Also for people who crouch or are tall: a tick of the axis must not widen it."""
    scaled = [replace(m, p_world_joint=m.p_world_joint * height) for m in scene().motions]
    drawing = Drawing(Camera(replace(scene(), motions=scaled)), 60)
    scales = []
    for axes in drawing.figure.axes:
        box, across, up = axes.get_window_extent(), np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
        scales += [box.width / across, box.height / up]
    assert_allclose(scales, scales[0], rtol=1e-9)
    width, tall = drawing.figure.get_size_inches() * 60
    assert_allclose([width % 2, tall % 2], 0, rtol=0, atol=1e-6)


def test_contacts_are_green_and_the_truth_is_behind_a_prediction_only():
    truth, guess = scene().motions
    none = torch.zeros_like(truth.contacts)
    alone = replace(scene(), motions=[replace(truth, contacts=none)])
    touching = replace(alone, motions=[replace(truth, contacts=~none)])
    legend = coloured(Drawing(Camera(alone), 60).at(5), GREEN)
    assert coloured(Drawing(Camera(touching), 60).at(5), GREEN) > legend + 100
    ghosts = [coloured(Drawing(Camera(s), 60).at(5), GHOST) for s in (alone, scene())]
    assert ghosts[1] > ghosts[0] + 100
    assert guess.name == "guess"


def test_a_motion_alone_is_drawn_without_a_word_of_a_truth():
    """Like a recovered recording, whose truth is unknown."""
    alone = replace(scene(), motions=scene().motions[1:])
    texts = []
    for shown in (alone, scene()):
        drawing = Drawing(Camera(shown), 60)
        (legend,) = drawing.figure.legends
        texts.append([text.get_text() for text in legend.get_texts()])
    assert len(Drawing(Camera(alone), 60).figure.axes) == 2
    assert coloured(Drawing(Camera(alone), 60).at(5), GHOST) < 50, "but for smoothed edges"
    assert [text for text in texts[1] if text not in texts[0]] == ["truth, behind"]


def test_a_frame_looks_the_same_whatever_was_drawn_before_it():
    first, second = Drawing(Camera(scene()), 60), Drawing(Camera(scene()), 60)
    expected = first.at(7).copy()
    second.at(20)
    assert np.array_equal(second.at(7), expected)
    assert not np.array_equal(second.at(20), expected)


def test_a_video_has_every_frame_at_the_rate_of_the_motion_and_equal_bytes_twice(tmp_path):
    paths = tmp_path / "a.mp4", tmp_path / "b.mp4"
    for path in paths:
        write_mp4(scene(), path)
    with av.open(str(paths[0])) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == Fraction(30)
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(stream)]
    assert len(frames) == FRAMES
    drawn = Drawing(Camera(scene()), 110).at(FRAMES - 1)[..., :3].astype(int)
    assert np.abs(frames[-1] - drawn).mean() < 2, "levels of 255: what was drawn is what is decoded"
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("fps", [30.0, 25.0, 60.0])
def test_an_animated_picture_lasts_as_long_as_the_motion_and_repeats(tmp_path, fps):
    write_gif(replace(scene(), fps=fps), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as picture:
        durations = []
        for frame in range(picture.n_frames):
            picture.seek(frame)
            durations.append(picture.info["duration"])
        assert picture.info["loop"] == 0
    moving = sum(durations) - HOLD_MS
    assert moving == pytest.approx(1000 * FRAMES / fps, abs=5)
    assert 12 <= 1000 * len(durations) / moving <= 31


def test_an_animated_picture_keeps_the_colour_of_a_contact_that_comes_late(tmp_path):
    """The first frame has no contact, and dots are small: a palette from it would lack their colour."""
    truth = scene().motions[0]
    contacts = torch.zeros_like(truth.contacts)
    contacts[FRAMES // 2 :, 9] = True
    write_gif(replace(scene(), motions=[replace(truth, contacts=contacts)]), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as picture:
        green = []
        for frame in (0, picture.n_frames - 1):
            picture.seek(frame)
            green.append(coloured(np.array(picture.convert("RGBA")), GREEN))
    assert green[1] > green[0] + 5  # the legend is green in both


def test_a_clip_in_the_catalog_is_a_video_with_a_picture_beside_it(tmp_path):
    dataset = ClipDataset(str(tmp_path / "deep" / "best.mp4"))
    assert not dataset.exists()
    dataset.save(scene())
    assert dataset.exists()
    assert dataset.load()[4:8] == b"ftyp"
    assert dataset.gif.read_bytes().startswith(b"GIF89a")
    assert sorted(path.name for path in dataset.gif.parent.iterdir()) == ["best.gif", "best.mp4"]


def test_a_clip_that_fails_half_way_leaves_the_old_one(tmp_path):
    dataset = ClipDataset(str(tmp_path / "best.mp4"))
    dataset.save(scene())
    before = dataset.load(), dataset.gif.read_bytes()
    truth, guess = scene().motions
    with pytest.raises(Exception, match="out of bounds"):
        dataset.save(replace(scene(), motions=[truth, replace(guess, contacts=guess.contacts[:10])]))
    assert (dataset.load(), dataset.gif.read_bytes()) == before
    assert len(list(tmp_path.iterdir())) == 2
