"""Guards through the built binary, in front of a real Kafka: who may connect, publish and subscribe, and for how long."""

import http.client
import http.server
import json
import ssl
import threading
import time
import uuid

import pytest
from support.certificates import PASSWORD, Authority
from support.clients import mosquitto_pub, mosquitto_sub
from support.mqtt_raw import (
    AUTH,
    AUTHENTICATION_DATA,
    AUTHENTICATION_METHOD,
    CONNACK,
    DISCONNECT,
    REASON_STRING,
    Raw,
    auth_packet,
    connect_packet,
    publish_packet,
)
from support.ports import free_port
from support.process import run
from support.proxy_header import certificate
from support.swap import replace, until
from support.tokens import Issuer
from support.weft import BUILD, WEFT, Topics, Weft, start_example

BAD_CREDENTIALS, NOT_AUTHORIZED = 0x86, 0x87
OWN = """[{topic: "device/{id}/#", params: {id: "${guarded['%s'].identity}"}}]"""


def guarded(guards, server, *, mapping=""):
    """An edit of the example: with these guards, and an mqtt server and mqtt-kafka routes of the test's own."""

    def edit(text):
        old = "    type: mqtt\n    kind: server\n    exit: north_mqtt_kafka_mapping\n"
        assert old in text
        text = text.replace(old, f"    type: mqtt\n    kind: server\n{server}")
        text = text.replace("bindings:\n", f"guards:\n{guards}bindings:\n", 1)
        if mapping:
            assert "    routes:\n      - when:\n          - publish:" in text
            text = text.replace("    routes:\n      - when:\n          - publish:", f"    routes:\n{mapping}      - when:\n          - publish:")
        return text

    return edit


def server(guard, field, pattern, *, roles="[]", more=""):
    own = OWN % guard
    return f"""\
    options: {{authorization: {{{guard}: {{credentials: {{connect: {{{field}: "{pattern}"}}}}}}}}}}
    routes:
{more}      - guarded: {{{guard}: {roles}}}
        when: [{{session: [{{client-id: "*"}}]}}, {{publish: {own}}}, {{subscribe: {own}}}]
        exit: north_mqtt_kafka_mapping
"""


def passwords(folder, **users):
    """users.txt of mosquitto_passwd, whole or not at all."""
    new = folder / f"users-{uuid.uuid4().hex[:6]}"
    for n, (name, password) in enumerate(users.items()):
        options = ["-b", *(["-c"] if n == 0 else []), *(["-H", "sha512"] if n % 2 else [])]
        done = run(["mosquitto_passwd", *options, new, name, password])
        assert done.code == 0, done.err
    replace(folder / "users.txt", new.read_bytes())


USERS = """\
  people:
    type: users
    options:
      file: users.txt
      roles: [device]
      users: {boss: {roles: [admin]}}
"""
EVERYTHING = """\
      - guarded: {people: [admin]}
        exit: north_mqtt_kafka_mapping
"""


@pytest.fixture(scope="module")
def people(kafka, tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    passwords(folder, anna="secret", bob="pencil", boss="top")
    edit = guarded(USERS, server("people", "password", "{credentials}", roles="[device]", more=EVERYTHING))
    with start_example(kafka, edit=edit, folder=folder, workers=2) as weft:
        yield weft


def client(weft, name=None, password=None, version=5, **more):
    client_id = more.pop("client_id", f"c-{uuid.uuid4().hex[:8]}")
    return Raw(weft.port, version).connect(client_id, user=name, password=password, **more)


@pytest.mark.key
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_user_name_and_password(people, version):
    who = ["-u", "anna", "-P", "secret"]
    with mosquitto_sub(people.port, *who, "-t", "device/anna/#", "-q", "1", "-v", version=version) as sub:
        since = people.process.mark()
        mosquitto_pub(people.port, *who, "-i", "annas", "-t", "device/anna/x", "-m", "hello", "-q", "1", version=version)
        sub.wait_line(r"^device/anna/x hello$")
        people.process.wait_line(r"BINDING_MQTT_CLIENT_CONNECTED Session authorization \(anna\) was successful for client id \(annas\)\.", since=since)


@pytest.mark.key
@pytest.mark.parametrize("name, password", [("anna", "pencil"), ("nobody", "secret"), ("anna", "secre")])
def test_wrong_password(people, name, password):
    refused = client(people, name, password, expect=BAD_CREDENTIALS)
    assert refused.connack.prop(REASON_STRING) == "Wrong user name or password."
    refused.expect_closed()
    client(people, name, password, version=4, expect=4).expect_closed()
    done = run(["mosquitto_pub", "-p", people.port, "-u", name, "-P", password, "-t", "device/anna/x", "-m", "x", "-q", "1"])
    assert done.code != 0 and "not authorised" in (done.out + done.err).lower() or "bad user" in (done.out + done.err).lower()


def test_without_credentials(people):
    client(people, expect=NOT_AUTHORIZED).expect_closed()
    client(people, version=4, expect=5).expect_closed()
    people.wait_event("BINDING_MQTT_CLIENT_REFUSED")


@pytest.mark.key
def test_topics_of_ones_own(people):
    c = client(people, "anna", "secret")
    assert c.publish("device/anna/x", "1").reason in (0, 0x10)
    assert c.publish("device/bob/x", "1").reason == NOT_AUTHORIZED
    assert c.subscribe("device/anna/#", "device/bob/#", "device/+/x", "#") == [1, 0x87, 0x87, 0x87]
    old = client(people, "anna", "secret", version=4)
    assert old.subscribe("device/anna/#", "device/bob/#") == [1, 0x80]
    old.send(publish_packet("device/bob/x", "1", version=4, qos=1, packet_id=9))
    old.expect_closed()


def test_roles_choose_routes(people):
    c = client(people, "boss", "top")
    assert c.subscribe("device/bob/#") == [1]
    assert c.publish("device/anna/y", "1").reason in (0, 0x10)


def test_users_are_renewed_and_connections_live_on(people):
    c = client(people, "anna", "secret")
    client(people, "carl", "new", expect=BAD_CREDENTIALS)
    passwords(people.folder, boss="top", carl="new", anna="changed")
    done = people.cli("reload")
    assert done.code == 0, done.err
    client(people, "carl", "new")
    client(people, "anna", "changed")
    client(people, "anna", "secret", expect=BAD_CREDENTIALS)
    c.ping()
    replace(people.folder / "users.txt", b"# people\nanna:secret\n")
    done = people.cli("reload")
    assert done.code != 0 and "guards.people.options.file: users.txt:2: the password is not hashed" in done.err + done.out
    client(people, "carl", "new")
    passwords(people.folder, anna="secret", bob="pencil", boss="top")
    assert people.cli("reload").code == 0


def test_many_at_once(people):
    """Hashing holds up nobody: all get their answer, each its own."""
    waiting = []
    for n in range(100):
        c = Raw(people.port)
        c.send(connect_packet(f"many-{n}", user="anna", password="secret" if n % 2 else "wrong"))
        waiting.append(c)
    codes = [c.expect(CONNACK).reason for c in waiting]
    assert codes == [0 if n % 2 else BAD_CREDENTIALS for n in range(100)]


def test_guarded_routes_of_mqtt_kafka(kafka, tmp_path):
    """Both messages go to the same MQTT topic; by whom they are sent decides on the Kafka topic."""
    passwords(tmp_path, anna="secret", boss="top")
    topics = Topics().create(kafka)
    special = f"special-{uuid.uuid4().hex[:8]}"
    kafka.create({special: (1, False)})
    mapping = f"""\
      - guarded: {{people: [admin]}}
        when: [{{publish: [{{topic: "device/#"}}]}}, {{subscribe: [{{topic: "device/#"}}]}}]
        with: {{messages: {special}}}
        exit: north_kafka_cache_client
"""
    own = """\
    options: {authorization: {people: {credentials: {connect: {password: "{credentials}"}}}}}
    routes:
      - guarded: {people: []}
        exit: north_mqtt_kafka_mapping
"""
    with start_example(kafka, topics, edit=guarded(USERS, own, mapping=mapping), folder=tmp_path) as weft:
        anna, boss = client(weft, "anna", "secret"), client(weft, "boss", "top")
        assert anna.subscribe("device/#") == [1] and boss.subscribe("device/#") == [1]
        author = client(weft, "boss", "top")
        assert author.publish("device/1", "from the boss").reason == 0
        assert boss.packet().payload == b"from the boss"
        author.publish("device/1", "retained", retain=True, packet_id=2)
        client(weft, "anna", "secret").publish("device/1", "from anna")
        assert anna.packet().payload == b"from anna", "what the boss sent is for the boss"
        late = client(weft, "anna", "secret")
        assert late.subscribe("device/#") == [1]
        client(weft, "anna", "secret").publish("device/1", "later")
        assert late.packet().payload == b"later", "nor is what the boss has retained"


def test_who_a_client_is_by_the_proxy_in_front(kafka, tmp_path):
    """The common name of a certificate that a load balancer has verified, from tcp to mqtt-kafka."""
    topics = Topics().create(kafka)
    special = f"special-{uuid.uuid4().hex[:8]}"
    kafka.create({special: (1, False)})
    guards = "  devices: {type: inline, options: {users: {boss: {roles: [admin]}}}}\n"
    own = f"""\
    routes:
      - guarded: {{devices: []}}
        when: [{{session: [{{client-id: "*"}}]}}, {{publish: {OWN % "devices"}}}, {{subscribe: {OWN % "devices"}}}]
        exit: north_mqtt_kafka_mapping
"""
    mapping = f"""\
      - guarded: {{devices: [admin]}}
        when: [{{publish: [{{topic: "device/#"}}]}}, {{subscribe: [{{topic: "device/#"}}]}}]
        with: {{messages: {special}}}
        exit: north_kafka_cache_client
"""
    edit = guarded(guards, own, mapping=mapping)

    def by_proxy(text):
        old = "      host: 127.0.0.1\n"
        text = edit(text)
        assert text.count(old) == 1
        return text.replace(old, f"{old}      proxy-protocol: {{trusted: [127.0.0.1]}}\n      authorization: {{devices: {{credentials: {{proxy: common-name}}}}}}\n")

    with start_example(kafka, topics, edit=by_proxy, folder=tmp_path, workers=2) as weft:

        def client_of(name):
            raw = Raw(weft.port)
            raw.send(certificate(name))
            return raw.connect(f"{name}-{uuid.uuid4().hex[:6]}")

        for name in ("anna", "boss"):
            c = client_of(name)
            assert c.subscribe(f"device/{name}/#", "device/other/#") == [1, NOT_AUTHORIZED]
            author = client_of(name)
            assert author.publish(f"device/{name}/x", f"of {name}").reason == 0
            assert author.publish("device/other/x", "no", packet_id=2).reason == NOT_AUTHORIZED
            assert c.packet().payload == f"of {name}".encode()
        assert [r.value for r in kafka.records(special)] == ["of boss"], "by the role that the identity has"
        assert [r.value for r in kafka.records(topics.devices)] == ["of anna"]


def check(tmp_path, text):
    (tmp_path / "zilla.yaml").write_text(text)
    return run([WEFT, "check", "-c", tmp_path / "zilla.yaml"])


BINDINGS = """
bindings:
  tcp0: {type: tcp, kind: server, options: {host: %s, port: 7183}, exit: mqtt0}
  mqtt0:
    type: mqtt
    kind: server
    options: {authorization: {people: {credentials: {connect: {password: "{credentials}"}}}}}
    routes:
      - guarded: {%s: []}
        exit: mqtt1
    %s
  mqtt1: {type: mqtt-kafka, kind: proxy, options: {topics: {sessions: s, messages: m, retained: r}}, exit: cache}
  cache: {type: kafka, kind: cache_client, exit: server}
  server: {type: kafka, kind: cache_server, exit: client}
  client: {type: kafka, kind: client, options: {servers: ["localhost:9092"]}, exit: tcp1}
  tcp1: {type: tcp, kind: client}
"""


def test_names_are_checked(tmp_path):
    passwords(tmp_path, anna="secret", boss="x")
    head = "name: test\nguards:\n" + USERS
    good = check(tmp_path, head + BINDINGS % ("127.0.0.1", "people", ""))
    assert good.code == 0 and "warning" not in good.err + good.out, good.err + good.out
    bad = check(tmp_path, head + BINDINGS % ("127.0.0.1", "peple", ""))
    assert bad.code == 1 and "no guard 'peple' in namespace 'test', did you mean 'people'?" in bad.err + bad.out
    door = check(tmp_path, head + BINDINGS % ("127.0.0.1", "people", "exit: mqtt1"))
    assert door.code == 0 and "clients that the guarded routes refuse are let through" in door.err + door.out


ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "HS256"]


class Issuers:
    def __init__(self, folder):
        self.of = {alg: Issuer(folder, alg, kid=alg.lower()) for alg in ALGORITHMS}

    def guard(self, more=""):
        keys = json.dumps([i.jwk() for i in self.of.values()])
        return f"""\
  authn_jwt:
    type: jwt
    options:
      issuer: {Issuer.issuer}
      audience: {Issuer.audience}
      symmetric: true
      leeway: 0
      keys: {keys}
{more}"""

    def token(self, alg="RS256", sub="anna", **more):
        return self.of[alg].token(sub, **more)


def bearer(weft, token, version=5, **more):
    return client(weft, f"Bearer {token}", None, version, **more)


@pytest.fixture(scope="module")
def jwt(kafka, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jwt")
    issuers = Issuers(folder)
    edit = guarded(issuers.guard(), server("authn_jwt", "username", "Bearer {credentials}", roles='["mqtt:stream"]'))
    with start_example(kafka, edit=edit, folder=folder, workers=2) as weft:
        weft.issuers = issuers
        yield weft


@pytest.mark.key
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_tokens_of_every_algorithm(jwt, alg):
    c = bearer(jwt, jwt.issuers.token(alg, "device-1"))
    assert c.subscribe("device/device-1/#") == [1]
    assert bearer(jwt, jwt.issuers.token(alg, "device-1")).publish("device/device-1/x", alg).reason == 0
    assert c.packet().payload == alg.encode()
    assert c.publish("device/device-2/x", "no", packet_id=2).reason == NOT_AUTHORIZED


@pytest.mark.key
def test_tokens_that_are_refused(jwt):
    of = jwt.issuers.of
    (jwt.folder / "other").mkdir()
    public = Issuer(jwt.folder / "other", "HS256", kid="rs256")
    public.file.write_bytes(b"the public key is known to everybody")
    text = of["RS256"].token()
    for token, why in {
        of["RS256"].token(seconds=-5): "Token is expired.",
        of["RS256"].token(nbf=time.time() + 60): "Token is expired.",
        of["RS256"].token(aud="https://other.example.com"): "Invalid issuer or audience.",
        of["RS256"].token(iss="https://evil.example.com"): "Invalid issuer or audience.",
        of["RS256"].token(header={"kid": "other"}): "Invalid alg or key.",
        of["RS256"].token(header={"alg": "none"}): "Invalid alg or key.",
        public.token(): "Invalid alg or key.",
        text[:-6] + ("AAAAAA" if text[-6:] != "AAAAAA" else "BBBBBB"): "Unable to verify key signature.",
        "abc": "The token is malformed.",
    }.items():
        refused = bearer(jwt, token, expect=BAD_CREDENTIALS)
        assert refused.connack.prop(REASON_STRING) == why
        bearer(jwt, token, version=4, expect=4)
    jwt.wait_event("GUARD_JWT_AUTHORIZATION_FAILED")
    bearer(jwt, of["RS256"].token(scope="other"), expect=NOT_AUTHORIZED)


@pytest.mark.key
def test_a_token_ends_its_connection(jwt):
    ends = jwt.issuers.token(seconds=3)
    new, old = bearer(jwt, ends), bearer(jwt, ends, version=4)
    lasting = bearer(jwt, jwt.issuers.token())
    gone = new.expect(DISCONNECT)
    assert gone.reason == NOT_AUTHORIZED and gone.prop(REASON_STRING) == "the authorization has expired"
    new.expect_closed()
    old.expect_closed()
    jwt.process.wait_line(r"BINDING_MQTT_CLIENT_DISCONNECTED .*the authorization has expired")
    lasting.ping()


def test_a_new_token_in_time(jwt):
    """MQTT 5, 4.12.1: the client re-authenticates; its method is that of RFC 7628."""

    def message(token):
        return f"n,,\x01auth=Bearer {token}\x01\x01".encode()

    props = [(AUTHENTICATION_METHOD, "OAUTHBEARER"), (AUTHENTICATION_DATA, message(jwt.issuers.token(seconds=5)))]
    c = client(jwt, props=props)
    other = client(jwt, props=props)
    c.send(auth_packet(0x19, "OAUTHBEARER", message(jwt.issuers.token(seconds=600))))
    assert c.expect(AUTH).reason == 0
    assert other.expect(DISCONNECT).reason == NOT_AUTHORIZED, "its token was not renewed"
    c.ping()
    c.send(auth_packet(0x19, "OAUTHBEARER", message(jwt.issuers.token(sub="bob"))))
    assert c.expect(DISCONNECT).reason == NOT_AUTHORIZED
    props = [(AUTHENTICATION_METHOD, "OAUTHBEARER"), (AUTHENTICATION_DATA, message(jwt.issuers.token(seconds=-1)))]
    client(jwt, props=props, expect=NOT_AUTHORIZED)


def test_client_id_of_ones_own(kafka, tmp_path):
    issuers = Issuers(tmp_path)
    own = """\
    options: {authorization: {authn_jwt: {credentials: {connect: {username: "Bearer {credentials}"}}}}}
    routes:
      - guarded: {authn_jwt: []}
        when:
          - session: [{client-id: "${{guarded['authn_jwt'].identity}}-*"}]
            publish: [{topic: "#"}]
            subscribe: [{topic: "#"}]
        exit: north_mqtt_kafka_mapping
"""
    with start_example(kafka, edit=guarded(issuers.guard(), own), folder=tmp_path) as weft:
        bearer(weft, issuers.token(sub="anna"), client_id="anna-1")
        bearer(weft, issuers.token(sub="anna"), client_id="bob-1", expect=NOT_AUTHORIZED)
        bearer(weft, issuers.token(sub="*"), client_id="bob-1", expect=NOT_AUTHORIZED)


class KeyServer:
    """Publishes a key set by http or https; the test changes it."""

    def __init__(self, keys, tls=None):
        self.keys, self.asked, self.fail = keys, 0, False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                outer.path = self.path
                body = json.dumps({"keys": outer.keys}).encode()
                self.send_response(503 if outer.fail else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def remote_guard(more):
    return f"  authn_jwt:\n    type: jwt\n    options: {{audience: '{Issuer.audience}', {more}}}\n"


DIRECT = {"no_proxy": "127.0.0.1,localhost"}
BEARER = server("authn_jwt", "username", "Bearer {credentials}")


def test_keys_from_a_url_are_read_again(kafka, tmp_path):
    first, second = Issuer(tmp_path, kid="one"), Issuer(tmp_path, kid="two")
    with KeyServer([first.jwk()]) as keys:
        guard = remote_guard(f"keys: 'http://127.0.0.1:{keys.port}/keys'")
        with start_example(kafka, edit=guarded(guard, BEARER), folder=tmp_path, env=DIRECT) as weft:
            assert "the keys come over plain http" in weft.output
            bearer(weft, first.token())
            keys.keys = [second.jwk()]

            def accepted():
                c = Raw(weft.port)
                c.send(connect_packet("rotated", user=f"Bearer {second.token()}"))
                return c.expect(CONNACK).reason == 0

            until(accepted, why=lambda: f"asked {keys.asked} times")
            bearer(weft, first.token(), expect=BAD_CREDENTIALS)
            asked = keys.asked
            for _ in range(20):
                bearer(weft, second.token(header={"kid": "none"}), expect=BAD_CREDENTIALS)
            assert keys.asked <= asked + 1, "not as often as anybody likes"


def test_keys_by_https_and_who_comes_before_them(kafka, tmp_path):
    ca = Authority(tmp_path / "ca")
    pem = ca.issue("localhost", dns=["localhost"])
    issuer = Issuer(tmp_path)
    with KeyServer([issuer.jwk()], tls=pem) as keys:
        keys.fail = True
        issuer.issuer = f"https://localhost:{keys.port}"
        guard = remote_guard(f"issuer: '{issuer.issuer}', trust: ca/ca.crt")
        with start_example(kafka, edit=guarded(guard, BEARER), folder=tmp_path, env=DIRECT) as weft:
            weft.process.wait_line(r"cannot read the keys from https://localhost:\d+/.well-known/jwks.json: .*503")
            keys.fail = False

            def accepted():
                c = Raw(weft.port)
                c.send(connect_packet("early", user=f"Bearer {issuer.token()}"))
                return c.expect(CONNACK).reason == 0

            until(accepted)
            assert keys.path == "/.well-known/jwks.json"
        other = Authority(tmp_path / "other")
        guard = remote_guard(f"issuer: '{issuer.issuer}', trust: {other.file}")
        with start_example(kafka, edit=guarded(guard, BEARER), folder=tmp_path, env=DIRECT) as weft:
            weft.process.wait_line(r"cannot read the keys from .*certificate")
            refused = bearer(weft, issuer.token(), expect=BAD_CREDENTIALS)
            assert refused.connack.prop(REASON_STRING) == "The keys could not be read."


def test_keys_from_a_file_are_renewed(kafka, tmp_path):
    first, second = Issuer(tmp_path, kid="one"), Issuer(tmp_path, "ES256", kid="two")
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [first.jwk()]}))
    with start_example(kafka, edit=guarded(remote_guard("keys: keys.json"), BEARER), folder=tmp_path) as weft:
        c = bearer(weft, first.token())
        since = weft.process.mark()
        replace(file, json.dumps({"keys": [second.jwk()]}).encode())
        weft.wait_event("ENGINE_CONFIG_RELOADED", since=since)
        bearer(weft, second.token())
        bearer(weft, first.token(), expect=BAD_CREDENTIALS)
        c.ping()
        replace(file, b"{}")
        done = weft.cli("reload")
        assert done.code != 0 and "guards.authn_jwt.options.keys: keys.json: it has no list 'keys'" in done.err + done.out


def test_published_configuration(kafka, tmp_path):
    """The published composition of TLS, JWT and several ports in one file; without its WebSocket part."""
    ca = Authority(tmp_path / "tls")
    ca.issue("localhost", dns=["localhost"])
    ca.p12("localhost")
    issuer = Issuer(tmp_path, kid="example")
    topics, plain, secure = Topics().create(kafka), free_port(), free_port()
    text = f"""
name: iot
vaults:
  my_servers: {{type: filesystem, options: {{keys: {{store: tls/localhost.p12, type: pkcs12, password: "${{{{env.KEYSTORE_PASSWORD}}}}"}}}}}}
guards:
  authn_jwt: {{type: jwt, options: {{issuer: https://auth.example.com, audience: https://api.example.com, keys: [{json.dumps(issuer.jwk())}]}}}}
bindings:
  tcp0: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: [{plain}, {secure}]}}, routes: [{{when: [{{port: {plain}}}], exit: mqtt0}}, {{when: [{{port: {secure}}}], exit: tls0}}]}}
  tls0: {{type: tls, kind: server, vault: my_servers, options: {{keys: [localhost], sni: [localhost]}}, exit: mqtt0}}
  mqtt0:
    type: mqtt
    kind: server
    options: {{authorization: {{authn_jwt: {{credentials: {{connect: {{username: "Bearer {{credentials}}"}}}}}}}}}}
    routes:
      - guarded: {{authn_jwt: ["mqtt:stream"]}}
        when: [{{session: [{{client-id: "*"}}]}}, {{publish: [{{topic: "device/{{id}}/#", params: {{id: "${{guarded['authn_jwt'].identity}}"}}}}]}}, {{subscribe: [{{topic: "device/{{id}}/#", params: {{id: "${{guarded['authn_jwt'].identity}}"}}}}]}}]
        exit: mqtt_kafka0
  mqtt_kafka0: {{type: mqtt-kafka, kind: proxy, options: {{topics: {{sessions: {topics.sessions}, messages: {topics.messages}, retained: {topics.retained}}}}}, exit: cache0}}
  cache0: {{type: kafka, kind: cache_client, exit: cache1}}
  cache1: {{type: kafka, kind: cache_server, options: {{bootstrap: [{topics.messages}, {topics.retained}]}}, exit: kafka0}}
  kafka0: {{type: kafka, kind: client, options: {{servers: ["{kafka.address}"]}}, exit: tcp1}}
  tcp1: {{type: tcp, kind: client}}
telemetry: {{exporters: {{stdout_logs_exporter: {{type: stdout}}}}}}
"""
    with Weft(text, port=plain, env={"KEYSTORE_PASSWORD": PASSWORD}, folder=tmp_path) as weft:
        weft.wait_ready()
        who = ["-u", f"Bearer {issuer.token('lamp')}"]
        tls = ["-h", "localhost", "--cafile", str(ca.file)]
        with mosquitto_sub(secure, *tls, *who, "-t", "device/lamp/#", "-q", "1", "-v") as sub:
            mosquitto_pub(plain, *who, "-t", "device/lamp/x", "-m", "plain", "-q", "1")
            sub.wait_line(r"^device/lamp/x plain$")
            mosquitto_pub(secure, *tls, *who, "-t", "device/lamp/x", "-m", "secure", "-q", "1", version="mqttv311")
            sub.wait_line(r"^device/lamp/x secure$")
        weft.process.wait_line(r"Session authorization \(lamp\) was successful")


ECHO = BUILD / "examples"


def web(port, guard):
    return f"""
name: test
guards:
{guard}
bindings:
  tcp0: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {port}}}, exit: http0}}
  http0:
    type: http
    kind: server
    options:
      authorization:
        authn_jwt:
          credentials:
            headers: {{authorization: "Bearer {{credentials}}"}}
            query: {{access_token: "{{credentials}}"}}
            cookies: {{session: "{{credentials}}"}}
    routes:
      - guarded: {{authn_jwt: [admin]}}
        when: [{{headers: {{":path": "/admin*"}}}}]
        exit: echo0
      - guarded: {{authn_jwt: []}}
        when: [{{headers: {{":path": "/mqtt*"}}}}]
        exit: echo0
  echo0: {{type: echo, kind: server}}
"""


def test_http(tmp_path):
    """Behind it is an exit that does not speak http: who is let through gets 502."""
    port, issuers = free_port(), Issuers(tmp_path)
    with Weft(web(port, issuers.guard()), port=port, folder=tmp_path, args=["--plugins", ECHO]) as weft:
        weft.wait_listening()

        def get(path, **headers):
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            c.request("GET", path, headers=headers)
            answer = c.getresponse()
            answer.read()
            return answer

        good, bad = issuers.token(), issuers.token(seconds=-1)
        assert get("/mqtt").status == 401
        assert get("/mqtt").headers["www-authenticate"] == "Bearer"
        assert get("/mqtt", authorization=f"Bearer {bad}").status == 403
        assert get("/mqtt", authorization=f"Bearer {good}").status == 502
        assert get(f"/mqtt?access_token={good}").status == 502
        assert get("/mqtt", cookie=f"a=b; session={good}").status == 502
        assert get("/admin", authorization=f"Bearer {good}").status == 403
        assert get("/admin", authorization=f"Bearer {issuers.token(scope=['admin'])}").status == 502
        assert get("/elsewhere", authorization=f"Bearer {good}").status == 404


OPEN = "without a guard, whoever can reach it may use"


@pytest.mark.parametrize("host, warned", [("0.0.0.0", True), ("127.0.0.1", False), ("::1", False)])
def test_an_open_door_is_told(tmp_path, host, warned):
    port = free_port()
    text = f"""
name: test
bindings:
  tcp0: {{type: tcp, kind: server, options: {{host: "{host}", port: {port}}}, exit: echo0}}
  echo0: {{type: echo, kind: server}}
"""
    with Weft(text, port=port, folder=tmp_path, args=["--plugins", ECHO], workers=2) as weft:
        weft.wait_listening()
        assert weft.stop() == 0
        assert weft.output.count(OPEN) == int(warned)
        assert (f"{OPEN} {host}:{port} (test:tcp0)" in weft.output) == warned


def test_a_guarded_door_is_not_told(kafka, tmp_path):
    passwords(tmp_path, anna="secret", boss="x")
    edit = guarded(USERS, server("people", "password", "{credentials}"))

    def everywhere(text):
        return edit(text).replace("host: 127.0.0.1", "host: 0.0.0.0")

    with start_example(kafka, edit=everywhere, folder=tmp_path) as weft:
        assert OPEN not in weft.output


def test_who_is_believed_is_warned_of(tmp_path):
    port = free_port()
    guard = "  authn_jwt: {type: identity}\n"
    with Weft(web(port, guard), port=port, folder=tmp_path, args=["--plugins", ECHO]) as weft:
        weft.wait_listening()
        weft.process.wait_line("guard test:authn_jwt: believes everybody")
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        c.request("GET", "/mqtt", headers={"authorization": "Bearer anybody"})
        assert c.getresponse().status == 502
