"""TLS and WebSocket beside plain TCP: how both servers are configured for them, and full handshakes per second."""

import contextlib
import re
import socket
import subprocess
import time

NAMES = ("tcp", "tls", "ws", "wss")


def certificate(folder):
    """One PEM file with an ECDSA key and a certificate for localhost."""
    key, cert, pem = folder / "key.pem", folder / "cert.pem", folder / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True)  # fmt: skip
    pem.write_text(key.read_text() + cert.read_text())
    return pem


def weft_config(text, ports, pem):
    """The example's configuration with tls, ws and wss in front of its mqtt server."""
    mqtt = re.search(r"^  (\S+):\n    type: mqtt\n    kind: server", text, re.M)[1]
    exits = {"tcp": mqtt, "tls": "bench_tls", "ws": "bench_http", "wss": "bench_wss"}
    routes = "".join(f"      - when: [{{port: {ports[t]}}}]\n        exit: {exits[t]}\n" for t in NAMES)
    tcp = re.search(r"^  \S+:\n    type: tcp\n    kind: server\n(?:    .*\n)*", text, re.M)
    text = text.replace(tcp[0], f"""  bench_tcp:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: {list(ports.values())}}}
    routes:
{routes}  bench_tls: {{type: tls, kind: server, vault: bench_vault, options: {{keys: [localhost]}}, exit: {mqtt}}}
  bench_wss: {{type: tls, kind: server, vault: bench_vault, options: {{keys: [localhost]}}, exit: bench_http}}
  bench_http: {{type: http, kind: server, routes: [{{when: [{{headers: {{upgrade: websocket}}}}], exit: bench_ws}}]}}
  bench_ws: {{type: ws, kind: server, routes: [{{when: [{{protocol: mqtt}}], exit: {mqtt}}}]}}
""")
    vault = f"{{type: filesystem, options: {{keys: {{store: {pem}, type: pem}}}}}}"
    return text.replace("bindings:\n", f"vaults: {{bench_vault: {vault}}}\nbindings:\n", 1)


def mosquitto_listeners(ports, pem):
    secure = f"certfile {pem}\nkeyfile {pem}\n"
    web = "protocol websockets\n"
    more = {"tcp": "", "tls": secure, "ws": web, "wss": web + secure}
    return "".join(f"listener {ports[t]} 127.0.0.1\nmax_connections -1\n{more[t]}" for t in NAMES)


def handshakes(port, version, quick):
    """Full handshakes per second of one client after the other."""
    seconds = 2 if quick else 5
    flag = ["-tls1_2"] if version == "1.2" else []
    began = time.monotonic()
    done = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-time", str(seconds), *flag],
                          capture_output=True, text=True, check=True)  # fmt: skip
    # s_time counts whole seconds only, one more or less.
    return int(re.search(r"(\d+) connections in", done.stdout)[1]) / (time.monotonic() - began)


@contextlib.contextmanager
def openssl_server(pem):
    """The port of openssl's own server: a program that does nothing else."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    # Quiet, so it does not say either when it listens.
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", pem, "-key", pem, "-quiet"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield port
    finally:
        server.kill()
        server.wait()
