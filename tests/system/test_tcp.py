"""The tcp binding through the built binary, with the echo and count examples behind it."""

import hashlib
import os
import re
import resource
import socket
import struct
import threading
import time

import pytest
from support.ports import free_port
from support.weft import BUILD, Weft

MIB = 1 << 20


def config(server, *others):
    """A tcp server with the given lines below it, an echo binding, and more bindings."""
    return f"""
name: test
bindings:
  tcp_server:
    type: tcp
    kind: server
{server}
  echo_server:
    type: echo
    kind: server
{"".join(others)}
telemetry:
  exporters:
    stdout_logs_exporter:
      type: stdout
"""


def options(port, *more, host="127.0.0.1"):
    return "\n".join(["    options:", f"      host: '{host}'", f"      port: {port}", *(f"      {m}" for m in more)]) + "\n"


def client(port, host="127.0.0.1"):
    return f"""
  tcp_client:
    type: tcp
    kind: client
    options:
      host: '{host}'
      port: {port}
"""


def start(text, **more):
    plugins = os.pathsep.join([str(BUILD / "lib" / "weft" / "plugins"), str(BUILD / "examples")])
    weft = Weft(text, env={"WEFT_PLUGINS": plugins, **more.pop("env", {})}, **more)
    try:
        return weft.wait_listening()
    except BaseException:
        weft.kill()
        raise


@pytest.fixture(scope="module")
def echo():
    port = free_port()
    with start(config(options(port) + "    exit: echo_server"), port=port, workers=2) as weft:
        yield weft


def connect(port, host="127.0.0.1"):
    s = socket.create_connection((host, port), timeout=30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def reset(s):
    """Closes with RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def receive(s, count):
    out = bytearray()
    while len(out) < count:
        part = s.recv(count - len(out))
        assert part, f"ended after {len(out)} of {count} bytes"
        out += part
    return bytes(out)


def is_refused(port, host="127.0.0.1"):
    """Is a new connection closed? A reset may come before connect has returned."""
    try:
        s = connect(port, host)
    except ConnectionResetError:
        return True
    return is_closed(s)


def is_closed(s):
    """Did the other side end or reset the connection?"""
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


def fill(s, seconds=1.0):
    """Writes without reading until nothing more is taken for some time; how much was."""
    s.setblocking(False)
    sent, block, until = 0, b"y" * 65536, time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            sent += s.send(block)
            until = time.monotonic() + seconds
        except BlockingIOError:
            time.sleep(0.01)
    s.setblocking(True)
    s.settimeout(30)
    return sent


def descriptors(weft):
    return len(os.listdir(f"/proc/{weft.process.child.pid}/fd"))


def eventually(f, timeout=30):
    until = time.monotonic() + timeout
    while not f():
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.02)


def transfer(port, size):
    """Sends and receives at the same time; both checksums."""
    s, sent, got = connect(port), hashlib.sha256(), hashlib.sha256()
    block = os.urandom(MIB)

    def send():
        for _ in range(size // MIB):
            s.sendall(block)
            sent.update(block)
        s.shutdown(socket.SHUT_WR)

    writer = threading.Thread(target=send)
    writer.start()
    total = 0
    while part := s.recv(1 << 18):
        got.update(part)
        total += len(part)
    writer.join()
    s.close()
    assert total == size
    return sent.digest(), got.digest()


@pytest.mark.key
def test_half_close(echo):
    with connect(echo.port) as s:
        s.sendall(b"one")
        assert receive(s, 3) == b"one"
        s.sendall(b"two")
        s.shutdown(socket.SHUT_WR)
        assert receive(s, 3) == b"two"
        assert is_closed(s)


@pytest.mark.key
def test_large_transfer_is_intact(echo):
    sent, got = transfer(echo.port, 64 * MIB)
    assert sent == got


@pytest.mark.key
def test_transfers_side_by_side(echo):
    results = []
    threads = [threading.Thread(target=lambda: results.append(transfer(echo.port, 4 * MIB))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 8 and all(sent == got for sent, got in results)


@pytest.mark.key
def test_a_thousand_connections(echo):
    before = descriptors(echo)
    all_open = [connect(echo.port) for _ in range(1000)]
    for i, s in enumerate(all_open):
        s.sendall(b"%04d" % i)
    for i, s in enumerate(all_open):
        assert receive(s, 4) == b"%04d" % i
    for i, s in enumerate(all_open):
        s.close() if i % 2 else reset(s)
    eventually(lambda: descriptors(echo) <= before)


@pytest.mark.key
def test_a_slow_reader_costs_little_and_loses_nothing(echo):
    with connect(echo.port) as s:
        sent = fill(s)
        assert sent > MIB // 4
        if "asan" not in str(BUILD) and "tsan" not in str(BUILD):
            before = echo.memory_kib()
            others = [connect(echo.port) for _ in range(20)]
            held = sum(fill(o, 0.1) for o in others)
            assert held > 4 * MIB
            assert echo.memory_kib() - before < 20 * 400, "each may hold one window and one read"
            for o in others:
                reset(o)
        s.shutdown(socket.SHUT_WR)
        got = 0
        while part := s.recv(1 << 18):
            got += len(part)
        assert got == sent


@pytest.mark.key
def test_reset_while_data_waits(echo):
    before = descriptors(echo)
    for _ in range(20):
        s = connect(echo.port)
        fill(s, 0.02)
        reset(s)
    eventually(lambda: descriptors(echo) <= before)
    with connect(echo.port) as s:
        s.sendall(b"alive")
        assert receive(s, 5) == b"alive"


def test_blocked_and_half_closed_connections_use_no_time(echo):
    def ticks():
        fields = open(f"/proc/{echo.process.child.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    blocked, half = connect(echo.port), connect(echo.port)
    fill(blocked, 0.2)
    fill(half, 0.2)
    half.shutdown(socket.SHUT_WR)
    before = ticks()
    time.sleep(1)  # what is measured: the time the process takes meanwhile
    assert ticks() - before <= 5
    reset(blocked)
    reset(half)


@pytest.mark.key
def test_count_passes_on_and_counts():
    port = free_port()
    count = "  count_proxy:\n    type: count\n    kind: proxy\n    exit: echo_server\n"
    with start(config(options(port) + "    exit: count_proxy", count)) as weft:
        sent, got = transfer(port, 2 * MIB)
        assert sent == got
        metrics = weft.cli("metrics").out
        for name in ("count.received", "count.sent", "tcp.bytes.received", "tcp.bytes.sent"):
            assert re.search(rf"{re.escape(name)}\s+{2 * MIB}\b", metrics), metrics
        eventually(lambda: re.search(r"tcp\.connections\s+0\b", weft.cli("metrics").out))


@pytest.mark.key
@pytest.mark.parametrize("limit", ["option", "property"])
def test_connection_limit(limit):
    port = free_port()
    more = ["connections: 3"] if limit == "option" else []
    properties = ["zilla.engine.worker.capacity.limit=3"] if limit == "property" else []
    with start(config(options(port, *more) + "    exit: echo_server"), properties=properties) as weft:
        taken = [connect(port) for _ in range(3)]
        for s in taken:
            s.sendall(b"x")
            assert receive(s, 1) == b"x"
        assert is_refused(port)
        line = weft.wait_event("BINDING_TCP_CAPACITY_REACHED")
        assert "limit of 3 connections" in line
        assert ("options.connections" if limit == "option" else "zilla.engine.worker.capacity.limit") in line
        for _ in range(50):
            assert is_refused(port)
        assert weft.output.count("BINDING_TCP_CAPACITY_REACHED") <= 3, "rate-limited"
        taken.pop().close()

        def admitted():
            with connect(port) as s:
                s.sendall(b"y")
                return not is_closed(s)

        eventually(admitted)
        for s in taken:
            s.close()


@pytest.mark.key
def test_no_route_closes_and_says_so():
    port = free_port(2)
    routes = f"    routes:\n      - when: [{{port: {port}}}]\n        exit: echo_server"
    with start(config(options(f'"{port}-{port + 1}"') + routes)) as weft:
        with connect(port) as s:
            s.sendall(b"x")
            assert receive(s, 1) == b"x"
        assert is_refused(port + 1)
        assert f"to 127.0.0.1:{port + 1} closed: no route matches" in weft.wait_event("BINDING_TCP_ROUTE_MISSING")


@pytest.mark.key
def test_routes_by_network_and_by_name():
    port = free_port()
    routes = """
    routes:
      - when: [{cidr: 127.0.0.2/32}]
        exit: echo_server
      - when: [{authority: "local*", cidr: 127.0.0.1/32}]
        exit: echo_server"""
    with start(config(options(port, host="0.0.0.0") + routes.lstrip("\n"))):
        for host in ("127.0.0.1", "127.0.0.2"):
            for _ in range(3):
                with connect(port, host) as s:
                    s.sendall(b"x")
                    assert receive(s, 1) == b"x", host
        assert is_refused(port, "127.0.0.3")


# Not with sanitizers: UBSan needs a descriptor to tell a good pointer from a bad one.
def test_out_of_descriptors_pauses_and_recovers():
    port = free_port()
    with start(config(options(port) + "    exit: echo_server")) as weft:
        limit = descriptors(weft) + 5
        resource.prlimit(weft.process.child.pid, resource.RLIMIT_NOFILE, (limit, limit))
        some = [connect(port) for _ in range(20)]  # the kernel completes the handshake, nobody accepts all
        line = weft.wait_event("BINDING_TCP_ACCEPT_FAILED")
        assert "Too many open files" in line
        for s in some[:10]:
            s.close()
        for s in some[10:15]:
            s.sendall(b"x")
            assert receive(s, 1) == b"x"
        for s in some[10:]:
            s.close()


@pytest.mark.key
def test_client_connects_and_relays_both_ends(echo):
    port = free_port()
    with start(config(options(port) + "    exit: tcp_client", client(echo.port, "localhost"))) as weft:
        sent, got = transfer(port, 8 * MIB)
        assert sent == got
        before = descriptors(weft)
        for _ in range(10):
            s = connect(port)
            fill(s, 0.02)
            reset(s)
        eventually(lambda: descriptors(weft) <= before)


@pytest.mark.key
def test_client_refused():
    port = free_port(2)
    with start(config(options(port) + "    exit: tcp_client", client(port + 1, "localhost"))) as weft:
        assert is_refused(port)
        eventually(lambda: re.search(r"tcp\.connect\.failed\s+1\b", weft.cli("metrics").out))


@pytest.mark.key
def test_client_name_that_does_not_exist():
    port = free_port()
    with start(config(options(port) + "    exit: tcp_client", client(1, "no-such-host.invalid"))) as weft:
        assert is_refused(port)
        line = weft.wait_event("BINDING_TCP_DNS_FAILED")
        assert line.startswith("test:tcp_client [")
        assert line.endswith("BINDING_TCP_DNS_FAILED Unable to resolve host dns for address (no-such-host.invalid).")


@pytest.mark.key
def test_client_connect_timeout():
    """A listener whose queue is full drops what comes: the connect gets no answer."""
    port = free_port()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        target = silent.getsockname()[1]
        waiting = []
        for _ in range(8):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", target))
            waiting.append(s)
        text = config(options(port) + "    exit: tcp_client", client(target))
        with start(text, properties=["zilla.binding.tcp.connect.timeout.ms=400"]) as weft:
            begun = time.monotonic()
            assert is_refused(port)
            assert 0.3 < time.monotonic() - begun < 10
            eventually(lambda: re.search(r"tcp\.connect\.failed\s+1\b", weft.cli("metrics").out))
        for s in waiting:
            s.close()


@pytest.mark.key
def test_ends_with_connections_open():
    port = free_port()
    with start(config(options(port) + "    exit: echo_server"), properties=["zilla.engine.shutdown.grace=PT1S"]) as weft:
        busy, idle = connect(port), connect(port)
        fill(busy, 0.1)
        idle.sendall(b"x")
        assert receive(idle, 1) == b"x"
        assert weft.stop() == 0
        assert is_closed(idle)
