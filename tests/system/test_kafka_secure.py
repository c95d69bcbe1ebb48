"""Kafka behind TLS and SASL: what lets weft in, what each refusal says, and that it goes on by itself when mended."""

import contextlib
import http.server
import json
import ssl
import threading
from base64 import b64encode

import pytest
from support import mqtt_raw as m
from support.clients import Client
from support.kafka_secure import PASSWORD, SecureKafka, secure_client
from support.swap import replace, until
from support.weft import Topics, start_example

SECRET = "client-secret-5b-never-shown"
FAILED = "BINDING_KAFKA_BROKER_CONNECTION_FAILED"
LOGIN = {"username": "weft", "password": "${{env.KAFKA_PASSWORD}}"}
MECHANISMS = ["scram-sha-256", "scram-sha-512", "plain", "oauthbearer"]
# CONNECT waits a moment only, where the test wants to see it refused.
HASTY = ["weft.binding.mqtt.kafka.kafka.wait.ms=300"]


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    with SecureKafka(tmp_path_factory.mktemp("pki")) as kafka:
        yield kafka


@pytest.fixture(scope="module")
def topics(secure):
    return Topics().create(secure)


@contextlib.contextmanager
def weft_at(secure, topics, address, edit, *, env=None, ready=True, stored=None, **options):
    """weft before that listener; at its end no secret may be in anything it said."""
    env = {"KAFKA_PASSWORD": PASSWORD, **(env or {})}
    broker = type("Listener", (), {"address": address})
    full = lambda text: edit(text).replace("store: ", f"store: {secure.pki}/")  # noqa: E731
    with start_example(broker, topics, edit=full, env=env, ready=ready, **options) as weft:
        weft.wait_listening()
        yield weft
        said = weft.output + "".join(weft.cli(c).out for c in ("status", "metrics", "plugins"))
    for secret in {PASSWORD, SECRET, *env.values()} - {address}:
        assert secret not in said, "a secret is in a log line"


def works(weft, topics, secure, prefix, payload=b"secured"):
    """QoS 1 and retained, to a subscriber and to Kafka."""
    until(lambda: let_in(weft), why=lambda: "no client is let in")
    with Client(weft.port) as sub, Client(weft.port) as pub:
        sub.subscribe(f"{prefix}/#", 1)
        pub.publish(f"{prefix}/t", payload)
        assert sub.receive().payload == payload
        pub.publish(f"{prefix}/r", payload, retain=True)
        assert sub.receive().topic == f"{prefix}/r"
    with Client(weft.port) as late:
        late.subscribe(f"{prefix}/r", 1)
        got = late.receive()
        assert (got.payload, got.retain) == (payload, True)
    assert f"{prefix}/r" in {r.key for r in secure.records(topics.retained)}


def let_in(weft):
    """Where CONNECT hardly waits, topics may not be known yet that are asked for since Kafka is there."""
    with m.Raw(weft.port) as client:
        client.send(m.connect_packet(""))
        return client.expect(m.CONNACK).reason == 0


def refused(weft):
    """The reason string of CONNACK 0x88."""
    with m.Raw(weft.port) as client:
        client.send(m.connect_packet(""))
        ack = client.expect(m.CONNACK)
        assert ack.reason == 0x88, ack
        return ack.prop(m.REASON_STRING, "")


def events(weft, name):
    return [line for line in weft.output.splitlines() if f"] {name} " in line]


# ---- what is let in ----


@pytest.mark.key
@pytest.mark.parametrize("guard", [None, "broker_login"], ids=["sasl", "authorization"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_mechanisms(secure, topics, prefix, mechanism, guard):
    token = secure.token()
    rest = {"token": "${{env.KAFKA_TOKEN}}"} if mechanism == "oauthbearer" else LOGIN
    edit = secure_client({"mechanism": mechanism, **rest}, guard=guard)
    with weft_at(secure, topics, secure.listener("sasl"), edit, env={"KAFKA_TOKEN": token}, workers=2) as weft:
        works(weft, topics, secure, prefix)


@pytest.mark.parametrize("mechanism", ["scram-sha-512", "oauthbearer"])
def test_credentials_of_a_guard(secure, topics, prefix, mechanism):
    """As published configurations have it: the guard holds them."""
    bearer = mechanism == "oauthbearer"
    secret = secure.token() if bearer else PASSWORD
    places = {"token": '"{credentials}"'} if bearer else {"username": '"{identity}"', "password": '"{credentials}"'}
    inline = {"identity": "weft", "credentials": "${{env.KAFKA_SECRET}}"}
    edit = secure_client({"mechanism": mechanism, **places}, guard="broker_login", inline=inline)
    with weft_at(secure, topics, secure.listener("sasl"), edit, env={"KAFKA_SECRET": secret}, workers=2) as weft:
        works(weft, topics, secure, prefix)


def test_mutual_tls(secure, topics, prefix):
    with weft_at(secure, topics, secure.listener("mutual"), secure_client(keys="client")) as weft:
        works(weft, topics, secure, prefix)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_token_endpoint(secure, topics, prefix, scheme):
    """Refuses first, then gives one that is soon over, so it is asked again."""
    asked, again = [], threading.Event()

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.headers["Authorization"], body))
            if len(asked) > 2:
                again.set()
            code, answer = 200, {"access_token": secure.token(seconds=3 if len(asked) == 2 else 600), "token_type": "Bearer"}
            if len(asked) == 1:
                code, answer = 401, {"error": "invalid_client", "error_description": "not yet"}
            out = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        trust = ""
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(secure.pki / "broker.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
            trust = f", trust: {secure.ca.file}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"{scheme}://localhost:{server.server_port}/token"
        endpoint = f"{{url: '{url}', clientId: weft, clientSecret: '${{{{env.SECRET}}}}', scope: 'kafka write'{trust}}}"
        edit = secure_client({"mechanism": "oauthbearer", "tokenEndpoint": endpoint})
        with weft_at(secure, topics, secure.listener("sasl"), edit, env={"SECRET": SECRET}) as weft:
            line = weft.wait_event("BINDING_KAFKA_CREDENTIALS_UNAVAILABLE")
            assert url in line and "401, invalid_client, not yet" in line
            works(weft, topics, secure, prefix)
            assert again.wait(60)
            # Another scope is another generation of the binding, with a source of its own.
            replace(weft.config, weft.config.read_bytes().replace(b"kafka write", b"other"))
            assert weft.cli("reload").code == 0
            until(lambda: "scope=other" in asked[-1][1])
            works(weft, topics, secure, prefix + "-2")
        server.shutdown()
    basic = "Basic " + b64encode(f"weft:{SECRET}".encode()).decode()
    scopes = ["kafka%20write", "other"]
    assert set(asked) == {(basic, f"grant_type=client_credentials&scope={s}") for s in scopes}


def test_token_endpoint_that_is_not_trusted(secure, topics):
    """Its certificate is by another authority: it never hears the secret."""
    heard = []

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(self.headers["Authorization"])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(secure.pki / "foreign.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://localhost:{server.server_port}/token"
        endpoint = f"{{url: '{url}', clientId: weft, clientSecret: '${{{{env.SECRET}}}}', trust: {secure.ca.file}}}"
        edit = secure_client({"mechanism": "oauthbearer", "tokenEndpoint": endpoint})
        env = {"SECRET": SECRET}
        with weft_at(secure, topics, secure.listener("sasl"), edit, env=env, ready=False) as weft:
            line = weft.wait_event("BINDING_KAFKA_CREDENTIALS_UNAVAILABLE")
            assert url in line and "certificate" in line.lower(), line
        server.shutdown()
    assert heard == []


def test_connections_that_the_broker_ends(secure, topics, prefix):
    """As it does with those whose token is over: nobody notices."""

    def handshakes(weft):
        return max(int(line.split()[-1]) for line in weft.cli("metrics").out.splitlines() if " tls.handshakes " in line)

    edit = secure_client({"mechanism": "plain", **LOGIN})
    with weft_at(secure, topics, secure.listener("only_plain"), edit) as weft:
        before, sent = handshakes(weft), []
        with Client(weft.port) as sub, Client(weft.port) as pub:
            sub.subscribe(f"{prefix}/t", 1)
            while handshakes(weft) < before + 4:
                sent.append(f"{len(sent)}".encode())
                pub.publish(f"{prefix}/t", sent[-1])
            assert [x.payload for x in sub.receive_many(len(sent))] == sent
        assert not events(weft, FAILED) and not events(weft, "BINDING_KAFKA_SASL_AUTHENTICATION_FAILED")


# ---- what is not, and what it says ----


def test_wrong_password(secure, topics, prefix):
    edit = secure_client({"mechanism": "scram-sha-512", "username": prefix, "password": "${{env.KAFKA_PASSWORD}}"})
    address = secure.listener("sasl")
    with weft_at(secure, topics, address, edit, ready=False, properties=HASTY) as weft:
        line = weft.wait_event("BINDING_KAFKA_SASL_AUTHENTICATION_FAILED")
        assert f"for identity ({prefix})" in line and f"(broker {address}, mechanism SCRAM-SHA-512)" in line
        reason = refused(weft)
        assert address in reason and "uthentication failed" in reason, reason
        assert address in weft.cli("status").out
        secure.set_password(prefix, PASSWORD)
        weft.wait_ready()
        works(weft, topics, secure, prefix)
        assert len(events(weft, "BINDING_KAFKA_SASL_AUTHENTICATION_FAILED")) == 1
        assert not events(weft, FAILED)


def test_wrong_password_of_a_guard(secure, topics, prefix):
    """The client binding itself is the same after the reload that brings the right one."""
    places = {"username": '"{identity}"', "password": '"{credentials}"'}
    edit = secure_client({"mechanism": "plain", **places}, guard="g", inline={"identity": "weft", "credentials": "not-it"})
    with weft_at(secure, topics, secure.listener("sasl"), edit, ready=False) as weft:
        line = weft.wait_event("BINDING_KAFKA_SASL_AUTHENTICATION_FAILED")
        assert "for identity (weft)" in line and "mechanism PLAIN" in line
        replace(weft.config, weft.config.read_bytes().replace(b"not-it", b"${{env.KAFKA_PASSWORD}}"))
        assert weft.cli("reload").code == 0
        weft.wait_ready()
        works(weft, topics, secure, prefix)


def test_a_guard_without_credentials(secure, topics):
    places = {"username": "weft", "password": '"{credentials}"'}
    edit = secure_client({"mechanism": "plain", **places}, guard="g", inline={"identity": "weft"})
    with weft_at(secure, topics, secure.listener("sasl"), edit, ready=False, properties=HASTY) as weft:
        line = weft.wait_event("BINDING_KAFKA_CREDENTIALS_UNAVAILABLE")
        assert "guard zilla-mqtt-kafka-proxy:g has none: it has no credentials of its own" in line
        assert "no credentials" in refused(weft)


def test_mechanism_that_the_broker_lacks(secure, topics):
    edit = secure_client({"mechanism": "scram-sha-512", **LOGIN})
    address = secure.listener("only_plain")
    with weft_at(secure, topics, address, edit, ready=False, properties=HASTY) as weft:
        line = weft.wait_event("BINDING_KAFKA_UNSUPPORTED_SASL_MECHANISM")
        assert f"(SCRAM-SHA-512) at broker ({address})" in line and "PLAIN" in line.split(address)[1]
        assert "echanism" in refused(weft)
        assert len(events(weft, "BINDING_KAFKA_UNSUPPORTED_SASL_MECHANISM")) == 1


def test_token_file(secure, topics, prefix, tmp_path):
    """None, one that has expired, one for somebody else, and the right one."""
    file = tmp_path / "token"
    edit = secure_client({"mechanism": "oauthbearer", "tokenFile": file}, guard="g")
    with weft_at(secure, topics, secure.listener("sasl"), edit, ready=False) as weft:
        line = weft.wait_event("BINDING_KAFKA_CREDENTIALS_UNAVAILABLE")
        assert f"token file {file} cannot be read" in line
        replace(file, secure.token(aud="https://other.example.com").encode())
        line = weft.wait_event("BINDING_KAFKA_SASL_AUTHENTICATION_FAILED")
        assert "for identity (weft)" in line and "issuer and audience" in line
        replace(file, secure.token().encode() + b"\n")
        weft.wait_ready()
        works(weft, topics, secure, prefix)


def test_expired_token(secure, topics):
    edit = secure_client({"mechanism": "oauthbearer", "token": "${{env.KAFKA_TOKEN}}"})
    env = {"KAFKA_TOKEN": secure.token(seconds=-60)}
    with weft_at(secure, topics, secure.listener("sasl"), edit, env=env, ready=False) as weft:
        assert "the configured token has expired" in weft.wait_event("BINDING_KAFKA_CREDENTIALS_UNAVAILABLE")


@pytest.mark.parametrize(
    "name, edit, says",
    [
        ("foreign", secure_client(), "its CA has to be in 'trust' of the vault"),
        ("misnamed", secure_client(), "hostname mismatch; the server's certificate is for another name"),
        ("mutual", secure_client(), "see 'keys'"),
        ("mutual", secure_client(keys="stranger"), "see 'keys'"),
        ("sasl", secure_client(tls=False), "speaks TLS; the exit of this binding has to be a tls client"),
        ("sasl", secure_client({"mechanism": "plain", **LOGIN}, tls=False), "speaks TLS; the exit of this binding"),
        ("sasl", secure_client(), "closed the connection without an answer; does it expect TLS or SASL?"),
        ("plain", secure_client(), "does the server speak TLS on this port?"),
    ],
    ids=["other_ca", "other_name", "no_certificate", "strange_certificate", "plain_to_tls", "sasl_to_tls", "no_sasl", "tls_to_plain"],
)  # fmt: skip
def test_refusals(secure, topics, name, edit, says):
    address = secure.address if name == "plain" else secure.listener(name)
    host, port = address.split(":")
    with weft_at(secure, topics, address, edit, ready=False, properties=HASTY) as weft:
        line = weft.wait_event(FAILED)
        assert f"for host ({host}), port ({port})" in line, line
        assert says in line, line
        reason = refused(weft)
        assert says in reason, reason
        # Tried again and again meanwhile, and told once.
        assert len(events(weft, FAILED)) == 1, events(weft, FAILED)
        assert len([e for e in weft.output.splitlines() if "] BINDING_TLS_" in e]) <= 1


def test_the_advertised_name_is_verified(secure, topics):
    """The bootstrap address is in the certificate, the name that the broker tells is not."""
    address = secure.listener("misnamed", "127.0.0.1")
    with weft_at(secure, topics, address, secure_client(), ready=False) as weft:
        line = weft.wait_event(FAILED)
        assert f"for host (localhost), port ({secure.ports['misnamed']})" in line
        assert "hostname mismatch" in line


def test_expired_certificate_is_renewed(secure, topics, prefix):
    """And, before that, a wrong one is told of again only after a while."""
    with weft_at(secure, topics, secure.listener("expired"), secure_client(), ready=False, properties=HASTY) as weft:
        line = weft.wait_event(FAILED)
        assert "certificate has expired; the server's certificate has to be renewed" in line
        assert "expired" in refused(weft)
        secure.renew("expired")
        weft.wait_ready()
        weft.wait_event("BINDING_KAFKA_BROKER_CONNECTED")
        works(weft, topics, secure, prefix)
