"""examples/mqtt.kafka.proxy.ws: the commands of its README, clients over ws and wss beside raw ones, and a page in a browser."""

import os
import re
import shutil
import ssl
from pathlib import Path

import pytest
from support import mqtt_raw as m
from support.browser import page
from support.certificates import PASSWORD
from support.clients import V5, V311, Client, publish_properties
from support.mqttjs import typical_use
from support.ports import free_port
from support.process import run
from support.swap import until
from support.weft import ROOT, Topics, Weft
from support.ws_raw import BINARY, CLOSE, TEXT, WsRaw, WsSocket, frame

EXAMPLE = ROOT / "examples" / "mqtt.kafka.proxy.ws"
MODULES = Path(os.environ.get("NODE_PATH", "/nowhere"))


def commands():
    return re.search(r"```\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.S)[1].strip().splitlines()


@pytest.fixture(scope="module")
def weft(kafka, tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tls"))
    assert commands()[0] == f"export KEYS_PASSWORD={PASSWORD} && ./certificates.sh"
    done = run(["sh", "-c", commands()[0]], cwd=folder, timeout=60)
    assert done.code == 0, done.err
    topics, ports = Topics().create(kafka), {name: free_port() for name in ("7114", "7143", "7183")}
    text = (folder / "zilla.yaml").read_text().replace("host: 0.0.0.0", "host: 127.0.0.1")
    for name, port in ports.items():
        text = text.replace(name, str(port))
    for role in ("sessions", "retained", "messages", "devices"):
        text = text.replace(f"mqtt-{role}", getattr(topics, role))
    env = {"KAFKA_BOOTSTRAP_SERVER": kafka.address, "KEYS_PASSWORD": PASSWORD}
    with Weft(text, port=ports["7183"], env=env, folder=folder, workers=2) as weft:
        weft.wait_ready()
        weft.ws, weft.wss, weft.ca = ports["7114"], ports["7143"], folder / "tls" / "ca.crt"
        yield weft


@pytest.mark.key
def test_commands_of_the_readme(weft):
    assert commands()[1] == "../../build/release/bin/weft start -c zilla.yaml &"
    line = commands()[2].replace("7143", str(weft.wss))
    assert line.startswith("npx mqtt publish -C wss ")
    with Client(weft.port) as sub:
        assert sub.subscribe("device/1") == [1]
        for each in (line, line.replace(f"-C wss -h localhost -p {weft.wss}", f"-C ws -h localhost -p {weft.ws}")):
            # What npx would look up.
            done = run(["sh", "-c", each.replace("npx mqtt", str(MODULES / ".bin" / "mqtt"))], cwd=weft.folder, timeout=60)
            assert done.code == 0, done.out + done.err
            got = sub.receive()
            assert (got.topic, got.payload, got.qos) == ("device/1", b"hello", 1)


@pytest.mark.key
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_mqttjs(weft, prefix, scheme, version):
    url = f"{scheme}://localhost:{weft.wss if scheme == 'wss' else weft.ws}/mqtt"
    typical_use(url, version, prefix, weft.ca)


@pytest.mark.key
@pytest.mark.parametrize("version", [V311, V5])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_paho(weft, prefix, scheme, version):
    port, ca = (weft.wss, weft.ca) if scheme == "wss" else (weft.ws, None)
    with Client(port, version=version, web=True, ca=ca) as web, Client(weft.port) as raw:
        web.subscribe(f"{prefix}/down", 2)
        raw.subscribe(f"{prefix}/up", 1)
        big = bytes(i * 7 & 255 for i in range(300_000))
        for n, payload in enumerate([b"", b"x", b"y" * 125, b"z" * 126, b"w" * 65536, big]):
            web.publish(f"{prefix}/up", payload, qos=n % 3)
            assert raw.receive().payload == payload
            raw.publish(f"{prefix}/down", payload, qos=n % 3, properties=publish_properties(ContentType="t"))
            assert web.receive().payload == payload


# ---- MQTT over frames: MQTT 5 and 3.1.1, section 6 ----


@pytest.fixture(params=[4, 5])
def version(request):
    return request.param


# [MQTT-6.0.0-4] 3.1.1 [MQTT-6.0.0-4]
def test_the_server_answers_mqtt(weft):
    with WsRaw(weft.ws) as ws:
        ws.connect("x, mqttv3.1, mqtt")
        assert ws.fields["sec-websocket-protocol"] == "mqtt"


# [MQTT-6.0.0-3] is the client's to keep; who does not offer it is not let in.
def test_a_client_that_does_not_offer_mqtt(weft):
    with WsRaw(weft.ws) as ws:
        ws.send(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\n\r\n")  # fmt: skip
        assert ws.answer()[0] == 404


# [MQTT-6.0.0-1] 3.1.1 [MQTT-6.0.0-1]
def test_text_frames_close_the_connection(weft, version):
    with WsRaw(weft.ws) as ws:
        ws.connect("mqtt").send(frame(TEXT, m.connect_packet("", version)))
        ws.expect_close(1003)
    with WsRaw(weft.ws) as ws:
        ws.connect("mqtt").send(frame(BINARY, m.connect_packet("", version)))
        op, payload = ws.message()
        assert op == BINARY and payload[0] == m.CONNACK << 4, "the server's frames are binary"
        ws.send(frame(TEXT, m.packet(m.PINGREQ, 0, b"")))
        ws.expect_close(1003)


# [MQTT-6.0.0-2] 3.1.1 [MQTT-6.0.0-2]
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_packets_are_not_aligned_with_frames(weft, prefix, version, size):
    packets = b"".join([
        m.connect_packet(f"{prefix}-{size}", version),
        m.subscribe_packet(1, f"{prefix}/t", version=version),
        m.publish_packet(f"{prefix}/t", b"one", version=version, qos=1, packet_id=2),
        m.publish_packet(f"{prefix}/t", b"two" * 100, version=version, qos=1, packet_id=3),
        m.packet(m.PINGREQ, 0, b""),
    ])  # fmt: skip
    raw = m.Raw.__new__(m.Raw)
    raw.version = version
    with WsRaw(weft.ws) as ws:
        raw.socket = WsSocket(ws.socket)
        ws.send(*(frame(BINARY, packets[at : at + size]) for at in range(0, len(packets), size)))
        assert raw.expect(m.CONNACK).reason == 0
        kinds = {}
        for _ in range(6):
            got = raw.packet()
            kinds.setdefault(got.kind, []).append(got)
        assert [p.packet_id for p in kinds[m.PUBACK]] == [2, 3]
        assert [p.payload for p in kinds[m.PUBLISH]] == [b"one", b"two" * 100]
        assert len(kinds[m.SUBACK]) == len(kinds[m.PINGRESP]) == 1


def test_disconnect_and_what_follows(weft, version):
    """The server ends an MQTT connection, then the WebSocket connection in good order."""
    with WsRaw(weft.ws) as ws:
        ws.connect("mqtt").send(frame(BINARY, m.connect_packet("", version)))
        ws.message()
        ws.send(frame(BINARY, m.disconnect_packet()))
        assert ws.expect(CLOSE).code == 1000


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_event_of_a_violation_names_the_client(weft, scheme):
    """What mqtt says of a connection is what it says over tcp: tls, http and ws pass the address on."""
    context = ssl.create_default_context(cafile=weft.ca) if scheme == "wss" else None

    def seen():
        with WsRaw(getattr(weft, scheme), tls=context) as ws:
            local = ws.socket.getsockname()[1]
            ws.connect("mqtt").send(frame(BINARY, m.connect_packet("", 5) + m.packet(15, 15, b"")))
            while ws.frame().op != CLOSE:
                pass
        return re.search(rf"BINDING_MQTT_PACKET_REJECTED .*127.0.0.1:{local}\b", weft.output)

    until(seen)  # events are limited to one a second


def test_page_in_a_browser(weft):
    """page.html in headless Chromium: it publishes, and receives what it has published."""
    script = MODULES / "mqtt" / "dist" / "mqtt.min.js"
    page_text = (EXAMPLE / "page.html").read_text()
    assert "https://unpkg.com/mqtt@5/dist/mqtt.min.js" in page_text
    file = weft.folder / "page.html"
    file.write_text(page_text.replace("https://unpkg.com/mqtt@5/dist/mqtt.min.js", script.as_uri()))
    with Client(weft.port) as sub:
        sub.subscribe("device/page")
        with page(f"{file.as_uri()}#{weft.ws}", weft.folder / "chromium") as opened:
            assert sub.receive().payload == b"hello from a page"
            received = "document.getElementById('messages').innerText"
            until(lambda: opened.evaluate(received), timeout=60)
            assert opened.evaluate(received) == "device/page: hello from a page"
