"""Limits and promises of a connection: keep alive, Receive Maximum, packet size, goodbye."""

import pytest
from support import mqtt_raw as m
from support.clients import Client
from support.weft import SANITIZED, Topics, start_example


@pytest.fixture(scope="module")
def ordered(kafka):
    """One partition per topic, and keep alive as short as the client likes."""
    topics = Topics().create(kafka, partitions=1)
    with start_example(kafka, topics, properties=["zilla.binding.mqtt.keep.alive.minimum=1"]) as running:
        yield running


def test_assigned_client_id(ordered):
    with m.Raw(ordered.port) as one, m.Raw(ordered.port) as two:
        names = [c.connect("").connack.prop(m.ASSIGNED_CLIENT_ID) for c in (one, two)]
        assert all(names) and names[0] != names[1]


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_keep_alive(ordered, prefix, version):
    # MQTT 5, 3.1.2-22: silent for one and a half times the keep alive
    with m.Raw(ordered.port, version) as client:
        client.connect(prefix, keep_alive=1)
        if version == 5:
            assert client.expect(m.DISCONNECT).reason == 0x8D
        client.expect_closed()


def test_any_packet_keeps_alive(ordered, prefix):
    """Pings every answer for longer than the keep alive; the silent one beside it goes first."""
    with m.Raw(ordered.port) as silent, m.Raw(ordered.port) as busy:
        busy.connect(f"{prefix}-busy", keep_alive=1)
        silent.connect(f"{prefix}-silent", keep_alive=3)
        silent.socket.settimeout(0.3)
        for _ in range(200):
            busy.ping()
            try:
                assert silent.packet().reason == 0x8D
                break
            except TimeoutError:
                continue
        else:
            raise AssertionError("the silent client was kept")
        busy.ping()


def test_server_keep_alive_is_told(kafka, prefix):
    # the reference's floor of 10 s, which a client has to know
    with start_example(kafka) as weft, m.Raw(weft.port) as client:
        client.connect(prefix, keep_alive=2)
        assert client.connack.prop(m.SERVER_KEEP_ALIVE) == 10


# [MQTT-4.9.0-1]
@pytest.mark.key
def test_receive_maximum(ordered, prefix):
    # MQTT 5, 3.3.4-9: never more unacknowledged than the client takes
    with m.Raw(ordered.port) as sub, Client(ordered.port) as pub:
        sub.connect(f"{prefix}-sub", props=[(m.RECEIVE_MAXIMUM, 2)])
        sub.subscribe(f"{prefix}/t")
        for number in range(6):
            pub.publish(f"{prefix}/t", str(number).encode())
        first, second = sub.expect(m.PUBLISH), sub.expect(m.PUBLISH)
        sub.ping()
        sub.send(m.ack_packet(m.PUBACK, first.packet_id))
        third = sub.expect(m.PUBLISH)
        assert [first.payload, second.payload, third.payload] == [b"0", b"1", b"2"]
        sub.ping()
        sub.send(m.ack_packet(m.PUBACK, second.packet_id), m.ack_packet(m.PUBACK, third.packet_id))
        rest = []
        while len(rest) < 3:
            got = sub.expect(m.PUBLISH)
            rest.append(got.payload)
            sub.send(m.ack_packet(m.PUBACK, got.packet_id))
        assert rest == [b"3", b"4", b"5"]


def test_server_receive_maximum(ordered, prefix):
    """As many QoS 1 publishes in flight as the server announces are all acknowledged."""
    with m.Raw(ordered.port) as client:
        client.connect(prefix)
        count = min(client.connack.prop(m.RECEIVE_MAXIMUM, 65535), 2000)
        client.send(*(m.publish_packet(f"{prefix}/t", b"x", qos=1, packet_id=i + 1) for i in range(count)))
        acks = [client.expect(m.PUBACK) for _ in range(count)]
        assert [a.packet_id for a in acks] == list(range(1, count + 1)), "MQTT 5, 4.6.0-2: in order"
        assert all(a.reason in (0, 0x10) for a in acks)


def test_client_maximum_packet_size(ordered, prefix):
    # MQTT 5, 3.1.2-24, -25: what is too large is dropped as if it had been sent
    with m.Raw(ordered.port) as sub, Client(ordered.port) as pub:
        sub.connect(f"{prefix}-sub", props=[(m.MAXIMUM_PACKET_SIZE, 200), (m.RECEIVE_MAXIMUM, 1)])
        sub.subscribe(f"{prefix}/t")
        pub.publish(f"{prefix}/t", b"x" * 300)
        pub.publish(f"{prefix}/t", b"small")
        got = sub.expect(m.PUBLISH)
        assert got.payload == b"small"
        sub.send(m.ack_packet(m.PUBACK, got.packet_id))
        pub.publish(f"{prefix}/t", b"again")
        assert sub.expect(m.PUBLISH).payload == b"again"


def test_packet_ids_are_per_connection(ordered, prefix):
    with m.Raw(ordered.port) as one, m.Raw(ordered.port) as two:
        for name, client in (("one", one), ("two", two)):
            client.connect(f"{prefix}-{name}")
            client.subscribe(f"{prefix}/t")
        two.publish(f"{prefix}/x", b"")
        with Client(ordered.port) as pub:
            pub.publish(f"{prefix}/t", b"1")
        assert one.expect(m.PUBLISH).packet_id == two.expect(m.PUBLISH).packet_id


def test_suback_for_every_filter_in_order(ordered, prefix):
    with m.Raw(ordered.port) as client:
        client.connect(prefix)
        assert client.subscribe(("a", 0), ("b", 1), ("c", 0)) == [0, 1, 0]
        client.send(m.unsubscribe_packet(9, "b", "never"))
        got = client.expect(m.UNSUBACK)
        assert (got.packet_id, got.reasons) == (9, [0x00, 0x11])


def test_no_matching_subscribers_is_no_error(ordered, prefix):
    with m.Raw(ordered.port) as client:
        client.connect(prefix)
        assert client.publish(f"{prefix}/nobody", b"x").reason in (0x00, 0x10)


@pytest.mark.key
@pytest.mark.parametrize("workers", [1, 2])
def test_takeover(kafka, prefix, workers):
    # MQTT 5, 3.1.4-3: the older connection of a client id goes, with 0x8E
    with start_example(kafka, workers=workers) as weft:
        older = m.Raw(weft.port)
        older.connect(prefix)
        for _ in range(6):  # with two workers some of these meet on another one
            newer = m.Raw(weft.port)
            newer.connect(prefix)
            assert older.expect(m.DISCONNECT).reason == 0x8E
            older.expect_closed()
            newer.ping()
            older = newer
        older.socket.close()


def test_disconnect_and_come_back(ordered, prefix):
    for _ in range(20):
        with m.Raw(ordered.port) as client:
            client.connect(prefix)
            client.subscribe(f"{prefix}/t")
            client.disconnect()


def test_client_goes_without_goodbye(ordered, prefix):
    for _ in range(20):
        with m.Raw(ordered.port) as client:
            client.connect(prefix)
            client.send(m.subscribe_packet(1, f"{prefix}/#"), m.publish_packet(f"{prefix}/t", b"x"))
    with m.Raw(ordered.port) as client:
        client.connect(prefix).ping()


@pytest.mark.key
def test_sigterm_says_goodbye(kafka, prefix):
    # MQTT 5, 4.13: 0x8B, server shutting down
    with start_example(kafka, workers=2) as weft:
        clients = [m.Raw(weft.port, version) for version in (5, 5, 4)]
        for number, client in enumerate(clients):
            client.connect(f"{prefix}-{number}")
        assert weft.stop() == 0
        for client in clients:
            if client.version == 5:
                assert client.expect(m.DISCONNECT).reason == 0x8B
            client.expect_closed()
            client.socket.close()


@pytest.mark.key
def test_slow_subscriber(kafka, prefix):
    """One that does not read costs little memory, delays nobody, and gets everything in the end."""
    count, payload = 300, bytes(100_000)
    topics = Topics().create(kafka, partitions=1)
    with start_example(kafka, topics) as weft:
        slow = m.Raw(weft.port, receive_buffer=4096, timeout=60)
        slow.connect(f"{prefix}-slow", props=[(m.RECEIVE_MAXIMUM, 10)])
        slow.subscribe(f"{prefix}/t")
        with Client(weft.port) as fast, Client(weft.port) as pub:
            fast.subscribe(f"{prefix}/t")
            pub.publish(f"{prefix}/t", b"0" + payload)
            fast.receive()
            before = weft.memory_kib()
            for number in range(1, count):
                pub.publish(f"{prefix}/t", str(number).encode() + payload)
            for _ in range(count - 1):
                fast.receive()
            # 30 MB went by; mapped log files count as resident too, so they are the allowance
            assert SANITIZED or weft.memory_kib() - before < 96 * 1024
            for number in range(count):
                got = slow.expect(m.PUBLISH)
                assert got.payload == str(number).encode() + payload
                slow.send(m.ack_packet(m.PUBACK, got.packet_id))
        slow.socket.close()


@pytest.mark.parametrize("version", [4, 5])
def test_a_maximum_qos(kafka, prefix, version):
    # [MQTT-3.2.2-11]
    with start_example(kafka, properties=["zilla.binding.mqtt.kafka.publish.qos.max=1"]) as weft:
        with m.Raw(weft.port, version) as client:
            client.connect(prefix)
            assert client.connack.prop(m.MAXIMUM_QOS) == (1 if version == 5 else None)
            client.send(m.publish_packet("t", version=version, qos=2, packet_id=1))
            if version == 5:
                assert client.expect(m.DISCONNECT).reason == 0x9B
            client.expect_closed()
