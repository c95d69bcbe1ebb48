"""tcp -> http -> an exit that upgrades, with real sockets and independent clients (http.client)."""

import hashlib
import http.client
import os
import socket
import threading
from pathlib import Path

import pytest
from echoes import build_out_of_tree
from support.ports import free_port
from support.weft import BUILD, Weft

UPGRADE = b"GET /mqtt HTTP/1.1\r\nHost: localhost:7114\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def config(port):
    # The route of the published examples.
    return f"""
name: test
bindings:
  tcp0:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: {port}}}
    exit: http0
  http0:
    type: http
    kind: server
    options:
      versions: [http/1.1, h2]
      access-control: {{policy: cross-origin, allow: {{origins: ["https://good.example"]}}}}
    routes:
      - when:
          - headers:
              :scheme: http
              :authority: localhost:7114
              upgrade: websocket
          - headers:
              :path: /page/{{id}}
        exit: last
  last:
    type: upgrade-echo
    kind: server
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upgrade-echo")
    build_out_of_tree(Path(__file__).parent / "upgrade-echo", folder, f"-DCMAKE_PREFIX_PATH={BUILD}")
    port = free_port()
    properties = ["zilla.binding.http.head.timeout.ms=500"]
    with Weft(config(port), port=port, args=["--plugins", folder], properties=properties, workers=2) as weft:
        yield weft.wait_ready()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def read_head(s):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = s.recv(1)
        assert part, f"ended after {head!r}"
        head += part
    return head


def answer(server, request):
    """Status line of the answer to these bytes, and whether the connection ended behind it."""
    with connect(server) as s:
        s.sendall(request)
        got = b""
        while part := s.recv(4096):
            got += part
        return got.split(b"\r\n")[0].decode()


def test_tunnel(server):
    with connect(server) as s:
        s.sendall(UPGRADE + b"early")
        assert read_head(s).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert s.recv(5, socket.MSG_WAITALL) == b"early"
        block, got = os.urandom(2 << 20), hashlib.sha256()

        def send():
            s.sendall(block)
            s.shutdown(socket.SHUT_WR)

        writer = threading.Thread(target=send)
        writer.start()
        while part := s.recv(1 << 16):
            got.update(part)
        writer.join()
        assert got.digest() == hashlib.sha256(block).digest()


def test_many_tunnels(server):
    many = [connect(server) for _ in range(300)]
    for i, s in enumerate(many):
        s.sendall(UPGRADE + b"%03d" % i)
    for i, s in enumerate(many):
        assert b" 101 " in read_head(s)
        assert s.recv(3, socket.MSG_WAITALL) == b"%03d" % i
    for s in many:
        s.close()


def test_page(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    client.request("GET", "/page/1?q", headers={"X-Thing": "a"})
    got = client.getresponse()
    assert got.status == 200
    lines = got.read().decode().splitlines()
    assert lines[:4] == [":method=GET", ":scheme=http", f":authority=127.0.0.1:{server.port}", ":path=/page/1?q"]
    assert "x-thing=a" in lines


def test_no_route_says_why_and_keeps_the_connection(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    client.connect()
    before = client.sock
    for _ in range(3):
        client.request("GET", "/elsewhere")
        got = client.getresponse()
        assert got.status == 404
        assert f"GET http://127.0.0.1:{server.port}/elsewhere" in got.read().decode()
    assert client.sock is before


@pytest.mark.parametrize("origin, status", [("https://good.example", 404), ("https://bad.example", 403)])
def test_origin(server, origin, status):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    client.request("GET", "/", headers={"Origin": origin})
    assert client.getresponse().status == status


@pytest.mark.parametrize(
    "request_, status",
    [
        (b"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"),
        (b"GET /" + b"x" * 10000, "414 URI Too Long"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 33000, "431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\nHost: ", "408 Request Timeout"),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented"),
        (b"GET / HTTP/4.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"),
    ],
)
def test_refusals(server, request_, status):
    assert answer(server, request_) == f"HTTP/1.1 {status}"


def test_http_2_is_cut_off(server):
    assert answer(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == ""


def test_reload_leaves_tunnels_alone(server):
    with connect(server) as s:
        s.sendall(UPGRADE)
        read_head(s)
        text = server.config.read_text()
        server.config.write_text(text.replace("good.example", "other.example"))
        done = server.cli("reload")
        assert done.code == 0 and "http0" in done.out, done.out + done.err
        s.sendall(b"still here")
        assert s.recv(10, socket.MSG_WAITALL) == b"still here"
        with connect(server) as fresh:
            fresh.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://good.example\r\n\r\n")
            assert read_head(fresh).startswith(b"HTTP/1.1 403 ")
    server.config.write_text(text)
    assert server.cli("reload").code == 0
