"""Tests do not connect to other machines."""

import asyncio
import socket
import urllib.request

import pytest


@pytest.mark.parametrize(
    "ask",
    [
        lambda: socket.create_connection(("example.org", 80)),
        lambda: socket.socket().connect(("192.0.2.1", 80)),
        lambda: urllib.request.urlopen("http://example.org"),
        lambda: asyncio.run(asyncio.open_connection("192.0.2.1", 80)),
    ],
)
def test_asking_for_another_machine_fails_at_once(ask):
    with pytest.raises(RuntimeError, match="tests know no other machine than this"):
        ask()


def test_this_machine_may_be_asked():
    with socket.create_server(("localhost", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        pass
