"""What keeps a listener alive on the open internet, through the built binary: limits per source and per identity, handshakes,
proxies in front, several protocols on one port, goodbyes at a deadline."""

import contextlib
import socket
import ssl
import threading
import time

import pytest
from support import transport
from support.certificates import Authority
from support.mqtt_raw import CONNACK, CONNECT, Raw, connect_packet, packet
from support.ports import free_port
from support.proxy_header import V4, certificate, tlv, v2
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


# ---- who a client is, as a proxy that ended TLS says ----

NOT_AUTHORIZED = 0x87
IDENTITY = """
  tcp0:
    type: tcp
    kind: server
    options:
      host: 127.0.0.1
      port: {port}
      proxy-protocol: {{trusted: [127.0.0.1/32]}}
{authorization}
    routes:
      - guarded: {{devices: [admin]}}
        exit: mqtt1
      - guarded: {{devices: []}}
        exit: {exit}
{open}
  tls0: {{type: tls, kind: server, vault: v, options: {{keys: [localhost]}}, routes: [{{guarded: {{devices: []}}, exit: mqtt0}}]}}
  http0: {{type: http, kind: server, routes: [{{guarded: {{devices: []}}, exit: ws0}}]}}
  ws0: {{type: ws, kind: server, routes: [{{guarded: {{devices: []}}, exit: mqtt0}}]}}
  mqtt0:
    type: mqtt
    kind: server
    routes:
      - guarded: {{devices: [device]}}
        when:
          - session: [{{client-id: "${{guarded['devices'].identity}}-*"}}]
            publish: [{{topic: "device/{{id}}/#", params: {{id: "${{guarded['devices'].identity}}"}}}}]
        exit: app
  mqtt1: {{type: mqtt, kind: server, exit: app}}
  app: {{type: mqtt-loopback, kind: proxy}}
"""
ASKING = "      authorization: {devices: {credentials: {proxy: common-name}}}"
DEVICES = """guards:
  devices: {type: inline, options: {format: "{identity}.devices", roles: [device], users: {boss: {roles: [admin]}}}}
vaults:
  v: {type: filesystem, options: {keys: {store: %s/localhost.pem, type: pem}}}
"""


def devices(pki, *, authorization=ASKING, exit="mqtt0", open="", **more):
    port = free_port()
    text = IDENTITY.format(port=port, authorization=authorization, exit=exit, open=open)
    return start(text, port, before=DEVICES % pki, workers=2, **more)


@pytest.fixture
def behind_proxy(pki):
    """Of each test's own, as an event comes once a second."""
    with devices(pki) as weft:
        yield weft


def by_proxy(weft, name, client_id, **more):
    raw = Raw(weft.port)
    raw.send(certificate(name))
    return raw.connect(client_id, **more)


@pytest.mark.key
def test_the_common_name_is_who_a_client_is(behind_proxy):
    since = behind_proxy.process.mark()
    with by_proxy(behind_proxy, "anna.devices", "anna-1") as anna, by_proxy(behind_proxy, "bob.devices", "bob-1") as bob:
        behind_proxy.process.wait_line(r"BINDING_MQTT_CLIENT_CONNECTED Session authorization \(anna\) was successful for client id \(anna-1\)", since=since)
        assert anna.publish("device/anna/x", "1").reason in (0, 0x10)
        assert anna.publish("device/bob/x", "1", packet_id=2).reason == NOT_AUTHORIZED
        assert bob.publish("device/bob/x", "1").reason in (0, 0x10)
    with by_proxy(behind_proxy, "anna.devices", "bob-2", expect=NOT_AUTHORIZED) as other:
        other.expect_closed()


def test_roles_choose_the_route_of_a_connection(behind_proxy):
    with by_proxy(behind_proxy, "boss.devices", "any client id") as boss:
        assert boss.publish("elsewhere", "1").reason in (0, 0x10)


@pytest.mark.key
@pytest.mark.parametrize(
    "head",
    [
        certificate("boss.devices", verify=19),
        certificate("boss.devices", client=1),
        certificate("boss.devices", client=2),
        b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n",
        v2(0x20, 0x11, certificate("boss.devices")[16:]),
        v2(0x21, 0x11, V4),
    ],
    ids=["not verified", "no certificate", "no TLS", "version 1", "local", "no tlvs"],
)
def test_without_a_verified_certificate_a_client_is_anonymous(behind_proxy, head):
    since = behind_proxy.process.mark()
    with dial(behind_proxy.port) as s:
        s.sendall(head)
        assert s.recv(1) == b""
    assert "those that are guarded do not admit who has no identity" in behind_proxy.wait_event("BINDING_TCP_ROUTE_MISSING", since=since)
    by_proxy(behind_proxy, "anna.devices", "anna-2").disconnect()


def test_who_is_anonymous_takes_what_is_not_guarded(pki):
    with devices(pki, open="      - exit: mqtt1") as weft, Raw(weft.port) as raw:
        raw.send(certificate("boss.devices", verify=1))
        raw.connect("c")


def test_whom_the_guard_refuses_gets_rst(behind_proxy):
    since = behind_proxy.process.mark()
    with pytest.raises(ConnectionResetError), dial(behind_proxy.port) as s:
        s.sendall(certificate("eve"))
        s.recv(1)
    line = behind_proxy.wait_event("BINDING_TCP_PEER_NOT_AUTHORIZED", since=since)
    assert "192.0.2.7:5000 closed: guard test:devices refused 'eve', who asked for mqtt.example.com" in line


@pytest.mark.parametrize(
    "source, head, why",
    [
        ("127.0.0.9", certificate("anna.devices"), "none of the proxies"),
        ("127.0.0.1", certificate("anna\0.devices"), "a common name that is no text"),
        ("127.0.0.1", v2(0x21, 0x11, V4 + b"\x20\0"), "a TLV that goes beyond the header"),
        ("127.0.0.1", v2(0x21, 0x11, V4 + tlv(3, b"\0\0\0\0")), "its checksum is another one"),
        ("127.0.0.1", v2(0x21, 0x11, certificate("anna.devices")[16:] + certificate("boss.devices")[28:]), "two"),
    ],
    ids=["not trusted", "nul", "cut off", "checksum", "twice"],
)
def test_who_says_it_otherwise_is_closed(behind_proxy, source, head, why):
    since = behind_proxy.process.mark()
    with pytest.raises(ConnectionResetError), dial(behind_proxy.port, source) as s:
        s.sendall(head)
        s.recv(1)
    assert why in behind_proxy.wait_event("BINDING_TCP_ARRIVAL_REFUSED", since=since)


@pytest.mark.parametrize("exit", ["tls0", "http0", "ws0"])
def test_bindings_on_the_way_see_who_it_is(pki, exit):
    """`tls` asks no guard here, so it passes on what it was opened with."""
    connect = connect_packet("anna-1", 5)
    with devices(pki, exit=exit) as weft, dial(weft.port) as s:
        s.sendall(certificate("anna.devices"))
        if exit == "tls0":
            context = ssl.create_default_context(cafile=pki / "ca.crt")
            with context.wrap_socket(s, server_hostname="localhost") as secure:
                secure.sendall(connect)
                assert secure.recv(4)[:4][0] == CONNACK << 4
        else:
            ws = WsRaw.__new__(WsRaw)
            ws.socket, ws.rest = s, b""
            ws.connect("mqtt")
            ws.send(frame(BINARY, connect))
            assert ws.message()[1][:1] == bytes([CONNACK << 4])
        weft.process.wait_line(r"Session authorization \(anna\) was successful for client id \(anna-1\)")


def test_guarded_routes_without_authorization_are_closed_and_told(pki):
    """Existing configurations go on, and such a route is for nobody; in Zilla it was for everybody."""
    with devices(pki, authorization="") as weft:
        closed = "is guarded by 'test:devices', which is not asked who connects"
        for n in (0, 1):
            weft.process.wait_line(rf"binding test:tcp0: routes\[{n}\] \(to test:mqtt\d\) {closed}")
        with dial(weft.port) as s:
            s.sendall(certificate("boss.devices"))
            assert s.recv(1) == b""
        weft.wait_event("BINDING_TCP_ROUTE_MISSING")
        assert weft.output.count(closed) == 2, "once, of all workers"


def test_connections_live_on_when_who_is_asked_changes(pki):
    with devices(pki) as weft, by_proxy(weft, "anna.devices", "anna-1") as anna:
        reload(weft, "{identity}.devices", "{identity}.things")
        assert anna.publish("device/anna/x", "1").reason in (0, 0x10)
        by_proxy(weft, "anna.things", "anna-3").disconnect()
        with pytest.raises(ConnectionResetError), dial(weft.port) as s:
            s.sendall(certificate("anna.devices"))
            s.recv(1)


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
        ("authorization: {g: {credentials: {proxy: common-name}}}", "no guard 'g'"),
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
