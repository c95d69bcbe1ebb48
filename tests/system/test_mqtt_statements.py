"""What the standards say of the server's half of a connection, packet by packet, over real sockets.

Behind it is the loopback provider: what only the real one can show is not tagged here.
"""

import pytest
from support import mqtt_raw as m
from support.loopback import start_loopback

BAD_UTF8 = (b"\xed\xa0\x80", b"\xc0\x80", b"\xff", b"a\x00b")  # surrogate, overlong, no UTF-8, U+0000


@pytest.fixture(scope="module")
def loop():
    with start_loopback() as running:
        yield running


def answer(loop, raw, version=5, connect=True):
    """What the server says to `raw` before it closes: packets, in order."""
    with m.Raw(loop.port, version) as client:
        if connect:
            client.connect("statements")
        client.send(raw)
        said = []
        while True:
            try:
                said.append(client.packet())
            except m.Closed:
                return said


def refusal(loop, raw, version=5, connect=True):
    """The one reason code that is said; None when it is closed without a word."""
    said = answer(loop, raw, version, connect)
    assert len(said) <= 1, said
    if not said:
        return None
    assert said[0].kind == (m.DISCONNECT if connect else m.CONNACK)
    assert not said[0].session_present
    return said[0].reason


# [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.7-1] [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12]
# 3.1.1 [MQTT-1.5.3-1] 3.1.1 [MQTT-1.5.3-2] 3.1.1 [MQTT-3.1.3-4] 3.1.1 [MQTT-3.1.3-10]
# 3.1.1 [MQTT-3.1.3-11] [MQTT-3.1.4-1] 3.1.1 [MQTT-3.1.4-1]
@pytest.mark.parametrize("bad", BAD_UTF8)
def test_connect_with_bad_strings(loop, bad):
    for version, code in ((4, None), (5, 0x81)):
        for options in ({"client_id": bad}, {"user": bad}, {"will": {"topic": bad}}):
            raw = m.connect_packet(**{"client_id": "x", "version": version, **options})
            assert refusal(loop, raw, version, connect=False) == code, options
    pair = m.connect_packet("x", props=[(m.USER_PROPERTY, (b"k", bad))])
    assert refusal(loop, pair, connect=False) == 0x81


# [MQTT-3.3.2-1] [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT-3.3.2-13] [MQTT-3.3.2-19] [MQTT-4.7.3-2]
# 3.1.1 [MQTT-3.3.2-1] 3.1.1 [MQTT-3.8.3-1] 3.1.1 [MQTT-3.10.3-1] 3.1.1 [MQTT-4.7.3-2]
@pytest.mark.parametrize("bad", BAD_UTF8)
def test_packets_with_bad_strings(loop, bad):
    for version, code in ((4, None), (5, 0x81)):
        for raw in (
            m.publish_packet(bad, version=version),
            m.subscribe_packet(1, bad, version=version),
            m.unsubscribe_packet(1, bad, version=version),
        ):
            assert refusal(loop, raw, version) == code
    for prop in (m.RESPONSE_TOPIC, m.CONTENT_TYPE):
        assert refusal(loop, m.publish_packet("t", props=[(prop, bad)])) == 0x81


# [MQTT-1.5.4-3] 3.1.1 [MQTT-1.5.3-3]
@pytest.mark.parametrize("version", [4, 5])
def test_strings_are_kept_as_they_are(loop, prefix, version):
    topic = f"{prefix}/\ufeffe\u0301/\u00e9"  # a no-break space in front, and no normalization
    with m.Raw(loop.port, version) as client:
        client.connect(prefix)
        client.subscribe((f"{prefix}/\u00e9/\u00e9", 0), (topic, 0))
        client.publish(topic, qos=0)
        assert client.expect(m.PUBLISH).topic == topic


# [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
# 3.1.1 [MQTT-2.2.2-1] 3.1.1 [MQTT-2.2.2-2] 3.1.1 [MQTT-3.6.1-1] 3.1.1 [MQTT-3.8.1-1]
# 3.1.1 [MQTT-3.10.1-1] 3.1.1 [MQTT-3.14.1-1]
def test_reserved_flags(loop):
    for version, code in ((4, None), (5, 0x81)):
        for flags in (0, 1, 3, 6, 10, 15):
            for kind in (m.PUBREL, m.SUBSCRIBE, m.UNSUBSCRIBE):
                assert refusal(loop, m.packet(kind, flags, b"\0\1"), version) == code, (kind, flags)
        for flags in (1, 2, 4, 8):
            for kind in (m.PUBACK, m.PUBREC, m.PUBCOMP, m.PINGREQ, m.DISCONNECT, m.AUTH):
                assert refusal(loop, m.packet(kind, flags, b""), version) == code, (kind, flags)


# [MQTT-2.2.2-1]: and every other packet that the raw client reads has one, or it would not parse
def test_packets_without_properties_have_a_length_of_zero(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(prefix)
        client.subscribe((f"{prefix}/t", 0))
        client.publish(f"{prefix}/t", b"x", qos=0)
        assert client.expect(m.PUBLISH).body == m.data(f"{prefix}/t") + b"\0x"


# [MQTT-3.1.2-2] 3.1.1 [MQTT-3.1.2-2] [MQTT-3.1.2-1] 3.1.1 [MQTT-3.1.2-1] [MQTT-3.2.2-7]
# 3.1.1 [MQTT-3.2.2-5] 3.1.1 [MQTT-3.2.2-4] [MQTT-3.2.2-6] [MQTT-4.13.2-1]
def test_other_protocols(loop):
    for name, level, code in (("MQTT", 6, 0x84), ("MQTT", 3, 1), ("MQIsdp", 3, 1), ("AMQP", 5, 0x84)):
        version = 5 if level > 4 else 4
        raw = m.connect_packet("x", level, name=name)
        assert refusal(loop, raw, version, connect=False) == code


# [MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13] [MQTT-3.1.2-17] [MQTT-3.1.2-19]
# 3.1.1 [MQTT-3.1.2-3] 3.1.1 [MQTT-3.1.2-11] 3.1.1 [MQTT-3.1.2-13] 3.1.1 [MQTT-3.1.2-14]
# 3.1.1 [MQTT-3.1.2-15] 3.1.1 [MQTT-3.1.2-19] 3.1.1 [MQTT-3.1.2-21] 3.1.1 [MQTT-3.2.2-6]
@pytest.mark.parametrize("flags", [0x03, 0x0A, 0x12, 0x1A, 0x22, 0x1E, 0x82, 0xC2])
def test_flags_of_connect(loop, flags):
    for version, code in ((4, None), (5, 0x81)):
        raw = m.connect_packet("x", version, flags=flags)
        assert refusal(loop, raw, version, connect=False) == code


# [MQTT-3.1.2-16] [MQTT-3.1.2-18] 3.1.1 [MQTT-3.1.2-18] 3.1.1 [MQTT-3.1.2-20]
def test_fields_without_their_flag(loop):
    for version, code in ((4, None), (5, 0x81)):
        raw = m.connect_packet("x", version, flags=2, rest=m.data("user"))
        assert refusal(loop, raw, version, connect=False) == code


# [MQTT-3.1.3-5] 3.1.1 [MQTT-3.1.3-5]
@pytest.mark.parametrize("version", [4, 5])
def test_client_ids_that_every_server_takes(loop, version):
    for name in ("a", "0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ"):
        with m.Raw(loop.port, version) as client:
            client.connect(name).disconnect()


# [MQTT-3.1.3-8] 3.1.1 [MQTT-3.1.3-9] 3.1.1 [MQTT-3.1.3-8] [MQTT-3.1.4-2]
def test_client_ids_that_are_refused(loop):
    for name in ("x" * 257, "bob#owner", "bob#will-1"):
        assert refusal(loop, m.connect_packet(name), connect=False) == 0x85
        assert refusal(loop, m.connect_packet(name, 4), 4, connect=False) == 2
    assert refusal(loop, m.connect_packet("", 4, clean=False), 4, connect=False) == 2


# [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] 3.1.1 [MQTT-3.1.3-6]
def test_client_ids_that_are_assigned(loop):
    names = set()
    for _ in range(5):
        with m.Raw(loop.port) as client:
            names.add(client.connect("").connack.prop(m.ASSIGNED_CLIENT_ID))
        with m.Raw(loop.port, 4) as client:
            client.connect("").disconnect()
    assert len(names) == 5 and None not in names


# [MQTT-3.1.4-6] 3.1.1 [MQTT-3.1.4-5]
def test_nothing_behind_a_refused_connect_is_processed(loop, prefix):
    with m.Raw(loop.port) as watcher:
        watcher.connect(f"{prefix}-watcher")
        watcher.subscribe((f"{prefix}/#", 0))
        for version, code in ((4, 2), (5, 0x85)):
            raw = m.connect_packet("bob#owner", version) + m.publish_packet(f"{prefix}/t", version=version)
            assert refusal(loop, raw, version, connect=False) == code
        watcher.ping()


# [MQTT-3.1.0-1] 3.1.1 [MQTT-3.1.0-1] [MQTT-3.1.0-2] 3.1.1 [MQTT-3.1.0-2] [MQTT-3.2.0-2]
# [MQTT-3.14.0-1]
def test_connect_first_and_once(loop):
    for raw in (m.packet(m.PINGREQ, 0, b""), m.publish_packet("t"), m.disconnect_packet(0)):
        assert refusal(loop, raw, connect=False) is None, "nothing is said before the version is known"
    assert refusal(loop, m.connect_packet("again")) == 0x82
    assert refusal(loop, m.connect_packet("again", 4), 4) is None


# [MQTT-3.2.0-1] 3.1.1 [MQTT-3.2.0-1] [MQTT-3.1.4-5] 3.1.1 [MQTT-3.1.4-4]
# [MQTT-3.2.2-1] [MQTT-3.2.2-2] 3.1.1 [MQTT-3.2.2-1]
@pytest.mark.parametrize("version", [4, 5])
def test_connack_comes_first(loop, prefix, version):
    with m.Raw(loop.port, version) as client:
        client.send(
            m.connect_packet(prefix, version), m.packet(m.PINGREQ, 0, b""),
            m.subscribe_packet(1, f"{prefix}/t", version=version),
        )  # fmt: skip
        first = client.expect(m.CONNACK)
        assert (first.body[0], first.reason) == (0, 0)
        assert sorted(client.packet().kind for _ in range(2)) == [m.SUBACK, m.PINGRESP]


# [MQTT-3.2.2-9] [MQTT-3.2.2-10] [MQTT-3.2.2-11] [MQTT-3.2.2-14]
def test_a_provider_that_can_do_less(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(f"plain-{prefix}")
        assert client.connack.prop(m.MAXIMUM_QOS) == 1
        assert client.connack.prop(m.RETAIN_AVAILABLE) == 0
        assert client.subscribe((f"{prefix}/0", 0), (f"{prefix}/1", 1), (f"{prefix}/2", 2)) == [0, 1, 2]
        client.send(m.publish_packet("t", qos=2, packet_id=1))
        assert client.expect(m.DISCONNECT).reason == 0x9B
        client.expect_closed()
    with m.Raw(loop.port) as client:
        client.connect(f"plain-{prefix}")
        client.send(m.publish_packet("t", retain=True))
        assert client.expect(m.DISCONNECT).reason == 0x9A


# [MQTT-3.2.2-22]
def test_no_server_keep_alive_where_the_clients_counts(loop, prefix):
    with m.Raw(loop.port) as client:
        assert client.connect(prefix, keep_alive=60).connack.prop(m.SERVER_KEEP_ALIVE) is None


# [MQTT-3.2.2-15] [MQTT-3.2.2-17] [MQTT-3.3.2-8] [MQTT-3.3.4-6] [MQTT-3.3.2-14] [MQTT-3.3.1-4]
# [MQTT-3.3.1-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-3.3.2-2]
def test_publishes_that_are_refused(loop):
    for raw, code in (
        (m.packet(m.PUBLISH, 0, bytes(1 << 20)), 0x95),
        (m.publish_packet("t", props=[(m.TOPIC_ALIAS, 17)]), 0x94),
        (m.publish_packet("t", props=[(m.TOPIC_ALIAS, 0)]), 0x94),
        (m.publish_packet("t", props=[(m.SUBSCRIPTION_ID, 1)]), 0x82),
        (m.publish_packet("t", props=[(m.RESPONSE_TOPIC, "a/#")]), 0x82),
        (m.publish_packet("t", qos=3, packet_id=1), 0x81),
        (m.publish_packet("t", dup=True), 0x81),
        (m.publish_packet("a/+"), 0x90),
        (m.publish_packet(""), 0x82),
    ):
        assert refusal(loop, raw) == code


# 3.1.1 [MQTT-3.3.1-4] 3.1.1 [MQTT-3.3.1-2] 3.1.1 [MQTT-3.3.2-2] 3.1.1 [MQTT-4.7.1-1]
# 3.1.1 [MQTT-4.7.3-1] 3.1.1 [MQTT-2.3.1-1] 3.1.1 [MQTT-4.8.0-1]
def test_publishes_that_close_v4(loop):
    for raw in (
        m.publish_packet("t", version=4, qos=3, packet_id=1), m.publish_packet("t", version=4, dup=True),
        m.publish_packet("a/+", version=4), m.publish_packet("", version=4),
        m.publish_packet("t", version=4, qos=1, packet_id=0),
    ):  # fmt: skip
        assert refusal(loop, raw, 4) is None


# [MQTT-3.3.2-12]
def test_all_aliases_up_to_the_maximum(loop, prefix):
    with m.Raw(loop.port) as client:
        count = client.connect(prefix).connack.prop(m.TOPIC_ALIAS_MAXIMUM)
        client.subscribe((f"{prefix}/#", 0))
        for alias in range(1, count + 1):
            client.send(m.publish_packet(f"{prefix}/{alias}", props=[(m.TOPIC_ALIAS, alias)]))
            client.send(m.publish_packet("", props=[(m.TOPIC_ALIAS, alias)]))
            assert [client.expect(m.PUBLISH).topic for _ in range(2)] == [f"{prefix}/{alias}"] * 2


# [MQTT-3.3.4-1] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] 3.1.1 [MQTT-3.3.4-1]
# 3.1.1 [MQTT-4.3.2-2] 3.1.1 [MQTT-4.3.3-2] [MQTT-4.3.2-4] [MQTT-4.3.2-5] [MQTT-4.3.3-12]
@pytest.mark.parametrize("version", [4, 5])
def test_a_publish_is_answered_as_its_qos_asks_for(loop, prefix, version):
    with m.Raw(loop.port, version) as client:
        client.connect(prefix)
        client.publish(f"{prefix}/t", qos=0)
        client.ping()
        for _ in range(2):  # the id is free again
            assert client.publish(f"{prefix}/t", qos=1, packet_id=3).reason == 0
            client.publish_exactly_once(f"{prefix}/t", packet_id=3)
    for kind, code in ((m.PUBACK, 1), (m.PUBREC, 0x92), (m.PUBREL, 0x80), (m.PUBCOMP, 0x10)):
        assert refusal(loop, m.ack_packet(kind, 1, code)) == 0x82, "not one of its reason codes"


# [MQTT-4.3.3-9] [MQTT-3.5.2-1]
def test_a_refused_qos_2_publish_frees_its_id(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(prefix)
        for _ in range(2):
            client.send(m.publish_packet("$fail/97/x", qos=2, packet_id=4))
            assert client.expect(m.PUBREC).reason == 0x97
        client.publish_exactly_once(f"{prefix}/t", packet_id=4)


# [MQTT-3.3.4-7]
def test_more_than_the_receive_maximum(prefix):
    options = {"receive-maximum": 3}
    with start_loopback(options) as weft, m.Raw(weft.port) as client:
        client.connect(prefix)
        assert client.connack.prop(m.RECEIVE_MAXIMUM) == 3
        for number in range(1, 4):
            client.send(m.publish_packet("t", qos=2, packet_id=number))
            client.expect(m.PUBREC)
        client.send(m.publish_packet("t", qos=1, packet_id=4))
        assert client.expect(m.DISCONNECT).reason == 0x93
        client.expect_closed()


# [MQTT-3.8.3-2] [MQTT-3.8.3-4] [MQTT-3.8.3-5] [MQTT-3.10.3-2] [MQTT-4.7.1-1] [MQTT-4.7.1-2]
# [MQTT-4.8.2-1] [MQTT-4.8.2-2] [MQTT-4.7.3-1]
def test_subscriptions_that_are_refused(loop):
    for raw, code in (
        (m.subscribe_packet(1), 0x82), (m.unsubscribe_packet(1), 0x82),
        (m.subscribe_packet(1, ("$share/g/t", 4)), 0x82), (m.subscribe_packet(1, ("t", 0x40)), 0x81),
        (m.subscribe_packet(1, ("t", 3)), 0x82), (m.subscribe_packet(1, ("t", 0x30)), 0x82),
        (m.subscribe_packet(0, "t"), 0x82), (m.subscribe_packet(1, "a#"), 0x8F),
        (m.subscribe_packet(1, "#/a"), 0x8F), (m.subscribe_packet(1, "a+/b"), 0x8F),
        (m.subscribe_packet(1, ""), 0x8F), (m.subscribe_packet(1, "$share//t"), 0x8F),
        (m.subscribe_packet(1, "$share/g"), 0x8F), (m.subscribe_packet(1, "$share/+/t"), 0x8F),
        (m.subscribe_packet(1, "$share/g/"), 0x8F), (m.unsubscribe_packet(1, "a#"), 0x8F),
    ):  # fmt: skip
        assert refusal(loop, raw) == code, raw


# 3.1.1 [MQTT-3.8.3-3] 3.1.1 [MQTT-3.8.3-4] 3.1.1 [MQTT-3.10.3-2] 3.1.1 [MQTT-4.7.1-2] 3.1.1 [MQTT-4.7.1-3]
def test_subscriptions_that_close_v4(loop):
    for raw in (
        m.subscribe_packet(1, version=4), m.unsubscribe_packet(1, version=4),
        m.subscribe_packet(1, ("t", 3), version=4), m.subscribe_packet(1, ("t", 4), version=4),
        m.subscribe_packet(1, "a#", version=4), m.subscribe_packet(1, "a+", version=4),
    ):  # fmt: skip
        assert refusal(loop, raw, 4) is None


# [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1]
# [MQTT-3.9.3-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2]
# [MQTT-2.2.1-6] 3.1.1 [MQTT-2.3.1-7] 3.1.1 [MQTT-3.8.4-1] 3.1.1 [MQTT-3.8.4-2] 3.1.1 [MQTT-3.8.4-4]
# 3.1.1 [MQTT-3.8.4-5] 3.1.1 [MQTT-3.9.3-1] 3.1.1 [MQTT-3.9.3-2] 3.1.1 [MQTT-3.10.4-4]
# 3.1.1 [MQTT-3.10.4-5] 3.1.1 [MQTT-3.10.4-6]
@pytest.mark.parametrize("version", [4, 5])
def test_answers_to_requests(loop, prefix, version):
    with m.Raw(loop.port, version) as client:
        client.connect(prefix)
        failed = 0x97 if version == 5 else 0x80
        codes = client.subscribe(("a", 0), ("$fail/97/x", 1), ("b", 2), ("c/#", 1), packet_id=65535)
        assert codes == [0, failed, 2, 1]
        client.send(m.unsubscribe_packet(777, "b", "never", "a", version=version))
        got = client.expect(m.UNSUBACK)
        assert (got.packet_id, got.reasons) == (777, [0, 0x11, 0] if version == 5 else [])
        client.send(m.unsubscribe_packet(778, "never", version=version))
        assert client.expect(m.UNSUBACK).packet_id == 778


# [MQTT-3.12.4-1] 3.1.1 [MQTT-3.12.4-1] [MQTT-4.9.0-3] [MQTT-3.3.4-10]
def test_ping_whatever_the_quota_is(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(prefix, props=[(m.RECEIVE_MAXIMUM, 1)])
        client.subscribe((f"{prefix}/t", 1))
        for number in (1, 2):
            client.send(m.publish_packet(f"{prefix}/t", qos=1, packet_id=number))
        kinds = sorted(client.packet().kind for _ in range(3))
        assert kinds == [m.PUBLISH, m.PUBACK, m.PUBACK], "one delivery, and it holds up nothing else"
        client.ping()
    with m.Raw(loop.port, 4) as client:
        client.connect(prefix).ping()


# [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.1-1]
def test_disconnect(loop, prefix):
    assert refusal(loop, m.disconnect_packet(0x8B)) == 0x82, "a code that only a server has"
    assert answer(loop, m.disconnect_packet() + m.packet(m.PINGREQ, 0, b"")) == [], "closed, nothing behind it"
    said = answer(loop, m.connect_packet("again") + m.packet(m.PINGREQ, 0, b""))
    assert [p.kind for p in said] == [m.DISCONNECT], "nothing behind the server's either"
    assert said[0].prop(m.SESSION_EXPIRY) is None


# [MQTT-3.15.2-1] [MQTT-4.12.0-1] [MQTT-4.12.0-6] [MQTT-4.12.0-7]
def test_auth_without_a_method(loop, prefix):
    assert refusal(loop, m.auth_packet(0x18, "SCRAM-SHA-256")) == 0x82
    assert refusal(loop, m.auth_packet(0x19, "SCRAM-SHA-256")) == 0x82
    assert refusal(loop, m.packet(m.AUTH, 0, b"")) == 0x82
    method = m.connect_packet("x", props=[(m.AUTHENTICATION_METHOD, "SCRAM-SHA-256")])
    assert refusal(loop, method, connect=False) == 0x8C
    with m.Raw(loop.port) as client:
        assert client.connect(prefix).connack.prop(m.AUTHENTICATION_METHOD) is None


# [MQTT-3.2.2-19] [MQTT-3.14.2-3] [MQTT-3.1.2-24]
def test_reason_strings_within_the_maximum_packet_size(loop, prefix):
    small = [(m.MAXIMUM_PACKET_SIZE, 30)]
    with m.Raw(loop.port) as client:
        client.send(m.connect_packet("bob#owner", props=small))
        got = client.expect(m.CONNACK)
        assert got.reason == 0x85 and len(got.body) <= 28
    with m.Raw(loop.port) as client:
        client.connect(prefix, props=small)
        client.send(m.auth_packet(0x18, "SCRAM-SHA-256"))
        got = client.expect(m.DISCONNECT)
        assert got.reason == 0x82 and len(got.body) <= 28


# 3.3.2.3: the server's half; through Kafka it is for other tests to show
def test_properties_pass_as_they_are(loop, prefix):
    props = [(m.PAYLOAD_FORMAT, 1), (m.CONTENT_TYPE, "text/plain"), (m.RESPONSE_TOPIC, "r/1"),
             (m.CORRELATION_DATA, b"\0\xff"), (m.USER_PROPERTY, ("b", "1")), (m.USER_PROPERTY, ("a", "")),
             (m.USER_PROPERTY, ("b", "1"))]  # fmt: skip
    with m.Raw(loop.port) as client:
        client.connect(prefix)
        client.subscribe((f"{prefix}/t", 0))
        client.publish(f"{prefix}/t", "x", qos=0, props=props)
        assert client.expect(m.PUBLISH).props == props


# [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3]
# [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-4]
@pytest.mark.parametrize("limit", [None, 20])
def test_answers_within_the_maximum_packet_size(loop, prefix, limit):
    """Every answer that may carry a reason string or user properties, with nothing to spare for either."""
    asks = [
        (m.publish_packet("$fail/97/x", qos=1, packet_id=1), m.PUBACK, 0x97),
        (m.publish_packet("$fail/97/x", qos=2, packet_id=2), m.PUBREC, 0x97),
        (m.ack_packet(m.PUBREC, 3), m.PUBREL, 0x92),
        (m.ack_packet(m.PUBREL, 4), m.PUBCOMP, 0x92),
        (m.subscribe_packet(5, "t"), m.SUBACK, None),
        (m.unsubscribe_packet(6, "never"), m.UNSUBACK, None),
        (m.auth_packet(0x18, "SCRAM-SHA-256"), m.DISCONNECT, 0x82),
    ]
    with m.Raw(loop.port) as client:
        client.connect(prefix[:4], props=[(m.MAXIMUM_PACKET_SIZE, limit)] if limit else ())
        assert not client.connack.all(m.USER_PROPERTY)
        said = 0
        for raw, kind, reason in asks:
            got = client.send(raw).expect(kind)
            assert got.reason == reason and not got.all(m.USER_PROPERTY)
            assert limit is None or 2 + len(got.body) <= limit
            said += len(got.all(m.REASON_STRING))
        assert limit or said, "there are reason strings to leave out"


# 3.1.1 [MQTT-4.8.0-2]
@pytest.mark.parametrize("qos", [1, 2])
def test_a_publish_that_fails_closes_v4(loop, qos):
    """There is no other word for it in 3.1.1."""
    failing = m.publish_packet("$fail/97/x", version=4, qos=qos, packet_id=4)
    assert answer(loop, failing, version=4) == []
