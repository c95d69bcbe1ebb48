"""The plugins that show or guard the ABI, each run by the built weft with bytes through it."""

import socket

import pytest
from echoes import EXAMPLES, check_symbols, start, transfer
from support.weft import BUILD, ROOT

FROZEN = BUILD / "tests" / "frozen"
SERVERS = {"echo": EXAMPLES, "c-echo": EXAMPLES, "frozen-1-0": FROZEN}


@pytest.mark.key
@pytest.mark.parametrize("name", SERVERS)
def test_echoes(name):
    with start(name, SERVERS[name], workers=2) as weft:
        for size in (1, 100_000, 1 << 20):
            transfer(weft.port, size)
        if name == "frozen-1-0":
            assert "test:tcp_server" in weft.wait_event("BINDING_FROZEN_ACCEPTED")


@pytest.mark.key
@pytest.mark.parametrize("name", SERVERS)
def test_stops_with_a_stream_open(name):
    with start(name, SERVERS[name]) as weft, socket.create_connection(("127.0.0.1", weft.port), timeout=30) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        weft.process.signal()
        assert s.recv(1) == b"", "it says goodbye"
        s.close()
        assert weft.process.wait() == 0


@pytest.mark.key
def test_count_before_a_c_plugin():
    with start("c-echo", EXAMPLES, proxy="count") as weft:
        transfer(weft.port, 300_000)
        metrics = weft.cli("metrics").out
        for name in ("count.received", "count.sent"):
            assert [line.split()[-1] for line in metrics.splitlines() if name in line] == ["300000"], metrics


@pytest.mark.parametrize("name", [*SERVERS, "count"])
def test_symbols(name):
    check_symbols(SERVERS.get(name, EXAMPLES) / f"weft-binding-{name}.so")


@pytest.mark.parametrize("name", ["echo", "count"])
def test_worked_examples_fit_a_screen(name):
    (source,) = (ROOT / "examples" / name).glob("*.cpp")
    assert len(source.read_text().splitlines()) <= 60
