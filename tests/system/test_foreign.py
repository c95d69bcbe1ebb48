"""Records of programs that know nothing of MQTT reach subscribers by their key."""

import pytest
from support.clients import Client


@pytest.mark.key
def test_no_headers_at_all(kafka, weft, prefix):
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/+", 1)
        kafka.produce(weft.topics.messages, f"{prefix}/a", "plain")
        got = sub.receive()
        # a record without zilla:qos counts as QoS 1
        assert (got.topic, got.payload, got.qos, got.retain) == (f"{prefix}/a", b"plain", 1, False)


def test_subscribed_at_qos_0(kafka, weft, prefix):
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/+", 0)
        kafka.produce(weft.topics.messages, f"{prefix}/a", "plain")
        assert sub.receive().qos == 0


def test_foreign_headers_become_user_properties(kafka, weft, prefix):
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/+")
        kafka.produce(
            weft.topics.messages, f"{prefix}/a", "x",
            [("source", "erp"), ("trace", "1"), ("source", "crm"), ("zilla:content-type", "text/plain")],
        )  # fmt: skip
        got = sub.receive().properties
        assert got.UserProperty == [("source", "erp"), ("trace", "1"), ("source", "crm")]
        assert got.ContentType == "text/plain"


def test_a_subscription_reads_every_matching_route(kafka, weft, prefix):
    # device/# is routed to the devices topic; the default route matches it as well
    with Client(weft.port) as sub:
        sub.subscribe(f"device/{prefix}/#")
        kafka.produce(weft.topics.devices, f"device/{prefix}/1", "routed")
        assert sub.receive().payload == b"routed"
        kafka.produce(weft.topics.messages, f"device/{prefix}/2", "default")
        assert sub.receive().payload == b"default"


@pytest.mark.key
@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches(kafka, weft, prefix, codec):
    sent = [(f"{prefix}/{i}", f"{i} " + "abc" * 50) for i in range(300)]
    with Client(weft.port) as sub:
        sub.subscribe(f"{prefix}/+")
        kafka.produce_many(weft.topics.messages, sent, codec=codec)
        got = {m.topic: m.payload.decode() for m in sub.receive_many(len(sent))}
        assert got == dict(sent)


def test_keys_that_are_no_topic_names(kafka, weft, prefix):
    """Null, wildcard and broken UTF-8 keys are skipped; the records behind them arrive."""
    with Client(weft.port) as sub:
        sub.subscribe("#")
        for key in [b"", b"+/" + prefix.encode(), b"\xff\xfe" + prefix.encode()]:
            kafka.produce(weft.topics.messages, key, "bad", partition=0)
        kafka.produce(weft.topics.messages, f"{prefix}/good", "good", partition=0)
        while True:
            got = sub.receive()
            assert got.payload != b"bad", got.topic
            if got.topic == f"{prefix}/good":
                break
