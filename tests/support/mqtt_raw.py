"""A packet-level MQTT client that sends whatever it is told to, legal or not.

`Raw` holds a socket; `connect_packet`, `publish_packet` ... make packets as bytes, and `Raw.packet()`
reads one back as a `Packet` with the fields that tests look at. It shares no code with the server.
"""

import socket
import ssl
import struct
from dataclasses import dataclass, field

from support import transport

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)

# MQTT 5, 2.2.2.2: property identifier -> kind of its value
PROPERTIES = {
    0x01: "u8", 0x02: "u32", 0x03: "text", 0x08: "text", 0x09: "data", 0x0B: "varint",
    0x11: "u32", 0x12: "text", 0x13: "u16", 0x15: "text", 0x16: "data", 0x17: "u8",
    0x18: "u32", 0x19: "u8", 0x1A: "text", 0x1C: "text", 0x1F: "text", 0x21: "u16",
    0x22: "u16", 0x23: "u16", 0x24: "u8", 0x25: "u8", 0x26: "pair", 0x27: "u32",
    0x28: "u8", 0x29: "u8", 0x2A: "u8",
}  # fmt: skip

(PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION_DATA) = (1, 2, 3, 8, 9)
(SUBSCRIPTION_ID, SESSION_EXPIRY, ASSIGNED_CLIENT_ID, SERVER_KEEP_ALIVE) = (0x0B, 0x11, 0x12, 0x13)
(REASON_STRING, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM, TOPIC_ALIAS) = (0x1F, 0x21, 0x22, 0x23)
(MAXIMUM_QOS, RETAIN_AVAILABLE, USER_PROPERTY, MAXIMUM_PACKET_SIZE) = (0x24, 0x25, 0x26, 0x27)
(SHARED_AVAILABLE, REQUEST_PROBLEM_INFORMATION) = (0x2A, 0x17)
(AUTHENTICATION_METHOD, AUTHENTICATION_DATA, WILL_DELAY) = (0x15, 0x16, 0x18)
(REQUEST_RESPONSE_INFORMATION, RESPONSE_INFORMATION) = (0x19, 0x1A)


def varint(value):
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def data(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def properties(*items):
    """Each item is (identifier, value), kept in order; illegal repetitions are the caller's choice."""
    out = b""
    for identifier, value in items:
        kind = PROPERTIES[identifier]
        out += varint(identifier)
        if kind == "pair":
            out += data(value[0]) + data(value[1])
        elif kind in ("text", "data"):
            out += data(value)
        elif kind == "varint":
            out += varint(value)
        else:
            out += struct.pack({"u8": ">B", "u16": ">H", "u32": ">I"}[kind], value)
    return varint(len(out)) + out


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def connect_packet(client_id="raw", version=5, *, clean=True, keep_alive=60, props=(), flags=None,
                   name="MQTT", rest=b"", user=None, password=None, will=None):  # fmt: skip
    """`will` is a dictionary: topic, and payload, qos, retain, props where they matter."""
    if flags is None:
        flags = (0x02 if clean else 0) | (0x80 if user is not None else 0)
        flags |= 0x40 if password is not None else 0
        if will:
            flags |= 0x04 | will.get("qos", 0) << 3 | (0x20 if will.get("retain") else 0)
    body = data(name) + bytes([version, flags]) + struct.pack(">H", keep_alive)
    if version == 5:
        body += properties(*props)
    body += data(client_id) + rest
    if will:
        body += properties(*will.get("props", ())) if version == 5 else b""
        body += data(will["topic"]) + data(will.get("payload", b""))
    body += b"".join(data(x) for x in (user, password) if x is not None)
    return packet(CONNECT, 0, body)


def lasting(version=5, expiry=1000):
    """Options of `Raw.connect` for a session that outlives its connection."""
    return {"clean": False, "props": [(SESSION_EXPIRY, expiry)]} if version == 5 else {"clean": False}


def publish_packet(topic, payload=b"", *, version=5, qos=0, packet_id=None, retain=False, dup=False,
                   props=()):  # fmt: skip
    body = data(topic)
    if packet_id is not None:
        body += struct.pack(">H", packet_id)
    if version == 5:
        body += properties(*props)
    payload = payload.encode() if isinstance(payload, str) else payload
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | int(retain), body + payload)


def subscribe_packet(packet_id, *filters, version=5, props=(), flags=2):
    """Each filter is text (maximum QoS 1) or (text, options byte)."""
    body = struct.pack(">H", packet_id) + (properties(*props) if version == 5 else b"")
    for item in filters:
        text, options = item if isinstance(item, tuple) else (item, 1)
        body += data(text) + bytes([options])
    return packet(SUBSCRIBE, flags, body)


def unsubscribe_packet(packet_id, *filters, version=5, flags=2):
    body = struct.pack(">H", packet_id) + (properties() if version == 5 else b"")
    return packet(UNSUBSCRIBE, flags, body + b"".join(data(f) for f in filters))


def ack_packet(kind, packet_id, reason=None):
    body = struct.pack(">H", packet_id) + (b"" if reason is None else bytes([reason]))
    return packet(kind, 2 if kind == PUBREL else 0, body)


def disconnect_packet(reason=None, props=()):
    if reason is None:
        return packet(DISCONNECT, 0, b"")
    return packet(DISCONNECT, 0, bytes([reason]) + (properties(*props) if props else b""))


def auth_packet(reason, method, value=None):
    props = [(AUTHENTICATION_METHOD, method)]
    if value is not None:
        props.append((AUTHENTICATION_DATA, value))
    return packet(AUTH, 0, bytes([reason]) + properties(*props))


@dataclass
class Packet:
    kind: int
    flags: int
    body: bytes
    packet_id: int | None = None
    reason: int | None = None
    reasons: list = field(default_factory=list)
    session_present: bool = False
    topic: str | None = None
    payload: bytes = b""
    props: list = field(default_factory=list)

    @property
    def qos(self):
        return self.flags >> 1 & 3

    @property
    def retain(self):
        return bool(self.flags & 1)

    @property
    def dup(self):
        return bool(self.flags & 8)

    def prop(self, identifier, default=None):
        return next((v for i, v in self.props if i == identifier), default)

    def all(self, identifier):
        return [v for i, v in self.props if i == identifier]


class Cursor:
    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, size):
        assert self.at + size <= len(self.body), f"packet too short: {self.body.hex()}"
        self.at += size
        return self.body[self.at - size : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def data(self):
        return self.take(self.number(2))

    def varint(self):
        value, shift = 0, 0
        while True:
            digit = self.number(1)
            value |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return value

    def left(self):
        return len(self.body) - self.at

    def properties(self):
        end, found = self.varint(), []
        end += self.at
        while self.at < end:
            identifier = self.varint()
            kind = PROPERTIES[identifier]
            if kind == "pair":
                value = (self.data().decode(), self.data().decode())
            elif kind == "text":
                value = self.data().decode()
            elif kind == "data":
                value = self.data()
            elif kind == "varint":
                value = self.varint()
            else:
                value = self.number({"u8": 1, "u16": 2, "u32": 4}[kind])
            found.append((identifier, value))
        assert self.at == end, "properties longer than their length says"
        return found


def parse(kind, flags, body, version):
    result, c, v5 = Packet(kind, flags, body), Cursor(body), version == 5
    if kind == CONNACK:
        result.session_present = bool(c.number(1) & 1)
        result.reason = c.number(1)
        result.props = c.properties() if c.left() else []
    elif kind == PUBLISH:
        result.topic = c.data().decode()
        if result.qos:
            result.packet_id = c.number(2)
        result.props = c.properties() if v5 else []
        result.payload = c.take(c.left())
    elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        result.packet_id = c.number(2)
        result.reason = c.number(1) if c.left() else 0
        result.props = c.properties() if c.left() else []
    elif kind in (SUBACK, UNSUBACK):
        result.packet_id = c.number(2)
        result.props = c.properties() if v5 else []
        result.reasons = list(c.take(c.left()))
    elif kind in (DISCONNECT, AUTH):
        result.reason = c.number(1) if c.left() else 0
        result.props = c.properties() if c.left() else []
    return result


class Closed(Exception):
    """The server closed the connection."""


class Raw:
    """One connection, of TCP or of what WEFT_TEST_TRANSPORT names. Every read has a deadline; a server that says nothing is an error."""

    def __init__(self, port, version=5, timeout=30, receive_buffer=None):
        self.version = version
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = transport.wrap(self.socket)
        self.connack = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *packets):
        self.socket.sendall(b"".join(packets))
        return self

    def connect(self, client_id="raw", expect=0, **options):
        self.send(connect_packet(client_id, self.version, **options))
        self.connack = self.expect(CONNACK)
        assert self.connack.reason == expect, f"CONNACK 0x{self.connack.reason:02x}"
        return self

    def read(self, size):
        got = b""
        while len(got) < size:
            try:
                part = self.socket.recv(size - len(got))
            except (ConnectionResetError, ssl.SSLError):
                part = b""
            if not part:
                raise Closed()
            got += part
        return got

    def packet(self):
        head = self.read(1)[0]
        size, shift = 0, 0
        while True:
            digit = self.read(1)[0]
            size |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                break
        return parse(head >> 4, head & 15, self.read(size), self.version)

    def expect(self, kind):
        got = self.packet()
        assert got.kind == kind, f"expected packet type {kind}, got {got}"
        return got

    def subscribe(self, *filters, packet_id=1, **options):
        """Subscribes and returns the SUBACK's reason codes; earlier PUBLISHes are an error."""
        self.send(subscribe_packet(packet_id, *filters, version=self.version, **options))
        ack = self.expect(SUBACK)
        assert ack.packet_id == packet_id
        return ack.reasons

    def publish(self, topic, payload=b"", *, qos=1, packet_id=1, **options):
        """Publishes, at QoS 1 waits for the PUBACK and returns it."""
        self.send(
            publish_packet(
                topic, payload, version=self.version, qos=qos,
                packet_id=packet_id if qos else None, **options,
            )  # fmt: skip
        )
        if not qos:
            return None
        ack = self.expect(PUBACK)
        assert ack.packet_id == packet_id
        return ack

    def publish_exactly_once(self, topic, payload=b"", *, packet_id=1, **options):
        """A whole QoS 2 publish: PUBLISH, PUBREC, PUBREL, PUBCOMP."""
        self.send(publish_packet(topic, payload, version=self.version, qos=2,
                                 packet_id=packet_id, **options))  # fmt: skip
        assert self.expect(PUBREC).packet_id == packet_id
        self.send(ack_packet(PUBREL, packet_id))
        assert self.expect(PUBCOMP).packet_id == packet_id

    def receive_exactly_once(self):
        """A whole QoS 2 delivery; returns the PUBLISH."""
        got = self.expect(PUBLISH)
        assert got.qos == 2, got
        self.send(ack_packet(PUBREC, got.packet_id))
        assert self.expect(PUBREL).packet_id == got.packet_id
        self.send(ack_packet(PUBCOMP, got.packet_id))
        return got

    def ping(self):
        self.send(packet(PINGREQ, 0, b""))
        return self.expect(PINGRESP)

    def disconnect(self):
        self.send(packet(DISCONNECT, 0, b""))
        self.expect_closed()

    def expect_closed(self):
        """The server closes, and says nothing before."""
        try:
            got = self.packet()
        except Closed:
            return
        raise AssertionError(f"expected the connection to be closed, got {got}")
