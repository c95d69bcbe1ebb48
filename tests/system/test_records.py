"""What lies on Kafka after a PUBLISH, read by kcat: key, partition, headers in their order, value."""

import pytest
from support.clients import V5, V311, Client, publish_properties
from support.partitions import partition


@pytest.mark.key
@pytest.mark.parametrize("version", [V311, V5], ids=["v3.1.1", "v5"])
def test_plain_record(kafka, weft, prefix, version):
    with Client(weft.port, version=version) as pub:
        pub.publish(f"{prefix}/device/1", b"hi", 1)
        pub.publish(f"{prefix}/device/2", b"ho", 0)
        pub.publish(f"{prefix}/device/3", b"", 1)
    records = kafka.wait_keys(weft.topics.messages, *(f"{prefix}/device/{n}" for n in (1, 2, 3)))
    one = records[f"{prefix}/device/1"]
    assert one.value == "hi"
    assert one.headers == [
        ("zilla:filter", prefix),
        ("zilla:filter", "device"),
        ("zilla:filter", "1"),
        ("zilla:local", pub.client_id),
        ("zilla:qos", "1"),
    ]
    assert records[f"{prefix}/device/2"].header("zilla:qos") == "0"
    # an empty payload is an empty value, not a tombstone
    assert records[f"{prefix}/device/3"].value == ""


@pytest.mark.key
def test_every_header_in_order(kafka, weft, prefix):
    topic = f"place/{prefix}/device/1"
    with Client(weft.port, f"client-{prefix}") as pub:
        pub.publish(
            topic, b"payload", 1,
            properties=publish_properties(
                MessageExpiryInterval=3600,
                ContentType="text/plain",
                PayloadFormatIndicator=1,
                ResponseTopic="reply//to/",
                CorrelationData=b"c-1",
                UserProperty=[("b", "2"), ("a", "1"), ("b", "3")],
            ),
        )  # fmt: skip
    (record,) = [r for r in kafka.records(weft.topics.devices) if r.key == topic]
    assert record.value == "payload"
    assert record.headers == [
        ("zilla:filter", "place"),
        ("zilla:filter", prefix),
        ("zilla:filter", "device"),
        ("zilla:filter", "1"),
        ("zilla:local", f"client-{prefix}"),
        ("zilla:expiry", "\x00\x00\x0e\x10"),
        ("zilla:content-type", "text/plain"),
        ("zilla:format", "TEXT"),
        ("zilla:reply-to", weft.topics.devices),
        ("zilla:reply-key", "reply//to/"),
        ("zilla:reply-filter", "reply"),
        ("zilla:reply-filter", ""),
        ("zilla:reply-filter", "to"),
        ("zilla:reply-filter", ""),
        ("zilla:correlation-id", "c-1"),
        ("b", "2"),
        ("a", "1"),
        ("b", "3"),
        ("zilla:qos", "1"),
    ]


LEVELS = [
    ("P/a", ["P", "a"]),
    ("/P/a", ["", "P", "a"]),
    ("P//a", ["P", "", "a"]),
    ("P/a/", ["P", "a"]),
    ("P/a//", ["P", "a"]),
]


@pytest.mark.parametrize("topic,levels", LEVELS, ids=[t for t, _ in LEVELS])
def test_topic_levels(kafka, weft, prefix, topic, levels):
    topic = topic.replace("P", prefix)
    with Client(weft.port) as pub:
        pub.publish(topic, b"x")
    (record,) = [r for r in kafka.records(weft.topics.messages) if r.key == topic]
    got = [v for n, v in record.headers if n == "zilla:filter"]
    assert got == [level.replace("P", prefix) for level in levels]


@pytest.mark.key
@pytest.mark.parametrize(
    "topic,role",
    [
        ("device/P", "devices"),
        ("device/P/x", "devices"),
        ("place/P/device/1", "devices"),
        ("place/P/other", "messages"),
        ("P/device/1", "messages"),
    ],
)
def test_routes(kafka, weft, prefix, topic, role):
    topic = topic.replace("P", prefix)
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(topic)
        pub.publish(topic, b"routed")
        assert sub.receive().payload == b"routed"
    for name in ("devices", "messages"):
        keys = [r.key for r in kafka.records(getattr(weft.topics, name))]
        assert (topic in keys) == (name == role), name


def test_partition_of_the_key(kafka, weft, prefix):
    topics = [f"{prefix}/{i}" for i in range(12)]
    with Client(weft.port) as pub:
        for topic in topics:
            pub.publish(topic, b"x")
    placed = {r.key: r.partition for r in kafka.records(weft.topics.messages)}
    assert [placed[t] for t in topics] == [partition(t, 3) for t in topics]
    assert len({placed[t] for t in topics}) == 3, "the topics of this test should spread"


def test_partition_of_the_identity(kafka, weft, prefix):
    """options.clients: place/{identity}/# keeps everything of one identity together."""
    topics = [f"place/{prefix}/{i}" for i in range(6)]
    with Client(weft.port) as pub:
        for topic in topics:
            pub.publish(topic, b"x")
    placed = {r.key: r.partition for r in kafka.records(weft.topics.messages)}
    assert {placed[t] for t in topics} == {partition(prefix, 3)}


def test_binary_correlation_data(kafka, weft, prefix):
    # no NUL in it: kcat's %h would stop there
    with Client(weft.port) as pub:
        pub.publish(f"device/{prefix}", b"x", properties=publish_properties(CorrelationData=b"\x01\xff\x80"))
    count = len(kafka.records(weft.topics.devices))
    assert b"zilla:correlation-id=\x01\xff\x80" in kafka.raw_headers(weft.topics.devices, count)
