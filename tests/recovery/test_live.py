"""Live recovery over a socket, by a client as a companion app would be one."""

import functools
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.streaming import BodyFrame, StreamingConfig, StreamingRecovery
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.recovery import live, wire
from motiongrpo.recovery.live import LiveConfig, ToPupils, as_sent, doubts, live_bodies, to_pupils
from motiongrpo.recovery.wire import Client, Server, parsed
from tests.bodies import open_body, window_batch
from tests.head.paths import CONFIG as BREAKS
from tests.recovery.test_recovered import base_config
from tests.trained import trained

FPS = 30.0
PATH = window_batch(frames=24, count=1).T_world_cpf[0]
STREAMING = StreamingConfig(look_ahead_frames=4, hop_frames=4)
LIVE = LiveConfig(port=0, seed=3, streaming=STREAMING)


def line(time_s: float, pose: torch.Tensor) -> bytes:
    """What a companion app sends for a pose, quaternion `wxyz` first."""
    record = {"t": time_s, "p": pose[4:].tolist(), "q": pose[:4].tolist()}
    return json.dumps(record).encode() + b"\n"


def begin() -> StreamingRecovery:
    return StreamingRecovery(trained(), open_body(), STREAMING, BREAKS, seed=3)


LINES = [line(i / FPS, pose) for i, pose in enumerate(PATH)]


@pytest.fixture(autouse=True)
def machine_is_fast(monkeypatch):
    """However busy it is: what is said of a slow one has a test of its own."""
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: 0.0))


def conversation(port: int, lines: list[bytes]) -> list[dict]:
    """Send lines, say that there are no more, and read until the server ends it."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        for each in lines:
            client.sendall(each)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            return [json.loads(answer) for answer in answers]


@contextmanager
def serving(to_pupils: ToPupils = as_sent) -> Iterator[tuple[int, list[BodyFrame]]]:
    """A server in another thread: its port, and the bodies that it gave its caller."""
    server, stop, bodies = Server(0), Event(), []

    def serve() -> None:
        for some in live_bodies(server, begin, to_pupils):
            bodies.extend(some)
            if stop.is_set():
                return

    thread = Thread(target=serve)
    thread.start()
    try:
        yield server.port, bodies
    finally:
        stop.set()
        thread.join()
        server.close()


@functools.cache
def expected() -> list[BodyFrame]:
    """What the same poses give without a socket."""
    stream = begin()
    return [b for i, pose in enumerate(PATH) for b in stream.push(i / FPS, pose)] + stream.finish()


def assert_bodies(answers: list[dict]) -> None:
    bodies = [answer for answer in answers if "p_root" in answer]
    for sent, body in zip(bodies, expected(), strict=True):
        assert sent["t"] == pytest.approx(body.pose.time_s, abs=1e-6)
        assert (sent["stretch"], sent["gap"]) == (0, False)
        root = torch.tensor([*sent["q_root"], *sent["p_root"]], dtype=torch.float64)
        assert_close(root, body.T_world_root, rtol=0, atol=1e-6)
        assert_close(torch.tensor(sent["q_parent_joint"]).double(), body.q_parent_joint, rtol=0, atol=1e-6)


def test_a_client_gets_a_greeting_and_every_body_and_so_does_the_caller():
    with serving() as (port, bodies):
        greeting, *answers = conversation(port, LINES)
    assert (greeting["fps"], greeting["look_ahead_ms"]) == (30.0, 133.3)
    assert greeting["joints"][0] == "pelvis"
    assert len(greeting["joints"]) == 22
    assert_bodies(answers)
    for one, other in zip(bodies, expected(), strict=True):
        assert_close(one.p_world_joint, other.p_world_joint, rtol=0, atol=0)


def test_how_lines_are_cut_into_packets_changes_nothing():
    whole = b"".join(LINES)
    with serving() as (port, _):
        assert_bodies(conversation(port, [whole[i : i + 777] for i in range(0, len(whole), 777)]))


def test_lines_that_cannot_be_used_get_a_sentence_each_and_change_nothing():
    nan = line(0.5, PATH[0]).replace(b'"t": 0.5', b'"t": NaN')
    bad = {
        b"hello": "Invalid JSON",
        b'{"t": 1}': "p: Field required",
        nan.strip(): "t: Input should be a finite number",
        line(0.5, 2 * PATH[0]).strip(): "norm 2",
        line(0.5, PATH[0] + 1e30 * torch.eye(7)[4]).strip(): "1e+30 m from the world's origin",
        b"x" * 200_000: "longer than 65536 bytes",
        b"[" * 9000: "Invalid JSON",
    }
    with serving() as (port, _):
        answers = conversation(port, [*LINES[:10], *(each + b"\n" for each in bad), LINES[3], *LINES[10:]])
    errors = [answer["error"] for answer in answers if "error" in answer]
    for error, words in zip(errors, bad.values(), strict=True):
        assert words in error
        assert "\n" not in error
    assert [answer["late"] for answer in answers if "late" in answer] == [1]
    assert_bodies(answers)


def test_a_second_client_is_told_that_one_is_served_and_the_next_begins_anew():
    with serving() as (port, _):
        with socket.create_connection(("127.0.0.1", port)) as first:
            first.recv(1)
            second = conversation(port, [])
        assert_bodies(conversation_when_free(port))
    assert second == [
        {"error": "another client is connected, and one is served at a time; try again"},
    ]


def conversation_when_free(port: int) -> list[dict]:
    until = time.monotonic() + 30
    while "error" in conversation(port, [])[0] and time.monotonic() < until:
        time.sleep(0.05)
    return conversation(port, LINES)


def test_poses_in_other_axes_are_turned_by_the_callers_function():
    def shifted(pose: torch.Tensor) -> torch.Tensor:
        return pose - torch.tensor([0, 0, 0, 0, 0, 0, 1.0], dtype=torch.float64)

    higher = PATH + torch.tensor([0, 0, 0, 0, 0, 0, 1.0])
    with serving(shifted) as (port, _):
        assert_bodies(conversation(port, [line(i / FPS, pose) for i, pose in enumerate(higher)]))


def test_wrong_axes_and_units_are_doubted():
    assert doubts(PATH, trained().usage) == []
    fallen = torch.tensor([2**-0.5, 2**-0.5, 0, 0, 0, 0, 1.6], dtype=torch.float64).expand(5, 7)
    assert not any("over z = 0" in sentence for sentence in doubts(fallen[:, :7], trained().usage))
    upside_down = torch.tensor([2**-0.5, -(2**-0.5), 0, 0, 0, 0, 160.0], dtype=torch.float64).expand(5, 7)
    up, height = doubts(upside_down, trained().usage)
    assert "goes along the world's by -1.00 on average" in up
    assert "the eyes are 160 m over z = 0, and the model was trained on 0.5 to 1.9 m" in height


def test_a_doubt_is_told_once_after_the_first_second_or_two():
    flat = torch.tensor([1.0, 0, 0, 0, 0, 0, 1.6], dtype=torch.float64)
    with serving() as (port, _):
        answers = conversation(port, [line(i / 72, flat) for i in range(75)])
    warnings = [answer["warning"] for answer in answers if "warning" in answer]
    assert len(warnings) == 1
    assert "the eyes' up goes along the world's by +0.00 on average" in warnings[0]


def warnings_of(lines: list[bytes]) -> list[str]:
    with serving() as (port, _):
        return [answer["warning"] for answer in conversation(port, lines) if "warning" in answer]


def test_a_clock_that_goes_back_is_told_once_with_the_way_out():
    warnings = warnings_of([line(100.0, PATH[0]), *LINES])
    assert warnings == [
        "the clock of the poses went back, and they are dropped until it is where it was; connect anew to "
        "begin another recording"
    ]
    assert warnings_of([*LINES[:10], LINES[8], *LINES[10:]]) == []


def test_bodies_that_fall_behind_their_poses_are_told_once(monkeypatch):
    """Our clock goes on by a second a pose, and theirs by a thirtieth."""
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=count().__next__))
    (warning,) = warnings_of(LINES)
    assert "poses are read more than 2 s after their time" in warning


def test_only_this_machine_is_listened_to():
    server = Server(0)
    with socket.create_connection(("127.0.0.1", server.port)):
        assert server.wait(5.0)
        assert server.client.connection.getsockname() == ("127.0.0.1", server.port)
    server.close()


def test_a_port_in_use_is_refused():
    server = Server(0)
    with pytest.raises(
        InputError, match=rf"port {server.port} of 127.0.0.1 cannot be .*; choose another, or 0"
    ):
        Server(server.port)
    server.close()


def test_a_client_that_does_not_read_loses_whole_lines_and_stops_nothing(monkeypatch):
    monkeypatch.setattr(wire, "UNREAD", 5000)
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client = Client(ours)
    for number in range(2000):
        client.reply({"number": number, "more": "x" * 50})
    assert client.dropped > 0
    theirs.settimeout(0.2)
    received = Thread(target=client.close)
    received.start()
    with theirs.makefile("rb") as answers:
        numbers = [json.loads(answer)["number"] for answer in answers]
    received.join()
    assert numbers == list(range(len(numbers)))
    assert len(numbers) == 2000 - client.dropped


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            b'{"t": 0, "p": [0, 0, 1], "q": [1, 0, 0]}',
            r"the line is not a pose: q(\.3)?: .*; send \{",
        ),
        (b'{"t": "0", "p": [0, 0, 1], "q": [1, 0, 0, 0]}', r"not a pose: t: Input should be a valid number"),
        (b'{"t": 0, "p": [0, 0, 1], "r": [1, 0, 0, 0]}', r"not a pose: 'r' is not a parameter"),
        (b'{"t": 1e999, "p": [0, 0, 1], "q": [1, 0, 0, 0]}', r"not a pose: t: Input should be a finite"),
        (b" " * 70_000, r"the line is longer than 65536 bytes"),
    ],
)
def test_a_line_that_is_no_pose_is_refused_by_what_is_wrong(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parsed(text)


def test_poses_of_another_format_become_ours_and_auto_is_sent_as_it_is():
    pose = torch.tensor([0.9, 0.1, 0.3, 0.3, 1.0, 1.6, -2.0])
    pose[:4] /= pose[:4].norm()
    assert_close(to_pupils(base_config())(pose), pose)
    ours = to_pupils(base_config(format="openxr"))(pose)
    assert_close(ours[4:], torch.tensor([1.0, 2.0, 1.6]))  # y up becomes z up
    level = to_pupils(base_config(format="openxr"))(torch.tensor([1.0, 0, 0, 0, 0, 1.6, 0]))
    forward = matrix_from_quaternion(level[:4])[:, 2]
    assert_close(forward, torch.tensor([0.0, 1.0, 0.0]))  # -z of the headset
