"""Sessions that are nearly valid, against a live server: what one client sends costs nobody else anything.

Each session is one of mqtt_raw's valid packets, then broken: bytes, fields, lengths, order. A run is told by its
seed, which a failure prints; WEFT_SERVER_FUZZ_SEED repeats it, WEFT_SERVER_FUZZ_SECONDS says how long it takes.
"""

import os
import random
import socket
import time

import pytest
from support import mqtt_raw as m
from support.loopback import start_loopback

SECONDS = float(os.environ.get("WEFT_SERVER_FUZZ_SECONDS", "10"))
SEED = int(os.environ.get("WEFT_SERVER_FUZZ_SEED", "0")) or random.SystemRandom().getrandbits(32)
ANSWER_SECONDS = 10
BITES = (b"", b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\x7f", b"\x00\x00", b"\xff\xff", b"\xed\xa0\x80")


@pytest.fixture(scope="module")
def loop():
    with start_loopback({"versions": ["v3.1", "v3.1.1", "v5"]}) as running:
        yield running


def text(rng):
    return rng.choice(["t", "t/1", "a/b/c", "", "+", "#", "a/+/c", "a/#", "$share/g/t", "$SYS/x", "é/ü", "x" * 300])


def some_properties(rng):
    """Any properties, most of them where they do not belong, some twice."""
    made = {"u8": lambda: rng.choice([0, 1, 2, 255]), "u16": lambda: rng.choice([0, 1, 65535]),
            "u32": lambda: rng.choice([0, 1, 2**32 - 1]), "varint": lambda: rng.choice([0, 1, 268435455]),
            "text": lambda: text(rng), "data": lambda: rng.randbytes(rng.randrange(9)),
            "pair": lambda: (text(rng), text(rng))}  # fmt: skip
    chosen = rng.choices(list(m.PROPERTIES), k=rng.choice([0, 0, 0, 1, 2, 5]))
    return [(p, made[m.PROPERTIES[p]]()) for p in chosen]


def connect(rng, version):
    more = {"props": [(m.SESSION_EXPIRY, 5)] if rng.random() < 0.3 else ()}
    if rng.random() < 0.3:
        more["will"] = {"topic": "w", "payload": b"gone", "qos": rng.randrange(3)}
    clean = version != 5 or rng.random() < 0.7
    return m.connect_packet(f"fuzz-{rng.randrange(20)}", version, clean=clean, **more)


def later_packet(rng, version):
    qos, number = rng.randrange(3), rng.choice([1, 2, 3, 65535])
    props = some_properties(rng) if version == 5 else ()
    kind = rng.choice([m.PUBACK, m.PUBREC, m.PUBREL, m.PUBCOMP])
    return rng.choice([
        lambda: m.publish_packet(text(rng), rng.randbytes(rng.choice([0, 1, 200])), version=version, qos=qos,
                                 packet_id=number if qos else None, retain=rng.random() < 0.2, props=props),
        lambda: m.subscribe_packet(number, (text(rng), rng.randrange(3)), ("t", 2), version=version, props=props),
        lambda: m.unsubscribe_packet(number, text(rng), version=version),
        lambda: m.ack_packet(kind, number, rng.choice([None, 0, 0x80, 0x92]) if version == 5 else None),
        lambda: m.packet(m.PINGREQ, 0, b""),
        lambda: m.auth_packet(rng.choice([0, 0x18, 0x19]), text(rng), b"x"),
        lambda: m.disconnect_packet(rng.choice([0, 4, 0x81]), props) if version == 5 else m.disconnect_packet(),
        lambda: connect(rng, version),
    ])()  # fmt: skip


def break_bytes(rng, packet):
    raw = bytearray(packet)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(raw) + 1)
        how = rng.randrange(4)
        if how == 0 and at < len(raw):
            raw[at] ^= 1 << rng.randrange(8)
        elif how == 1 and at < len(raw):
            raw[at] = rng.randrange(256)
        elif how == 2:
            raw[at:at] = rng.choice(BITES)
        else:
            del raw[at : at + rng.choice([1, 2, 8])]
    return bytes(raw)


def session(rng):
    """(version, whether CONNECT is as it was, its packets)."""
    version = rng.choice([5, 5, 5, 4, 4])
    packets = [later_packet(rng, version) for _ in range(rng.randrange(1, 12))]
    for number in range(len(packets)):
        if rng.random() < 0.25:
            packets[number] = break_bytes(rng, packets[number])
    first, whole = connect(rng, version), rng.random() < 0.8
    if not whole:
        first = rng.choice([lambda: break_bytes(rng, first), lambda: later_packet(rng, version)])()
    return version, whole, [first, *packets]


def run_session(port, version, whole, packets, rng):
    raw = b"".join(packets)
    with m.Raw(port, version, timeout=ANSWER_SECONDS) as client:
        try:
            at = 0
            while at < len(raw):
                size = rng.choice([len(raw), len(raw), 1, 7, 60])
                client.send(raw[at : at + size])
                at += size
            client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed meanwhile: what it said before is read all the same
        said = []
        try:
            while True:
                said.append(client.packet())
        except m.Closed:
            pass
    judge(version, whole, said)


def judge(version, whole, said):
    """What the standard asks of the server's half, whatever came."""
    if not whole:
        return
    assert said and said[0].kind == m.CONNACK, "a valid CONNECT is answered first"
    assert not [p for p in said[1:] if p.kind == m.CONNACK], "one CONNACK"
    ends = [p for p in said if p.kind == m.DISCONNECT]
    assert not ends or (version == 5 and said[-1] is ends[0]), "nothing behind DISCONNECT, and none in 3.1.1"


def test_bystanders_are_served_whatever_others_send(loop):
    rng = random.Random(SEED)
    until, count = time.monotonic() + SECONDS, 0
    with m.Raw(loop.port, timeout=ANSWER_SECONDS) as bystander:
        bystander.connect("bystander", keep_alive=0)
        bystander.subscribe(("bystander/only", 1))
        while time.monotonic() < until:
            one = rng.getrandbits(64)
            try:
                run_session(loop.port, *session(random.Random(one)), random.Random(one + 1))
                assert loop.process.running(), "the server died"
                if count % 20 == 0:
                    bystander.send(m.publish_packet("bystander/only", str(count)))
                    assert bystander.expect(m.PUBLISH).payload == str(count).encode()
            except Exception as error:
                packets = [p.hex() for p in session(random.Random(one))[2]]
                raise AssertionError(f"seed {SEED}, session {count} ({one}): {error!r}\n{packets}") from error
            count += 1
        bystander.ping()
    assert count > SECONDS, "hardly a session was served"


# [MQTT-4.13.1-1]
def test_a_v5_connection_is_not_closed_without_a_word(loop):
    """One broken packet behind a valid CONNECT, and the client stays: it is answered, or told why it is closed."""
    rng = random.Random(SEED + 1)
    until, count = time.monotonic() + SECONDS / 4, 0
    while time.monotonic() < until:
        one = rng.getrandbits(64)
        own = random.Random(one)
        broken = break_bytes(own, later_packet(own, 5))
        with m.Raw(loop.port, timeout=ANSWER_SECONDS) as client:
            client.connect("broken")
            said = []
            try:
                # Pings fill up whatever the broken packet lacks, so that it ends.
                client.send(broken, m.packet(m.PINGREQ, 0, b""))
                client.socket.settimeout(0.05)
                while not said or said[-1].kind not in (m.PINGRESP, m.DISCONNECT):
                    said.append(client.packet())
            except TimeoutError:
                pass  # waits for the rest of a packet
            except (m.Closed, OSError):
                goodbye = b"\xe0" in broken  # it may have become the client's own DISCONNECT
                assert goodbye or (said and said[-1].kind == m.DISCONNECT), (
                    f"seed {SEED}, session {one}: closed without a word: {broken.hex()}"
                )
        count += 1
    assert count > 1
