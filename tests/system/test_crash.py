"""kill -9 at any time: the next start finds its logs intact, and nothing acknowledged is gone."""

import pytest
from support.clients import Client
from support.weft import Topics, start_example


@pytest.mark.key
def test_killed_and_started_again(kafka, prefix):
    topics = Topics().create(kafka)
    with start_example(kafka, topics) as weft:
        with Client(weft.port) as pub:
            for number in range(300):
                last = pub.publish_later(f"{prefix}/{number % 20}", str(number).encode(), retain=True)
            last.wait_for_publish(60)
            weft.kill()
        weft.start()
        weft.wait_ready()
        with Client(weft.port) as sub, Client(weft.port) as pub:
            sub.subscribe(f"{prefix}/+")
            got = {m.topic: m.payload for m in sub.receive_many(20)}
            assert got == {f"{prefix}/{n}": str(280 + n).encode() for n in range(20)}
            pub.publish(f"{prefix}/0", b"after")
            assert sub.receive().payload == b"after"


def test_killed_in_mid_load(kafka, prefix):
    """Whatever was acknowledged before the kill is on Kafka, again and again."""
    topics = Topics().create(kafka)
    with start_example(kafka, topics) as weft:
        acked = set()
        for round in range(3):
            pub = Client(weft.port)
            pending = [
                (f"{round}-{n}", pub.publish_later(f"{prefix}/t", f"{round}-{n}".encode())) for n in range(500)
            ]
            pending[100][1].wait_for_publish(60)
            weft.kill()
            pub.close()
            acked |= {payload for payload, info in pending if info.is_published()}
            weft.start()
            weft.wait_ready()
        stored = {r.value for r in kafka.records(topics.messages)}
        assert acked <= stored
        with Client(weft.port) as sub, Client(weft.port) as pub:
            sub.subscribe(f"{prefix}/#")
            pub.publish(f"{prefix}/t", b"alive")
            assert sub.receive().payload == b"alive"


def test_cache_of_another_cluster_is_not_used(kafka, prefix):
    """A topic that was deleted and made again has the same name and other records."""
    topics = Topics().create(kafka)
    with start_example(kafka, topics) as weft:
        with Client(weft.port) as pub:
            pub.publish(f"{prefix}/old", b"old", retain=True)
        assert weft.stop() == 0
        kafka.delete(topics.retained)
        topics.create(kafka)
        kafka.produce(topics.retained, f"{prefix}/new", "new")
        weft.start()
        weft.wait_ready()
        with Client(weft.port) as sub, Client(weft.port) as pub:
            sub.subscribe(f"{prefix}/#")
            pub.publish(f"{prefix}/end", b"end")
            got = [sub.receive() for _ in range(2)]
            assert [(m.payload, m.retain) for m in got] == [(b"new", True), (b"end", False)]
