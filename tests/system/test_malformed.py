"""What is not allowed is answered with the right reason, closes that connection and hurts nobody else.

Each case sends its bytes after a good CONNECT. A v5 client is told the reason in a DISCONNECT; for
v3.1.1 there is no such packet and the connection just closes.
"""

import struct

import pytest
from support import mqtt_raw as m
from support.clients import Client

MALFORMED, PROTOCOL, CLIENT_ID, TOO_LARGE = 0x81, 0x82, 0x85, 0x95
TOPIC_ALIAS, QOS, TOPIC_NAME, FILTER = 0x94, 0x9B, 0x90, 0x8F


@pytest.fixture(scope="module")
def bystander(weft):
    """A well-behaved client that must never notice anything."""
    with m.Raw(weft.port) as client:
        client.connect("bystander", keep_alive=0)
        yield client


def raw_text(data):
    """A length-prefixed string from bytes that need not be UTF-8."""
    return struct.pack(">H", len(data)) + data


def v5_publish(topic, rest=b"\x00", qos=0, packet_id=b""):
    return m.packet(m.PUBLISH, qos << 1, raw_text(topic) + packet_id + rest)


SUB = struct.pack(">H", 1)

# name: (bytes for v5, reasons that are right)
AFTER_CONNECT = {
    "packet type 0": (b"\x00\x00", {MALFORMED}),
    "second CONNECT": (m.connect_packet("again"), {PROTOCOL}),
    "CONNACK from a client": (m.packet(m.CONNACK, 0, b"\x00\x00\x00"), {MALFORMED, PROTOCOL}),
    "SUBACK from a client": (m.packet(m.SUBACK, 0, b"\x00\x01\x00\x00"), {MALFORMED, PROTOCOL}),
    "UNSUBACK from a client": (m.packet(m.UNSUBACK, 0, b"\x00\x01\x00\x00"), {MALFORMED, PROTOCOL}),
    "PINGRESP from a client": (m.packet(m.PINGRESP, 0, b""), {MALFORMED, PROTOCOL}),
    "AUTH without a method": (m.packet(m.AUTH, 0, b""), {PROTOCOL}),
    "five length bytes": (b"\x30\xff\xff\xff\xff\x01", {MALFORMED}),
    "PINGREQ with flags": (m.packet(m.PINGREQ, 1, b""), {MALFORMED}),
    "PINGREQ with a body": (m.packet(m.PINGREQ, 0, b"x"), {MALFORMED}),
    "DISCONNECT with flags": (m.packet(m.DISCONNECT, 1, b""), {MALFORMED}),
    "QoS 3": (v5_publish(b"t", qos=3, packet_id=SUB), {MALFORMED}),
    "DUP at QoS 0": (m.packet(m.PUBLISH, 8, raw_text(b"t") + b"\x00"), {MALFORMED, PROTOCOL}),
    "packet id 0": (v5_publish(b"t", qos=1, packet_id=b"\x00\x00"), {MALFORMED, PROTOCOL}),
    "no topic, no alias": (v5_publish(b""), {PROTOCOL, MALFORMED, TOPIC_NAME}),
    "wildcard in a topic name": (v5_publish(b"a/#"), {MALFORMED, PROTOCOL, TOPIC_NAME}),
    "plus in a topic name": (v5_publish(b"a/+/b"), {MALFORMED, PROTOCOL, TOPIC_NAME}),
    "NUL in a topic name": (v5_publish(b"a\x00b"), {MALFORMED, TOPIC_NAME}),
    "broken UTF-8 in a topic name": (v5_publish(b"a\xc3("), {MALFORMED, TOPIC_NAME}),
    "overlong UTF-8": (v5_publish(b"\xc0\xaf"), {MALFORMED, TOPIC_NAME}),
    "surrogate in UTF-8": (v5_publish(b"\xed\xa0\x80"), {MALFORMED, TOPIC_NAME}),
    "topic longer than the packet": (m.packet(m.PUBLISH, 0, b"\x00\xffab"), {MALFORMED}),
    "properties longer than the packet": (v5_publish(b"t", b"\x7f"), {MALFORMED}),
    "unknown property": (v5_publish(b"t", b"\x02\x7e\x00"), {MALFORMED, PROTOCOL}),
    "property of another packet": (v5_publish(b"t", b"\x05\x11\x00\x00\x00\x01"), {MALFORMED, PROTOCOL}),
    "property twice": (v5_publish(b"t", b"\x04\x01\x01\x01\x01"), {PROTOCOL}),
    "payload format 2": (v5_publish(b"t", b"\x02\x01\x02"), {MALFORMED, PROTOCOL}),
    "subscription identifier": (v5_publish(b"t", b"\x02\x0b\x01"), {MALFORMED, PROTOCOL}),
    "wildcard in a response topic": (v5_publish(b"t", b"\x06\x08\x00\x03a/#"), {PROTOCOL, MALFORMED, TOPIC_NAME}),
    "topic alias 0": (v5_publish(b"t", b"\x03\x23\x00\x00"), {TOPIC_ALIAS}),
    "topic alias too high": (v5_publish(b"t", b"\x03\x23\xff\xff"), {TOPIC_ALIAS}),
    "SUBSCRIBE flags": (m.subscribe_packet(1, "a", flags=0), {MALFORMED}),
    "SUBSCRIBE without filter": (m.subscribe_packet(1), {PROTOCOL, MALFORMED}),
    "SUBSCRIBE packet id 0": (m.subscribe_packet(0, "a"), {PROTOCOL, MALFORMED}),
    "SUBSCRIBE QoS 3": (m.subscribe_packet(1, ("a", 3)), {PROTOCOL, MALFORMED}),
    "SUBSCRIBE reserved bits": (m.subscribe_packet(1, ("a", 0xC1)), {PROTOCOL, MALFORMED}),
    "SUBSCRIBE retain handling 3": (m.subscribe_packet(1, ("a", 0x31)), {PROTOCOL, MALFORMED}),
    "SUBSCRIBE identifier 0": (m.subscribe_packet(1, "a", props=[(m.SUBSCRIPTION_ID, 0)]), {PROTOCOL}),
    "UNSUBSCRIBE flags": (m.unsubscribe_packet(1, "a", flags=0), {MALFORMED}),
    "UNSUBSCRIBE without filter": (m.unsubscribe_packet(1), {PROTOCOL, MALFORMED}),
    "UNSUBSCRIBE packet id 0": (m.unsubscribe_packet(0, "a"), {PROTOCOL, MALFORMED}),
    "PUBACK cut short": (m.packet(m.PUBACK, 0, b"\x01"), {MALFORMED}),
    "PUBACK with flags": (m.packet(m.PUBACK, 2, b"\x00\x01"), {MALFORMED}),
    "PUBREL flags 0": (m.packet(m.PUBREL, 0, b"\x00\x01"), {MALFORMED}),
}  # fmt: skip


@pytest.mark.key
@pytest.mark.parametrize("name", AFTER_CONNECT)
def test_v5(weft, bystander, name):
    data, reasons = AFTER_CONNECT[name]
    with m.Raw(weft.port) as client:
        client.connect(f"bad-{abs(hash(name))}").send(data)
        got = client.expect(m.DISCONNECT)
        assert got.reason in reasons, f"0x{got.reason:02x}"
        client.expect_closed()
    bystander.ping()


V311 = {
    "packet type 0": b"\x00\x00",
    "packet type 15": b"\xf0\x00",
    "second CONNECT": m.connect_packet("again", 4),
    "five length bytes": b"\x30\xff\xff\xff\xff\x01",
    "QoS 3": m.packet(m.PUBLISH, 6, raw_text(b"t") + SUB),
    "packet id 0": m.packet(m.PUBLISH, 2, raw_text(b"t") + b"\x00\x00"),
    "empty topic": m.packet(m.PUBLISH, 0, raw_text(b"")),
    "wildcard in a topic name": m.packet(m.PUBLISH, 0, raw_text(b"a/#")),
    "NUL in a topic name": m.packet(m.PUBLISH, 0, raw_text(b"a\x00b")),
    "broken UTF-8": m.packet(m.PUBLISH, 0, raw_text(b"\xff")),
    "SUBSCRIBE flags": m.subscribe_packet(1, "a", version=4, flags=0),
    "SUBSCRIBE without filter": m.subscribe_packet(1, version=4),
    "SUBSCRIBE QoS 3": m.subscribe_packet(1, ("a", 3), version=4),
    "SUBSCRIBE v5 options": m.subscribe_packet(1, ("a", 0x0D), version=4),
    "UNSUBSCRIBE without filter": m.unsubscribe_packet(1, version=4),
    "SUBACK from a client": m.packet(m.SUBACK, 0, b"\x00\x01\x00"),
    "PUBREL flags 0": m.packet(m.PUBREL, 0, SUB),
}


@pytest.mark.key
@pytest.mark.parametrize("name", V311)
def test_v311(weft, bystander, name):
    with m.Raw(weft.port, 4) as client:
        client.connect(f"bad-{abs(hash(name))}").send(V311[name])
        client.expect_closed()
    bystander.ping()


FILTERS = ["a#", "#/a", "a/#/b", "a+", "+a/b", "a/b+/c", ""]


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("version", [4, 5])
def test_wrong_filters(weft, bystander, filter, version):
    # MQTT 5, 4.7.1; the standard allows refusing the filter or the connection
    with m.Raw(weft.port, version) as client:
        client.connect(f"bad-filter-{version}")
        client.send(m.subscribe_packet(1, filter, version=version))
        try:
            got = client.packet()
        except m.Closed:
            assert version == 4
        else:
            if got.kind == m.SUBACK:
                assert got.reasons == [FILTER if version == 5 else 0x80]
            else:
                assert (got.kind, version) == (m.DISCONNECT, 5)
                assert got.reason in (FILTER, PROTOCOL, MALFORMED)
    bystander.ping()


def test_shared_subscriptions_are_offered(weft):
    # MQTT 5, 3.2.2.3.13: absent means that they are available
    with m.Raw(weft.port) as client:
        client.connect("shared")
        assert client.connack.prop(m.SHARED_AVAILABLE, 1) == 1
        assert client.subscribe("$share/group/a") in ([0], [1], [2])


def connect_body(flags=0x02, client=b"c", props=b"\x00", rest=b"", name=b"MQTT", level=5):
    body = raw_text(name) + bytes([level, flags]) + b"\x00\x3c" + (props if level == 5 else b"")
    return m.packet(m.CONNECT, 0, body + raw_text(client) + rest)


# CONNECTs that a v5 server refuses in a CONNACK: name: (bytes, reasons)
CONNECTS = {
    "reserved flag": (connect_body(0x03), {MALFORMED}),
    "will QoS 3": (connect_body(0x1E, rest=b"\x00" + raw_text(b"w") + raw_text(b"")), {MALFORMED}),
    "will QoS without will": (connect_body(0x0A), {MALFORMED, PROTOCOL}),
    "will retain without will": (connect_body(0x22), {MALFORMED, PROTOCOL}),
    "will flag without will": (connect_body(0x06), {MALFORMED}),
    "user name flag without name": (connect_body(0x82), {MALFORMED}),
    "receive maximum 0": (connect_body(props=b"\x03\x21\x00\x00"), {PROTOCOL}),
    "maximum packet size 0": (connect_body(props=b"\x05\x27\x00\x00\x00\x00"), {PROTOCOL}),
    "receive maximum twice": (connect_body(props=b"\x06\x21\x00\x05\x21\x00\x05"), {PROTOCOL}),
    "request problem information 2": (connect_body(props=b"\x02\x17\x02"), {PROTOCOL}),
    "broken UTF-8 client id": (connect_body(client=b"\xff"), {MALFORMED, CLIENT_ID}),
    "NUL in the client id": (connect_body(client=b"a\x00"), {MALFORMED, CLIENT_ID}),
    "authentication method": (connect_body(props=b"\x06\x15\x00\x03abc"), {0x8C}),
    "authentication data alone": (connect_body(props=b"\x04\x16\x00\x01a"), {PROTOCOL}),
    "bytes after the payload": (connect_body(rest=b"x"), {MALFORMED}),
    "reserved client id": (connect_body(client=b"bob#will"), {CLIENT_ID}),
}


@pytest.mark.key
@pytest.mark.parametrize("name", CONNECTS)
def test_refused_connects(weft, bystander, name):
    data, reasons = CONNECTS[name]
    with m.Raw(weft.port) as client:
        client.send(data)
        got = client.expect(m.CONNACK)
        assert got.reason in reasons, f"0x{got.reason:02x}"
        assert not got.session_present
        client.expect_closed()
    bystander.ping()


def test_v311_connect_with_reserved_flag_just_closes(weft):
    # MQTT 3.1.1, 3.1.2-3
    with m.Raw(weft.port, 4) as client:
        client.send(connect_body(0x03, level=4))
        client.expect_closed()


def test_v311_empty_client_id_needs_a_clean_session(weft):
    # MQTT 3.1.1, 3.1.3-8
    with m.Raw(weft.port, 4) as client:
        client.connect("", expect=2, clean=False)
        client.expect_closed()


def test_v311_reserved_client_id(weft):
    with m.Raw(weft.port, 4) as client:
        client.connect("bob#owner", expect=2)
        client.expect_closed()


@pytest.mark.parametrize("level", [3, 6, 255])
def test_unknown_protocol_level(weft, level):
    # MQTT 3.1.1, 3.1.2-2 asks for 0x01; MQTT 5, 3.1.2-2 for 0x84
    with m.Raw(weft.port) as client:
        client.send(connect_body(level=level))
        assert client.expect(m.CONNACK).reason in (0x01, 0x84)
        client.expect_closed()


def test_other_protocol_name(weft):
    with m.Raw(weft.port) as client:
        client.send(connect_body(name=b"MQTQ"))
        try:
            got = client.packet()
        except m.Closed:
            return
        assert (got.kind, got.reason) == (m.CONNACK, 0x84)


FIRST = {
    "PINGREQ": m.packet(m.PINGREQ, 0, b""),
    "PUBLISH": m.publish_packet("t"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": bytes(64),
    "TLS": bytes.fromhex("16030100a5010000a10303"),
}


@pytest.mark.key
@pytest.mark.parametrize("name", FIRST)
def test_first_packet_is_no_connect(weft, bystander, name):
    # MQTT 5, 3.1.0-1: closed without an answer
    with m.Raw(weft.port) as client:
        client.send(FIRST[name])
        client.expect_closed()
    bystander.ping()


def test_silent_connection_is_closed(weft):
    with m.Raw(weft.port) as client:
        client.expect_closed()


def test_half_a_connect_is_closed(weft):
    with m.Raw(weft.port) as client:
        client.send(m.connect_packet("half")[:9])
        client.expect_closed()


@pytest.mark.key
def test_packet_above_the_announced_maximum(weft):
    with m.Raw(weft.port) as client:
        client.connect("large")
        limit = client.connack.prop(m.MAXIMUM_PACKET_SIZE)
        assert limit, "the server should announce what it takes"
        client.send(b"\x30" + m.varint(limit + 1) + raw_text(b"t") + b"\x00")
        assert client.expect(m.DISCONNECT).reason == TOO_LARGE


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_a_legal_session_byte_by_byte(weft, prefix, version):
    """Where packets are cut on their way does not matter."""
    session = [
        m.connect_packet(f"slow-{version}", version),
        m.subscribe_packet(1, f"{prefix}/+", version=version),
        m.publish_packet(f"{prefix}/a", b"payload", version=version, qos=1, packet_id=2),
        m.packet(m.PINGREQ, 0, b""),
    ]
    with m.Raw(weft.port, version) as client:
        for byte in b"".join(session):
            client.send(bytes([byte]))
        kinds = [client.packet().kind for _ in range(5)]
        assert sorted(kinds) == sorted([m.CONNACK, m.SUBACK, m.PUBACK, m.PUBLISH, m.PINGRESP])


def test_a_legal_session_in_one_segment(weft, prefix):
    with m.Raw(weft.port) as client:
        client.send(
            m.connect_packet(f"{prefix}-fast"),
            m.subscribe_packet(1, f"{prefix}/+"),
            m.publish_packet(f"{prefix}/a", b"payload", qos=1, packet_id=2),
        )
        kinds = [client.packet().kind for _ in range(4)]
        assert kinds[:2] == [m.CONNACK, m.SUBACK]
        assert sorted(kinds[2:]) == [m.PUBLISH, m.PUBACK]


def test_the_server_works_on_after_all_that(weft, prefix):
    with Client(weft.port) as client:
        client.subscribe(f"{prefix}/t")
        client.publish(f"{prefix}/t", b"still here")
        assert client.receive().payload == b"still here"
