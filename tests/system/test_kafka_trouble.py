"""Kafka away, late, restarted or lacking a topic: clients stay, nothing acknowledged is lost."""

import threading
import time

import pytest
from support import mqtt_raw as m
from support.clients import V5, V311, Client
from support.kafka import PrivateKafka
from support.ports import free_port
from support.weft import Topics, start_example


@pytest.fixture
def own_kafka():
    with PrivateKafka() as kafka:
        yield kafka


class Publisher(threading.Thread):
    """Publishes numbered messages at QoS 1, a few in flight, and notes which were acknowledged."""

    def __init__(self, client, topic):
        super().__init__(daemon=True)
        self.client, self.topic = client, topic
        self.acked, self.count = [], 0
        self.stopping, self.more = threading.Event(), threading.Condition()
        self.start()

    def run(self):
        waiting = []
        while not self.stopping.is_set() or waiting:
            while len(waiting) < 10 and not self.stopping.is_set():
                payload = str(self.count).encode()
                waiting.append((payload, self.client.publish_later(self.topic, payload)))
                self.count += 1
            payload, info = waiting.pop(0)
            info.wait_for_publish(120)
            if info.is_published():
                with self.more:
                    self.acked.append(payload)
                    self.more.notify_all()

    def wait_acked(self, more, timeout=120):
        """Until this many more were acknowledged than now."""
        with self.more:
            want = len(self.acked) + more
            assert self.more.wait_for(lambda: len(self.acked) >= want, timeout), "publishes do not flow"

    def finish(self):
        self.stopping.set()
        self.join(180)
        assert not self.is_alive(), "publishes were never acknowledged"
        return self.acked


@pytest.mark.key
@pytest.mark.parametrize("workers", [1, 2])
def test_restart_in_mid_load(own_kafka, prefix, workers):
    with start_example(own_kafka, workers=workers) as weft:
        topic = f"{prefix}/load"
        with Client(weft.port) as sub, Client(weft.port) as pub:
            sub.subscribe(topic)
            load = Publisher(pub, topic)
            load.wait_acked(200)
            own_kafka.stop()
            # Away: publishes wait, and the connection is alive all the same.
            with m.Raw(weft.port, 4) as other:
                other.send(m.connect_packet(f"{prefix}-other", 4))
                own_kafka.start()
                assert other.expect(m.CONNACK).reason in (0, 3)
            load.wait_acked(200)
            acked = load.finish()

            got = set()
            while len(got) < load.count:
                got.add(sub.receive().payload)
            assert got == {str(n).encode() for n in range(load.count)}
            assert (sub.disconnects, pub.disconnects) == ([], [])
        stored = {r.value.encode() for r in own_kafka.records(weft.topics.messages)}
        assert set(acked) <= stored, "an acknowledged message is not on Kafka"


def test_pings_are_answered_while_publishes_wait(own_kafka, prefix):
    with start_example(own_kafka) as weft, m.Raw(weft.port) as client:
        client.connect(prefix)
        client.publish(f"{prefix}/t", b"before")
        own_kafka.stop()
        for number in range(10, 20):
            client.send(m.publish_packet(f"{prefix}/t", b"waits", qos=1, packet_id=number))
        client.ping()
        own_kafka.start()
        acks = [client.expect(m.PUBACK) for _ in range(10)]
        assert [(a.packet_id, a.reason & 0x80) for a in acks] == [(n, 0) for n in range(10, 20)]


@pytest.mark.key
def test_kafka_absent_at_start(prefix):
    kafka = PrivateKafka(start=False)
    try:
        with start_example(kafka, Topics(), ready=False) as weft:
            weft.wait_listening()
            status = weft.cli("status")
            assert kafka.address in status.out, "status tells what it waits for"
            with m.Raw(weft.port, timeout=90) as v5, m.Raw(weft.port, 4, timeout=90) as v311:
                v5.send(m.connect_packet(f"{prefix}-5"))
                v311.send(m.connect_packet(f"{prefix}-4", 4))
                # 0x88 server unavailable, and its name in MQTT 3.1.1
                assert v5.expect(m.CONNACK).reason == 0x88
                v5.expect_closed()
                assert v311.expect(m.CONNACK).reason == 3
                v311.expect_closed()
            # the log says why
            weft.process.wait_line(kafka.address.replace(".", r"\."))
            kafka.start()
            weft.topics.create(kafka)
            weft.wait_ready()
            with Client(weft.port) as client:
                client.subscribe(f"{prefix}/t")
                client.publish(f"{prefix}/t", b"recovered")
                assert client.receive().payload == b"recovered"
    finally:
        kafka.close()


def test_connect_waits_for_kafka(prefix):
    """A CONNECT that came while Kafka was away is accepted when Kafka comes in time."""
    kafka = PrivateKafka(start=False)
    topics = Topics()
    try:
        kafka.start()
        topics.create(kafka)
        kafka.stop()
        with start_example(kafka, topics, ready=False) as weft:
            weft.wait_listening()
            with m.Raw(weft.port, timeout=90) as client:
                client.send(m.connect_packet(prefix))
                kafka.start()
                got = client.expect(m.CONNACK)
            if got.reason == 0x88:  # it took longer than a client is kept waiting
                weft.wait_ready()
            with m.Raw(weft.port) as client:
                client.connect(prefix)
    finally:
        kafka.close()


def test_sigterm_while_kafka_is_away(prefix):
    with start_example_on_nothing() as weft:
        weft.wait_listening()
        assert weft.stop() == 0


def start_example_on_nothing():
    kafka = type("Nothing", (), {"address": f"127.0.0.1:{free_port()}"})
    return start_example(kafka, Topics(), ready=False)


@pytest.mark.key
def test_missing_topic(kafka, prefix):
    topics = Topics()
    kafka.create({topics.sessions: (1, True), topics.retained: (1, True), topics.messages: (1, False)})
    with start_example(kafka, topics, ready=False) as weft:
        weft.wait_listening()
        with m.Raw(weft.port) as client:
            client.connect(prefix)
            ack = client.publish(f"device/{prefix}", b"x")
            assert ack.reason >= 0x80
            assert topics.devices in ack.prop(m.REASON_STRING, ""), "the client is told which topic"
            weft.process.wait_line(topics.devices)
            # the others work
            other = client.publish(f"{prefix}/t", b"x", packet_id=2)
            assert other.reason in (0x00, 0x10)
            kafka.create({topics.devices: (1, False)})
            until = time.monotonic() + 60
            while ack.reason >= 0x80 and time.monotonic() < until:
                time.sleep(0.05)
                ack = client.publish(f"device/{prefix}", b"x", packet_id=3)
            assert ack.reason in (0x00, 0x10), "it recovers by itself"
        assert [r.key for r in kafka.records(topics.devices)] == [f"device/{prefix}"]


def test_missing_topic_without_problem_information(kafka, prefix):
    # MQTT 5, 3.1.2-29: no reason string for a client that asked for none
    topics = Topics()
    kafka.create({topics.sessions: (1, True), topics.retained: (1, True), topics.messages: (1, False)})
    with start_example(kafka, topics, ready=False) as weft:
        weft.wait_listening()
        with m.Raw(weft.port) as client:
            client.connect(prefix, props=[(m.REQUEST_PROBLEM_INFORMATION, 0)])
            ack = client.publish(f"device/{prefix}", b"x")
            assert (ack.reason >= 0x80, ack.props) == (True, [])


def test_message_larger_than_kafka_takes(kafka, prefix):
    """Kafka refuses it, so the client is told; it is no reason to end the connection."""
    topics = Topics()
    kafka.create({topics.messages: (1, {"max.message.bytes": "10000"})})
    topics.create(kafka)
    with start_example(kafka, topics) as weft, m.Raw(weft.port) as client:
        client.connect(prefix)
        assert client.publish(f"{prefix}/t", bytes(50_000)).reason >= 0x80
        assert client.publish(f"{prefix}/t", b"small", packet_id=2).reason in (0x00, 0x10)
        (record,) = kafka.records(topics.messages)
        assert record.value == "small"


@pytest.mark.parametrize("version", [V311, V5])
def test_subscribers_survive_a_restart(own_kafka, prefix, version):
    with start_example(own_kafka) as weft:
        with Client(weft.port, version=version) as sub:
            sub.subscribe(f"{prefix}/#")
            own_kafka.stop()
            own_kafka.start()
            own_kafka.produce(weft.topics.messages, f"{prefix}/t", "after")
            assert sub.receive(120).payload == b"after"
            assert sub.disconnects == []


def test_sasl_plain(prefix):
    users = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_weft="secret" user_admin="x";'
    port = free_port()
    extra = f"""
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},SASL://127.0.0.1:{port}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SASL://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config={users}
"""
    with PrivateKafka(extra=extra) as kafka:
        topics = Topics().create(kafka)
        sasl = "sasl:\n        mechanism: plain\n        username: weft\n        password: "
        broker = type("Sasl", (), {"address": f"127.0.0.1:{port}"})

        def edit(text, password="secret"):
            return text.replace("    exit: south_tcp_client", f"      {sasl}{password}\n    exit: south_tcp_client")

        with start_example(broker, topics, edit=edit) as weft:
            with Client(weft.port) as client:
                client.subscribe(f"{prefix}/t")
                client.publish(f"{prefix}/t", b"through SASL")
                assert client.receive().payload == b"through SASL"
        with start_example(broker, topics, edit=lambda t: edit(t, "wrong"), ready=False) as weft:
            weft.wait_event("BINDING_KAFKA_SASL_AUTHENTICATION_FAILED")
