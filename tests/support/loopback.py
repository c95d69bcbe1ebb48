"""The mqtt server on real sockets with the loopback provider of its own tests behind it: no Kafka."""

import base64
import hashlib
import hmac
import json
import os

from support.ports import free_port
from support.weft import BUILD, Weft


def start_loopback(options=None, **more):
    """A running weft; `options` are those of the mqtt binding."""
    port = free_port()
    config = {
        "name": "loop",
        "bindings": {
            "tcp0": {
                "type": "tcp", "kind": "server", "options": {"host": "127.0.0.1", "port": port},
                "exit": "mqtt0",
            },
            "mqtt0": {"type": "mqtt", "kind": "server", "options": options or {}, "exit": "loop0"},
            "loop0": {"type": "mqtt-loopback", "kind": "proxy"},
        },
    }  # fmt: skip
    plugins = f"{BUILD / 'tests' / 'plugins'}:{BUILD / 'lib' / 'weft' / 'plugins'}"
    env = {**os.environ, "WEFT_PLUGINS": plugins}
    # JSON is YAML as well; one worker, as the provider keeps its sessions on one.
    return Weft(json.dumps(config), port=port, env=env, workers=1, any_workers=False, **more).wait_listening()


def _hmac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def password_line(name, password, iterations=4096):
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    text = [base64.b64encode(x).decode() for x in (salt, stored, _hmac(salted, b"Server Key"))]
    return f"{name}:SCRAM-SHA-256${iterations}:{text[0]}${text[1]}:{text[2]}\n"


class Scram:
    """The client's half of RFC 7677, written apart from the server's."""

    def __init__(self, name, password):
        self.password = password.encode()
        self.bare = f"n={name},r={base64.b64encode(os.urandom(12)).decode()}"

    def first(self):
        return f"n,,{self.bare}".encode()

    def final(self, challenge):
        parts = dict(item.split("=", 1) for item in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(parts["s"]), int(parts["i"]))
        bare = f"c=biws,r={parts['r']}"
        message = f"{self.bare},{challenge.decode()},{bare}".encode()
        key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(key).digest(), message)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True)))
        self.expected = b"v=" + base64.b64encode(_hmac(_hmac(salted, b"Server Key"), message))
        return f"{bare},p=".encode() + proof
