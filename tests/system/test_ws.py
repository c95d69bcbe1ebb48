"""ws through the built binary: the rules of RFC 6455 and 7692 with a raw client, directly behind tcp and behind http."""

import contextlib
import re
import ssl
import zlib

import pytest
from support.certificates import Authority
from support.ports import free_port
from support.swap import until
from support.weft import BUILD, Weft
from support.ws_raw import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Ended, WsRaw, close_frame, frame, masked,
                            upgrade)  # fmt: skip

ECHO = BUILD / "examples"
LIMIT = 1 << 20
EURO = "\u20ac".encode()

CONFIG = """
name: test
vaults:
  v:
    type: filesystem
    options: {{keys: {{store: {pki}/localhost.pem, type: pem}}}}
bindings:
  tcp0:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: [{direct}, {http}, {tls}]}}
    routes:
      - {{when: [{{port: {direct}}}], exit: ws0}}
      - {{when: [{{port: {http}}}], exit: http0}}
      - {{when: [{{port: {tls}}}], exit: tls0}}
  tls0: {{type: tls, kind: server, vault: v, options: {{keys: [localhost]}}, exit: ws0}}
  http0:
    type: http
    kind: server
    routes: [{{when: [{{headers: {{upgrade: websocket}}}}], exit: ws0}}, {{when: [{{headers: {{":path": /plain}}}}], exit: ws0}}]
  ws0:
    type: ws
    kind: server
    options:
      compression: {{threshold: 64, window-bits: 15}}
      limits: {{message: {limit}, frame: {frame}}}
      origins: ["https://*.example.com"]
    routes:
      - when: [{{path: /mqtt, protocol: mqtt}}, {{path: /mqtt, protocol: mqttv3*}}]
        exit: app
      - when: [{{path: "/chat*", protocol: "chat*"}}, {{path: "/chat*"}}]
        exit: app
      - when: [{{path: /gone, protocol: mqtt}}]
        exit: nobody
  app: {{type: echo, kind: server}}
  nobody: {{type: ws, kind: client, exit: nowhere}}
  nowhere: {{type: tcp, kind: client, options: {{host: 127.0.0.1, port: {closed}}}}}
telemetry:
  exporters:
    stdout_logs_exporter: {{type: stdout}}
"""


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    Authority(folder, "ca").issue("localhost", dns=["localhost"])
    return folder


def start(pki, **more):
    ports = {name: free_port() for name in ("direct", "http", "tls", "closed")}
    text = CONFIG.format(pki=pki, limit=LIMIT, frame=LIMIT // 2, **ports)
    weft = Weft(text, port=ports["direct"], args=["--plugins", ECHO, "--no-watch"], workers=2, **more)
    weft.ports = ports
    return weft.wait_listening()


@pytest.fixture(scope="module")
def server(pki):
    with start(pki) as weft:
        yield weft


@pytest.fixture(params=["direct", "http"])
def port(server, request):
    return server.ports[request.param]


@contextlib.contextmanager
def chat(port, path="/chat", **options):
    with WsRaw(port) as ws:
        yield ws.connect("chat", path=path, **options)


def messages(*expected):
    """A check: these messages come, as (opcode, payload)."""

    def check(ws):
        for op, payload in expected:
            got = ws.message()
            assert got == (op, payload), f"{got[0]}, {got[1][:50]!r}... of {len(got[1])}"

    return check


def frames(*expected):
    def check(ws):
        for op, payload in expected:
            got = ws.frame()
            assert (got.op, got.payload) == (op, payload), got

    return check


def closed(code):
    return lambda ws: ws.expect_close(code)


def then_closed(code):
    return lambda ws: last_words(ws, code)


def sized(size, op=BINARY):
    data = b"*" * size if op == TEXT else bytes(i * 31 & 255 for i in range(size))
    return [frame(op, data)], messages((op, data))


def fragments(size, each, op=TEXT):
    data = b"*" * size
    parts = [data[at : at + each] for at in range(0, size, each)]
    out = [frame(op if i == 0 else CONTINUATION, part, fin=i == len(parts) - 1) for i, part in enumerate(parts)]
    return out, messages((op, data))


BYE = close_frame(1000)
# Numbers in the style of the Autobahn test suite: 1 frames, 2 pings, 3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8,
# 7 closing, 9 limits, 11 what is ours.
CASES = {
    "1.1.1 empty text": ([frame(TEXT)], messages((TEXT, b""))),
    "1.2.1 empty binary": ([frame(BINARY)], messages((BINARY, b""))),
    **{f"1.1.2 text of {n}": sized(n, TEXT) for n in (1, 125, 126, 127, 128, 65535, 65536)},
    **{f"1.2.2 binary of {n}": sized(n) for n in (1, 125, 126, 127, 128, 65535, 65536)},
    "1.3 a mask of zeros": ([frame(BINARY, "x", key=bytes(4))], messages((BINARY, b"x"))),
    "1.4 not masked": ([frame(BINARY, "x", key=None)], closed(1002)),
    "1.5 length in 2 bytes for 125": ([frame(BINARY, "x" * 125, length=2)], closed(1002)),
    "1.6 length in 8 bytes for 65535": ([frame(BINARY, "x" * 65535, length=8)], closed(1002)),
    "1.7 length with its first bit": ([b"\x82\xff\x80" + bytes(7) + b"mask"], closed(1002)),
    "2.1 ping": ([frame(PING)], frames((PONG, b""))),
    "2.2 ping with payload": ([frame(PING, "Hello")], frames((PONG, b"Hello"))),
    "2.3 ping with binary payload": ([frame(PING, b"\0\xff\xfe")], frames((PONG, b"\0\xff\xfe"))),
    "2.4 ping of 125": ([frame(PING, "x" * 125)], frames((PONG, b"x" * 125))),
    "2.5 ping of 126": ([frame(PING, "x" * 126)], closed(1002)),
    "2.6 pong that nobody asked for": ([frame(PONG, "x"), frame(PING, "y")], frames((PONG, b"y"))),
    "2.7 ping in fragments": ([frame(PING, "x", fin=False)], closed(1002)),
    "2.8 pong in fragments": ([frame(PONG, "x", fin=False)], closed(1002)),
    "2.9 ping not masked": ([frame(PING, "x", key=None)], closed(1002)),
    "3.1 RSV1 without compression agreed": ([frame(TEXT, "x", rsv=4)], closed(1002)),
    "3.2 RSV2": ([frame(TEXT, "a"), frame(TEXT, "x", rsv=2)], then_closed(1002)),
    "3.3 RSV3": ([frame(BINARY, "x", rsv=1)], closed(1002)),
    "3.4 RSV1 on a ping": ([frame(PING, "x", rsv=4)], closed(1002)),
    "3.5 all on a Close": ([frame(CLOSE, rsv=7)], closed(1002)),
    **{f"4.1 opcode {op}": ([frame(op, "x")], closed(1002)) for op in (3, 4, 5, 6, 7)},
    **{f"4.2 opcode {op}": ([frame(op, "x")], closed(1002)) for op in (11, 12, 13, 14, 15)},
    "5.1 two fragments": ([frame(TEXT, "a", fin=False), frame(CONTINUATION, "b")], messages((TEXT, b"ab"))),
    "5.2 a ping between fragments": (
        [frame(TEXT, "a", fin=False), frame(PING, "p"), frame(CONTINUATION, "b"), frame(BINARY, "c")],
        messages((TEXT, b"ab"), (BINARY, b"c"))),
    "5.3 continuation of nothing": ([frame(CONTINUATION, "x")], closed(1002)),
    "5.4 unfinished continuation of nothing": ([frame(CONTINUATION, "x", fin=False)], closed(1002)),
    "5.5 text within text": ([frame(TEXT, "a", fin=False), frame(TEXT, "b")], then_closed(1002)),
    "5.6 binary within text": ([frame(TEXT, "a", fin=False), frame(BINARY, "b")], then_closed(1002)),
    "5.7 continuation after the end": (
        [frame(TEXT, "a", fin=False), frame(CONTINUATION, "b"), frame(CONTINUATION, "c")],
        then_closed(1002)),
    "5.8 empty fragments": (
        [frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION, "x", fin=False), frame(CONTINUATION)],
        messages((TEXT, b"x"))),
    "5.9 nothing in three fragments": (
        [frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION)], messages((TEXT, b""))),
    "5.10 fragments of 1": fragments(300, 1),
    "5.11 fragments of 64": fragments(65536, 64),
    "5.12 fragments of 64 KiB": fragments(LIMIT // 2, 65536, BINARY),
    "6.1 valid UTF-8": ([frame(TEXT, "κόσμε \U0001f600")], messages((TEXT, "κόσμε \U0001f600".encode()))),
    "6.2 a character in two fragments": (
        [frame(TEXT, EURO[:1], fin=False), frame(CONTINUATION, EURO[1:])], messages((TEXT, EURO))),
    "6.3 a character in three fragments": (
        [frame(TEXT, EURO[:1], fin=False), frame(CONTINUATION, EURO[1:2], fin=False), frame(CONTINUATION, EURO[2:])],
        messages((TEXT, EURO))),
    "6.4 the largest": ([frame(TEXT, b"\xf4\x8f\xbf\xbf")], messages((TEXT, b"\xf4\x8f\xbf\xbf"))),
    "6.5 NUL": ([frame(TEXT, b"\0")], messages((TEXT, b"\0"))),
    **{f"6.6 not UTF-8: {text.hex()}": ([frame(TEXT, text)], then_closed(1007)) for text in (
        b"\x80", b"\xff", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"ok\xe2\x82", b"\xe2\x82\x20", b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80x")},
    "6.7 found before the end of the frame": ([frame(TEXT, b"\xff" + b"x" * 1000)[:20]], closed(1007)),
    "6.8 found before the end of the message": ([frame(TEXT, b"a\xff", fin=False)], then_closed(1007)),
    "6.9 binary may be anything": ([frame(BINARY, b"\xff\xc0")], messages((BINARY, b"\xff\xc0"))),
    "7.1 close": ([BYE], closed(1000)),
    "7.2 close without a code": ([frame(CLOSE)], closed(None)),
    "7.3 close with a reason": ([close_frame(1000, b"x" * 123)], closed(1000)),
    "7.4 close with half a code": ([frame(CLOSE, b"\x03")], closed(1002)),
    "7.5 close of 126": ([close_frame(1000, b"x" * 124)], closed(1002)),
    "7.6 close whose reason is not UTF-8": ([close_frame(1000, b"\xff")], closed(1007)),
    "7.7 message and close": ([frame(TEXT, "a") + BYE], then_closed(1000)),
    "7.8 what follows a close is not read": ([BYE + frame(PING, "x") + frame(3)], closed(1000)),
    "7.9 close within a message": ([frame(TEXT, "a", fin=False), BYE], then_closed(1000)),
    "7.10 close in fragments": ([frame(CLOSE, fin=False)], closed(1002)),
    **{f"7.11 code {c}": ([close_frame(c)], closed(c)) for c in (1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 3999, 4999)},
    **{f"7.12 code {c} that is none": ([close_frame(c)], closed(1002)) for c in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
    "9.1 a message of the limit": (
        [frame(BINARY, b"x" * (LIMIT // 2), fin=False), frame(CONTINUATION, b"y" * (LIMIT // 2))],
        messages((BINARY, b"x" * (LIMIT // 2) + b"y" * (LIMIT // 2)))),
    "9.2 a frame beyond its limit": ([frame(BINARY, b"x" * (LIMIT // 2 + 1))[:100]], closed(1009)),
    "9.3 a message beyond its limit": (
        [frame(BINARY, b"x", fin=False), frame(CONTINUATION, b"x" * (LIMIT // 2), fin=False), frame(CONTINUATION, b"y" * (LIMIT // 2))],
        then_closed(1009)),
    "11.1 many messages at once": ([frame(TEXT, str(i)) for i in range(500)], messages(*((TEXT, str(i).encode()) for i in range(500)))),
}  # fmt: skip


def last_words(ws, code=1000):
    """Echoes may come before the Close, or be overtaken by it."""
    while (got := ws.frame()).op != CLOSE:
        assert got.op in (TEXT, BINARY, CONTINUATION), got
    assert got.code == code, got
    with pytest.raises(Ended):
        ws.take(1)


@pytest.mark.parametrize("case", CASES)
def test_case(port, case):
    sent, check = CASES[case]
    with chat(port) as ws:
        ws.send(*sent)
        check(ws)


@pytest.mark.key
@pytest.mark.parametrize("case", [c for c in CASES if not c.startswith(("9.", "5.11", "5.12", "11."))])
def test_case_byte_by_byte(server, case):
    sent, check = CASES[case]
    data = b"".join(sent)
    with chat(server.ports["direct"]) as ws:
        if len(data) > 2000:  # in pieces then
            cuts = range(0, len(data), 997)
        else:
            cuts = range(len(data))
        for at, until_at in zip(cuts, [*cuts[1:], len(data)], strict=True):
            try:
                ws.send(data[at:until_at])
            except OSError:
                break  # refused before its end
        check(ws)


# ---- the handshake ----

HANDSHAKES = {
    "no Upgrade": (dict(drop=["upgrade"]), 400, 404),
    "another Upgrade": (dict(drop=["upgrade"], lines=["Upgrade: foo"]), 400, 404),
    "Connection without upgrade": (dict(drop=["connection"], lines=["Connection: keep-alive"]), 400, 404),
    "no key": (dict(drop=["sec-websocket-key"]), 400, 400),
    "a short key": (dict(key="c2hvcnQ="), 400, 400),
    "no version": (dict(drop=["sec-websocket-version"]), 400, 400),
    "version 8": (dict(version="8"), 426, 426),
    "POST": (dict(method="POST"), 405, 405),
    "no Host": (dict(drop=["host"]), 400, 400),
    "a path that no route takes": (dict(path="/other"), 404, 404),
    "a protocol that no route takes": (dict(protocol="amqp"), 404, 404),
    "no protocol where one is wanted": (dict(protocol=None), 404, 404),
    "an exit that refuses": (dict(path="/gone"), 404, 404),
    "a page that is not admitted": (dict(lines=["Origin: https://evil.example"]), 403, 403),
    "a large head": (dict(lines=["X: " + "x" * 40_000]), 431, 431),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_refused_handshake(server, port, name):
    options, direct, http = HANDSHAKES[name]
    with WsRaw(port) as ws:
        with contextlib.suppress(OSError):
            ws.send(upgrade(**{"protocol": "mqtt", **options}))
        status, fields = ws.answer()
        assert status == (direct if port == server.ports["direct"] else http), (status, ws.rest)
        if status == 426:
            assert fields["sec-websocket-version"] == "13"
        if status == 405:
            assert fields["allow"] == "GET"
        assert ws.rest or ws._more() is None, "there are no words for a person"


def test_plain_request_behind_http(server):
    with WsRaw(server.ports["http"]) as ws:
        ws.send(b"GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ws.answer()[0] == 400


def test_not_http(server):
    with WsRaw(server.ports["direct"]) as ws:
        ws.send(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")  # raw MQTT on a WebSocket port
        assert ws.answer()[0] == 400
        server.wait_event("BINDING_WS_HANDSHAKE_REFUSED")


def test_page_that_is_admitted(port):
    with WsRaw(port) as ws:
        ws.connect("mqtt", lines=["Origin: https://shop.example.com"])


# [MQTT-6.0.0-4]: whatever else the client offers, and in whatever order.
@pytest.mark.parametrize("offered, chosen", [("mqtt", "mqtt"), ("x, mqttv3.1, mqtt", "mqtt"), ("mqttv3.1", "mqttv3.1")])
def test_protocol_is_chosen_by_the_order_of_the_routes(port, offered, chosen):
    with WsRaw(port) as ws:
        ws.connect(offered)
        assert ws.fields["sec-websocket-protocol"] == chosen


def test_handshake_and_frames_in_one_write(port):
    with WsRaw(port) as ws:
        ws.send(upgrade("chat", path="/chat?room=1") + frame(TEXT, "early"))
        assert ws.answer()[0] == 101
        assert ws.message() == (TEXT, b"early")


def test_behind_tls(server, pki):
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    with WsRaw(server.ports["tls"], tls=context) as ws:
        ws.connect("chat", path="/chat")
        data = bytes(range(256)) * 2000
        ws.send(frame(BINARY, data[:300_000], fin=False), frame(CONTINUATION, data[300_000:]))
        assert ws.message() == (BINARY, data)


# ---- compression ----


class Deflate:
    def __init__(self, takeover=True, bits=15):
        self.takeover, self.bits, self.out, self.back = takeover, bits, None, zlib.decompressobj(-15)

    def pack(self, data):
        if self.out is None or not self.takeover:
            self.out = zlib.compressobj(6, zlib.DEFLATED, -self.bits)
        return (self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def unpack(self, data):
        return self.back.decompress(data + b"\0\0\xff\xff")


OFFERS = {
    "permessage-deflate": "permessage-deflate",
    "permessage-deflate; client_max_window_bits": "permessage-deflate",
    "permessage-deflate; client_max_window_bits=9": "permessage-deflate; client_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=9": "permessage-deflate; server_max_window_bits=9",
    "permessage-deflate; server_no_context_takeover": "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover": "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; unheard_of": None,
    "permessage-deflate; server_max_window_bits=7, permessage-deflate": "permessage-deflate",
    "x-webkit-deflate-frame": None,
}  # fmt: skip


@pytest.mark.key
@pytest.mark.parametrize("offer", OFFERS)
def test_compression(port, offer):
    with chat(port, lines=[f"Sec-WebSocket-Extensions: {offer}"]) as ws:
        assert ws.fields.get("sec-websocket-extensions") == OFFERS[offer]
        if OFFERS[offer] is None:
            ws.send(frame(TEXT, "x", rsv=4))
            return ws.expect_close(1002)
        z = Deflate(takeover="client_no" not in offer, bits=9 if "client_max_window_bits=9" in offer else 15)
        for data in (b"short", b"long " * 1000, b"", bytes(i * i & 255 for i in range(100_000))):
            packed = z.pack(data)
            half = len(packed) // 2
            ws.send(frame(BINARY, packed[:half], fin=False, rsv=4), frame(PING, "p"), frame(CONTINUATION, packed[half:]))
            got, pongs, compressed = b"", 0, None
            while True:
                f = ws.frame()
                if f.op == PONG:
                    pongs += 1
                    continue
                compressed = bool(f.rsv & 4) if compressed is None else compressed
                got += f.payload
                if f.fin:
                    break
            assert (z.unpack(got) if compressed else got) == data
        ws.send(frame(TEXT, "not compressed"))
        assert ws.message() == (TEXT, b"not compressed")


BROKEN = {
    "RSV1 on a continuation": ([frame(TEXT, "a", fin=False), frame(CONTINUATION, "b", rsv=4)], 1002),
    "no deflate": ([frame(BINARY, b"\xff" * 10, rsv=4)], 1007),
    "compressed text that is not UTF-8": ([frame(TEXT, Deflate().pack(b"\xff\xfe"), rsv=4)], 1007),
    "a bomb": ([frame(BINARY, Deflate().pack(bytes(50 * LIMIT)), rsv=4)], 1009),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_compression(port, name):
    sent, code = BROKEN[name]
    with chat(port, lines=["Sec-WebSocket-Extensions: permessage-deflate"]) as ws:
        ws.send(*sent)
        last_words(ws, code)


# ---- what is ours ----


# [MQTT-6.0.0-1]
def test_mqtt_comes_in_binary_frames_only(port):
    with WsRaw(port) as ws:
        ws.connect("mqtt")
        ws.send(frame(BINARY, "ok"))
        assert ws.message() == (BINARY, b"ok")
        ws.send(frame(TEXT, "no"))
        ws.expect_close(1003)


def test_events_name_the_peer_and_are_limited(server):
    since, count = server.process.mark(), 0

    def seen():
        nonlocal count
        count += 1
        with chat(server.ports["direct"]) as ws:
            local = ws.socket.getsockname()[1]
            ws.send(frame(BINARY, "x", key=None))
            ws.expect_close(1002)
        return re.search(rf"BINDING_WS_PROTOCOL_REJECTED .*not masked .*127.0.0.1:{local}\)", server.output)

    until(seen)
    for _ in range(30):
        seen()
    lines = [x for x in server.process.lines[since:] if "BINDING_WS_PROTOCOL_REJECTED" in x]
    assert len(lines) < count / 2, "one a second is enough"


def test_slow_reader_slows_its_writer(server):
    """A client that sends and does not read gets no further than the buffers on the way."""
    with chat(server.ports["direct"]) as ws:
        ws.socket.settimeout(1)
        part, sent = frame(BINARY, bytes(60_000)), 0
        with pytest.raises(TimeoutError):
            while sent < 200 * len(part) * 10:
                sent += ws.socket.send(part)
        before = server.memory_kib()
        assert sent < 60_000_000
        ws.socket.settimeout(30)
        for _ in range(20):
            ws.message()
        assert server.memory_kib() < before + 20_000


@pytest.mark.parametrize("behind", ["direct", "http"])
def test_stop_says_going_away(pki, behind):
    with start(pki) as weft, chat(weft.ports[behind]) as ws:
        ws.send(frame(TEXT, "there"))
        assert ws.message() == (TEXT, b"there")
        weft.process.signal()
        assert ws.expect(CLOSE).code == 1001
        ws.send(close_frame(1001))
        assert weft.process.wait(30) == 0


def test_reload_keeps_connections(pki):
    with start(pki) as weft, chat(weft.ports["direct"]) as ws:
        ws.send(frame(TEXT, "a", fin=False))
        weft.config.write_text(weft.config.read_text().replace("threshold: 64", "threshold: 65"))
        assert weft.cli("reload").code == 0
        ws.send(frame(CONTINUATION, "b"))
        assert ws.message() == (TEXT, b"ab")
        with chat(weft.ports["http"]) as new:
            new.send(frame(TEXT, "new"))
            assert new.message() == (TEXT, b"new")
        ws.send(BYE)
        ws.expect_close(1000)


def test_silent_peers_are_asked(pki):
    ports = {name: free_port() for name in ("direct", "http", "tls", "closed")}
    text = CONFIG.format(pki=pki, limit=LIMIT, frame=LIMIT // 2, **ports)
    text = text.replace("origins:", "ping: {interval: 1, timeout: 1}\n      origins:")
    with Weft(text, port=ports["direct"], args=["--plugins", ECHO], workers=1).wait_listening() as weft, chat(weft.port) as ws:
        for _ in range(2):
            assert ws.expect(PING).payload == b""
            ws.send(frame(PONG))
        assert ws.expect(PING)
        ws.expect_end()
        weft.wait_event("BINDING_WS_PEER_SILENT")


CLIENT = """
name: test
bindings:
  tcp0: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {plain}}}, exit: ws_client}}
  ws_client:
    type: ws
    kind: client
    options:
      defaults: {{protocol: chat, authority: "localhost:{far}", path: /chat}}
      {compression}
    exit: tcp_client
  tcp_client: {{type: tcp, kind: client, options: {{host: 127.0.0.1, port: {far}}}}}
"""


@pytest.mark.parametrize("compression", ["", "compression: {threshold: 0}"])
@pytest.mark.parametrize("behind", ["direct", "http"])
def test_client_kind(server, behind, compression):
    """Raw bytes through a client of ours, to a server of ours, and back."""
    plain = free_port()
    text = CLIENT.format(plain=plain, far=server.ports[behind], compression=compression)
    with Weft(text, port=plain, workers=1).wait_listening() as weft:
        with WsRaw(weft.port) as raw:
            data = bytes(i * 7 & 255 for i in range(400_000))
            for at in range(0, len(data), 50_000):
                raw.send(data[at : at + 50_000])
                assert raw.take(50_000) == data[at : at + 50_000]


def test_masks_of_the_test_are_right():
    assert masked(masked(b"hello", b"abcd"), b"abcd") == b"hello"
    assert frame(BINARY, "Hello", key=b"\x37\xfa\x21\x3d")[2:] == b"\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"  # RFC 6455, 5.7
