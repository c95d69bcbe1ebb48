"""What keeps a listener alive on the open internet, through the built binary: limits per source and per identity, handshakes,
proxies in front, several protocols on one port, goodbyes at a deadline."""

import contextlib
import socket
import ssl
import struct
import threading
import time

import pytest
from support import transport
from support.certificates import Authority
from support.mqtt_raw import CONNACK, CONNECT, Raw, connect_packet, packet
from support.ports import free_port
from support.swap import until
from support.weft import BUILD, Weft
from support.ws_raw import BINARY, CLOSE, TEXT, Ended, WsRaw, frame, upgrade

pytestmark = pytest.mark.skipif(transport.TRANSPORT != "tcp", reason="has its own of every transport")

PLUGINS = [BUILD / "lib" / "weft" / "plugins", BUILD / "examples", BUILD / "tests" / "plugins"]
QUOTA_EXCEEDED = 0x97
END = """
telemetry:
  exporters:
    stdout_logs_exporter: {type: stdout}
"""


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    Authority(folder, "ca").issue("localhost", dns=["localhost"])
    return folder


def start(bindings, port, *, before="", **more):
    text = f"name: test\n{before}bindings:\n{bindings}{END}"
    env = {"WEFT_PLUGINS": ":".join(str(p) for p in PLUGINS)}
    return Weft(text, port=port, env=env, args=["--no-watch"], **more).wait_listening()


def echo(port, options, **more):
    return start(
        f"""
  tcp0: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {port}, {options}}}, exit: app}}
  app: {{type: echo, kind: server}}
""",
        port,
        **more,
    )


def dial(port, source="127.0.0.1"):
    s = socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(source, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def served(s, word=b"hello"):
    """Echoed: True; closed by RST: False. FIN is neither. Of a port: a connection that ends then."""
    try:
        if isinstance(s, int):
            with dial(s) as own:
                return served(own, word)
        s.sendall(word)
        got = s.recv(len(word))
    except (ConnectionResetError, BrokenPipeError):
        return False
    assert got == word, f"{got!r}, no RST"
    return True


def reload(weft, old, new, *args):
    text = weft.config.read_text()
    assert old in text
    weft.config.write_text(text.replace(old, new))
    done = weft.cli("reload", *args)
    assert done.code == 0, done.err


# ---- limits per source ----


@pytest.mark.key
def test_rate_is_that_of_a_source_on_all_workers():
    with echo(free_port(), "sources: {rate: 1, burst: 8}", workers=4) as weft:
        # More than the bucket and what comes into it meanwhile, on every worker that the kernel chooses.
        begun = time.monotonic()
        good = sum(served(weft.port) for _ in range(40))
        assert 8 <= good <= 8 + (time.monotonic() - begun) + 1
        line = weft.wait_event("BINDING_TCP_SOURCE_REFUSED")
        assert "127.0.0.1 refused: more than 1 a second (options.sources.rate)" in line
        assert served(dial(weft.port, "127.0.0.2")), "another source"
        # The bucket outlives a reload, empty as it is, and fills at the new rate.
        reload(weft, "rate: 1, burst: 8", "rate: 10000, burst: 10000")
        until(lambda: all(served(weft.port) for _ in range(20)))


def test_connections_of_a_source():
    with echo(free_port(), "sources: {connections: 5}", workers=4) as weft, contextlib.ExitStack() as stack:
        held = [stack.enter_context(dial(weft.port)) for _ in range(5)]
        assert all(served(s) for s in held)
        assert not served(weft.port)
        assert "5 are open (options.sources.connections)" in weft.wait_event("BINDING_TCP_SOURCE_REFUSED")
        assert served(stack.enter_context(dial(weft.port, "127.0.0.3")))
        # Connections of an older generation count.
        reload(weft, "connections: 5", "connections: 6")
        held.append(stack.enter_context(dial(weft.port)))
        assert served(held[-1])
        assert not served(weft.port)
        held[0].shutdown(socket.SHUT_WR)
        assert held[0].recv(1) == b""  # closed on both sides, and counted no more
        until(lambda: served(weft.port))


# ---- proxies ----

V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 5000, 443)


def v2(command, family, rest):
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + struct.pack(">H", len(rest)) + rest


MQTT = """
  tcp0:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: {port}, {options}}}
    exit: mqtt0
  mqtt0: {{type: mqtt, kind: server, {mqtt}exit: app}}
  app: {{type: mqtt-loopback, kind: proxy}}
"""


@pytest.mark.key
@pytest.mark.parametrize(
    "head, peer",
    [
        (v2(0x21, 0x11, V4 + b"\x01\0\x04mqtt"), "192.0.2.7:5000"),
        (b"PROXY TCP6 2001:db8::1 ::1 5001 443\r\n", "[2001:db8::1]:5001"),
    ],
    ids=["binary", "line"],
)
def test_mqtt_sees_the_peer_of_the_header(head, peer):
    port = free_port()
    text = MQTT.format(port=port, options="proxy-protocol: {trusted: [127.0.0.1/32]}, sources: {connections: 1}", mqtt="")
    with start(text, port, workers=2) as weft:
        with Raw(port) as raw, Raw(port) as beyond, Raw(port) as local:
            for byte in head:
                raw.send(bytes([byte]))
            raw.connect("c")
            # One more of the same source is too many, though the proxy has more.
            beyond.send(head)
            beyond.expect_closed()
            assert "(options.sources.connections)" in weft.wait_event("BINDING_TCP_SOURCE_REFUSED")
            local.send(v2(0x20, 0, b"")).connect("health")
            raw.send(packet(CONNECT, 0, b""))  # malformed, so that it is told with the peer
            assert peer in weft.wait_event("BINDING_MQTT_PACKET_REJECTED")


@pytest.mark.parametrize(
    "source, head, why",
    [
        ("127.0.0.9", b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n", "none of the proxies"),
        ("127.0.0.1", connect_packet("c", 5), "malformed: the first bytes of neither version"),
        ("127.0.0.1", b"PROXY TCP4 192.0.2.777 10.0.0.1 5000 443\r\n", "malformed: an address that is none"),
        ("127.0.0.1", v2(0x21, 0x21, V4), "malformed: too short for the addresses"),
        ("127.0.0.1", b"PROXY TCP4 192.0", "did not come within 500 ms"),
        ("127.0.0.1", b"", "did not come within 500 ms"),
    ],
    ids=["not trusted", "mqtt", "line", "binary", "no end", "silent"],
)
def test_headers_that_are_refused(proxied, source, head, why):
    since = proxied.process.mark()
    with pytest.raises(ConnectionResetError), dial(proxied.port, source) as s:
        with contextlib.suppress(BrokenPipeError):
            s.sendall(head)
        s.recv(1)
    assert why in proxied.wait_event("BINDING_TCP_ARRIVAL_REFUSED", since=since)
    assert "unknown property" not in proxied.output
    with dial(proxied.port) as s:
        s.sendall(b"PROXY UNKNOWN\r\n")
        assert served(s), "others are served"


@pytest.fixture
def proxied():
    arrival = ["weft.binding.tcp.arrival.timeout.ms=500"]
    with echo(free_port(), "proxy-protocol: {trusted: [127.0.0.1]}", properties=arrival) as weft:
        yield weft


# ---- several protocols on one port ----


def mixed(port, pki):
    return start(
        f"""
  tcp0:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: {port}}}
    routes:
      - when: [{{protocol: tls}}]
        exit: tls0
      - when: [{{protocol: http}}]
        exit: ws0
      - when: [{{protocol: mqtt}}]
        exit: mqtt0
  tls0:
    type: tls
    kind: server
    vault: v
    options: {{keys: [localhost]}}
    routes:
      - when: [{{protocol: http}}]
        exit: ws0
      - when: [{{protocol: mqtt}}]
        exit: mqtt0
  ws0: {{type: ws, kind: server, routes: [{{when: [{{protocol: mqtt}}], exit: mqtt0}}]}}
  mqtt0: {{type: mqtt, kind: server, exit: app}}
  app: {{type: mqtt-loopback, kind: proxy}}
""",
        port,
        before=f"vaults:\n  v: {{type: filesystem, options: {{keys: {{store: {pki}/localhost.pem, type: pem}}}}}}\n",
        workers=2,
        properties=["weft.binding.tcp.arrival.timeout.ms=1500", "zilla.binding.tls.handshake.timeout=2"],
    )


class Slow:
    """A socket that sends one byte at a time."""

    def __init__(self, inner):
        self.inner = inner

    def sendall(self, data):
        for byte in data:
            self.inner.sendall(bytes([byte]))

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.mark.key
def test_four_kinds_of_clients_on_one_port(pki):
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    connect = connect_packet("", 5)

    def pings(kind, slow, held):
        secure, web = kind in ("tls", "wss"), kind in ("ws", "wss")
        if web:
            ws = WsRaw(port, tls=context if secure else None)
            if slow:
                ws.socket = Slow(ws.socket)
            ws.connect("mqtt")
            ws.send(frame(BINARY, connect))
            assert ws.message()[1][:1] == bytes([CONNACK << 4])
            held.append(ws.socket)
            return lambda: (ws.send(frame(BINARY, b"\xc0\0")), ws.message()[1])[1]
        s = dial(port)
        if secure:
            s = context.wrap_socket(s, server_hostname="localhost")
        if slow:
            s = Slow(s)
        s.sendall(connect)
        head = s.recv(2)
        assert head[0] == CONNACK << 4
        s.recv(head[1])
        held.append(s)
        return lambda: (s.sendall(b"\xc0\0"), s.recv(2))[1]

    port = free_port()
    with mixed(port, pki) as weft:
        silent, half = dial(port), dial(port)
        half.sendall(b"\x16")  # a first byte, and nothing more: tls has its own limit
        errors, held = [], []

        def client(kind, slow):
            try:
                ask = pings(kind, slow, held)
                for _ in range(20):
                    assert ask() == b"\xd0\0"
            except BaseException as e:
                errors.append((kind, slow, repr(e)))

        threads = [threading.Thread(target=client, args=(k, s)) for k in ("tcp", "tls", "ws", "wss") for s in (False, True)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert not errors
        assert len(held) == 8
        with pytest.raises(ConnectionResetError):
            silent.recv(1)
        assert "the first byte of its client did not come within 1500 ms" in weft.wait_event("BINDING_TCP_ARRIVAL_REFUSED")
        with contextlib.suppress(ConnectionResetError):
            assert half.recv(1) == b""
        weft.wait_event("BINDING_TLS_HANDSHAKE_TIMEOUT")
        with dial(port) as s:
            s.sendall(b"?")
            with contextlib.suppress(ConnectionResetError):
                assert s.recv(1) == b""
        assert "begins as none of tls, http and mqtt" in weft.wait_event("BINDING_TCP_ROUTE_MISSING")
        with context.wrap_socket(dial(port), server_hostname="localhost") as s:
            s.sendall(b"?")
            assert s.recv(1) == b""
        assert "begins as neither http nor mqtt" in weft.wait_event("BINDING_TLS_ROUTE_REFUSED")
        for s in held:
            s.close()


# ---- handshakes ----


def test_handshakes_have_a_limit_and_a_time(pki):
    port = free_port()
    bindings = f"""
  tcp0: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {port}}}, exit: tls0}}
  tls0: {{type: tls, kind: server, vault: v, options: {{keys: [localhost]}}, exit: app}}
  app: {{type: echo, kind: server}}
"""
    before = f"vaults:\n  v: {{type: filesystem, options: {{keys: {{store: {pki}/localhost.pem, type: pem}}}}}}\n"
    properties = ["zilla.binding.tls.handshakes.max=3", "zilla.binding.tls.handshake.timeout=2"]
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    with start(bindings, port, before=before, properties=properties) as weft:
        with context.wrap_socket(dial(port), server_hostname="localhost") as there:
            idle = [dial(port) for _ in range(3)]
            # They are accepted in their order.
            with pytest.raises(ConnectionResetError), dial(port) as beyond:
                beyond.recv(1)
            assert "3 handshakes under way" in weft.wait_event("BINDING_TLS_HANDSHAKES_REFUSED")
            assert served(there), "who is there is not touched"
            for s in idle:
                with contextlib.suppress(ConnectionResetError):
                    assert s.recv(1) == b""
            weft.wait_event("BINDING_TLS_HANDSHAKE_TIMEOUT")
            with context.wrap_socket(dial(port), server_hostname="localhost") as s:
                assert served(s)


# ---- quota per identity ----


@pytest.mark.key
def test_connections_of_an_identity():
    port = free_port()
    mqtt = (
        "options: {connections-per-identity: 3, authorization: {who: {credentials: {connect: {username: '{credentials}'}}}}}, "
    )
    guards = "guards:\n  who: {type: inline}\n"
    with start(MQTT.format(port=port, options="nodelay: true", mqtt=mqtt), port, before=guards, workers=4) as weft:
        with contextlib.ExitStack() as stack:

            def client(name, user="anna", version=5, expect=0):
                raw = stack.enter_context(Raw(port, version))
                return raw.connect(name, expect, user=user)

            held = [client(f"c{n}") for n in range(3)]
            for n in range(8):  # wherever the kernel puts them
                client(f"more{n}", expect=QUOTA_EXCEEDED)
            client("old", version=4, expect=3)
            assert "as many connections as its identity may have" in weft.wait_event("BINDING_MQTT_CLIENT_REFUSED")
            client("c9", user="bob")
            taken = client("c0")  # a takeover is none more
            client("more", expect=QUOTA_EXCEEDED)
            held[1].disconnect()
            client("c3")
            reload(weft, "connections-per-identity: 3", "connections-per-identity: 4")
            client("c4")
            client("c5", expect=QUOTA_EXCEEDED)
            taken.ping()


# ---- goodbyes ----


@pytest.mark.key
@pytest.mark.parametrize("what", ["http", "tcp", "stop"])
def test_a_tunnel_behind_http_says_goodbye(what):
    port = free_port()
    bindings = f"""
  tcp0: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {port}, nodelay: true}}, exit: http0}}
  http0: {{type: http, kind: server, options: {{access-control: {{policy: same-origin}}}}, routes: [{{when: [{{headers: {{upgrade: websocket}}}}], exit: ws0}}]}}
  ws0: {{type: ws, kind: server, exit: app}}
  app: {{type: echo, kind: server}}
"""
    with start(bindings, port, workers=1) as weft, WsRaw(port) as ws:
        ws.send(upgrade("chat", path="/chat"))
        assert ws.answer()[0] == 101
        ws.send(frame(TEXT, "there"))
        assert ws.message() == (TEXT, b"there")
        if what == "stop":
            weft.process.signal()
        elif what == "http":
            reload(weft, "policy: same-origin", "policy: cross-origin", "--drain", "0.3")
        else:
            reload(weft, "nodelay: true", "nodelay: false", "--drain", "0.3")
        assert (last := ws.frame()).op == CLOSE
        assert last.code == 1001
        with pytest.raises(Ended):
            ws.take(1)
        ws.socket.close()
        if what == "stop":
            assert weft.process.wait(30) == 0
        else:
            weft.wait_event("ENGINE_BINDING_DRAINED")
            with WsRaw(port) as new:
                new.send(upgrade("chat", path="/chat"))
                assert new.answer()[0] == 101


# ---- errors ----


@pytest.mark.parametrize(
    "options, text",
    [
        ("sources: {rate: 0}", "options.sources.rate: 0 is not allowed"),
        ("sources: {rates: 1}", "did you mean 'rate'"),
        ("sources: {burst: 5, connections: 1}", "'burst' needs 'rate'"),
        ("sources: {remembered: 5}", "'sources' needs 'rate', 'connections', or both"),
        ("proxy-protocol: {trusted: [10.0.0.0/40]}", "'10.0.0.0/40' is not a network"),
        ("proxy-protocol: {}", "trusted"),
    ],
)
def test_errors_name_their_place(proxied, options, text):
    good = proxied.config.read_text()
    proxied.config.write_text(good.replace("proxy-protocol: {trusted: [127.0.0.1]}", options))
    try:
        done = proxied.cli("reload")
        assert done.code == 1
        assert text in done.err, done.err
    finally:
        proxied.config.write_text(good)
