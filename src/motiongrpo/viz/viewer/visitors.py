"""Access to the viewer: only for pages that it serves itself, under its own names.

A browser lets any page open a WebSocket to this machine, and a foreign name can be made to resolve to it (DNS
rebinding). The headers `Origin` and `Host` reveal such requests.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.datastructures import Headers
    from websockets.http11 import Request, Response

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
EVERYWHERE = {"0.0.0.0", "::"}


@contextmanager
def own_visitors_only(host: str) -> Iterator[None]:
    """Make servers that websockets starts in this block refuse every request of another `Origin` or `Host`.

    viser has no option for it, so its call of `websockets.asyncio.server.serve` is wrapped with a check.
    """
    import websockets.asyncio.server as server

    serve = server.serve

    def guarded(*given: Any, process_request: Any = None, **named: Any) -> Any:
        def check(connection: ServerConnection, request: Request) -> Response | None:
            if not is_own(request.headers, host):
                return connection.respond(HTTPStatus.FORBIDDEN, "this viewer serves its own pages only\n")
            return process_request(connection, request) if process_request else None

        return serve(*given, process_request=check, **named)

    server.serve = guarded  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        server.serve = serve  # type: ignore[misc]


def is_own(headers: Headers, host: str) -> bool:
    """Whether a request names a server at `host`, and comes from its pages or from no page at all."""
    hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
    try:
        named = urlsplit(f"//{hosts[0]}").hostname if len(hosts) == 1 else None
        return (
            named is not None
            and _is_name_of(named, host)
            and all(urlsplit(origin).netloc == hosts[0] for origin in origins)
        )
    except ValueError:  # from a malformed address
        return False


def _is_name_of(named: str, host: str) -> bool:
    """Whether a server at `host` has this name; one at 0.0.0.0 has any address, and its machine's name."""
    if named in LOOPBACK | {host.lower()}:
        return True
    if host not in EVERYWHERE:
        return False
    return named in {socket.gethostname().lower(), socket.getfqdn().lower()} or _is_address(named)


def _is_address(named: str) -> bool:
    try:
        ipaddress.ip_address(named)
    except ValueError:
        return False
    return True
