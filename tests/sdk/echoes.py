"""Runs a weft with a tcp server before a plugin and sends bytes through it."""

import hashlib
import os
import re
import socket
import subprocess
import threading

from support.ports import free_port
from support.weft import BUILD, Weft

EXAMPLES = BUILD / "examples"
KIB = 1 << 10


def config(port, type_, *, proxy=None):
    """tcp -> [proxy ->] the server binding of this type."""
    first = "proxy" if proxy else "last"
    between = f"  proxy:\n    type: {proxy}\n    kind: proxy\n    exit: last\n" if proxy else ""
    return f"""
name: test
bindings:
  tcp_server:
    type: tcp
    kind: server
    options:
      host: 127.0.0.1
      port: {port}
    exit: {first}
{between}  last:
    type: {type_}
    kind: server
telemetry:
  exporters:
    stdout_logs_exporter:
      type: stdout
"""


def start(type_, folder, *, proxy=None, **more):
    """A running weft that finds plugins in `folder`, too."""
    port = free_port()
    weft = Weft(config(port, type_, proxy=proxy), port=port, args=["--plugins", folder], **more)
    try:
        return weft.wait_ready()
    except BaseException:
        weft.kill()
        raise


def transfer(port, size=512 * KIB):
    """Sends `size` random bytes, ends, and expects the same bytes and the end back."""
    block, got = os.urandom(size), hashlib.sha256()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:

        def send():
            s.sendall(block)
            s.shutdown(socket.SHUT_WR)

        writer = threading.Thread(target=send)
        writer.start()
        total = 0
        while part := s.recv(64 * KIB):
            got.update(part)
            total += len(part)
        writer.join()
    assert total == size
    assert got.digest() == hashlib.sha256(block).digest()


def output(*args, **more):
    """What a command printed; it must succeed."""
    done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == 0, f"{' '.join(map(str, args))}: {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout


def check_symbols(file):
    """One symbol goes out, and dlclose really unmaps it."""
    symbols = [line.split()[-1] for line in output("nm", "-D", "--defined-only", file).splitlines()]
    assert symbols == ["weft_plugin_1"]
    assert not re.search(r"\bUNIQUE\b.* (?!UND)\d+ ", output("readelf", "--dyn-syms", "--wide", file))
    dynamic = output("readelf", "--dynamic", "--notes", "--wide", file)
    assert "NODELETE" not in dynamic
    assert "SYMBOLIC" in dynamic, "its own functions are its own, whatever else is loaded"
    assert "NT_GNU_BUILD_ID" in dynamic or "Build ID" in dynamic


def build_out_of_tree(source, build, *options):
    """cmake and cmake --build of a project that must find the SDK by itself or by `options`."""
    output("cmake", "-S", source, "-B", build, "-G", "Ninja", *options)
    output("cmake", "--build", build)
    (file,) = build.glob("weft-binding-*.so")
    check_symbols(file)
    return file
