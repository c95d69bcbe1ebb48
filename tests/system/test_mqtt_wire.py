"""The mqtt server on real sockets: QoS 2, wills, sessions and authentication, against the loopback provider.

What the provider owns is not tagged as proven here: that is for the tests with the real one.
"""

import pytest
from support import mqtt_raw as m
from support.loopback import Scram, password_line, start_loopback


@pytest.fixture(scope="module")
def loop():
    options = {"versions": ["v3.1", "v3.1.1", "v5"], "response-information": "reply/{client-id}/"}
    with start_loopback(options) as running:
        yield running


@pytest.fixture
def watcher(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(f"{prefix}-watcher", keep_alive=0)
        client.subscribe((f"{prefix}/#", 2))
        yield client


# [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-2.2.1-5] 3.1.1 [MQTT-2.3.1-6]
@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_qos_2_both_ways(loop, prefix, watcher, version):
    with m.Raw(loop.port, version) as client:
        client.connect(prefix)
        for number in range(3):
            client.publish_exactly_once(f"{prefix}/t", str(number), packet_id=7)
            assert watcher.receive_exactly_once().payload == str(number).encode()


@pytest.mark.parametrize("version", [4, 5])
def test_qos_2_publish_resent_after_a_reconnect_is_one(loop, prefix, watcher, version):
    props = [(m.SESSION_EXPIRY, 100)] if version == 5 else ()
    publish = {"version": version, "qos": 2, "packet_id": 9}
    with m.Raw(loop.port, version) as client:
        client.connect(prefix, clean=False, props=props)
        assert not client.connack.session_present
        client.send(m.publish_packet(f"{prefix}/t", "x", **publish))
        client.expect(m.PUBREC)
    with m.Raw(loop.port, version) as client:
        client.connect(prefix, clean=False, props=props)
        assert client.connack.session_present
        client.send(m.publish_packet(f"{prefix}/t", "x", dup=True, **publish))
        client.expect(m.PUBREC)
        client.send(m.ack_packet(m.PUBREL, 9))
        client.expect(m.PUBCOMP)
        client.send(m.ack_packet(m.PUBREL, 9))
        assert client.expect(m.PUBCOMP).reason == (0x92 if version == 5 else 0)
        client.publish_exactly_once(f"{prefix}/t", "y", packet_id=9)
    assert [watcher.expect(m.PUBLISH).payload for _ in range(2)] == [b"x", b"y"], "nothing in between"


def test_deliveries_go_again_with_their_packet_ids(loop, prefix):
    session = {"clean": False, "props": [(m.SESSION_EXPIRY, 100)]}
    with m.Raw(loop.port) as sub, m.Raw(loop.port) as pub:
        sub.connect(f"{prefix}-sub", **session)
        sub.subscribe((f"{prefix}/#", 2))
        pub.connect(prefix)
        for number in range(3):
            pub.publish_exactly_once(f"{prefix}/t", str(number))
        first, second, third = (sub.expect(m.PUBLISH) for _ in range(3))
        sub.send(m.ack_packet(m.PUBREC, first.packet_id))
        sub.expect(m.PUBREL)
        sub.socket.close()
        pub.publish_exactly_once(f"{prefix}/t", "offline")
        with m.Raw(loop.port) as again:
            again.connect(f"{prefix}-sub", **session)
            assert again.connack.session_present
            assert again.expect(m.PUBREL).packet_id == first.packet_id
            got = [again.expect(m.PUBLISH) for _ in range(3)]
            assert [g.packet_id for g in got[:2]] == [second.packet_id, third.packet_id]
            assert [g.dup for g in got] == [True, True, False]
            assert [g.payload for g in got] == [b"1", b"2", b"offline"]


def test_packet_id_in_use(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(prefix)
        packet = m.publish_packet(f"{prefix}/t", "x", qos=2, packet_id=5)
        client.send(packet)
        assert client.expect(m.PUBREC).reason in (0x00, 0x10)
        client.send(packet)
        assert client.expect(m.PUBREC).reason == 0x91


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("end", ["close", "disconnect", "with_will", "malformed", "takeover"])
def test_will(loop, prefix, watcher, version, end):
    client = m.Raw(loop.port, version)
    client.connect(prefix, will={"topic": f"{prefix}/will", "payload": "gone", "qos": 2})
    if end == "close":
        client.socket.close()
    elif end == "disconnect":
        client.disconnect()
    elif end == "with_will":
        client.send(m.disconnect_packet(0x04))  # v3.1.1 has none: malformed, which publishes as well
    elif end == "malformed":
        client.send(b"\xff\x00")
    else:
        m.Raw(loop.port, version).connect(prefix)
        if version == 5:
            assert client.expect(m.DISCONNECT).reason == 0x8E
        client.expect_closed()
    if end != "disconnect":
        got = watcher.receive_exactly_once()
        assert (got.topic, got.payload) == (f"{prefix}/will", b"gone")
    with m.Raw(loop.port) as pub:
        pub.connect(f"{prefix}-pub")
        pub.publish_exactly_once(f"{prefix}/end")
    assert watcher.receive_exactly_once().topic == f"{prefix}/end"
    client.socket.close()


# [MQTT-3.1.3-10]
def test_will_delay_and_properties(loop, prefix, watcher):
    props = [(m.WILL_DELAY, 1), (m.PAYLOAD_FORMAT, 1), (m.CONTENT_TYPE, "text/plain"),
             (m.USER_PROPERTY, ("k", "1")), (m.USER_PROPERTY, ("k", "2"))]  # fmt: skip
    session = {"clean": False, "props": [(m.SESSION_EXPIRY, 100)]}
    will = {"topic": f"{prefix}/will", "payload": "late", "qos": 2, "props": props}
    m.Raw(loop.port).connect(prefix, will=will, **session).socket.close()
    m.Raw(loop.port).connect(prefix, will=will, **session).socket.close()  # back in time: the first is void
    got = watcher.receive_exactly_once()
    assert got.payload == b"late"
    assert got.props == props[1:], "all but the delay"
    watcher.ping()  # and there is only one


# [MQTT-3.2.2-12] [MQTT-3.2.2-13]
def test_wills_that_the_provider_cannot_keep(loop, prefix):
    for will, version, code in (
        ({"retain": True}, 5, 0x83), ({}, 5, 0x83), ({}, 4, 3), ({"qos": 2}, 4, 3),
    ):  # fmt: skip
        with m.Raw(loop.port, version) as client:
            client.connect("plain-" + prefix, will={"topic": "t", **will}, expect=code)
            client.expect_closed()


# [MQTT-3.2.2-2] 3.1.1 [MQTT-3.2.2-1]
def test_session_present_and_expiry(loop, prefix):
    forever = {"clean": False, "props": [(m.SESSION_EXPIRY, 0xFFFFFFFF)]}

    def present(version=5, goodbye=None, **options):
        with m.Raw(loop.port, version) as client:
            client.connect(prefix, **options)
            client.send(goodbye or m.disconnect_packet())
            client.expect_closed()
            return client.connack.session_present

    assert not present(**forever)
    assert present(**forever)
    assert present(goodbye=m.disconnect_packet(0, [(m.SESSION_EXPIRY, 0)]), **forever)
    assert not present(**forever), "DISCONNECT ended it"
    assert not present(clean=True)
    assert not present(clean=False), "clean start with expiry 0 left nothing"
    assert not present(4, clean=False)
    assert present(4, clean=False)
    assert not present(4, clean=True)
    assert not present(4, clean=False)


def test_session_expiry_may_not_come_up_from_0(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(prefix)
        client.send(m.disconnect_packet(0, [(m.SESSION_EXPIRY, 10)]))
        assert client.expect(m.DISCONNECT).reason == 0x82
        client.expect_closed()


# [MQTT-3.1.2-26] [MQTT-3.1.2-28] [MQTT-3.3.2-11]
def test_aliases_and_response_information(loop, prefix):
    with m.Raw(loop.port) as client:
        client.connect(prefix, props=[(m.TOPIC_ALIAS_MAXIMUM, 5), (m.REQUEST_RESPONSE_INFORMATION, 1)])
        assert client.connack.prop(m.RESPONSE_INFORMATION) == f"reply/{prefix}/"
        client.subscribe((f"{prefix}/a-long-topic", 0))
        topics = []
        for _ in range(3):
            client.publish(f"{prefix}/a-long-topic", qos=0)
            got = client.expect(m.PUBLISH)
            assert 1 <= got.prop(m.TOPIC_ALIAS) <= 5
            topics.append(got.topic)
        assert topics == [f"{prefix}/a-long-topic", "", ""]


def test_version_3_1(loop, prefix):
    with m.Raw(loop.port, 4) as client:
        client.send(m.connect_packet(prefix, 3, name="MQIsdp"))
        client.connack = client.expect(m.CONNACK)
        assert client.connack.reason == 0
        client.subscribe((f"{prefix}/t", 2), flags=0x0A)
        client.publish(f"{prefix}/t", "x", qos=0)
        assert client.expect(m.PUBLISH).payload == b"x"
        client.disconnect()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    users = tmp_path_factory.mktemp("auth") / "users"
    users.write_text("# who\n" + password_line("anna", "secret") + password_line("bert", "geheim"))
    with start_loopback({"authentication": {"file": str(users)}}) as running:
        yield running


# [MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-4.12.1-1] [MQTT-3.15.2-2] [MQTT-3.15.2-3]
@pytest.mark.key
def test_scram(guarded, prefix):
    with m.Raw(guarded.port) as client:
        scram = Scram("anna", "secret")
        props = [(m.AUTHENTICATION_METHOD, "SCRAM-SHA-256"), (m.AUTHENTICATION_DATA, scram.first())]
        client.send(m.connect_packet(prefix, props=props))
        challenge = client.expect(m.AUTH)
        assert challenge.reason == 0x18
        client.send(m.auth_packet(0x18, "SCRAM-SHA-256", scram.final(challenge.prop(m.AUTHENTICATION_DATA))))
        connack = client.expect(m.CONNACK)
        assert connack.reason == 0
        assert connack.prop(m.AUTHENTICATION_METHOD) == "SCRAM-SHA-256"
        assert connack.prop(m.AUTHENTICATION_DATA) == scram.expected, "the server knows the password too"

        scram = Scram("anna", "secret")
        client.send(m.auth_packet(0x19, "SCRAM-SHA-256", scram.first()))
        challenge = client.expect(m.AUTH)
        client.ping()
        client.send(m.auth_packet(0x18, "SCRAM-SHA-256", scram.final(challenge.prop(m.AUTHENTICATION_DATA))))
        done = client.expect(m.AUTH)
        assert (done.reason, done.prop(m.AUTHENTICATION_DATA)) == (0, scram.expected)
        # none is ever sent, so none makes AUTH too large
        assert not challenge.all(m.REASON_STRING) + done.all(m.REASON_STRING)
        assert not challenge.all(m.USER_PROPERTY) + done.all(m.USER_PROPERTY)

        scram = Scram("bert", "geheim")
        client.send(m.auth_packet(0x19, "SCRAM-SHA-256", scram.first()))
        challenge = client.expect(m.AUTH)
        client.send(m.auth_packet(0x18, "SCRAM-SHA-256", scram.final(challenge.prop(m.AUTHENTICATION_DATA))))
        assert client.expect(m.DISCONNECT).reason == 0x87
        client.expect_closed()


# [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.1.2-30]
def test_scram_refusals(guarded, prefix):
    with m.Raw(guarded.port) as client:
        client.connect(prefix, props=[(m.AUTHENTICATION_METHOD, "GS2-KRB5")], expect=0x8C)
        client.expect_closed()
    for name, password in (("anna", "wrong"), ("nobody", "secret")):
        with m.Raw(guarded.port) as client:
            scram = Scram(name, password)
            props = [(m.AUTHENTICATION_METHOD, "SCRAM-SHA-256"), (m.AUTHENTICATION_DATA, scram.first())]
            client.send(m.connect_packet(prefix, props=props))
            answer = scram.final(client.expect(m.AUTH).prop(m.AUTHENTICATION_DATA))
            client.send(m.auth_packet(0x18, "SCRAM-SHA-256", answer))
            assert client.expect(m.CONNACK).reason == 0x87
            client.expect_closed()
    with m.Raw(guarded.port) as client:
        props = [(m.AUTHENTICATION_METHOD, "SCRAM-SHA-256"), (m.AUTHENTICATION_DATA, b"n,,n=anna,r=x")]
        client.send(m.connect_packet(prefix, props=props))
        client.expect(m.AUTH)
        client.send(m.packet(m.PINGREQ, 0, b""))
        assert client.expect(m.CONNACK).reason == 0x82
        client.expect_closed()


@pytest.mark.parametrize("version", [4, 5])
def test_user_name_and_password(guarded, prefix, version):
    wrong, missing = (4, 5) if version == 4 else (0x86, 0x87)
    for user, password, code in (
        ("anna", "secret", 0), ("anna", "geheim", wrong), ("nobody", "secret", wrong), (None, None, missing),
    ):  # fmt: skip
        with m.Raw(guarded.port, version) as client:
            client.connect(prefix, user=user, password=password, expect=code)


@pytest.mark.key
def test_many_passwords_at_once_hold_nobody_up(guarded, prefix):
    """They are checked on other threads; all are answered, and who is there is served meanwhile."""
    with m.Raw(guarded.port) as there:
        there.connect(prefix, user="bert", password="geheim")
        crowd = [m.Raw(guarded.port) for _ in range(50)]
        for number, client in enumerate(crowd):
            password = "secret" if number % 2 else "wrong"
            client.send(m.connect_packet(f"{prefix}-{number}", user="anna", password=password))
        there.ping()
        crowd[0].socket.close()  # gone before its answer
        for number, client in enumerate(crowd[1:], 1):
            assert client.expect(m.CONNACK).reason == (0 if number % 2 else 0x86)
            client.socket.close()


def test_limits(prefix):
    properties = [
        f"weft.binding.mqtt.{name}"
        for name in ("topic.levels.maximum=3", "subscriptions.maximum=2", "publish.rate.maximum=10",
                     "connections.maximum=2")
    ]  # fmt: skip
    with start_loopback(properties=properties) as weft, m.Raw(weft.port) as one, m.Raw(weft.port) as two:
        one.connect(f"{prefix}-1")
        two.connect(f"{prefix}-2")
        with m.Raw(weft.port) as third:
            third.connect(f"{prefix}-3", expect=0x97)
            third.expect_closed()
        assert one.subscribe(("a/b/c/d", 0), ("a", 0), ("b", 0), ("c", 0)) == [0x8F, 0, 0, 0x97]
        assert one.publish("a/b/c/d").reason == 0x90
        two.send(*(m.publish_packet("x", qos=0) for _ in range(11)))
        assert two.expect(m.DISCONNECT).reason == 0x96
        two.expect_closed()
