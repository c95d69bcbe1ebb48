"""The MQTT suites over something else than plain tcp: WEFT_TEST_TRANSPORT=tls, ws or wss.

`through` puts the bindings for it between a configuration's tcp and mqtt servers, `wrap` a client's socket into it. `ws` goes
through an http server, `wss` has the ws server directly behind tls.
"""

import atexit
import functools
import json
import os
import re
import shutil
import ssl
import tempfile
from pathlib import Path

TRANSPORT = os.environ.get("WEFT_TEST_TRANSPORT", "tcp")
assert TRANSPORT in ("tcp", "tls", "ws", "wss"), TRANSPORT
SECURE, WEB = TRANSPORT in ("tls", "wss"), TRANSPORT in ("ws", "wss")
FIRST, VAULT = "test_transport", "test_vault"


@functools.cache
def certificates():
    from support.certificates import Authority

    folder = Path(tempfile.mkdtemp(prefix="weft-transport-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    authority = Authority(folder, "ca")
    authority.issue("localhost", dns=["localhost"])
    return authority


@functools.cache
def context():
    return ssl.create_default_context(cafile=certificates().file)


def bindings(exit):
    ws = {"type": "ws", "kind": "server", "routes": [{"when": [{"protocol": "mqtt"}], "exit": exit}]}
    if TRANSPORT == "ws":
        route = {"when": [{"headers": {"upgrade": "websocket"}}], "exit": "test_ws"}
        return {FIRST: {"type": "http", "kind": "server", "routes": [route]}, "test_ws": ws}
    tls = {"type": "tls", "kind": "server", "vault": VAULT, "options": {"keys": ["localhost"]}}
    if TRANSPORT == "tls":
        return {FIRST: {**tls, "exit": exit}}
    return {FIRST: {**tls, "exit": "test_ws"}, "test_ws": ws}


def vaults():
    store = {"store": str(certificates().folder / "localhost.pem"), "type": "pem"}
    return {VAULT: {"type": "filesystem", "options": {"keys": store}}} if SECURE else {}


def through_json(text):
    config = json.loads(text)
    mqtt = next((n for n, b in config["bindings"].items() if (b["type"], b["kind"]) == ("mqtt", "server")), None)
    if mqtt is None:
        return text
    for binding in config["bindings"].values():
        if (binding["type"], binding["kind"]) == ("tcp", "server") and binding.get("exit") == mqtt:
            binding["exit"] = FIRST
    config["bindings"].update(bindings(mqtt))
    config.setdefault("vaults", {}).update(vaults())
    return json.dumps(config)


def through(text):
    """The configuration with the transport in it, if it has an mqtt server."""
    if TRANSPORT == "tcp":
        return text
    if text.startswith("{"):
        return through_json(text)
    found = re.search(r"^  (\S+):\n    type: mqtt\n    kind: server", text, re.M)
    if not found:
        return text
    # JSON is YAML as well.
    more = "".join(f"  {name}: {json.dumps(b)}\n" for name, b in bindings(found[1]).items())
    text = text.replace(f"exit: {found[1]}\n", f"exit: {FIRST}\n")
    return text.replace("bindings:\n", f"vaults: {json.dumps(vaults())}\nbindings:\n{more}", 1)


def wrap(raw):
    if SECURE:
        raw = context().wrap_socket(raw, server_hostname="localhost")
    if WEB:
        from support.ws_raw import WsSocket

        raw = WsSocket(raw)
    return raw
