"""Scripts of typical use, run unchanged against mosquitto and against weft: what is seen is the same."""

import shutil
import socket

import pytest
from support.clients import V5, V311, Client, mosquitto_pub, mosquitto_sub, publish_properties
from support.ports import free_port
from support.process import Process, run

VERSIONS = {V311: "mqttv311", V5: "mqttv5"}


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    """The port of a mosquitto of our own, on loopback."""
    port = free_port()
    config = tmp_path_factory.mktemp("mosquitto") / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with Process([program, "-c", config]) as process:
        process.wait_line(r"mosquitto version \S+ running")
        socket.create_connection(("127.0.0.1", port), 10).close()
        yield port


def seen(message):
    return message.topic, message.payload, message.qos, message.retain


def publish_and_subscribe(port, prefix, version):
    with Client(port, version=version) as sub, Client(port, version=version) as pub:
        granted = [sub.subscribe(f"{prefix}/{filter}", qos) for filter, qos in (("a/+", 2), ("b/#", 0))]
        result = []
        for topic in ("a/1", "b", "b/x/y"):
            for qos in (0, 1, 2):
                pub.publish(f"{prefix}/{topic}", f"{qos}".encode(), qos)
                result.append(seen(sub.receive()))
        return granted, result


def retained(port, prefix, version):
    with Client(port, version=version) as pub:
        for topic, payload in (("a", b"old"), ("a", b"new"), ("b", b"gone"), ("b", b""), ("c", b"kept")):
            pub.publish(f"{prefix}/{topic}", payload, 1, retain=True)
        with Client(port, version=version) as sub:
            sub.subscribe(f"{prefix}/#", 1)
            replayed = sorted(seen(sub.receive()) for _ in range(2))
            pub.publish(f"{prefix}/a", b"live", 1, retain=True)
            return replayed, seen(sub.receive())


def wills(port, prefix, version):
    with Client(port, version=version) as sub:
        sub.subscribe(f"{prefix}/#", 1)
        will = ["--will-topic", f"{prefix}/will", "--will-payload", "gone", "--will-qos", "1"]
        with mosquitto_sub(port, "-t", f"{prefix}-other", *will, version=VERSIONS[version]) as lost:
            lost.close()  # SIGKILL: no DISCONNECT
        return seen(sub.receive())


def resumed_session(port, prefix, version):
    keep = ["-i", f"{prefix}-keeper", "-q", "1", "-c", "-t", f"{prefix}/#", "-F", "%t %p %q"]
    keep += ["-x", "100"] if version == V5 else []
    with mosquitto_sub(port, "-E", *keep, version=VERSIONS[version]) as first:
        first.wait()
    for number in range(3):
        mosquitto_pub(port, "-t", f"{prefix}/t", "-m", str(number), "-q", "1", version=VERSIONS[version])
    # Not awaited to be subscribed: what came meanwhile may come before the SUBACK.
    again = run(["mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-V", VERSIONS[version], "-C", "3", "-W", "30", *keep])
    assert again.code == 0, again.err
    return again.out.splitlines()


def pipes(port, prefix, version):
    with mosquitto_sub(port, "-t", f"{prefix}/#", "-q", "2", "-C", "4", "-v", version=VERSIONS[version]) as sub:
        for qos in "012":
            mosquitto_pub(port, "-t", f"{prefix}/{qos}", "-m", "hello", "-q", qos, version=VERSIONS[version])
        mosquitto_pub(port, "-t", f"{prefix}/in", "-s", version=VERSIONS[version], input=b"from a pipe")
        assert sub.wait() == 0
        return sorted(line for line in sub.output.splitlines() if line.startswith(f"{prefix}/"))


def unsubscribed(port, prefix, version):
    with Client(port, version=version) as sub, Client(port, version=version) as pub:
        sub.subscribe(f"{prefix}/a", 1)
        sub.subscribe(f"{prefix}/+", 0)
        sub.unsubscribe(f"{prefix}/+")
        for topic in ("b", "a"):
            pub.publish(f"{prefix}/{topic}", b"x", 1)
        return seen(sub.receive())


def properties(port, prefix, version):
    if version == V311:
        return None
    sent = publish_properties(
        PayloadFormatIndicator=1, ContentType="text/plain", ResponseTopic=f"{prefix}/answer",
        CorrelationData=b"\x00\xfe", UserProperty=[("b", "2"), ("a", "1"), ("b", "3")],
    )  # fmt: skip
    with Client(port) as sub, Client(port) as pub:
        sub.subscribe(f"{prefix}/ask", 1)
        pub.publish(f"{prefix}/ask", b"?", properties=sent)
        return sub.receive().properties.json()


@pytest.mark.parametrize("version", [V311, V5], ids=["v3.1.1", "v5"])
@pytest.mark.parametrize(
    "script", [publish_and_subscribe, retained, wills, resumed_session, pipes, unsubscribed, properties],
    ids=lambda script: script.__name__,
)  # fmt: skip
def test_same(weft, mosquitto, prefix, script, version):
    wanted = script(mosquitto, prefix, version)
    assert wanted or version == V311, "a script that sees nothing compares nothing"
    assert script(weft.port, prefix, version) == wanted
