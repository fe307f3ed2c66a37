"""Lines of JSON over a loopback socket: poses come in, bodies and refusals go out."""

import json
import selectors
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import torch
from jaxtyping import Float
from pydantic import Field, ValidationError
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.diffusion.streaming import BodyFrame
from motiongrpo.head.path import Touch

LOOPBACK = "127.0.0.1"
LONGEST_LINE = 64 * 1024  # bytes
READ = 4 * 1024  # bytes at once: some dozens of poses, so that nobody else waits long
UNREAD = 4 * 1024 * 1024  # bytes kept for a client that does not read; what does not fit is dropped
LAST_WORDS_S = 2.0  # to send what is left when a connection ends
EXAMPLE = '{"t": seconds, "p": [x, y, z], "q": [w, x, y, z]}'


Number = Annotated[float, Field(strict=True)]  # no text, no true or false


class PoseLine(Config):
    """One line of a client: seconds by its clock, position in metres, unit quaternion `wxyz`."""

    t: Number
    p: tuple[Number, Number, Number]
    q: tuple[Number, Number, Number, Number]


def parsed(line: bytes) -> tuple[float, Float[Tensor, "7"]]:
    """Time and pose of a line, float64, in the sender's axes; raises InputError where it is none."""
    if len(line) > LONGEST_LINE:
        raise InputError(f"the line is longer than {LONGEST_LINE} bytes; send one pose a line, {EXAMPLE}")
    try:
        pose = PoseLine.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        said = fault["msg"].removeprefix("Value error, ")
        raise InputError(f"the line is not a pose: {where and where + ': '}{said}; send {EXAMPLE}") from error
    return pose.t, torch.tensor([*pose.q, *pose.p], dtype=torch.float64)


def body_record(body: BodyFrame) -> dict[str, Any]:
    """A body as a line says it: metres, quaternions `wxyz`, joints in the order of SMPL."""
    return {
        "t": round(body.pose.time_s, 6),
        "stretch": body.pose.stretch,
        "gap": Touch.GAP in body.pose.touched,
        "p_root": _rounded(body.T_world_root[4:]),
        "q_root": _rounded(body.T_world_root[:4]),
        "q_parent_joint": _rounded(body.q_parent_joint),
        "betas": _rounded(body.betas),
    }


def _rounded(values: Tensor) -> list[Any]:
    return values.double().mul(1e6).round().div(1e6).tolist()


class Client:
    """A connection of lines; it neither waits for the client to send nor for it to read."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.dropped = 0  # records that the client did not read in time
        self._in, self._out, self._too_long = bytearray(), bytearray(), False

    def lines(self) -> Iterator[bytes] | None:
        """The lines that are there now; None when the client has ended. Of a line too long, its beginning."""
        try:
            data = self.connection.recv(READ)
        except BlockingIOError:
            return iter(())
        except OSError:
            return None
        return self._split(data) if data else None

    def _split(self, data: bytes) -> Iterator[bytes]:
        self._in += data
        *whole, rest = bytes(self._in).split(b"\n")
        self._in = bytearray(rest)
        for line in whole:
            if not self._too_long:
                yield line
            self._too_long = False
        if len(rest) > LONGEST_LINE:
            if not self._too_long:
                yield rest
            self._too_long = True
            self._in.clear()

    def reply(self, record: dict[str, Any]) -> None:
        """Send a line as soon as the client takes it, or drop it if the client has not read for long."""
        line = json.dumps(record).encode() + b"\n"
        if len(self._out) + len(line) > UNREAD:
            self.dropped += 1
        else:
            self._out += line
        self.flush()

    def flush(self) -> None:
        """Send what the connection takes now."""
        with suppress(OSError):
            while self._out:
                del self._out[: self.connection.send(self._out)]

    def close(self) -> None:
        """Send what is left, if the client reads it soon, and end the connection."""
        with suppress(OSError):
            self.connection.settimeout(LAST_WORDS_S)
            self.connection.sendall(self._out)
        self.connection.close()


class Server:
    """One client at a time; a second is told so and sent away."""

    def __init__(self, port: int) -> None:
        try:
            self._listener = socket.create_server((LOOPBACK, port))
        except OSError as error:
            raise InputError(
                f"port {port} of {LOOPBACK} cannot be listened on: {error.strerror}; choose another, or 0 "
                "for any that is free"
            ) from error
        self.port: int = self._listener.getsockname()[1]
        self.client: Client | None = None
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._listener, selectors.EVENT_READ)

    def wait(self, seconds: float) -> bool:
        """Wait so long for lines or a client; True where a new client has come."""
        came = False
        for key, _ in self._ready.select(seconds):
            if key.fileobj is self._listener:
                came |= self._accept()
        if self.client is not None:
            self.client.flush()
        return came

    def _accept(self) -> bool:
        client = Client(self._listener.accept()[0])
        if self.client is not None:
            client.reply({"error": "another client is connected, and one is served at a time; try again"})
            client.close()
            return False
        self.client = client
        self._ready.register(client.connection, selectors.EVENT_READ)
        return True

    def end_client(self) -> None:
        """End the connection, after what was said last."""
        if self.client is not None:
            self._ready.unregister(self.client.connection)
            self.client.close()
            self.client = None

    def close(self) -> None:
        """End the connection and free the port."""
        self.end_client()
        self._ready.close()
        self._listener.close()
