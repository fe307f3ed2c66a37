"""Access to the viewer: for its own pages only."""

import http.client
import socket

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from motiongrpo.viz.viewer.server import ServerConfig, started_server
from motiongrpo.viz.viewer.visitors import is_own

viser = pytest.importorskip("viser", reason="the extra viewer is not installed")


@pytest.fixture(scope="module")
def port():
    server = started_server(ServerConfig(host="localhost", port=0, open_seconds=None))
    yield server.get_port()
    server.stop()


def shake_hands(port: int, origin: str | None, host: str) -> None:
    """Open and close a WebSocket like a page of this origin, under this name of the server."""
    where = socket.create_connection(("localhost", port))
    spoken = Subprotocol(f"viser-v{viser.__version__}")
    page = None if origin is None else Origin(origin)
    connect(f"ws://{host}", sock=where, origin=page, subprotocols=[spoken]).close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_its_own_page_and_a_client_without_a_page_are_let_in(port, name):
    shake_hands(port, f"http://{name}:{port}", f"{name}:{port}")
    shake_hands(port, None, f"{name}:{port}")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "localhost:{port}"),
        ("null", "localhost:{port}"),
        ("http://localhost:1", "localhost:{port}"),
        ("http://evil.example:{port}", "evil.example:{port}"),
        (None, "evil.example:{port}"),
    ],
)
def test_a_foreign_page_or_name_is_refused(port, origin, host):
    page = None if origin is None else origin.format(port=port)
    with pytest.raises(InvalidStatus, match="403"):
        shake_hands(port, page, host.format(port=port))


def test_its_page_is_served_under_its_own_name_alone(port):
    for host, status in (("localhost", 200), ("evil.example", 403)):
        connection = http.client.HTTPConnection("localhost", port)
        connection.request("GET", "/", headers={"Host": f"{host}:{port}"})
        assert connection.getresponse().status == status
        connection.close()


@pytest.mark.parametrize(
    ("host", "named", "own"),
    [
        ("10.0.0.7", "10.0.0.7:80", True),
        ("10.0.0.7", "10.0.0.8:80", False),
        ("0.0.0.0", "10.0.0.8:80", True),
        ("0.0.0.0", "[fd00::1]:80", True),
        ("0.0.0.0", "evil.example", False),
        ("studio", "STUDIO:80", True),
        ("localhost", "[::1", False),
    ],
)
def test_a_server_for_whoever_reaches_it_goes_by_addresses_and_no_foreign_name(host, named, own):
    assert is_own(Headers(Host=named), host) == own
    assert not is_own(Headers(), host)
