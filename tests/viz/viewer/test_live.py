"""Live recovery in the viewer: a client's poses become a body that moves."""

import re
import time
from threading import Thread

import pytest
import torch
from numpy.testing import assert_allclose

from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.mesh import Mesher
from motiongrpo.body.skeleton import Joint
from motiongrpo.recovery.live import as_sent, live_bodies
from motiongrpo.viz.viewer import live
from motiongrpo.viz.viewer.live import LiveScene, serve_live
from motiongrpo.viz.viewer.server import ServerConfig
from tests.recovery.test_live import LINES, LIVE, assert_bodies, begin, conversation, expected

viser = pytest.importorskip("viser", reason="the extra viewer is not installed")


def shown_for(seconds: float | None) -> ServerConfig:
    return ServerConfig(host="localhost", port=0, open_seconds=seconds)


def test_it_ends_when_its_time_is_over_though_nobody_came():
    told = []
    serve_live(begin, Mesher(OPEN_BODY), LIVE, shown_for(0.2), as_sent, told.append)
    assert len(told) == 1


def test_whoever_sends_poses_is_answered_while_the_viewer_is_open(monkeypatch):
    told, answers = [], []

    def client() -> None:
        while not told:
            time.sleep(0.01)
        answers.extend(conversation(int(re.search(r"127.0.0.1:(\d+)", told[0])[1]), LINES))

    def until_answered(*given):
        for bodies in live_bodies(*given):
            yield bodies
            if not sender.is_alive():
                raise KeyboardInterrupt

    sender = Thread(target=client)
    sender.start()
    monkeypatch.setattr(live, "live_bodies", until_answered)
    serve_live(begin, Mesher(OPEN_BODY), LIVE, shown_for(None), as_sent, told.append)
    assert re.fullmatch(r"send poses to 127.0.0.1:\d+, and see bodies at http://localhost:\d+", told[0])
    assert_bodies(answers)


def test_the_scene_shows_the_body_where_it_is_and_pale_in_a_bridged_gap():
    server = viser.ViserServer("localhost", 0, verbose=False)
    scene, body = LiveScene(server, Mesher(OPEN_BODY), 30.0, 4), expected()[5]
    scene.add([body])
    scene.end()
    scene.play()
    assert_allclose(scene.bones.points[0, 1], body.p_world_joint[Joint.LEFT_HIP].numpy(), rtol=0, atol=1e-5)
    wrist = body.p_world_joint[Joint.LEFT_WRIST].numpy()
    assert ((scene.mesh.vertices - wrist) ** 2).sum(1).min() ** 0.5 < 0.06  # skin lies around the bones
    assert torch.isfinite(torch.tensor(scene.mesh.vertices)).all()
    server.stop()


@pytest.mark.parametrize("follow", [True, False])
def test_a_body_that_is_followed_stays_over_the_origin_of_the_scene(follow: bool):
    server = viser.ViserServer("localhost", 0, verbose=False)
    scene, body = LiveScene(server, Mesher(OPEN_BODY), 30.0, 4), expected()[5]
    scene.follow.value = follow
    scene.show(body)
    pelvis = body.p_world_joint[0].numpy()
    assert_allclose(scene.world.position, [-pelvis[0], -pelvis[1], 0] if follow else [0, 0, 0], atol=1e-6)
    server.stop()
