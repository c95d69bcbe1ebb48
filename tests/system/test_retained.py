"""Retained messages: both records, replay with the RETAIN bit, Retain As Published, clearing."""

import pytest
from paho.mqtt.subscribeoptions import SubscribeOptions
from support.clients import V5, V311, Client
from support.weft import start_example

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["v3.1.1", "v5"])


# [MQTT-3.3.1-5] [MQTT-3.3.1-9] 3.1.1 [MQTT-3.3.1-6] 3.1.1 [MQTT-3.3.1-8]
@pytest.mark.key
@VERSIONS
@pytest.mark.parametrize("qos", [0, 1])
def test_replay(weft, prefix, version, qos):
    with Client(weft.port, version=version) as pub:
        pub.publish(f"{prefix}/state", b"old", 1, retain=True)
        pub.publish(f"{prefix}/state", b"on", 1, retain=True)
        with Client(weft.port, version=version) as sub:
            sub.subscribe(f"{prefix}/+", qos)
            got = sub.receive()
            assert (got.topic, got.payload, got.retain) == (f"{prefix}/state", b"on", True)
            assert got.qos == qos
            pub.publish(f"{prefix}/state", b"live", 1)
            assert sub.receive().payload == b"live"


@pytest.mark.key
def test_both_records(kafka, weft, prefix):
    topic = f"{prefix}/state"
    with Client(weft.port) as pub:
        pub.publish(topic, b"on", retain=True)
        pub.publish(topic, b"", retain=True)
    live = [r for r in kafka.records(weft.topics.messages) if r.key == topic]
    kept = [r for r in kafka.records(weft.topics.retained) if r.key == topic]
    levels = [("zilla:filter", prefix), ("zilla:filter", "state"), ("zilla:local", pub.client_id)]
    assert [r.value for r in live] == ["on", ""]
    assert [r.value for r in kept] == ["on", None], "clearing is a tombstone on the retained topic"
    for record in live:
        assert record.headers == [*levels, ("zilla:retain", "1"), ("zilla:qos", "1")]
    assert kept[0].headers == [*levels, ("zilla:qos", "1")]
    assert [r.time_ms for r in live] == [r.time_ms for r in kept]


# [MQTT-3.3.1-12] 3.1.1 [MQTT-3.3.1-9]
@VERSIONS
def test_live_copy_has_no_retain_bit(weft, prefix, version):
    # MQTT 3.1.1, 3.3.1-9; MQTT 5, 3.3.1-12
    with Client(weft.port, version=version) as sub, Client(weft.port, version=version) as pub:
        sub.subscribe(f"{prefix}/t")
        pub.publish(f"{prefix}/t", b"1", retain=True)
        assert sub.receive().retain is False


# [MQTT-3.3.1-13]
@pytest.mark.key
def test_retain_as_published(weft, prefix):
    # MQTT 5, 3.3.1-13
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/t", options=SubscribeOptions(1, retainAsPublished=True))
        pub.publish(f"{prefix}/t", b"1", retain=True)
        pub.publish(f"{prefix}/t", b"2", retain=False)
        assert [(m.payload, m.retain) for m in sub.receive_many(2)] == [(b"1", True), (b"2", False)]


# [MQTT-3.3.1-6] [MQTT-3.3.1-7] 3.1.1 [MQTT-3.3.1-10] 3.1.1 [MQTT-3.3.1-11]
@VERSIONS
def test_cleared_is_not_replayed(weft, prefix, version):
    with Client(weft.port, version=version) as pub, Client(weft.port, version=version) as sub:
        pub.publish(f"{prefix}/t", b"gone", retain=True)
        pub.publish(f"{prefix}/t", b"", retain=True)
        sub.subscribe(f"{prefix}/t")
        # What is replayed comes before what is live, so the first message tells.
        pub.publish(f"{prefix}/t", b"live")
        got = sub.receive()
        assert (got.payload, got.retain) == (b"live", False)


# [MQTT-3.3.1-10] [MQTT-3.3.1-11]
def test_retain_handling(weft, prefix):
    # MQTT 5, 3.8.3-10, -11, -12
    def subscribe(client, handling):
        client.subscribe(f"{prefix}/t", options=SubscribeOptions(1, retainHandling=handling))

    with Client(weft.port) as pub, Client(weft.port) as sub:
        pub.publish(f"{prefix}/t", b"kept", retain=True)
        subscribe(sub, SubscribeOptions.RETAIN_DO_NOT_SEND)
        pub.publish(f"{prefix}/t", b"1")
        assert sub.receive().payload == b"1"
        subscribe(sub, SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        pub.publish(f"{prefix}/t", b"2")
        assert sub.receive().payload == b"2"
        subscribe(sub, SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
        got = sub.receive()
        assert (got.payload, got.retain) == (b"kept", True)
        sub.unsubscribe(f"{prefix}/t")
        subscribe(sub, SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        assert sub.receive().payload == b"kept"


@pytest.mark.key
def test_many_topics(weft, prefix):
    with Client(weft.port) as pub, Client(weft.port) as sub:
        for number in range(200):
            last = pub.publish_later(f"{prefix}/{number}/on", str(number).encode(), retain=True)
        last.wait_for_publish(60)
        sub.subscribe(f"{prefix}/+/on")
        got = sub.receive_many(200)
        assert {m.topic: m.payload for m in got} == {f"{prefix}/{n}/on": str(n).encode() for n in range(200)}
        assert all(m.retain for m in got)


def test_foreign_retained_record(kafka, weft, prefix):
    kafka.produce(weft.topics.retained, f"{prefix}/t", "foreign")
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/t")
        got = sub.receive()
        assert (got.payload, got.retain) == (b"foreign", True)


def test_survives_a_new_process_with_an_empty_cache(kafka, prefix):
    with start_example(kafka) as first:
        with Client(first.port) as pub:
            pub.publish(f"{prefix}/t", b"kept", retain=True)
    with start_example(kafka, first.topics) as second:
        with Client(second.port) as sub:
            sub.subscribe(f"{prefix}/#")
            got = sub.receive()
            assert (got.payload, got.retain) == (b"kept", True)
