"""Publish and subscribe between independent clients, through Kafka and back."""

import pytest
from paho.mqtt.subscribeoptions import SubscribeOptions
from support.clients import V5, V311, Client, mosquitto_pub, mosquitto_sub, publish_properties
from support.weft import Topics, start_example

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["v3.1.1", "v5"])


@pytest.fixture(scope="module")
def ordered(kafka):
    """One partition per topic: a later message proves that an earlier one was not delivered."""
    with start_example(kafka, Topics().create(kafka, partitions=1)) as running:
        yield running


@pytest.mark.key
@VERSIONS
@pytest.mark.parametrize("publish_qos", [0, 1])
@pytest.mark.parametrize("subscribe_qos", [0, 1])
def test_a_message_arrives(weft, prefix, version, publish_qos, subscribe_qos):
    topic = f"{prefix}/room/1"
    with Client(weft.port, version=version) as sub, Client(weft.port, version=version) as pub:
        assert sub.subscribe(f"{prefix}/#", subscribe_qos) == [subscribe_qos]
        pub.publish(topic, b"21.5 \x00\xff", publish_qos)
        got = sub.receive()
        assert (got.topic, got.payload, got.retain) == (topic, b"21.5 \x00\xff", False)
        assert got.qos == min(publish_qos, subscribe_qos)


# 3.1.1 [MQTT-7.0.0-2]
@pytest.mark.key
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
@pytest.mark.parametrize("qos", ["0", "1"])
def test_mosquitto_clients(weft, prefix, version, qos):
    with mosquitto_sub(weft.port, "-t", f"{prefix}/#", "-q", qos, "-v", version=version) as sub:
        mosquitto_pub(weft.port, "-t", f"{prefix}/1", "-m", "hi", "-q", qos, version=version)
        sub.wait_line(rf"^{prefix}/1 hi$")


def test_versions_talk_to_each_other(weft, prefix):
    with Client(weft.port, version=V311) as old, Client(weft.port, version=V5) as new:
        old.subscribe(f"{prefix}/to-old")
        new.subscribe(f"{prefix}/to-new")
        new.publish(f"{prefix}/to-old", b"1")
        old.publish(f"{prefix}/to-new", b"2")
        assert old.receive().payload == b"1"
        assert new.receive().payload == b"2"


# filter, topics that match, topics that do not; MQTT 5, 4.7
WILDCARDS = [
    ("P/a", ["P/a"], ["P/b", "P", "P/a/b", "P/a/"]),
    ("P/+", ["P/a", "P/"], ["P", "P/a/b"]),
    ("P/#", ["P", "P/a", "P/a/b", "P//b"], []),
    ("P/+/c", ["P/a/c", "P//c"], ["P/a", "P/a/b", "P/a/c/d"]),
    ("P/+/#", ["P/a", "P/a/b", "P/"], ["P"]),
    ("+/P/x", ["a/P/x", "/P/x"], ["P/x"]),
    ("P//b", ["P//b"], ["P/b", "P/a/b"]),
    ("P/B", ["P/B"], ["P/b"]),
]


@pytest.mark.key
@pytest.mark.parametrize("filter,yes,no", WILDCARDS, ids=[w[0] for w in WILDCARDS])
def test_wildcards(ordered, prefix, filter, yes, no):
    def at(text):
        return text.replace("P", prefix)

    with Client(ordered.port) as sub, Client(ordered.port) as pub:
        sub.subscribe([(at(filter), SubscribeOptions(1)), (f"{prefix}-end", SubscribeOptions(1))])
        for topic in no + yes:
            pub.publish(at(topic), topic.encode())
        pub.publish(f"{prefix}-end", b"end")
        got = [sub.receive() for _ in range(len(yes) + 1)]
        assert [m.payload.decode() for m in got] == yes + ["end"]


def test_wildcards_do_not_match_dollar_topics(ordered, kafka, prefix):
    # MQTT 5, 4.7.2-1; the record comes from a foreign program, which may write any key.
    with Client(ordered.port) as sub:
        sub.subscribe([("#", SubscribeOptions(1)), (f"$named/{prefix}", SubscribeOptions(1))])
        kafka.produce(ordered.topics.messages, f"$hidden/{prefix}", "no")
        kafka.produce(ordered.topics.messages, f"$named/{prefix}", "named")
        kafka.produce(ordered.topics.messages, f"{prefix}/end", "end")
        assert [m.payload for m in sub.receive_many(2)] == [b"named", b"end"]


def test_unsubscribe(ordered, prefix):
    with Client(ordered.port) as sub, Client(ordered.port) as pub:
        sub.subscribe([(f"{prefix}/a", SubscribeOptions(1)), (f"{prefix}/b", SubscribeOptions(1))])
        pub.publish(f"{prefix}/a", b"1")
        assert sub.receive().payload == b"1"
        sub.unsubscribe(f"{prefix}/a")
        pub.publish(f"{prefix}/a", b"2")
        pub.publish(f"{prefix}/b", b"3")
        assert sub.receive().payload == b"3"


def test_order_of_one_topic(weft, prefix):
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/n")
        sent = [str(i).encode() for i in range(500)]
        for payload in sent:
            last = pub.publish_later(f"{prefix}/n", payload)
        last.wait_for_publish(60)
        assert [m.payload for m in sub.receive_many(len(sent))] == sent


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 100_000, 900_000])
def test_payload_sizes(weft, prefix, size):
    payload = bytes(i * 7 % 251 for i in range(size))
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/big")
        pub.publish(f"{prefix}/big", payload)
        assert sub.receive().payload == payload


# [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
def test_v5_properties_travel(weft, prefix):
    sent = publish_properties(
        PayloadFormatIndicator=1,
        MessageExpiryInterval=3600,
        ContentType="text/plain",
        ResponseTopic=f"{prefix}/answer",
        CorrelationData=b"\x00\x01\xfe",
        UserProperty=[("b", "2"), ("a", "1"), ("b", "3"), ("", "")],
    )
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/ask")
        pub.publish(f"{prefix}/ask", b"?", properties=sent)
        got = sub.receive().properties
        assert got.PayloadFormatIndicator == 1
        assert 3500 < got.MessageExpiryInterval <= 3600
        assert got.ContentType == "text/plain"
        assert got.ResponseTopic == f"{prefix}/answer"
        assert got.CorrelationData == b"\x00\x01\xfe"
        # MQTT 5, 3.3.2.3.7: order and repetitions are kept
        assert got.UserProperty == [("b", "2"), ("a", "1"), ("b", "3"), ("", "")]


# [MQTT-3.8.3-3]
def test_no_local(ordered, prefix):
    with Client(ordered.port) as one, Client(ordered.port) as two:
        one.subscribe(f"{prefix}/t", options=SubscribeOptions(1, noLocal=True))
        one.publish(f"{prefix}/t", b"own")
        two.publish(f"{prefix}/t", b"other")
        assert one.receive().payload == b"other"


# [MQTT-3.3.4-3]
def test_subscription_identifiers(ordered, prefix):
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    def identifier(number):
        props = Properties(PacketTypes.SUBSCRIBE)
        props.SubscriptionIdentifier = number
        return props

    with Client(ordered.port) as client:
        client.subscribe(f"{prefix}/+", properties=identifier(7))
        client.subscribe(f"{prefix}/b", properties=identifier(268435455))
        client.publish(f"{prefix}/a", b"a")
        client.publish(f"{prefix}/b", b"b")
        # MQTT 5, 3.3.4: one copy with all identifiers, or one copy for each subscription.
        assert client.receive().properties.SubscriptionIdentifier == [7]
        found = []
        while len(found) < 2:
            got = client.receive()
            assert got.payload == b"b"
            found += got.properties.SubscriptionIdentifier
        assert sorted(found) == [7, 268435455]


def test_subscribing_again_replaces(ordered, prefix):
    # MQTT 5, 3.8.4-3
    with Client(ordered.port) as client:
        assert client.subscribe(f"{prefix}/t", 0) == [0]
        assert client.subscribe(f"{prefix}/t", 1) == [1]
        client.publish(f"{prefix}/t", b"1")
        client.publish(f"{prefix}/t", b"2")
        got = client.receive_many(2)
        assert [(m.payload, m.qos) for m in got] == [(b"1", 1), (b"2", 1)]


def test_topic_alias(weft, prefix):
    # MQTT 5, 3.3.2.3.4: an alias names a topic for the rest of the connection
    from support.mqtt_raw import TOPIC_ALIAS, TOPIC_ALIAS_MAXIMUM, Raw

    with Client(weft.port) as sub, Raw(weft.port) as pub:
        pub.connect(f"{prefix}-pub")
        if not pub.connack.prop(TOPIC_ALIAS_MAXIMUM, 0):
            return  # none offered, so none may be used; refusal is tested with the malformed packets
        sub.subscribe(f"{prefix}/#")
        pub.publish(f"{prefix}/t", b"1", props=[(TOPIC_ALIAS, 1)])
        pub.publish("", b"2", packet_id=2, props=[(TOPIC_ALIAS, 1)])
        assert [m.topic for m in sub.receive_many(2)] == [f"{prefix}/t"] * 2


@pytest.mark.key
def test_across_workers(kafka, prefix):
    """Sixteen subscribers, spread over two workers by the kernel, and publishers on both."""
    with start_example(kafka, workers=2) as weft:
        subs = [Client(weft.port) for _ in range(16)]
        pubs = [Client(weft.port) for _ in range(8)]
        for sub in subs:
            sub.subscribe(f"{prefix}/+")
        for number, pub in enumerate(pubs):
            pub.publish(f"{prefix}/{number}", str(number).encode())
        for sub in subs:
            got = {m.payload for m in sub.receive_many(len(pubs))}
            assert got == {str(n).encode() for n in range(len(pubs))}
        for client in subs + pubs:
            client.close()
