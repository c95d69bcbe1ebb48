"""Shared subscriptions: each message to one member of the group, on whatever worker it is; places in a Kafka consumer
group."""

import threading
import time
from collections import Counter

import pytest
from support import mqtt_raw as m
from support.clients import V5, V311, Client, mosquitto_pub, mosquitto_sub
from support.process import run
from support.swap import PluginFolder, mappings, until
from support.weft import BUILD, ROOT, Topics, start_example

PROBE = BUILD / "tests" / "kafka_probe"
GROUP = "zilla:zilla-mqtt-kafka-proxy-north_mqtt_kafka_mapping-$share-"


@pytest.fixture(scope="module", params=[1, 2], ids=["one_worker", "two_workers"])
def weft(kafka, request):
    """Members and publishers fall to any worker."""
    topics = Topics().create(kafka)
    with start_example(kafka, topics, workers=request.param) as running:
        running.topics = topics
        yield running


def publish(weft, topic, *payloads, qos=1):
    with m.Raw(weft.port) as pub:
        pub.connect("")
        for payload in payloads:
            if qos == 2:
                pub.publish_exactly_once(topic, payload)
            else:
                pub.publish(topic, payload, qos=qos)


def member(weft, filter, *, client_id="", qos=1, version=5, **options):
    client = m.Raw(weft.port, version)
    client.connect(client_id, **options)
    assert client.subscribe((filter, qos)) == [qos]
    return client


def committed(kafka, group, topics):
    """What a consumer of the group would begin with: kcat joins it and reads on from its places."""
    return kafka.kcat("-G", group, topics.messages, "-e", "-q", "-f", "%k=%s\n", timeout=60).split()


@pytest.mark.key
@pytest.mark.parametrize("version", [5, 4])
def test_each_message_to_one_member(weft, prefix, version):
    # [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    members = [Client(weft.port, version=version) for _ in range(4)]
    for one in members:
        assert one.subscribe(f"$share/g-{prefix}/{prefix}/#", 1) == [1]
    with Client(weft.port) as other, Client(weft.port) as pub:
        other.subscribe(f"{prefix}/#", 1)
        wanted = [f"{n}".encode() for n in range(200)]
        for n, payload in enumerate(wanted):
            last = pub.publish_later(f"{prefix}/{n % 7}", payload)
        last.wait_for_publish(60)
        assert Counter(x.payload for x in other.receive_many(200)) == Counter(wanted)
        until(lambda: sum(x.messages.qsize() for x in members) >= 200)
        got = [[x.payload for x in one.receive_many(one.messages.qsize())] for one in members]
    for one in members:
        one.close()
    assert Counter(p for of_one in got for p in of_one) == Counter(wanted)
    assert all(len(of_one) > 20 for of_one in got), [len(x) for x in got]


def test_order_within_a_member(weft, prefix):
    one, other = (member(weft, f"$share/o-{prefix}/{prefix}/t") for _ in range(2))
    publish(weft, f"{prefix}/t", *(f"{n:03}" for n in range(40)))
    for client in (one, other):
        got = []
        for _ in range(20):
            got.append(client.expect(m.PUBLISH))
            client.send(m.ack_packet(m.PUBACK, got[-1].packet_id))
        values = [x.payload for x in got]
        assert values == sorted(values)


def test_a_full_member_is_skipped(weft, prefix):
    slow = member(weft, f"$share/f-{prefix}/{prefix}/t", props=[(m.RECEIVE_MAXIMUM, 1)])
    fast = member(weft, f"$share/f-{prefix}/{prefix}/t")
    publish(weft, f"{prefix}/t", *(f"{n}" for n in range(20)))
    held = slow.expect(m.PUBLISH)
    got = []
    for _ in range(19):
        got.append(fast.expect(m.PUBLISH))
        fast.send(m.ack_packet(m.PUBACK, got[-1].packet_id))
    assert sorted([held.payload, *(x.payload for x in got)], key=int) == [f"{n}".encode() for n in range(20)]
    slow.send(m.ack_packet(m.PUBACK, held.packet_id))
    slow.ping()


@pytest.mark.key
@pytest.mark.parametrize("version", [5, 4])
def test_what_a_lost_member_has_not_acknowledged_goes_to_another(weft, prefix, version):
    filter = f"$share/l-{prefix}/{prefix}/t"
    lost = member(weft, filter, client_id=f"lost-{prefix}", version=version)
    publish(weft, f"{prefix}/t", "1", "2", "3")
    assert [lost.expect(m.PUBLISH).payload for _ in range(3)] == [b"1", b"2", b"3"]
    other = member(weft, filter, version=version)
    lost.socket.close()
    got = [other.expect(m.PUBLISH) for _ in range(3)]
    assert sorted(x.payload for x in got) == [b"1", b"2", b"3"]
    assert not any(x.dup for x in got)


def test_what_is_refused_goes_to_nobody_else(weft, prefix):
    # [MQTT-4.8.2-6]
    filter = f"$share/r-{prefix}/{prefix}/t"
    one = member(weft, filter)
    publish(weft, f"{prefix}/t", "refused")
    got = one.expect(m.PUBLISH)
    one.send(m.ack_packet(m.PUBACK, got.packet_id, 0x83))
    one.ping()
    other = member(weft, filter)
    one.socket.close()
    publish(weft, f"{prefix}/t", "next")
    assert other.expect(m.PUBLISH).payload == b"next"


def test_qos_2_stays_with_its_session(weft, prefix):
    # [MQTT-4.8.2-4]
    filter = f"$share/q-{prefix}/{prefix}/t"
    keep = {"clean": False, "props": [(m.SESSION_EXPIRY, 100)]}
    one = member(weft, filter, client_id=f"q-{prefix}", qos=2, **keep)
    publish(weft, f"{prefix}/t", "begun", qos=2)
    begun = one.expect(m.PUBLISH)
    assert begun.qos == 2
    other = member(weft, filter, qos=2)
    one.socket.close()
    publish(weft, f"{prefix}/t", "new", qos=2)
    assert other.receive_exactly_once().payload == b"new"
    with m.Raw(weft.port) as again:
        again.connect(f"q-{prefix}", **keep)
        assert again.connack.session_present
        got = again.receive_exactly_once()
        assert (got.payload, got.packet_id, got.dup) == (b"begun", begun.packet_id, True)


def test_granted_qos_and_identifier_count(weft, prefix):
    # [MQTT-4.8.2-3]
    with m.Raw(weft.port) as one:
        one.connect("")
        filter = (f"$share/i-{prefix}/{prefix}/t", 0)
        assert one.subscribe(filter, props=[(m.SUBSCRIPTION_ID, 7)]) == [0]
        publish(weft, f"{prefix}/t", "x")
        got = one.expect(m.PUBLISH)
        assert (got.qos, got.prop(m.SUBSCRIPTION_ID)) == (0, 7)


def test_nothing_retained(weft, prefix):
    with m.Raw(weft.port) as pub:
        pub.connect("")
        pub.publish(f"{prefix}/t", "retained", retain=True)
    one = member(weft, f"$share/n-{prefix}/{prefix}/t")
    publish(weft, f"{prefix}/t", "live")
    assert one.expect(m.PUBLISH).payload == b"live"


def test_a_stored_session_is_a_member_again(weft, prefix):
    keep = {"clean": False, "props": [(m.SESSION_EXPIRY, 100)]}
    one = member(weft, f"$share/s-{prefix}/{prefix}/t", client_id=f"s-{prefix}", **keep)
    one.disconnect()
    publish(weft, f"{prefix}/t", "meanwhile")
    with m.Raw(weft.port) as again:
        again.connect(f"s-{prefix}", **keep)
        assert again.connack.session_present
        assert again.expect(m.PUBLISH).payload == b"meanwhile"


def test_mosquitto_clients(weft, prefix):
    members = [mosquitto_sub(weft.port, "-q", 1, "-t", f"$share/m-{prefix}/{prefix}/t", "-F", "got %p",
                             version=version) for version in ("mqttv5", "mqttv311")]  # fmt: skip
    mosquitto_pub(weft.port, "-q", 1, "-t", f"{prefix}/t", "-l", input=b"".join(b"%d\n" % n for n in range(10)))
    mosquitto_pub(weft.port, "-q", 1, "-t", f"{prefix}/t", "-m", "done")

    def lines():
        return [line for x in members for line in x.output.splitlines() if line.startswith("got ")]

    until(lambda: len(lines()) >= 11)
    for one in members:
        one.close()
    assert sorted(lines()) == sorted([f"got {n}" for n in range(10)] + ["got done"])


def test_place_survives_kill(kafka, prefix):
    """Nothing is lost, and the group is one that Kafka's tools see."""
    topics = Topics().create(kafka)
    with start_example(kafka, topics) as weft:
        filter = f"$share/k-{prefix}/{prefix}/t"
        one = member(weft, filter)
        publish(weft, f"{prefix}/t", "1", "2", "3")
        for number in (b"1", b"2", b"3"):
            got = one.expect(m.PUBLISH)
            assert got.payload == number
            if number != b"3":
                one.send(m.ack_packet(m.PUBACK, got.packet_id))
        one.ping()
        weft.kill()
        weft.start()
        weft.wait_ready()
        publish(weft, f"{prefix}/t", "4")
        with member(weft, filter) as again:
            got = []
            while b"4" not in got:
                packet = again.expect(m.PUBLISH)
                again.send(m.ack_packet(m.PUBACK, packet.packet_id))
                got.append(packet.payload)
            assert b"3" in got and got == sorted(got)
        assert weft.stop() == 0
    kafka.produce(topics.messages, f"{prefix}/t", "5")
    assert committed(kafka, f"{GROUP}k-{prefix}", topics) == [f"{prefix}/t=5"]


def test_kafkas_tool_shows_the_group(kafka, prefix):
    """kafka-consumer-groups --describe while weft runs: two of three messages are acknowledged."""
    topics, group = Topics().create(kafka, partitions=1), f"{GROUP}d-{prefix}"

    def described():
        done = run([ROOT / "dev", "kafka", "groups", group, kafka.address], timeout=120)
        assert done.code == 0, done.err
        head, row = (line.split() for line in done.out.splitlines() if line.startswith(("GROUP ", group)))
        return dict(zip(head, row))

    with start_example(kafka, topics) as weft, member(weft, f"$share/d-{prefix}/{prefix}/t") as one:
        publish(weft, f"{prefix}/t", "1", "2", "3")
        for _ in range(2):
            one.send(m.ack_packet(m.PUBACK, one.expect(m.PUBLISH).packet_id))
        until(lambda: described()["CURRENT-OFFSET"] == "2", why=described)
        row = described()
        assert (row["GROUP"], row["TOPIC"], row["PARTITION"]) == (group, topics.messages, "0")
        assert (row["LOG-END-OFFSET"], row["LAG"], row["CONSUMER-ID"]) == ("3", "1", "-")


class Taker:
    """A member that takes everything, and knows when it did."""

    def __init__(self, weft, filter, **options):
        self.client = Client(weft.port, connect=False, **options)
        self.taken = []  # (payload, time); paho acknowledges when the callback is over
        self.client.paho.on_message = lambda c, u, got: self.taken.append((got.payload, time.monotonic()))
        kind, code, _ = self.client.events.get(timeout=30)
        assert kind == "connect" and not code.is_failure
        assert self.client.subscribe(filter, 1) == [1]

    def payloads(self):
        return [payload for payload, _ in self.taken]

    def close(self):
        self.client.close()


class Steady:
    """Publishes numbers at QoS 1 until it is told to stop."""

    def __init__(self, weft, topic, rate=200):
        self.client, self.sent, self.stopping = Client(weft.port), [], threading.Event()
        self.thread = threading.Thread(target=self.run, args=(topic, 1 / rate))
        self.thread.start()

    def run(self, topic, pause):
        while not self.stopping.wait(pause):
            payload = b"%d" % len(self.sent)
            self.sent.append((payload, self.client.publish_later(f"{topic}/{len(self.sent) % 7}", payload)))

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def acknowledged(self):
        return {payload for payload, info in self.sent if info.rc == 0 and info.is_published()}


@pytest.mark.parametrize("version", [V5, V311], ids=["5", "311"])
def test_killed_under_load(kafka, prefix, version):
    """What was published is taken by somebody; what was acknowledged comes again for a commit interval at most."""
    interval, slack = 1, 1.5
    with start_example(kafka, workers=2) as weft:
        filter = f"$share/kl-{prefix}/{prefix}/#"
        members = [Taker(weft, filter, version=version) for _ in range(3)]
        load = Steady(weft, prefix)
        until(lambda: sum(len(x.taken) for x in members) > 700)
        killed = time.monotonic()
        weft.kill()
        load.stop()
        wanted = load.acknowledged()
        before = [item for x in members for item in x.taken]
        for one in [*members, load.client]:
            one.close()
        weft.start()
        weft.wait_ready()
        again = [Taker(weft, filter, version=version) for _ in range(2)]
        first = {payload for payload, _ in before}
        until(lambda: wanted <= first | {p for x in again for p in x.payloads()},
              why=lambda: f"lost: {sorted(wanted - first - {p for x in again for p in x.payloads()})}")  # fmt: skip
        publish(weft, f"{prefix}/end", "end")
        until(lambda: b"end" in [p for x in again for p in x.payloads()])
        after = Counter(p for x in again for p in x.payloads())
        for one in again:
            one.close()
    assert all(count == 1 for count in after.values())
    early = {payload for payload, at in before if at < killed - interval - slack}
    assert len(early) > 20, "the test says nothing"
    assert not early & set(after)


def test_what_follows_a_suback_survives_a_kill(kafka, prefix):
    """The group's place is in Kafka before the SUBACK is."""
    topics = Topics().create(kafka)
    with start_example(kafka, topics) as weft:
        filter = f"$share/sk-{prefix}/{prefix}/t"
        member(weft, filter)
        weft.kill()
        kafka.produce(topics.messages, f"{prefix}/t", "while there is nobody")
        weft.start()
        weft.wait_ready()
        with member(weft, filter) as again:
            assert again.expect(m.PUBLISH).payload == b"while there is nobody"


@pytest.mark.skipif(not PROBE.exists(), reason="kafka_probe is not built")
def test_a_place_that_is_not_in_the_topic(weft, kafka, prefix):
    """As if the topic had been made anew: everything in it is news, and an event says so."""
    group = f"{GROUP}pl-{prefix}"
    publish(weft, f"{prefix}/t", "1")
    done = run([PROBE, kafka.address, "do", "offsets", "topic", weft.topics.messages, "group", group, "records", "1",
                "offset", "1000000"])  # fmt: skip
    assert "commits 1" in done.out, done.out + done.err
    since = len(weft.process.lines)
    with member(weft, f"$share/pl-{prefix}/{prefix}/t") as one:
        assert one.expect(m.PUBLISH).payload == b"1"
        line = weft.wait_event("BINDING_MQTT_KAFKA_SHARE_PLACE_LOST", since=since)
        assert "stands at 1000000" in line and "made anew" in line


def test_an_offline_session_gets_nothing_while_others_are_there(weft, prefix):
    filter = f"$share/off-{prefix}/{prefix}/t"
    keep = {"clean": False, "props": [(m.SESSION_EXPIRY, 100)]}
    gone = member(weft, filter, client_id=f"off-{prefix}", **keep)
    other = member(weft, filter)
    gone.disconnect()
    # On the same partition, so that what is wrong would have come before.
    other.subscribe((f"{prefix}/t", 1), packet_id=2)
    publish(weft, f"{prefix}/t", *(f"{n}" for n in range(6)))
    got = Counter()
    while sum(got.values()) < 12:
        packet = other.expect(m.PUBLISH)
        other.send(m.ack_packet(m.PUBACK, packet.packet_id))
        got[packet.payload] += 1
    assert set(got.values()) == {2}
    with m.Raw(weft.port) as again:
        again.connect(f"off-{prefix}", **keep)
        again.ping()
        other.socket.close()
        publish(weft, f"{prefix}/t", "now")
        assert again.expect(m.PUBLISH).payload == b"now"


def test_no_local_is_a_protocol_error(weft, prefix):
    # [MQTT-3.8.3-4]
    with m.Raw(weft.port) as raw:
        raw.connect("")
        raw.send(m.subscribe_packet(1, (f"$share/nl/{prefix}", 1 | 4)))
        assert raw.expect(m.DISCONNECT).reason == 0x82
        raw.expect_closed()


@pytest.mark.parametrize("kind", ["binding-mqtt-kafka", "binding-kafka", "binding-mqtt"])
def test_swapped_under_load(kafka, prefix, tmp_path, kind):
    """Groups go to the next generation: each message to one member, and nobody is disconnected."""
    kinds = ["binding-tcp", "binding-mqtt", "binding-mqtt-kafka", "binding-kafka", "exporter-stdout"]
    folder = PluginFolder(tmp_path / "plugins", [BUILD / "lib" / "weft" / "plugins" / f"weft-{k}.so" for k in kinds])
    with start_example(kafka, workers=2, args=["--plugins", folder.path, "--no-watch"]) as weft:
        filter = f"$share/sw-{prefix}/{prefix}/#"
        members = [Taker(weft, filter) for _ in range(3)]
        load = Steady(weft, prefix)
        for count in (300, 600):
            until(lambda count=count: sum(len(x.taken) for x in members) > count)
            before = mappings(weft, kind)
            folder.rebuild(kind)
            done = weft.cli("reload")
            assert done.code == 0, done.err
            until(lambda before=before: mappings(weft, kind) - before)
            # Of the new generation, a member of the same group.
            members.append(Taker(weft, filter))
        until(lambda: sum(len(x.taken) for x in members) > 900)
        load.stop()
        for _, info in load.sent:
            info.wait_for_publish(30)
        wanted = Counter(payload for payload, _ in load.sent)
        until(lambda: sum(len(x.taken) for x in members) >= len(load.sent))
        assert Counter(p for x in members for p in x.payloads()) == wanted
        assert not any(x.client.disconnects for x in [*members, load])
        assert all(x.taken for x in members)
        for one in members:
            one.close()
        load.client.close()
        until(lambda: len(mappings(weft, kind)) == 1, why=lambda: weft.cli("plugins", "--running").out)


@pytest.mark.parametrize("version", [5, V311])
def test_malformed(weft, version):
    with m.Raw(weft.port, 4 if version == V311 else 5) as raw:
        raw.connect("")
        if version == V311:
            assert raw.subscribe(("$share/g", 1)) == [0x80]
            assert raw.subscribe(("$share/+/t", 1)) == [0x80]
        else:
            raw.send(m.subscribe_packet(1, ("$share/g", 1)))
            assert raw.expect(m.DISCONNECT).reason == 0x8F
