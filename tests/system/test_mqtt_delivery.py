"""What the standards say of deliveries: who gets what, how often, in which order and with which fields."""

import time

import pytest
from support import mqtt_raw as m
from support.clients import Client
from support.weft import Topics, start_example

VERSIONS = pytest.mark.parametrize("version", [4, 5])
KEEP = m.lasting()


@pytest.fixture(scope="module")
def topics(kafka):
    """One partition per topic: a later message proves that an earlier one was not delivered."""
    return Topics().create(kafka, partitions=1)


@pytest.fixture(scope="module")
def weft(kafka, topics):
    with start_example(kafka, topics) as running:
        yield running


def join(weft, client_id, version=5, **options):
    return m.Raw(weft.port, version).connect(client_id, **options)


def take(client, want=m.PUBLISH):
    """The next packet of this type; deliveries of QoS 1 are acknowledged."""
    got = client.expect(want)
    if got.kind == m.PUBLISH and got.qos == 1:
        client.send(m.ack_packet(m.PUBACK, got.packet_id))
    return got


# filter, whether P/a matches it
FILTERS = {
    "P/a": True, "P/+": True, "P/#": True, "+/a": True, "P/a/#": True,
    "P/A": False, "P/a/": False, "/P/a": False, "P/ a": False, "P": False, "P/+/+": False, "P/a\u0301": False,
}  # fmt: skip


# [MQTT-3.3.2-3] [MQTT-4.5.0-1] [MQTT-4.7.3-4]
# 3.1.1 [MQTT-3.3.2-3] 3.1.1 [MQTT-4.5.0-1] 3.1.1 [MQTT-4.7.3-4] 3.1.1 [MQTT-3.8.3-2]
@VERSIONS
def test_every_session_that_matches_and_no_other(weft, prefix, version):
    clients = {}
    for number, text in enumerate(FILTERS):
        client = clients[text] = join(weft, f"{prefix}-{number}", version)
        assert client.subscribe((text.replace("P", prefix), 1), (f"{prefix}-end", 1)) == [1, 1]
    with Client(weft.port) as pub:
        pub.publish(f"{prefix}/a", b"x")
        pub.publish(f"{prefix}-end", b"end")
    for text, matches in FILTERS.items():
        with clients[text] as client:
            got = [take(client).topic for _ in range(2 if matches else 1)]
            assert got == [f"{prefix}/a", f"{prefix}-end"][0 if matches else 1 :], text


# [MQTT-4.7.2-1] 3.1.1 [MQTT-4.7.2-1]
@VERSIONS
@pytest.mark.parametrize("filter", ["#", "+/P", "+/#"])
def test_leading_wildcards_do_not_match_dollar_topics(kafka, topics, weft, prefix, version, filter):
    with join(weft, prefix, version) as sub:
        sub.subscribe((filter.replace("P", prefix), 1))
        kafka.produce(topics.messages, f"$hidden/{prefix}", "no")
        kafka.produce(topics.messages, f"shown/{prefix}", "yes")
        assert take(sub).topic == f"shown/{prefix}"


# [MQTT-3.3.1-5] [MQTT-3.3.1-8] 3.1.1 [MQTT-3.3.1-5] 3.1.1 [MQTT-3.3.1-7] 3.1.1 [MQTT-3.3.1-12]
@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_the_last_retained_message_with_its_qos(weft, prefix, version, qos):
    with Client(weft.port) as pub, join(weft, prefix, version) as sub:
        pub.publish(f"{prefix}/t", b"old", 1, retain=True)
        pub.publish(f"{prefix}/t", b"new", qos, retain=True)
        pub.publish(f"{prefix}/t", b"passing by", 1)
        pub.publish(f"{prefix}/other", b"written behind it", 1, retain=True)
        sub.subscribe((f"{prefix}/t", 2))
        got = sub.receive_exactly_once() if qos == 2 else take(sub)
        assert (got.payload, got.qos, got.retain) == (b"new", qos, True)
        pub.publish(f"{prefix}/t", b"mark")
        assert take(sub).payload == b"mark"


# [MQTT-3.3.1-3] [MQTT-4.3.1-1] 3.1.1 [MQTT-3.3.1-3] 3.1.1 [MQTT-4.3.1-1]
@VERSIONS
@pytest.mark.parametrize("granted", [0, 1])
def test_dup_is_not_passed_on(weft, prefix, version, granted):
    with join(weft, f"{prefix}-sub", version) as sub, join(weft, f"{prefix}-pub", version) as pub:
        sub.subscribe((f"{prefix}/t", granted))
        pub.publish(f"{prefix}/t", b"1", dup=True)
        pub.publish_exactly_once(f"{prefix}/t", b"2", dup=True)
        got = [take(sub) for _ in range(2)]
        assert [(p.payload, p.qos, p.dup) for p in got] == [(b"1", granted, False), (b"2", granted, False)]


# [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] 3.1.1 [MQTT-3.3.5-1]
@VERSIONS
def test_overlapping_subscriptions(weft, prefix, version):
    with join(weft, f"{prefix}-sub", version) as sub, join(weft, f"{prefix}-pub", version) as pub:
        for number, (text, qos) in enumerate([("+", 0), ("t", 2), ("#", 1)], start=1):
            props = [(m.SUBSCRIPTION_ID, number)] if version == 5 else ()
            assert sub.subscribe((f"{prefix}/{text}", qos), packet_id=number, props=props) == [qos]
        pub.publish_exactly_once(f"{prefix}/t", b"x")
        got = sub.receive_exactly_once()
        assert sorted(got.all(m.SUBSCRIPTION_ID)) == ([1, 2, 3] if version == 5 else [])
        pub.publish(f"{prefix}/t", b"mark")
        assert take(sub).payload == b"mark", "one copy"


# [MQTT-3.8.4-3] 3.1.1 [MQTT-3.8.4-3]
@VERSIONS
def test_the_same_filter_again_replaces(weft, prefix, version):
    with Client(weft.port) as pub, join(weft, prefix, version) as sub:
        pub.publish(f"{prefix}/t", b"kept", retain=True)
        for qos in (0, 1):
            assert sub.subscribe((f"{prefix}/t", qos), packet_id=qos + 1) == [qos]
            got = take(sub)
            assert (got.payload, got.qos, got.retain) == (b"kept", qos, True), "retained ones come again"
        for payload in (b"1", b"2"):
            pub.publish(f"{prefix}/t", payload)
            got = take(sub)
            assert (got.payload, got.qos) == (payload, 1), "one copy, at the later QoS"


# [MQTT-3.8.4-4]
@VERSIONS
def test_nothing_is_lost_while_a_subscription_is_replaced(weft, prefix, version):
    with Client(weft.port) as pub, join(weft, prefix, version) as sub:
        sub.subscribe((f"{prefix}/t", 0), packet_id=200)
        for number in range(100):
            pub.publish_later(f"{prefix}/t", str(number).encode())
            sub.send(m.subscribe_packet(number + 1, (f"{prefix}/t", 0), version=version))
        got, acknowledged = [], []
        while len(got) < 100 or len(acknowledged) < 100:
            p = sub.packet()
            if p.kind == m.SUBACK:
                acknowledged.append(p.packet_id)
            else:
                got.append(int(p.payload))
        assert got == list(range(100)) and acknowledged == list(range(1, 101))


# [MQTT-3.10.4-1] [MQTT-3.10.4-2] 3.1.1 [MQTT-3.10.4-1] 3.1.1 [MQTT-3.10.4-2]
@VERSIONS
def test_unsubscribe_removes_the_very_filter(weft, prefix, version):
    with Client(weft.port) as pub, join(weft, prefix, version) as sub:
        sub.subscribe((f"{prefix}/a", 1), (f"{prefix}/b", 1), (f"{prefix}/c/+", 1))
        others = [f"{prefix}/+", f"{prefix}/#", f"{prefix}/A", f"{prefix}/c/x", f"{prefix}/b"]
        sub.send(m.unsubscribe_packet(2, *others, version=version))
        got = sub.expect(m.UNSUBACK)
        assert got.reasons == ([0x11] * 4 + [0] if version == 5 else [])
        for text in ("b", "a", "c/x"):
            pub.publish(f"{prefix}/{text}", text.encode())
        assert [take(sub).payload for _ in range(2)] == [b"a", b"c/x"]


# [MQTT-3.10.4-3] 3.1.1 [MQTT-3.10.4-3]
@VERSIONS
def test_what_was_begun_is_completed_after_unsubscribe(weft, prefix, version):
    with join(weft, f"{prefix}-sub", version) as sub, join(weft, f"{prefix}-pub", version) as pub:
        sub.subscribe((f"{prefix}/t", 2))
        pub.publish_exactly_once(f"{prefix}/t", b"x")
        got = sub.expect(m.PUBLISH)
        sub.send(m.unsubscribe_packet(2, f"{prefix}/t", version=version))
        sub.expect(m.UNSUBACK)
        sub.send(m.ack_packet(m.PUBREC, got.packet_id))
        rel = sub.expect(m.PUBREL)
        assert (rel.packet_id, rel.reason) == (got.packet_id, 0)
        sub.send(m.ack_packet(m.PUBCOMP, got.packet_id))
        sub.ping()


# [MQTT-4.6.0-5] [MQTT-4.6.0-6] 3.1.1 [MQTT-4.6.0-2] 3.1.1 [MQTT-4.6.0-3] 3.1.1 [MQTT-4.6.0-4]
# 3.1.1 [MQTT-4.6.0-5] 3.1.1 [MQTT-4.6.0-6]
@VERSIONS
@pytest.mark.parametrize("qos", [1, 2])
def test_order(weft, prefix, version, qos):
    count = 20
    ids = list(range(1, count + 1))
    with join(weft, f"{prefix}-sub", version) as sub, join(weft, f"{prefix}-pub", version) as pub:
        sub.subscribe((f"{prefix}/t", qos))
        pub.send(*(m.publish_packet(f"{prefix}/t", str(n), version=version, qos=qos, packet_id=n) for n in ids))
        assert [pub.expect(m.PUBACK if qos == 1 else m.PUBREC).packet_id for _ in ids] == ids
        if qos == 2:
            pub.send(*(m.ack_packet(m.PUBREL, n) for n in ids))
            assert [pub.expect(m.PUBCOMP).packet_id for _ in ids] == ids
        got = [sub.expect(m.PUBLISH) for _ in ids]
        assert [int(p.payload) for p in got] == ids
        if qos == 2:
            sub.send(*(m.ack_packet(m.PUBREC, p.packet_id) for p in got))
            assert [sub.expect(m.PUBREL).packet_id for _ in ids] == [p.packet_id for p in got]


# [MQTT-4.4.0-2]
@pytest.mark.parametrize("qos,answer", [(1, m.PUBACK), (2, m.PUBREC)])
def test_what_was_refused_is_not_sent_again(weft, prefix, qos, answer):
    with Client(weft.port) as pub:
        with join(weft, prefix, **KEEP) as sub:
            sub.subscribe((f"{prefix}/t", qos))
            pub.publish(f"{prefix}/t", b"refused", qos)
            got = sub.expect(m.PUBLISH)
            sub.send(m.ack_packet(answer, got.packet_id, 0x80))
            sub.ping()
            sub.disconnect()
        with join(weft, prefix, **KEEP) as sub:
            assert sub.connack.session_present
            pub.publish(f"{prefix}/t", b"mark", 1)
            assert take(sub).payload == b"mark"


# [MQTT-4.3.3-7] [MQTT-4.3.3-13]
def test_what_was_sent_does_not_expire(weft, prefix):
    with join(weft, f"{prefix}-pub") as pub:
        with join(weft, prefix, **KEEP) as sub:
            sub.subscribe((f"{prefix}/t", 2))
            sent = time.monotonic()
            pub.publish_exactly_once(f"{prefix}/t", b"x", props=[(m.MESSAGE_EXPIRY, 1)])
            pub.publish_exactly_once(f"{prefix}/t", b"unanswered", props=[(m.MESSAGE_EXPIRY, 1)])
            got, unanswered = sub.expect(m.PUBLISH), sub.expect(m.PUBLISH)
            time.sleep(max(0.0, sent + 2.1 - time.monotonic()))  # the messages' own clock is what passes
            sub.send(m.ack_packet(m.PUBREC, got.packet_id))
            assert sub.expect(m.PUBREL).packet_id == got.packet_id
            sub.disconnect()
        with join(weft, prefix, **KEEP) as sub:
            again = sub.expect(m.PUBLISH)
            assert (again.packet_id, again.payload, again.dup) == (unanswered.packet_id, b"unanswered", True)
            rel = sub.expect(m.PUBREL)
            assert rel.packet_id == got.packet_id
            sub.send(m.ack_packet(m.PUBCOMP, got.packet_id))
            sub.ping()


# [MQTT-3.3.2-5] [MQTT-3.3.2-6]
def test_expiry_counts_down_and_ends(weft, prefix):
    with join(weft, f"{prefix}-pub") as pub:
        sent = time.monotonic()
        for name, seconds in (("short", 1), ("long", 1000)):
            pub.send(m.publish_packet(f"{prefix}/{name}", b"x", qos=1, packet_id=1, retain=True,
                                      props=[(m.MESSAGE_EXPIRY, seconds)]))  # fmt: skip
            assert pub.expect(m.PUBACK).reason in (0, 0x10)
        time.sleep(max(0.0, sent + 3.1 - time.monotonic()))  # the messages' own clock is what passes
        with join(weft, prefix) as sub:
            sub.subscribe((f"{prefix}/#", 1))
            got = take(sub)
            assert got.topic == f"{prefix}/long"
            assert 900 < got.prop(m.MESSAGE_EXPIRY) <= 998
            pub.publish(f"{prefix}/mark", b"", packet_id=2)
            assert take(sub).topic == f"{prefix}/mark"


# 3.1.1 [MQTT-4.1.0-2]
def test_a_session_lasts_as_long_as_its_connection(weft, prefix):
    with Client(weft.port) as pub, join(weft, prefix, 4) as sub:
        sub.subscribe((f"{prefix}/t", 2))
        sub.send(m.publish_packet(f"{prefix}/own", b"", version=4, qos=2, packet_id=9))
        assert sub.expect(m.PUBREC).packet_id == 9
        pub.publish(f"{prefix}/t", b"1", 2)
        first = sub.expect(m.PUBLISH)
        for number in range(5):  # others come and go
            join(weft, f"{prefix}-{number}", 4).disconnect()
        sub.send(m.ack_packet(m.PUBREC, first.packet_id), m.ack_packet(m.PUBREL, 9))
        assert {sub.packet().kind for _ in range(2)} == {m.PUBREL, m.PUBCOMP}
        sub.send(m.ack_packet(m.PUBCOMP, first.packet_id))
        pub.publish(f"{prefix}/t", b"2", 1)
        assert take(sub).payload == b"2"


def test_a_program_on_kafka_answers(kafka, topics, weft, prefix):
    """It knows nothing of MQTT: where the answer goes is in the headers of the request."""
    with join(weft, prefix) as client:
        client.subscribe((f"{prefix}/answers", 1))
        asked = [(m.RESPONSE_TOPIC, f"{prefix}/answers"), (m.CORRELATION_DATA, b"no. 7")]
        assert client.publish(f"{prefix}/ask", b"?", props=asked).reason in (0, 0x10)
        (request,) = [r for r in kafka.records(topics.messages) if r.key == f"{prefix}/ask"]
        kafka.produce(request.header("zilla:reply-to"), request.header("zilla:reply-key"), "!",
                      [("zilla:correlation-id", request.header("zilla:correlation-id"))])  # fmt: skip
        got = take(client)
        assert (got.topic, got.payload, got.prop(m.CORRELATION_DATA)) == (f"{prefix}/answers", b"!", b"no. 7")


def test_aliases_of_deliveries(weft, prefix):
    """A topic is named once and then by its alias; never by one above what the client takes."""
    with Client(weft.port) as pub, join(weft, prefix, props=[(m.TOPIC_ALIAS_MAXIMUM, 2)]) as sub:
        sub.subscribe((f"{prefix}/#", 0))
        named, seen = {}, []
        for number in range(12):
            pub.publish(f"{prefix}/a-long-topic/{number % 3}", b"x")
            got = sub.expect(m.PUBLISH)
            alias = got.prop(m.TOPIC_ALIAS)
            assert alias in (None, 1, 2) and (got.topic or alias in named)
            if alias and got.topic:
                named[alias] = got.topic
            seen.append(got.topic or named[alias])
        assert named and seen == [f"{prefix}/a-long-topic/{number % 3}" for number in range(12)]
