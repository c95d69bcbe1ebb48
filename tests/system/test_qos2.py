"""QoS 2 both ways: neither lost nor doubled, whatever breaks and wherever the client comes back."""

import pytest
from support import mqtt_raw as m
from support.clients import V5, V311, Client, mosquitto_pub, mosquitto_sub
from support.weft import Topics, start_example


@pytest.fixture(scope="module")
def topics(kafka):
    return Topics().create(kafka, partitions=3)


@pytest.fixture(scope="module")
def pair(kafka, topics):
    with start_example(kafka, topics, workers=2) as one, start_example(kafka, topics, workers=2) as two:
        yield one, two


@pytest.fixture
def weft(pair):
    return pair[0]


def join(weft, client_id, version=5):
    return m.Raw(weft.port, version).connect(client_id, **m.lasting(version))


def stored(kafka, topics, prefix):
    return [r.value for r in kafka.records(topics.messages) if r.key.startswith(prefix)]


def send(client, topic, payload, packet_id, *, dup=False):
    client.send(m.publish_packet(topic, payload, version=client.version, qos=2, packet_id=packet_id, dup=dup))


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_both_ways(kafka, topics, weft, prefix, version):
    # [MQTT-4.3.3-2] 3.1.1 [MQTT-4.3.3-1]
    with join(weft, f"{prefix}-sub", version) as sub, join(weft, f"{prefix}-pub", version) as pub:
        assert sub.subscribe((f"{prefix}/t", 2)) == [2]
        for n in range(20):
            pub.publish_exactly_once(f"{prefix}/t", f"{n}", packet_id=n + 1)
        got, released = [], 0
        while released < 20:  # the next PUBLISH may come before the PUBREL of the last
            p = sub.packet()
            if p.kind == m.PUBREL:
                released += 1
                sub.send(m.ack_packet(m.PUBCOMP, p.packet_id))
            else:
                got.append((p.payload, p.qos, p.dup))
                sub.send(m.ack_packet(m.PUBREC, p.packet_id))
        assert got == [(f"{n}".encode(), 2, False) for n in range(20)]
    assert len(stored(kafka, topics, prefix)) == 20


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_mosquitto_clients(weft, prefix, version):
    sub = mosquitto_sub(weft.port, "-t", f"{prefix}/#", "-q", "2", "-v", "-C", "3", version=version)
    mosquitto_pub(weft.port, "-t", f"{prefix}/t", "-q", "2", "-l", version=version, input=b"a\nb\nc\n")
    assert sub.wait(60) == 0
    assert [x for x in sub.output.splitlines() if x.startswith(prefix)] == [f"{prefix}/t {x}" for x in "abc"]


@pytest.mark.parametrize("publish_qos", [0, 1, 2])
@pytest.mark.parametrize("subscribe_qos", [0, 1, 2])
def test_the_lower_qos_counts(weft, prefix, publish_qos, subscribe_qos):
    # [MQTT-3.8.4-8] 3.1.1 [MQTT-3.8.4-6]
    with Client(weft.port) as sub, Client(weft.port) as pub:
        assert sub.subscribe(f"{prefix}/t", subscribe_qos) == [subscribe_qos]
        pub.publish(f"{prefix}/t", b"x", publish_qos)
        assert sub.receive().qos == min(publish_qos, subscribe_qos)


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("where", ["same", "other"])
def test_publish_resent(kafka, topics, pair, prefix, version, where):
    back = pair[where == "other"]
    with join(pair[0], prefix, version) as client:
        send(client, f"{prefix}/t", b"once", 5)
        assert client.expect(m.PUBREC).packet_id == 5
        send(client, f"{prefix}/t", b"twice", 6)
        assert client.expect(m.PUBREC).packet_id == 6
        client.send(m.ack_packet(m.PUBREL, 6))
        assert client.expect(m.PUBCOMP).packet_id == 6
    with join(back, prefix, version) as client:
        assert client.connack.session_present
        send(client, f"{prefix}/t", b"once", 5, dup=True)
        got = client.expect(m.PUBREC)
        assert (got.packet_id, got.reason) == (5, 0)
        send(client, f"{prefix}/t", b"twice", 6)  # 6 is free again: another message
        assert client.expect(m.PUBREC).packet_id == 6
        client.send(m.ack_packet(m.PUBREL, 5), m.ack_packet(m.PUBREL, 6))
        assert sorted(client.expect(m.PUBCOMP).packet_id for _ in range(2)) == [5, 6]
    assert sorted(stored(kafka, topics, prefix)) == ["once", "twice", "twice"]


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_release_after_reconnect(pair, prefix, version):
    with join(pair[0], prefix, version) as client:
        send(client, f"{prefix}/t", b"x", 9)
        client.expect(m.PUBREC)
    with join(pair[1], prefix, version) as client:
        client.send(m.ack_packet(m.PUBREL, 9))
        got = client.expect(m.PUBCOMP)
        assert (got.packet_id, got.reason) == (9, 0)
        client.send(m.ack_packet(m.PUBREL, 9))  # released: not known any more
        got = client.expect(m.PUBCOMP)
        assert (got.packet_id, got.reason) == (9, 0x92 if version == 5 else 0)
        client.ping()


def test_deliveries_of_unknown_ids(weft, prefix):
    with m.Raw(weft.port) as client:
        client.connect(prefix)
        client.send(m.ack_packet(m.PUBREC, 77))
        got = client.expect(m.PUBREL)
        assert (got.packet_id, got.reason) == (77, 0x92)
        client.ping()


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("where", ["same", "other"])
def test_delivery_goes_on_after_reconnect(pair, prefix, version, where):
    # [MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.3.3-1]
    back = pair[where == "other"]
    with join(pair[0], prefix, version) as client, join(pair[0], f"{prefix}-pub") as pub:
        client.subscribe((f"{prefix}/t", 2))
        for n in range(3):
            pub.publish_exactly_once(f"{prefix}/t", f"{n}", packet_id=n + 1)
        first = [client.expect(m.PUBLISH) for _ in range(3)]
        ids = [p.packet_id for p in first]
        client.send(m.ack_packet(m.PUBREC, ids[0]), m.ack_packet(m.PUBREC, ids[1]))
        assert [client.expect(m.PUBREL).packet_id for _ in range(2)] == ids[:2]
        client.send(m.ack_packet(m.PUBCOMP, ids[0]))
        client.ping()
        client.disconnect()
    with join(back, prefix, version) as client:
        resent = client.expect(m.PUBLISH)
        assert (resent.packet_id, resent.payload, resent.dup) == (ids[2], b"2", True)
        client.send(m.ack_packet(m.PUBREC, ids[2]))
        released = []
        while ids[2] not in released:
            released.append(client.expect(m.PUBREL).packet_id)
            client.send(m.ack_packet(m.PUBCOMP, released[-1]))
        # Another instance may not have heard of the first one's PUBCOMP yet.
        assert released == ids[1:] or (where == "other" and released == ids)
        client.ping()


def test_receive_maximum_counts_until_pubcomp(weft, prefix):
    # [MQTT-3.3.4-9] [MQTT-4.9.0-2]
    with m.Raw(weft.port) as client, join(weft, f"{prefix}-pub") as pub:
        client.connect(prefix, props=[(m.RECEIVE_MAXIMUM, 2)])
        client.subscribe((f"{prefix}/t", 2))
        for n in range(4):
            pub.publish_exactly_once(f"{prefix}/t", f"{n}", packet_id=n + 1)
        one, two = client.expect(m.PUBLISH), client.expect(m.PUBLISH)
        client.send(m.ack_packet(m.PUBREC, one.packet_id))
        client.expect(m.PUBREL)
        client.ping()  # the third would be here
        client.send(m.ack_packet(m.PUBCOMP, one.packet_id))
        assert client.expect(m.PUBLISH).payload == b"2"
        client.send(m.ack_packet(m.PUBREC, two.packet_id, 0x80))  # refused: done with
        assert client.expect(m.PUBLISH).payload == b"3"
        client.ping()


@pytest.mark.key
@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_killed_again_and_again(kafka, prefix, version):
    """Publisher and subscriber keep their sessions and send again as the standard says; each message once."""
    topics = Topics().create(kafka, partitions=3)
    keep = {"clean": False, "version": version}
    if version == V5:
        import paho.mqtt.properties as p

        props = p.Properties(p.PacketTypes.CONNECT)
        props.SessionExpiryInterval = 1000
        keep["properties"] = props
    with start_example(kafka, topics, workers=2) as weft:
        sub = Client(weft.port, f"{prefix}-sub", **keep)
        sub.paho.reconnect_delay_set(1, 1)
        sub.subscribe(f"{prefix}/t", 2)
        pub = Client(weft.port, f"{prefix}-pub", **keep)
        pub.paho.reconnect_delay_set(1, 1)
        sent, got = [], []
        for round in range(4):
            infos = []
            for n in range(200):
                sent.append(f"{round}-{n}")
                infos.append(pub.publish_later(f"{prefix}/t", sent[-1].encode(), qos=2))
            infos[37 * round + 20].wait_for_publish(60)
            if round < 3:
                weft.kill()
                weft.start()
                weft.wait_ready()
            infos[-1].wait_for_publish(90)
            assert infos[-1].is_published()
        pub.publish(f"{prefix}/t", b"end", 2)
        while not got or got[-1] != "end":
            got.append(sub.receive().payload.decode())
        # What is stored tells whose fault it is: the way in or the way out.
        assert sorted(stored(kafka, topics, prefix)) == sorted([*sent, "end"])
        assert got == [*sent, "end"]
        pub.close()
        sub.close()
