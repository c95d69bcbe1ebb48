"""Ports for servers under test: below the ephemeral range, and each handed out once on this machine."""

import fcntl
import os
import socket
import tempfile

FIRST, LAST = 20000, 31999


def free_port(count=1):
    """The first of `count` neighbouring free ports. Several test processes share one counter."""
    path = os.path.join(tempfile.gettempdir(), f"weft-test-ports-{os.getuid()}")
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        start = int(counter.read() or FIRST)
        while True:
            if start + count > LAST:
                start = FIRST
            if all(_is_free(start + i) for i in range(count)):
                break
            start += 1
        counter.seek(0)
        counter.truncate()
        counter.write(str(start + count))
        return start


def _is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
