"""tls through the built binary, against openssl's own client and server."""

import contextlib
import errno
import json
import socket
import ssl
import subprocess

import pytest
from support.certificates import PASSWORD, RSA, Authority
from support.ports import free_port
from support.process import Process
from support.swap import until
from support.weft import BUILD, Weft

ECHO = BUILD / "examples"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    ca, other = Authority(folder, "ca"), Authority(folder, "other")
    names = ["one.example", "two.example", "rsa.example"]
    ca.issue(names[0], dns=[names[0]])
    ca.issue(names[1], dns=[names[1], "*.two.example"])
    ca.issue(names[2], dns=[names[2]], key=RSA)
    ca.issue("good-client")
    ca.issue("late-client", expired=True)
    other.issue("foreign-client")
    ca.p12("one.example")
    for name, members in {"all.pem": names, "first.pem": names[:1]}.items():
        (folder / name).write_text("".join((folder / f"{n}.pem").read_text() for n in members))
    return folder


def config(port, pki, *, options="", routes="", keys="[one.example, two.example, rsa.example]", more="", store="all.pem"):
    return f"""
name: test
vaults:
  v:
    type: filesystem
    options:
      keys: {{store: {pki}/{store}, type: pem}}
      trust: {{store: {pki}/ca.crt, type: pem}}
bindings:
  tcp_server:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: {port}}}
    exit: tls_server
  tls_server:
    type: tls
    kind: server
    vault: v
    options: {{keys: {keys}{options}}}
{routes or "    exit: app"}
  app: {{type: echo, kind: server}}
{more}
telemetry:
  exporters:
    stdout_logs_exporter: {{type: stdout}}
"""


def start(pki, folder=None, edit=str, **more):
    port = free_port()
    return Weft(edit(config(port, pki, **more)), port=port, folder=folder, args=["--plugins", ECHO], workers=2).wait_listening()


@pytest.fixture(scope="module")
def plain(pki):
    """A server that asks for no certificate."""
    with start(pki) as weft:
        yield weft


@pytest.fixture(scope="module")
def mutual(pki):
    with start(pki, options=", trust: ['Test ca']") as weft:
        yield weft


def s_client(weft, *args, say=b"hello\n"):
    """What openssl's client prints, and its exit code; its input ends, so it closes in good order."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{weft.port}", "-ign_eof", *map(str, args)],
                          input=say + b"", capture_output=True, timeout=30)  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def context(pki, *, name="ca.crt", cert=None):
    c = ssl.create_default_context(cafile=pki / name)
    if cert:
        c.load_cert_chain(pki / f"{cert}.pem")
    return c


def connect(weft, c, name="one.example"):
    raw = socket.create_connection(("127.0.0.1", weft.port), timeout=30)
    return c.wrap_socket(raw, server_hostname=name)


def echo(s, size=10):
    data, got = bytes(i * 7 & 255 for i in range(size)), b""
    # A part at a time: Python's TLS objects are for one thread.
    for at in range(0, size, 40_000):
        part = data[at : at + 40_000]
        s.sendall(part)
        while len(got) < at + len(part):
            more = s.recv(65536)
            assert more, f"the end after {len(got)} of {size} bytes"
            got += more
    assert got == data


@pytest.mark.key
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [1, 16384, 16385, 3_000_000])
def test_bytes_come_back(plain, pki, version, size):
    c = context(pki)
    c.minimum_version = c.maximum_version = version
    with connect(plain, c) as s:
        echo(s, size)
        s.unwrap()  # its close_notify is answered


@pytest.mark.parametrize("flag, works", [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_versions(plain, flag, works):
    code, text = s_client(plain, flag, "-servername", "one.example", "-cipher", "ALL:@SECLEVEL=0", "-no_ign_eof")
    assert ("Cipher is (NONE)" not in text and "Cipher    : 0000" not in text) == works, text


CIPHERS = [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", True), ("ECDHE-RSA-AES128-GCM-SHA256", True),
    ("ECDHE-ECDSA-AES128-SHA", False), ("AES128-GCM-SHA256", False), ("AES256-SHA", False),
]  # fmt: skip


@pytest.mark.parametrize("cipher, works", CIPHERS)
def test_ciphers_of_1_2(plain, cipher, works):
    code, text = s_client(plain, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0", "-no_ign_eof")
    assert (f"Cipher is {cipher}" in text) == works, text


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_suites_of_1_3(plain, suite):
    assert f"Cipher is {suite}" in s_client(plain, "-tls1_3", "-ciphersuites", suite, "-no_ign_eof")[1]


NAMES = [("one.example", "one.example"), ("two.example", "two.example"), ("x.two.example", "two.example"),
         ("RSA.example", "rsa.example")]  # fmt: skip


@pytest.mark.parametrize("asked, shown", NAMES)
def test_certificate_by_name(plain, asked, shown):
    text = s_client(plain, "-servername", asked, "-no_ign_eof")[1]
    assert f"subject=CN = {shown}" in text, text


def test_unknown_name_gets_some_certificate(plain):
    assert "subject=CN = " in s_client(plain, "-servername", "nobody.example", "-no_ign_eof")[1]


@pytest.mark.key
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_certificates(pki, version):
    reasons = {"late-client": "certificate has expired", "foreign-client": "unable to get local issuer certificate",
               None: "peer did not return a certificate"}  # fmt: skip
    with start(pki, options=", trust: ['Test ca']") as weft:

        def attempt(cert):
            c = context(pki, cert=cert)
            c.minimum_version = c.maximum_version = version
            with connect(weft, c) as s:
                echo(s)

        attempt("good-client")
        for cert, reason in reasons.items():
            with pytest.raises((ssl.SSLError, ConnectionError)):
                attempt(cert)
            line = weft.process.wait_line(rf"\] BINDING_TLS_PEER_NOT_VERIFIED .*{reason}", timeout=30)
            assert "peer 127.0.0.1" in line and "SNI one.example" in line, line
        attempt("good-client")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_resumption(mutual, pki, version):
    c = context(pki, cert="good-client")
    c.minimum_version = c.maximum_version = version
    with connect(mutual, c) as s:
        echo(s)
        assert not s.session_reused
        before = s.session
    raw = socket.create_connection(("127.0.0.1", mutual.port), timeout=30)
    with c.wrap_socket(raw, server_hostname="one.example", session=before) as s:
        echo(s)
        assert s.session_reused


@pytest.mark.key
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_is_resumed_takes_the_same_route(pki, version):
    routes = """    routes:
      - when: [{trust: ["Test ca"]}]
        exit: app"""
    c = context(pki, cert="good-client")
    c.minimum_version = c.maximum_version = version
    with start(pki, options=", trust: ['Test ca']", routes=routes) as weft:
        session = None
        for _ in range(3):  # a ticket that came of a ticket counts as well
            raw = socket.create_connection(("127.0.0.1", weft.port), timeout=30)
            with c.wrap_socket(raw, server_hostname="one.example", session=session) as s:
                echo(s)
                assert s.session_reused == (session is not None)
                session = s.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_expired_certificate_is_not_resumed(pki, tmp_path, version):
    ca = Authority(tmp_path, "ca")
    ca.issue("one.example", dns=["one.example"])
    ca.issue("short", seconds=4)
    c = context(tmp_path, cert="short")
    c.minimum_version = c.maximum_version = version
    with start(tmp_path, store="one.example.pem", keys="[one.example]", options=", trust: ['Test ca']") as weft:
        with connect(weft, c) as s:
            echo(s)
            session = s.session

        def resumed():
            raw = socket.create_connection(("127.0.0.1", weft.port), timeout=30)
            try:
                with c.wrap_socket(raw, server_hostname="one.example", session=session) as s:
                    echo(s)
                    return s.session_reused
            except (ssl.SSLError, ConnectionError):
                return False

        until(lambda: not resumed(), timeout=30)
        weft.wait_event("BINDING_TLS_PEER_NOT_VERIFIED")


ROUTES = """    routes:
      - when: [{authority: "*.two.example"}]
        exit: refuser
      - when: [{alpn: mqtt}]
        exit: app
      - when: [{authority: one.example}]
        exit: app"""


def test_routes(pki):
    with start(pki, options=", alpn: [mqtt, h2]", routes=ROUTES, more="  refuser: {type: tls, kind: proxy, exit: app}") as weft:

        def protocol(name, *offered):
            c = context(pki)
            if offered:
                c.set_alpn_protocols(offered)
            with connect(weft, c, name) as s:
                echo(s)
                return s.selected_alpn_protocol()

        assert protocol("one.example") is None
        assert protocol("two.example", "h2", "mqtt") == "mqtt"
        assert protocol("one.example", "h2") == "h2"
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            protocol("one.example", "ws")
        c = context(pki)
        with connect(weft, c, "two.example") as s, pytest.raises((AssertionError, ConnectionError, ssl.SSLError)):
            echo(s)  # no route: the connection is closed
        weft.wait_event("BINDING_TLS_ROUTE_REFUSED")


def test_renewal_leaves_connections_alone(pki, tmp_path):
    (tmp_path / "all.pem").write_bytes((pki / "first.pem").read_bytes())
    (tmp_path / "ca.crt").write_bytes((pki / "ca.crt").read_bytes())
    with start(tmp_path, keys="[one.example]") as weft:
        c = context(pki)
        with connect(weft, c) as s:
            echo(s)
            first = s.getpeercert()["serialNumber"]
            renewed = Authority(tmp_path / "pki", "renewed").issue("one.example", dns=["one.example"])
            (tmp_path / "new.pem").write_bytes(renewed.read_bytes())
            (tmp_path / "new.pem").rename(tmp_path / "all.pem")
            weft.wait_event("ENGINE_CONFIG_RELOADED")
            echo(s)
            with connect(weft, context(tmp_path / "pki", name="renewed.crt")) as other:
                assert other.getpeercert()["serialNumber"] != first
                echo(other)
            echo(s)
            running = json.loads(weft.cli("plugins", "--running", "--json").out)
            assert {g["generation"] for g in running} == {1}, "the binding lives on"


def test_ocsp_response_is_stapled(tmp_path):
    ca = Authority(tmp_path / "pki")
    ca.issue("one.example", dns=["one.example"])
    ca.ocsp("one.example")
    with start(ca.folder, keys="[one.example]", store="one.example.pem, ocsp: " + str(ca.folder / "one.example.ocsp")) as weft:
        text = s_client(weft, "-status", "-CAfile", ca.file, "-no_ign_eof")[1]
        assert "OCSP Response Status: successful" in text and "Cert Status: good" in text, text


def test_revoked_client(tmp_path):
    ca = Authority(tmp_path / "pki")
    for name in ("one.example", "good-client", "bad-client"):
        ca.issue(name, dns=[name])
    crl = ca.crl("bad-client")

    def revoking(text):
        return text.replace("ca.crt, type: pem}", f"ca.crt, type: pem, crl: {crl}}}\n      revocation: crl")

    with start(ca.folder, keys="[one.example]", store="one.example.pem", options=", trust: ['Test ca']", edit=revoking) as weft:
        with connect(weft, context(ca.folder, cert="good-client")) as s:
            echo(s)
        with pytest.raises((ssl.SSLError, ConnectionError)), connect(weft, context(ca.folder, cert="bad-client")) as s:
            echo(s)
        assert "certificate revoked" in weft.wait_event("BINDING_TLS_PEER_NOT_VERIFIED")


def test_p12_of_the_vault(pki):
    def as_p12(text):
        return text.replace("all.pem, type: pem", f"one.example.p12, password: {PASSWORD}")

    with start(pki, keys="[one.example]", edit=as_p12) as weft, connect(weft, context(pki)) as s:
        echo(s)


def test_what_is_no_tls(plain):
    with socket.create_connection(("127.0.0.1", plain.port), timeout=30) as s:
        s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        s.settimeout(30)
        while s.recv(4096):
            pass
    plain.wait_event("BINDING_TLS_PROTOCOL_REJECTED")


def test_handshake_timeout(pki):
    port = free_port()
    with Weft(config(port, pki), port=port, args=["--plugins", ECHO], properties=["zilla.binding.tls.handshake.timeout=1"]) as weft:
        weft.wait_listening()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
            assert s.recv(1) == b""
        weft.wait_event("BINDING_TLS_HANDSHAKE_TIMEOUT")


def test_unknown_alias_is_named(pki, tmp_path):
    weft = Weft(config(free_port(), pki, keys="[nobody]"), folder=tmp_path, args=["--plugins", ECHO])
    assert weft.process.wait() == 1
    assert "bindings.tls_server.options.keys[0]: no entry 'nobody' in vault 'test:v'" in weft.output, weft.output
    assert "have: one.example, two.example, rsa.example" in weft.output


def client_config(port, to, pki, options=""):
    return f"""
name: test
vaults:
  v: {{type: filesystem, options: {{trust: {{store: {pki}/ca.crt, type: pem}}, keys: {{store: {pki}/good-client.pem, type: pem}}}}}}
bindings:
  tcp_server: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {port}}}, exit: tls_client}}
  tls_client:
    type: tls
    kind: client
    vault: v
    options: {{trust: ['Test ca'], sni: [one.example]{options}}}
    exit: tcp_client
  tcp_client: {{type: tcp, kind: client, options: {{host: 127.0.0.1, port: {to}}}}}
telemetry:
  exporters:
    stdout_logs_exporter: {{type: stdout}}
"""


@pytest.mark.parametrize("flags", [["-tls1_2"], ["-tls1_3"], ["-Verify", "1"]])
def test_client_towards_openssl(pki, flags):
    port, to = free_port(), free_port()
    server = Process(["openssl", "s_server", "-accept", str(to), "-cert", "one.example.crt", "-key", "one.example.key",
                      "-CAfile", "ca.crt", "-rev", *flags], cwd=pki)  # fmt: skip
    try:
        server.wait_line("ACCEPT")
        options = ", keys: [good-client]" if "-Verify" in flags else ""
        with Weft(client_config(port, to, pki, options), port=port) as weft:
            weft.wait_listening()
            with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
                s.sendall(b"abc\n")
                assert s.makefile("rb").readline() == b"cba\n"
    finally:
        server.close()


def test_client_does_not_trust_everybody(pki):
    port, to = free_port(), free_port()
    server = Process(["openssl", "s_server", "-accept", str(to), "-cert", "two.example.crt", "-key", "two.example.key", "-rev"], cwd=pki)
    try:
        server.wait_line("ACCEPT")
        with Weft(client_config(port, to, pki), port=port) as weft:
            weft.wait_listening()
            # It may come before connect has returned.
            with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", port), timeout=30) as s:
                s.recv(1)
            line = weft.wait_event("BINDING_TLS_PEER_NOT_VERIFIED")
            assert "hostname mismatch" in line.lower(), line
    finally:
        server.close()


def test_proxy_passes_on(plain, pki):
    port = free_port()
    text = f"""
name: test
bindings:
  tcp_server: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {port}}}, exit: tls_proxy}}
  tls_proxy:
    type: tls
    kind: proxy
    routes: [{{when: [{{authority: "*.two.example"}}, {{authority: "two.example"}}], exit: tcp_client}}]
  tcp_client: {{type: tcp, kind: client, options: {{host: 127.0.0.1, port: {plain.port}}}}}
telemetry:
  exporters:
    stdout_logs_exporter: {{type: stdout}}
"""
    with Weft(text, port=port) as weft:
        weft.wait_listening()
        with connect(weft, context(pki), "two.example") as s:
            echo(s, 200_000)
        with pytest.raises((ssl.SSLError, ConnectionError)), connect(weft, context(pki), "one.example"):
            pass
        weft.wait_event("BINDING_TLS_ROUTE_REFUSED")


def kernel_has_tls():
    """Asks as Weft does, which may load the module."""
    with socket.socket() as s:
        try:
            s.setsockopt(socket.IPPROTO_TCP, 31, b"tls")  # TCP_ULP
        except OSError as e:
            return e.errno == errno.ENOTCONN  # not yet: this socket is not connected
    return True


KERNEL_HAS_TLS = kernel_has_tls()


def offloaded(weft):
    """Connections whose records the kernel makes."""
    return sum(int(line.split()[-1]) for line in weft.cli("metrics").out.splitlines() if "tls.handshakes.offloaded" in line)


@pytest.mark.key
@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", None])
def test_the_kernel_makes_the_records_where_it_can(pki, cipher):
    c = context(pki)
    if cipher:
        c.maximum_version = ssl.TLSVersion.TLSv1_2
        c.set_ciphers(cipher)
    with start(pki) as weft, connect(weft, c) as s:
        echo(s, 300_000)
        assert offloaded(weft) == int(KERNEL_HAS_TLS)
        s.unwrap()  # close_notify, and the answer to it


@pytest.mark.key
def test_the_kernel_is_left_alone_when_told_so(pki):
    port = free_port()
    with Weft(config(port, pki), port=port, args=["--plugins", ECHO], properties=["weft.binding.tls.kernel=false"]).wait_listening() as weft:
        with connect(weft, context(pki)) as s:
            echo(s, 300_000)
            assert offloaded(weft) == 0


@pytest.mark.key
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_slow_reader_gets_all_bytes_and_the_close(plain, pki, version):
    """FIN waits for what the buffers on the way hold, whoever makes the records."""
    c = context(pki)
    c.maximum_version = version
    # Of these some end in the midst of a record for which TCP has room a little later.
    for size in [10, *range(40_000, 140_000, 4_500)]:
        read_slowly(plain, c, bytes(i * 11 & 255 for i in range(size)))


def read_slowly(plain, c, data):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = c.wrap_bio(incoming, outgoing, server_hostname="one.example")
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.settimeout(60)
        raw.connect(("127.0.0.1", plain.port))

        def step(act):
            while True:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        raw.sendall(outgoing.read())
                    part = raw.recv(1000)
                    incoming.write(part) if part else incoming.write_eof()

        step(tls.do_handshake)
        tls.write(data)
        raw.sendall(outgoing.read())
        first = b""
        while len(first) < min(4000, len(data)):
            first += raw.recv(1000)
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()  # ours; theirs comes behind all the bytes
        raw.sendall(outgoing.read())
        incoming.write(first)
        got = b""
        with contextlib.suppress(ssl.SSLZeroReturnError):
            while part := step(lambda: tls.read(65536)):
                got += part
        assert len(got) == len(data) and got == data
        assert raw.recv(1) == b""


@pytest.mark.key
def test_a_client_that_wants_new_keys(pki):
    """It gets them, and where the kernel makes the records the connection ends with a close and a word."""
    with start(pki) as weft:
        # K in s_client: KeyUpdate with update_requested.
        asked = Process(["openssl", "s_client", "-connect", f"127.0.0.1:{weft.port}", "-tls1_3"], stdin=subprocess.PIPE)
        asked.child.stdin.write(b"before\n")
        asked.child.stdin.flush()
        asked.wait_line("before")
        asked.child.stdin.write(b"K\n")
        asked.child.stdin.flush()
        asked.wait_line("KEYUPDATE")
        if KERNEL_HAS_TLS:
            weft.wait_event("BINDING_TLS_TLS_FAILED")
            assert "new keys" in weft.output
            assert asked.wait() == 0, "closed in good order"
        else:
            asked.child.stdin.write(b"after\n")
            asked.child.stdin.flush()
            asked.wait_line("after")
            asked.close()


def test_stops_with_connections_open(pki):
    with start(pki) as weft, connect(weft, context(pki)) as s:
        echo(s)
        weft.process.signal()
        assert s.recv(1) == b"", "it says goodbye"
        s.close()
        assert weft.process.wait() == 0


def test_memory_of_idle_sessions(pki):
    count = 400
    with start(pki) as weft:
        c = context(pki)
        with connect(weft, c) as s:
            echo(s)
        before = weft.memory_kib()
        held = [connect(weft, c) for _ in range(count)]
        for s in held:
            echo(s)
        until(lambda: weft.cli("metrics").out.count("tls.sessions") > 0)
        each = (weft.memory_kib() - before) / count
        print(f"{each:.1f} KiB for each idle session, its tcp connection and echo included")
        assert each < 25
        for s in held:
            s.close()

