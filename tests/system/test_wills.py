"""Wills: published whenever a client goes without a DISCONNECT 0x00, and as any other publish."""

import time

import pytest
from support import mqtt_raw as m
from support.clients import Client
from support.weft import Topics, start_example

ENDS = ["close", "disconnect_with_will", "malformed", "protocol_error", "keep_alive", "takeover", "reset"]


@pytest.fixture(scope="module")
def topics(kafka):
    return Topics().create(kafka, partitions=3)


@pytest.fixture(scope="module")
def pair(kafka, topics):
    fast = ["zilla.binding.mqtt.keep.alive.minimum=1"]
    with (
        start_example(kafka, topics, workers=2, properties=fast) as one,
        start_example(kafka, topics, workers=2, properties=fast) as two,
    ):
        yield one, two


@pytest.fixture
def weft(pair):
    return pair[0]


def will(prefix, payload=b"gone", **more):
    return {"topic": f"{prefix}/will", "payload": payload, "qos": 1, **more}


def nothing_came(sub, pub, prefix):
    """What came before a message that is published now would be here before it."""
    pub.publish(f"{prefix}/will", b"mark")
    assert sub.receive().payload == b"mark"


def end(weft, client, client_id, how):
    if how == "reset":  # an RST instead of a FIN
        import socket
        import struct

        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "disconnect_with_will":
        client.send(m.disconnect_packet(0x04))
    elif how == "malformed":
        client.send(m.packet(m.PUBLISH, 6, b"\x00\x01t\x00\x01"))
    elif how == "protocol_error":
        client.send(m.connect_packet(client_id, client.version))
    elif how == "takeover":
        m.Raw(weft.port, client.version).connect(client_id).disconnect()
    if how == "keep_alive":
        if client.version == 5:
            assert client.expect(m.DISCONNECT).reason == 0x8D
        client.expect_closed()
    client.socket.close()


# [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-14]
# 3.1.1 [MQTT-3.1.2-8] 3.1.1 [MQTT-3.1.2-16] 3.1.1 [MQTT-3.14.4-3]
@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("how", ENDS)
def test_published(weft, prefix, version, how):
    if version == 4 and how == "disconnect_with_will":
        how = "close"  # there is no such DISCONNECT in 3.1.1
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/#", 2)
        client = m.Raw(weft.port, version).connect(
            f"{prefix}-c", will=will(prefix, qos=2), keep_alive=1 if how == "keep_alive" else 60
        )
        end(weft, client, f"{prefix}-c", how)
        got = sub.receive()
        assert (got.topic, got.payload, got.qos, got.retain) == (f"{prefix}/will", b"gone", 2, False)
        with Client(weft.port) as pub:
            nothing_came(sub, pub, prefix)  # once


@pytest.mark.parametrize("version", [4, 5])
def test_discarded_by_disconnect(weft, prefix, version):
    # [MQTT-3.14.4-3] [MQTT-3.1.2-10] 3.1.1 [MQTT-3.1.2-10]
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/#")
        with m.Raw(weft.port, version) as client:
            client.connect(f"{prefix}-c", will=will(prefix)).disconnect()
        with m.Raw(weft.port, version) as client:  # without one: the other is gone for good
            client.connect(f"{prefix}-c")
        nothing_came(sub, pub, prefix)


def test_no_will_no_message(weft, prefix):
    # 3.1.1 [MQTT-3.1.2-12]
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/#")
        m.Raw(weft.port, 4).connect(f"{prefix}-c").socket.close()
        nothing_came(sub, pub, prefix)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_retained(weft, prefix, version, qos):
    # [MQTT-3.1.2-15] 3.1.1 [MQTT-3.1.2-17]
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/#", 2)
        nothing_came(sub, pub, prefix)  # what is retained was looked for
        m.Raw(weft.port, version).connect("", will=will(prefix, retain=True, qos=qos)).socket.close()
        got = sub.receive()
        assert (got.payload, got.qos, got.retain) == (b"gone", qos, False)
    with Client(weft.port) as late:
        late.subscribe(f"{prefix}/#", 2)
        got = late.receive()
        assert (got.payload, got.qos, got.retain) == (b"gone", qos, True)


def test_properties(kafka, topics, weft, prefix):
    # 3.1.3.2
    props = [
        (m.PAYLOAD_FORMAT, 1), (m.MESSAGE_EXPIRY, 1000), (m.CONTENT_TYPE, "text/plain"),
        (m.RESPONSE_TOPIC, f"{prefix}/answer"), (m.CORRELATION_DATA, b"\x00\x01"),
        (m.USER_PROPERTY, ("b", "1")), (m.USER_PROPERTY, ("a", "2")), (m.USER_PROPERTY, ("b", "3")),
    ]  # fmt: skip
    with m.Raw(weft.port) as sub:
        sub.connect("")
        sub.subscribe(f"{prefix}/#")
        m.Raw(weft.port).connect("", will=will(prefix, props=props)).socket.close()
        got = sub.expect(m.PUBLISH)
        assert got.payload == b"gone"
        assert got.prop(m.PAYLOAD_FORMAT) == 1
        assert 990 <= got.prop(m.MESSAGE_EXPIRY) <= 1000
        assert got.prop(m.CONTENT_TYPE) == "text/plain"
        assert got.prop(m.RESPONSE_TOPIC) == f"{prefix}/answer"
        assert got.prop(m.CORRELATION_DATA) == b"\x00\x01"
        assert got.all(m.USER_PROPERTY) == [("b", "1"), ("a", "2"), ("b", "3")]
    assert f"{prefix}/will" in kafka.wait_keys(topics.messages, f"{prefix}/will")


def test_largest(weft, prefix):
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/#")
        payload = bytes(range(256)) * 255 + bytes(255)
        m.Raw(weft.port).connect("", will=will(prefix, payload)).socket.close()
        assert sub.receive().payload == payload


@pytest.mark.key
def test_delay(weft, prefix):
    # 3.1.3.2.2: no earlier than the delay, and not at all if the client is back
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/#")
        delayed = will(prefix, props=[(m.WILL_DELAY, 2)])
        keep = m.lasting(expiry=100)
        m.Raw(weft.port).connect(f"{prefix}-c", will=delayed, **keep).socket.close()
        left = time.monotonic()
        assert sub.receive().payload == b"gone"
        assert time.monotonic() - left > 1.5
        nothing_came(sub, pub, prefix)


@pytest.mark.key
@pytest.mark.parametrize("where", ["same", "other"])
def test_cancelled_by_coming_back(pair, prefix, where):
    # [MQTT-3.1.3-9]
    keep = m.lasting(expiry=100)
    with Client(pair[0].port) as sub, Client(pair[0].port) as pub:
        sub.subscribe(f"{prefix}/#")
        delayed = will(prefix, props=[(m.WILL_DELAY, 2)])
        witness = will(prefix, b"witness", props=[(m.WILL_DELAY, 3)])
        m.Raw(pair[0].port).connect(f"{prefix}-c", will=delayed, **keep).socket.close()
        back = m.Raw(pair[where == "other"].port).connect(f"{prefix}-c", **keep)
        assert back.connack.session_present
        m.Raw(pair[0].port).connect(f"{prefix}-w", will=witness, **keep).socket.close()
        assert sub.receive().payload == b"witness"  # whose time comes after the other's
        back.ping()
        back.socket.close()
        nothing_came(sub, pub, prefix)


def test_end_of_the_session_ends_the_delay(weft, prefix):
    # 3.1.3.2.2
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/#")
        delayed = will(prefix, props=[(m.WILL_DELAY, 1000)])
        m.Raw(weft.port).connect("", will=delayed).socket.close()  # expiry 0
        assert sub.receive().payload == b"gone"
        m.Raw(weft.port).connect("", will=delayed, clean=False, props=[(m.SESSION_EXPIRY, 1)]).socket.close()
        assert sub.receive().payload == b"gone"
        keep = m.lasting(expiry=100)
        m.Raw(weft.port).connect(f"{prefix}-c", will=delayed, **keep).socket.close()
        m.Raw(weft.port).connect(f"{prefix}-c", clean=True).disconnect()
        assert sub.receive().payload == b"gone"


@pytest.mark.key
def test_left_by_a_killed_process(kafka, prefix):
    """Nobody has sent it; whoever gets the client's next claim does."""
    topics = Topics().create(kafka)
    with start_example(kafka, topics) as weft:
        held = m.Raw(weft.port).connect(f"{prefix}-c", will=will(prefix))  # else its will is sent by who is killed
        weft.kill()
        held.socket.close()
        weft.start()
        weft.wait_ready()
        with Client(weft.port) as sub, Client(weft.port) as pub:
            sub.subscribe(f"{prefix}/#")
            with m.Raw(weft.port) as client:
                client.connect(f"{prefix}-c").disconnect()
            assert sub.receive().payload == b"gone"
            with m.Raw(weft.port) as client:
                client.connect(f"{prefix}-c").disconnect()
            nothing_came(sub, pub, prefix)


def test_refused_topics(weft, prefix):
    # a will goes where any publish may go
    with m.Raw(weft.port) as client:
        client.send(m.connect_packet("x", will={"topic": f"{prefix}/+", "qos": 0}))
        assert client.expect(m.CONNACK).reason >= 0x80
        client.expect_closed()


def test_stored_before_connack_and_forgotten_after(kafka, topics, weft, prefix):
    # [MQTT-3.1.2-7] [MQTT-3.1.2-10]
    client = m.Raw(weft.port).connect(f"{prefix}-c", will=will(prefix))
    keys = [r.key for r in kafka.records(topics.sessions) if r.key.startswith(f"{prefix}-c#will")]
    assert f"{prefix}-c#will" in keys and len(keys) == 2
    client.disconnect()
    client.socket.close()
    until = time.monotonic() + 30
    while True:
        newest = {r.key: r.value for r in kafka.records(topics.sessions) if r.key in keys}
        if all(v is None for v in newest.values()):
            break
        assert time.monotonic() < until, newest
