"""Guarded routes of kafka bindings through the built binary, in front of a real Kafka: which topics of Kafka are for whom."""

import uuid

import pytest
from support.mqtt_raw import PUBACK, PUBREC, Raw, lasting, publish_packet
from support.process import run
from support.swap import until
from support.weft import Topics, Weft, example_config, start_example
from support.ports import free_port

NOT_AUTHORIZED = 0x87
# anna may use the devices topic, bob may not.
USERS = """\
  people:
    type: users
    options:
      file: users.txt
      users: {anna: {roles: ["kafka:devices"]}}
"""
WHO = """\
    options: {authorization: {people: {credentials: {connect: {password: "{credentials}"}}}}}
    exit: north_mqtt_kafka_mapping
"""
KINDS = {
    "cache_client": ("    kind: cache_client\n", "    exit: south_kafka_cache_server\n"),
    "client": ('    kind: client\n    options:\n      servers:\n        - ${{env.KAFKA_BOOTSTRAP_SERVER}}\n', "    exit: south_tcp_client\n"),
}


def routes(topics, kind, *, guarded=True):
    guard = "guarded: {people: [kafka:devices]}\n        " if guarded else ""
    target = KINDS[kind][1].strip()
    return f"""\
    routes:
      - {guard}when: [{{topic: {topics.devices}}}]
        {target}
      - when: [{{topic: {topics.sessions}}}, {{topic: {topics.messages}}}, {{topic: {topics.retained}}}]
        {target}
"""


def edit(topics, kind, **options):
    def change(text):
        old = "    type: mqtt\n    kind: server\n    exit: north_mqtt_kafka_mapping\n"
        head, target = KINDS[kind]
        assert old in text and head + target in text, text
        text = text.replace(old, f"    type: mqtt\n    kind: server\n{WHO}")
        text = text.replace(head + target, head + routes(topics, kind, **options))
        return text.replace("bindings:\n", f"guards:\n{USERS}bindings:\n", 1)

    return change


def passwords(folder):
    for name, more in (("anna", ["-c"]), ("bob", [])):
        done = run(["mosquitto_passwd", "-b", *more, folder / "users.txt", name, name])
        assert done.code == 0, done.err


@pytest.fixture(scope="module", params=list(KINDS))
def weft(kafka, tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("users")
    passwords(folder)
    topics = Topics().create(kafka)
    with start_example(kafka, topics, edit=edit(topics, request.param), folder=folder, workers=2) as weft:
        yield weft


def client(weft, name, version=5, **more):
    client_id = more.pop("client_id", f"c-{uuid.uuid4().hex[:8]}")
    return Raw(weft.port, version).connect(client_id, user=name, password=name, **more)


def mark():
    return uuid.uuid4().hex[:8]


@pytest.mark.key
def test_publish(weft):
    topic = f"device/{mark()}"
    reader, anna, bob = client(weft, "anna"), client(weft, "anna"), client(weft, "bob")
    assert reader.subscribe(topic) == [1]
    bob.publish(topic, "no", qos=0)
    assert bob.publish(topic, "no").reason == NOT_AUTHORIZED
    bob.send(publish_packet(topic, "no", qos=2, packet_id=2))
    refused = bob.expect(PUBREC)
    assert (refused.packet_id, refused.reason) == (2, NOT_AUTHORIZED)
    assert bob.publish(f"free/{mark()}", "yes").reason in (0, 0x10), "other topics work"
    anna.publish(topic, "0", qos=0)
    assert anna.publish(topic, "1").reason == 0
    anna.publish_exactly_once(topic, "2")
    assert [reader.packet().payload for _ in range(3)] == [b"0", b"1", b"2"]


def test_publish_of_3_1_1(weft):
    topic = f"device/{mark()}"
    reader, anna, bob = (client(weft, name, version=4) for name in ("anna", "anna", "bob"))
    assert reader.subscribe(topic) == [1]
    bob.publish(f"free/{mark()}", "yes")
    bob.send(publish_packet(topic, "no", version=4, qos=1, packet_id=9))
    bob.expect_closed()
    anna.publish(topic, "yes")
    assert reader.packet().payload == b"yes"


def test_publishes_wait_in_order(weft):
    """What is sent at once, before anybody has been asked for, and by clients that go right away."""
    topic = f"device/{mark()}"
    reader, bob = client(weft, "anna"), client(weft, "bob")
    assert reader.subscribe(topic, f"free/{topic}") == [1, 1]
    anna = client(weft, "anna")
    anna.send(*(publish_packet(topic if n % 3 else f"free/{topic}", str(n), qos=1, packet_id=n + 1) for n in range(30)))
    assert {anna.expect(PUBACK).packet_id for _ in range(30)} == set(range(1, 31))
    got = [reader.packet() for _ in range(30)]
    assert [p.payload for p in got if p.topic == topic] == [str(n).encode() for n in range(30) if n % 3]
    bob.send(publish_packet(topic, "no", qos=1, packet_id=1), publish_packet(f"free/{topic}", "yes", qos=1, packet_id=2))
    acks = {a.packet_id: a.reason for a in (bob.expect(PUBACK), bob.expect(PUBACK))}
    assert acks == {1: NOT_AUTHORIZED, 2: 0}
    assert reader.packet().payload == b"yes"
    short = client(weft, "anna")
    short.send(publish_packet(topic, "short", qos=0))
    short.disconnect()
    assert reader.packet().payload == b"short"


@pytest.mark.key
@pytest.mark.parametrize("version, refused", [(5, NOT_AUTHORIZED), (4, 0x80)])
def test_subscribe(weft, version, refused):
    name = mark()
    anna, bob, author = client(weft, "anna", version), client(weft, "bob", version), client(weft, "anna")
    everything = f"+/{name}"
    assert anna.subscribe(f"device/{name}", everything) == [1, 1]
    assert bob.subscribe(f"device/{name}", f"$share/s/device/{name}", f"$share/s/{everything}", everything) == [refused, refused, refused, 1]
    author.publish(f"device/{name}", "for anna", packet_id=1)
    author.publish(f"free/{name}", "for all", packet_id=2)
    assert bob.packet().payload == b"for all"
    assert {anna.packet().payload, anna.packet().payload} >= {b"for anna"}


def test_shared_subscription(weft):
    name = mark()
    anna, author = client(weft, "anna"), client(weft, "anna")
    assert anna.subscribe(f"$share/{name}/device/{name}") == [1]
    author.publish(f"device/{name}", "shared")
    assert anna.packet().payload == b"shared"


def test_retained(weft):
    name = mark()
    author = client(weft, "anna")
    author.publish(f"device/{name}", "for anna", retain=True, packet_id=1)
    author.publish(f"free/{name}", "for all", retain=True, packet_id=2)
    anna, bob = client(weft, "anna"), client(weft, "bob")
    assert anna.subscribe(f"+/{name}") == [1] and bob.subscribe(f"+/{name}") == [1]
    assert {anna.packet().payload, anna.packet().payload} == {b"for anna", b"for all"}
    assert bob.packet().payload == b"for all"
    author.publish(f"free/{name}", "later", packet_id=3)
    assert bob.packet().payload == b"later", "and not what is retained of the devices"


def test_will(weft):
    name = mark()
    reader = client(weft, "anna")
    assert reader.subscribe(f"device/{name}") == [1]
    will = {"will": {"topic": f"device/{name}", "payload": b"gone", "qos": 1}}
    client(weft, "bob", expect=NOT_AUTHORIZED, **will).expect_closed()
    client(weft, "anna", **will).socket.close()
    assert reader.packet().payload == b"gone"


def test_a_session_comes_back_as_somebody_else(weft):
    name, author = mark(), client(weft, "anna")
    who = {"client_id": f"back-{name}", **lasting()}
    first = client(weft, "anna", **who)
    assert first.subscribe(f"device/{name}", f"free/{name}") == [1, 1]
    first.disconnect()
    second = client(weft, "bob", **who)
    author.publish(f"device/{name}", "for anna", packet_id=1)
    author.publish(f"free/{name}", "for all", packet_id=2)
    assert second.packet().payload == b"for all"


def test_a_reload_guards_a_topic(kafka, tmp_path):
    """Who connects when the new rules hold is asked by them; who had been let in stays."""
    passwords(tmp_path)
    topics = Topics().create(kafka)
    port = free_port()
    text = edit(topics, "cache_client", guarded=False)(example_config(port, topics))
    env = {"KAFKA_BOOTSTRAP_SERVER": kafka.address}
    with Weft(text, port=port, env=env, folder=tmp_path) as weft:
        weft.wait_ready()
        bob = client(weft, "bob")
        assert bob.subscribe("device/1") == [1]
        weft.config.write_text(edit(topics, "cache_client")(example_config(port, topics)))
        done = weft.cli("reload")
        assert done.code == 0, done.out + done.err
        until(lambda: client(weft, "bob").publish("device/1", "no").reason == NOT_AUTHORIZED)
        client(weft, "anna").publish("device/1", "from anna")
        while (got := bob.packet().payload) == b"no":
            pass
        assert got == b"from anna"
