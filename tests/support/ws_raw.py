"""A WebSocket client that sends whatever it is told to, legal or not, by code of its own.

`upgrade` is the request as text, `frame` a frame as bytes; `WsRaw` holds a socket that has (or has not) been upgraded.
`WsSocket` looks like a socket: what is sent and received are the payloads of binary frames, cut where it likes.
"""

import base64
import hashlib
import random
import socket
import struct
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = base64.b64encode(b"sixteen bytes ok").decode()


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def upgrade(protocol="mqtt", *, path="/mqtt", method="GET", host="localhost", drop=(), lines=(), version="13", key=KEY):
    """The request; `drop` are fields that it lacks, `lines` more of them."""
    fields = [("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
              ("Sec-WebSocket-Version", version)]  # fmt: skip
    if protocol:
        fields.append(("Sec-WebSocket-Protocol", protocol))
    kept = [f"{name}: {value}" for name, value in fields if name.lower() not in drop]
    return ("\r\n".join([f"{method} {path} HTTP/1.1", *kept, *lines]) + "\r\n\r\n").encode()


def masked(data, key):
    whole = int.from_bytes((key * (len(data) // 4 + 1))[: len(data)], "big")
    return (int.from_bytes(data, "big") ^ whole).to_bytes(len(data), "big")


def frame(op, payload=b"", *, fin=True, rsv=0, key=b"\x01\x02\x03\x04", length=None):
    """`key` None: not masked. `length`: how many bytes the length is written in, beyond the first."""
    payload = payload.encode() if isinstance(payload, str) else payload
    if length is None:
        length = 0 if len(payload) < 126 else 2 if len(payload) < 65536 else 8
    first = {0: len(payload), 2: 126, 8: 127}[length]
    head = bytes([(0x80 if fin else 0) | rsv << 4 | op, (0x80 if key is not None else 0) | first])
    head += {0: b"", 2: struct.pack(">H", len(payload)) if length == 2 else b"", 8: struct.pack(">Q", len(payload))}[length]
    return head + payload if key is None else head + key + masked(payload, key)


def close_frame(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


@dataclass
class Frame:
    op: int
    payload: bytes
    fin: bool
    rsv: int
    masked: bool

    @property
    def code(self):
        return struct.unpack(">H", self.payload[:2])[0] if len(self.payload) >= 2 else None


class Ended(Exception):
    """The server closed the connection."""


class WsRaw:
    def __init__(self, port, timeout=30, tls=None, name="localhost"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))
        return self

    def _more(self):
        try:
            part = self.socket.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            raise Ended()
        self.rest += part

    def take(self, size):
        while len(self.rest) < size:
            self._more()
        got, self.rest = self.rest[:size], self.rest[size:]
        return got

    def answer(self):
        """The head of an HTTP answer: status, and its fields with lower case names."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        fields = dict((k.strip().lower(), v.strip()) for k, v in (line.split(":", 1) for line in lines))
        return int(first.split()[1]), fields

    def connect(self, protocol="mqtt", **options):
        self.send(upgrade(protocol, **options))
        status, self.fields = self.answer()
        assert status == 101, f"{status}: {self.rest!r}"
        assert self.fields["sec-websocket-accept"] == accept_of(options.get("key", KEY))
        return self

    def frame(self):
        first, second = self.take(2)
        size = second & 127
        if size > 125:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        key = self.take(4) if second & 128 else None
        payload = self.take(size)
        return Frame(first & 15, masked(payload, key) if key else payload, bool(first & 128), first >> 4 & 7, key is not None)

    def message(self):
        """The next message; pings are answered. Opcode and payload."""
        op, payload = None, b""
        while True:
            got = self.frame()
            if got.op == PING:
                self.send(frame(PONG, got.payload))
            elif got.op in (TEXT, BINARY, CONTINUATION):
                assert (got.op == CONTINUATION) == (op is not None), got
                op = op or got.op
                payload += got.payload
                if got.fin:
                    return op, payload
            else:
                assert got.op == PONG, f"expected a message, got {got}"

    def expect(self, op):
        got = self.frame()
        assert got.op == op, f"expected opcode {op}, got {got}"
        return got

    def expect_close(self, code):
        """A Close with this code, and then the end of the connection."""
        got = self.expect(CLOSE)
        assert got.code == code, f"closed with {got.code} {got.payload[2:]!r}, expected {code}"
        self.expect_end()

    def expect_end(self):
        try:
            got = self.take(1)
        except Ended:
            return
        raise AssertionError(f"expected the end, got {got + self.rest!r}")


class WsSocket:
    """The bytes of an upgraded connection, where a test wants a socket."""

    def __init__(self, raw_socket):
        self.ws = WsRaw.__new__(WsRaw)
        self.ws.socket, self.ws.rest = raw_socket, b""
        self.ws.connect("mqtt")
        assert self.ws.fields["sec-websocket-protocol"] == "mqtt"
        self.pending, self.closed = b"", False
        self.random = random.Random(1)

    def __getattr__(self, name):
        return getattr(self.ws.socket, name)

    def frames(self, data):
        """Packets and frames have nothing to do with each other: some are cut, some in fragments."""
        out, at = [], 0
        while at < len(data):
            n = self.random.choice([1, 2, 17, 1000, 100_000, 100_000])
            part, at = data[at : at + n], at + n
            if len(part) > 2 and self.random.random() < 0.3:
                out += [frame(BINARY, part[:2], fin=False), frame(CONTINUATION, part[2:])]
            else:
                out.append(frame(BINARY, part))
        return b"".join(out)

    def sendall(self, data):
        self.ws.socket.sendall(self.frames(data))

    send = sendall

    def recv(self, size):
        while not self.pending and not self.closed:
            try:
                got = self.ws.frame()
            except Ended:
                return b""
            if got.op == PING:
                self.ws.send(frame(PONG, got.payload))
            elif got.op == CLOSE:
                self.closed = True
                try:
                    self.ws.send(frame(CLOSE, got.payload))
                except OSError:
                    pass  # it is closed already
            elif got.op in (BINARY, CONTINUATION):
                self.pending += got.payload
            else:
                raise AssertionError(f"for MQTT there are no frames like {got}")
        out, self.pending = self.pending[:size], self.pending[size:]
        return out
