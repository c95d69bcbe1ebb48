"""Sessions outlive connections, processes and the instance they began on."""

import threading
import time

import pytest
from support import mqtt_raw as m
from support.clients import Client
from support.weft import Topics, start_example

NEVER = 0xFFFFFFFF


@pytest.fixture(scope="module")
def topics(kafka):
    return Topics().create(kafka, partitions=3)


@pytest.fixture(scope="module")
def pair(kafka, topics):
    """Two instances on the same topics, two workers each."""
    with start_example(kafka, topics, workers=2) as one, start_example(kafka, topics, workers=2) as two:
        yield one, two


@pytest.fixture
def weft(pair):
    return pair[0]


def resume(weft, client_id, version=5, *, present=True, **options):
    client = m.Raw(weft.port, version)
    client.connect(client_id, **{**m.lasting(version), **options})
    assert client.connack.session_present == present
    return client


def publish(weft, topic, *payloads, qos=1):
    with m.Raw(weft.port) as pub:
        pub.connect("")
        for payload in payloads:
            assert pub.publish(topic, payload, qos=qos).reason in (0, 0x10)


def take(client, count, *, ack=True):
    """So many deliveries of QoS 1, acknowledged at once."""
    got = []
    for _ in range(count):
        got.append(client.expect(m.PUBLISH))
        if ack:
            client.send(m.ack_packet(m.PUBACK, got[-1].packet_id))
    return got


def nothing_more(client):
    """What was on its way would be here before the answer."""
    client.ping()


def wait_gone(kafka, topics, client_id, *keys):
    """Until Kafka has a null for each of these keys as their newest value."""
    until = time.monotonic() + 60
    while True:
        newest = {r.key: r.value for r in kafka.records(topics.sessions)}
        if all(newest.get(client_id + k) is None for k in keys):
            return
        assert time.monotonic() < until, {k: v for k, v in newest.items() if k.startswith(client_id)}


# [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.2-23] [MQTT-3.1.3-2] [MQTT-4.1.0-1] [MQTT-3.2.2-2]
# 3.1.1 [MQTT-3.1.2-4] 3.1.1 [MQTT-3.1.2-5] 3.1.1 [MQTT-3.1.3-2] 3.1.1 [MQTT-4.1.0-1] 3.1.1 [MQTT-3.2.2-2] 3.1.1 [MQTT-3.2.2-3]
@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_what_came_meanwhile_is_delivered_in_order(weft, prefix, version):
    with resume(weft, prefix, version, present=False) as client:
        assert client.subscribe((f"{prefix}/+", 1)) == [1]
        client.disconnect()
    sent = [f"{n}".encode() for n in range(200)]
    publish(weft, f"{prefix}/t", *sent)
    with resume(weft, prefix, version) as client:
        assert [p.payload for p in take(client, 200)] == sent
        publish(weft, f"{prefix}/t", b"live")
        assert take(client, 1)[0].payload == b"live"
        nothing_more(client)


@pytest.mark.parametrize("version", [4, 5])
def test_clean_start_discards(weft, prefix, version):
    # [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-3]
    # 3.1.1 [MQTT-3.1.2-6] 3.1.1 [MQTT-3.1.4-3] 3.1.1 [MQTT-3.2.2-1]
    with resume(weft, prefix, version, present=False) as client:
        client.subscribe(f"{prefix}/t")
        client.disconnect()
    publish(weft, f"{prefix}/t", b"lost")
    with resume(weft, prefix, version, present=False, clean=True) as client:
        publish(weft, f"{prefix}/t", b"lost, too")
        nothing_more(client)
        client.disconnect()
    if version == 4:  # its own session ended with its connection
        resume(weft, prefix, version, present=False).socket.close()


def test_session_without_expiry_ends_with_its_connection(kafka, topics, weft, prefix):
    # 3.1.2.11.2
    with resume(weft, prefix, present=False, props=()) as client:
        client.subscribe(f"{prefix}/t")
        assert f"{prefix}" not in {r.key for r in kafka.records(topics.sessions)}
        client.disconnect()
    resume(weft, prefix, present=False, props=()).socket.close()


@pytest.mark.key
@pytest.mark.parametrize("how", ["disconnect", "close"])
def test_expiry(kafka, topics, weft, prefix, how):
    # [MQTT-4.1.0-2]
    with resume(weft, prefix, present=False, **m.lasting(expiry=1)) as client:
        client.subscribe(f"{prefix}/t")
        if how == "disconnect":
            client.disconnect()
    wait_gone(kafka, topics, prefix, "", "#owner", "#inflight", "#offsets", "#expiry")
    resume(weft, prefix, present=False).socket.close()


def test_expiry_changed_in_disconnect(kafka, topics, weft, prefix):
    # 3.14.2.2.2
    with resume(weft, prefix, present=False) as client:
        client.subscribe(f"{prefix}/t")
        client.send(m.disconnect_packet(0, [(m.SESSION_EXPIRY, 0)]))
        client.expect_closed()
    wait_gone(kafka, topics, prefix, "", "#owner")
    with resume(weft, prefix, present=False, **m.lasting(expiry=1)) as client:
        client.send(m.disconnect_packet(0, [(m.SESSION_EXPIRY, NEVER)]))
        client.expect_closed()
    with resume(weft, prefix, **m.lasting(expiry=NEVER)) as client:
        client.disconnect()


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_unacknowledged_deliveries_go_again(weft, prefix, version):
    # [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.2-3] [MQTT-2.2.1-4]
    # 3.1.1 [MQTT-4.4.0-1] 3.1.1 [MQTT-3.3.1-1] 3.1.1 [MQTT-4.3.2-1] 3.1.1 [MQTT-2.3.1-4] 3.1.1 [MQTT-4.6.0-1]
    with resume(weft, prefix, version, present=False) as client:
        client.subscribe(f"{prefix}/t")
        publish(weft, f"{prefix}/t", b"a", b"b", b"c", b"d", b"e")
        first = take(client, 5, ack=False)
        ids = [p.packet_id for p in first]
        assert 0 not in ids and len(set(ids)) == 5 and not any(p.dup for p in first)
        client.send(m.ack_packet(m.PUBACK, ids[1]))
        client.ping()
    publish(weft, f"{prefix}/t", b"f")
    with resume(weft, prefix, version) as client:
        again = take(client, 4, ack=False)
        assert [(p.packet_id, p.payload) for p in again] == [
            (p.packet_id, p.payload) for p in first if p.packet_id != ids[1]
        ]
        assert all(p.dup for p in again)
        new = client.expect(m.PUBLISH)
        assert (new.payload, new.dup) == (b"f", False) and new.packet_id not in {p.packet_id for p in again}
        client.send(*(m.ack_packet(m.PUBACK, p.packet_id) for p in [*again, new]))
        client.disconnect()
    with resume(weft, prefix, version) as client:
        nothing_more(client)


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_moves_to_another_instance(pair, prefix, version):
    one, two = pair
    with resume(one, prefix, version, present=False) as client:
        client.subscribe(f"{prefix}/t")
        publish(one, f"{prefix}/t", b"1", b"2")
        first = take(client, 2, ack=False)
        client.disconnect()
    publish(one, f"{prefix}/t", b"3")
    with resume(two, prefix, version) as client:
        got = take(client, 3)
        assert [p.payload for p in got] == [b"1", b"2", b"3"]
        assert [(p.packet_id, p.dup) for p in got[:2]] == [(p.packet_id, True) for p in first]
        publish(one, f"{prefix}/t", b"4")
        assert take(client, 1)[0].payload == b"4"
        client.disconnect()
    with resume(one, prefix, version) as client:
        nothing_more(client)


@pytest.mark.parametrize("version", [4, 5])
def test_takeover_within_an_instance_repeats_nothing(weft, prefix, version):
    # [MQTT-3.1.4-3] 3.1.1 [MQTT-3.1.4-2]
    older = resume(weft, prefix, version, present=False)
    older.subscribe(f"{prefix}/t")
    for round in range(20):
        publish(weft, f"{prefix}/t", f"{round}".encode())
        got = take(older, 1)[0]
        assert (got.payload, got.dup) == (f"{round}".encode(), False)
        older.ping()  # the PUBACK is there
        newer = resume(weft, prefix, version)
        if version == 5:
            assert older.expect(m.DISCONNECT).reason == 0x8E
        older.expect_closed()
        older.socket.close()
        older = newer
    older.socket.close()


@pytest.mark.key
def test_takeover_from_another_instance(pair, prefix):
    # [MQTT-3.1.4-3]
    older = resume(pair[0], prefix, present=False)
    older.subscribe(f"{prefix}/t")
    for round in range(6):
        newer = resume(pair[(round + 1) % 2], prefix)
        assert older.expect(m.DISCONNECT).reason == 0x8E
        older.expect_closed()
        older.socket.close()
        publish(pair[round % 2], f"{prefix}/t", f"{round}".encode())
        # What was acknowledged lately may come again: this instance has not heard of it.
        while (got := int(take(newer, 1)[0].payload)) < round:
            pass
        assert got == round
        older = newer
    older.socket.close()


def test_many_claims_of_one_id_end_with_one_owner(pair, prefix):
    """Clients that all call themselves the same, on four workers at once: one is left, and it works."""
    clients = [m.Raw(pair[n % 2].port) for n in range(12)]
    threads = [
        threading.Thread(target=lambda c=c: c.send(m.connect_packet(prefix, 5, **m.lasting()))) for c in clients
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    # all but one are told, whether their CONNACK came or not
    ended, alive = 0, []
    for c in clients:
        c.send(m.subscribe_packet(7, f"{prefix}/t"))
    until = time.monotonic() + 60
    while ended < len(clients) - 1 and time.monotonic() < until:
        ended, alive = 0, []
        for c in clients:
            try:
                c.socket.settimeout(0.2)
                while True:
                    got = c.packet()
                    if got.kind == m.DISCONNECT or (got.kind == m.CONNACK and got.reason):
                        raise m.Closed()
            except m.Closed:
                ended += 1
            except TimeoutError:
                alive.append(c)
            except OSError:
                ended += 1
    assert len(alive) == 1
    alive[0].socket.settimeout(30)
    alive[0].subscribe(f"{prefix}/t", packet_id=8)
    publish(pair[0], f"{prefix}/t", b"x")
    assert take(alive[0], 1)[0].payload == b"x"
    for c in clients:
        c.socket.close()


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
def test_survives_kill(kafka, prefix, version):
    topics = Topics().create(kafka, partitions=3)
    with start_example(kafka, topics, workers=2) as weft:
        client = resume(weft, prefix, version, present=False)
        client.subscribe((f"{prefix}/t", 1), (f"{prefix}/u", 2))
        publish(weft, f"{prefix}/t", b"a", b"b", b"c")
        first = take(client, 3, ack=False)
        publish(weft, f"{prefix}/t", b"d", b"e")
        first += take(client, 2, ack=False)
        weft.kill()
        client.socket.close()
        weft.start()
        weft.wait_ready()
        publish(weft, f"{prefix}/t", b"f")
        with resume(weft, prefix, version) as client:
            got = take(client, 6)
            assert [p.payload for p in got] == [b"a", b"b", b"c", b"d", b"e", b"f"]
            publish(weft, f"{prefix}/t", b"g")
            assert take(client, 1)[0].payload == b"g"
            client.disconnect()


def test_survives_a_new_process_with_an_empty_cache(kafka, prefix):
    topics = Topics().create(kafka, partitions=3)
    with start_example(kafka, topics) as weft:
        with resume(weft, prefix, present=False) as client:
            client.subscribe(f"{prefix}/t")
            client.disconnect()
        publish(weft, f"{prefix}/t", b"1", b"2")
    with start_example(kafka, topics) as weft, resume(weft, prefix) as client:
        assert [p.payload for p in take(client, 2)] == [b"1", b"2"]


def test_unsubscribed_is_not_restored(weft, prefix):
    with resume(weft, prefix, present=False) as client:
        client.subscribe(f"{prefix}/a", f"{prefix}/b")
        client.send(m.unsubscribe_packet(3, f"{prefix}/a"))
        assert client.expect(m.UNSUBACK).reasons == [0]
        client.disconnect()
    publish(weft, f"{prefix}/a", b"a")
    publish(weft, f"{prefix}/b", b"b")
    with resume(weft, prefix) as client:
        assert take(client, 1)[0].payload == b"b"
        nothing_more(client)


def test_retained_messages_do_not_come_again_with_a_session(weft, prefix):
    # 3.1.1 [MQTT-3.1.2-7]
    with m.Raw(weft.port) as pub:
        pub.connect("")
        pub.publish(f"{prefix}/t", b"kept", retain=True)
    with resume(weft, prefix, present=False) as client:
        client.subscribe(f"{prefix}/t")
        assert take(client, 1)[0].retain
        client.disconnect()
    with resume(weft, prefix) as client:
        nothing_more(client)
    with m.Raw(weft.port) as pub:  # the end of a session is no end of them
        pub.connect(prefix)
        pub.disconnect()
    with m.Raw(weft.port) as other:
        other.connect("")
        other.subscribe(f"{prefix}/t")
        assert take(other, 1)[0].payload == b"kept"


def test_options_and_identifiers_are_restored(weft, prefix):
    with resume(weft, prefix, present=False) as client:
        client.subscribe((f"{prefix}/t", 1 | 8), props=[(m.SUBSCRIPTION_ID, 77)])  # retain as published
        client.disconnect()
    with m.Raw(weft.port) as pub:
        pub.connect("")
        pub.publish(f"{prefix}/t", b"x", retain=True)
    with resume(weft, prefix) as client:
        got = take(client, 1)[0]
        assert got.retain and got.all(m.SUBSCRIPTION_ID) == [77]


def test_a_long_absence(kafka, weft, prefix):
    """More than a client may have in flight, over all partitions, each topic in order."""
    with resume(weft, prefix, present=False) as client:
        client.subscribe(f"{prefix}/#")
        client.disconnect()
    with Client(weft.port) as pub:
        for n in range(3000):
            last = pub.publish_later(f"{prefix}/{n % 7}", f"{n}".encode())
        last.wait_for_publish(60)
    with resume(weft, prefix, props=[(m.SESSION_EXPIRY, 100), (m.RECEIVE_MAXIMUM, 20)]) as client:
        by_topic = {}
        for p in take(client, 3000):
            by_topic.setdefault(p.topic, []).append(int(p.payload))
        assert by_topic == {f"{prefix}/{k}": list(range(k, 3000, 7)) for k in range(7)}
        nothing_more(client)


def test_foreign_records_reach_sessions(kafka, topics, weft, prefix):
    with resume(weft, prefix, present=False) as client:
        client.subscribe(f"{prefix}/t")
        client.disconnect()
    kafka.produce(topics.messages, f"{prefix}/t", "from elsewhere")
    with resume(weft, prefix) as client:
        assert take(client, 1)[0].payload == b"from elsewhere"
