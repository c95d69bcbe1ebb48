"""Client certificates as who a client is: tls asks the guard x509, and mqtt goes by what it says. No passwords anywhere."""

import re
import shutil
import ssl
import uuid

import pytest
from support.certificates import Authority
from support.clients import mosquitto_pub, mosquitto_sub
from support.mqtt_raw import DISCONNECT, REASON_STRING, Closed, Raw
from support.process import run
from support.weft import WEFT, start_example

NOT_AUTHORIZED = 0x87
GUARD = """\
guards:
  devices:
    type: x509
    options:
      identity: subject.cn
      attributes: {site: subject.o}
      roles:
        device: [{subject.ou: devices, subject.o: "*"}, {san.dns: "*.devices.example"}]
        operator: [{san.uri: "urn:example:OPERATOR:?*"}]
"""
VAULT = """\
vaults:
  my_servers:
    type: filesystem
    options: {keys: {store: localhost.pem, type: pem}, trust: {store: ca.crt, type: pem}}
"""
TLS = """\
  north_tls_server:
    type: tls
    kind: server
    vault: my_servers
    options:
      keys: [localhost]
      trust: [Test ca]
      mutual: %s
      authorization: {devices: {credentials: {certificates: pem}}}
    exit: north_mqtt_server
"""
OWN = """[{topic: "device/{id}/#", params: {id: "${guarded['devices'].identity}"}}, {topic: "site/{s}", params: {s: "${guarded['devices'].attributes.site}"}}]"""
ROUTES = f"""\
    routes:
      - guarded: {{devices: [operator]}}
        exit: north_mqtt_kafka_mapping
      - guarded: {{devices: [device]}}
        when:
          - session: [{{client-id: "${{guarded['devices'].identity}}-*"}}]
            publish: {OWN}
            subscribe: {OWN}
        exit: north_mqtt_kafka_mapping
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    ca = Authority(tmp_path_factory.mktemp("x509"))
    ca.issue("localhost", dns=["localhost"])
    ca.issue("d1", subject="/O=north/OU=devices/CN=d1")
    ca.issue("d2", subject="/O=south/OU=Devices/CN=d2")
    ca.issue("d3", dns=["elsewhere.example", "d3.devices.example"])
    ca.issue("boss", uri=["urn:x:y", "urn:example:operator:7"])
    ca.issue("guest", subject="/O=north/OU=guests/CN=guest")
    ca.issue("nameless", subject="/O=north/OU=devices")
    return ca


def start(kafka, authority, folder, mutual="required", guard=GUARD):
    shutil.copytree(authority.folder, folder, dirs_exist_ok=True)

    def edit(text):
        mqtt = "    type: mqtt\n    kind: server\n    exit: north_mqtt_kafka_mapping\n"
        assert mqtt in text and text.count("exit: north_mqtt_server") == 1
        text = text.replace("exit: north_mqtt_server", "exit: north_tls_server").replace(mqtt, f"    type: mqtt\n    kind: server\n{ROUTES}")
        return text.replace("bindings:\n", f"{VAULT}{guard}bindings:\n{TLS % mutual}", 1)

    return start_example(kafka, edit=edit, folder=folder, workers=2)


@pytest.fixture(scope="module")
def weft(kafka, authority, tmp_path_factory):
    with start(kafka, authority, tmp_path_factory.mktemp("weft")) as weft:
        yield weft


def context(authority, name=None):
    c = ssl.create_default_context(cafile=authority.file)
    if name:
        c.load_cert_chain(authority.folder / f"{name}.pem")
    return c


def dial(weft, authority, name, version=5, **more):
    c = Raw(weft.port, version)
    tls = more.pop("context", None) or context(authority, name)
    c.socket = tls.wrap_socket(c.socket, server_hostname="localhost", **more)
    return c


def client(weft, authority, name, *, client_id=None, version=5, expect=0, **more):
    c = dial(weft, authority, name, version, **more)
    return c.connect(client_id or f"{name}-{uuid.uuid4().hex[:6]}", expect=expect)


@pytest.mark.key
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_a_certificate_is_enough(weft, authority, version):
    files = {n: ["-h", "localhost", "--cafile", authority.file, "--cert", authority.folder / f"{n}.crt", "--key", authority.folder / f"{n}.key"]
             for n in ("d1", "boss")}  # fmt: skip
    with mosquitto_sub(weft.port, *map(str, files["boss"]), "-t", "device/#", "-q", "1", "-v", version=version) as sub:
        since = weft.process.mark()
        mosquitto_pub(weft.port, *map(str, files["d1"]), "-i", "d1-x", "-t", "device/d1/x", "-m", version, "-q", "1", version=version)
        sub.wait_line(rf"^device/d1/x {version}$")
        weft.process.wait_line(r"BINDING_MQTT_CLIENT_CONNECTED Session authorization \(d1\) was successful for client id \(d1-x\)\.", since=since)


@pytest.mark.key
def test_topics_and_client_ids_of_ones_own(weft, authority):
    c = client(weft, authority, "d1")
    assert c.subscribe("device/d1/#", "device/d2/#", "site/north", "site/south", "#") == [1, NOT_AUTHORIZED, 1, NOT_AUTHORIZED, NOT_AUTHORIZED]
    other = client(weft, authority, "d2")
    assert other.publish("device/d1/x", "of d2").reason == NOT_AUTHORIZED
    assert other.publish("device/d2/x", "of d2", packet_id=2).reason in (0, 0x10)
    assert client(weft, authority, "d1").publish("device/d1/x", "of d1").reason in (0, 0x10)
    assert c.packet().payload == b"of d1"
    client(weft, authority, "d2", client_id="d1-1", expect=NOT_AUTHORIZED)


def test_roles_by_an_alternative_name(weft, authority):
    assert client(weft, authority, "boss", client_id="whatever").subscribe("#") == [1]
    assert client(weft, authority, "d3").subscribe("device/d3/#", "#") == [1, NOT_AUTHORIZED]


@pytest.mark.key
def test_a_certificate_without_a_role(weft, authority):
    client(weft, authority, "guest", expect=NOT_AUTHORIZED).expect_closed()
    client(weft, authority, "guest", version=4, expect=5).expect_closed()


def test_a_certificate_without_the_field(weft, authority):
    since = weft.process.mark()
    with pytest.raises((Closed, ssl.SSLError, ConnectionError)):
        client(weft, authority, "nameless")
    line = weft.wait_event("BINDING_TLS_PEER_NOT_AUTHORIZED", since=since)
    assert "The certificate has no subject.cn." in line, line


def test_without_a_certificate(kafka, authority, tmp_path):
    """`requested`: who shows none is anonymous."""
    with start(kafka, authority, tmp_path, mutual="requested") as weft:
        client(weft, authority, None, expect=NOT_AUTHORIZED).expect_closed()
        client(weft, authority, "d1")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_comes_again_is_the_same_client(weft, authority, version):
    """With whatever session it was given before."""
    tls = context(authority, "d1")
    tls.minimum_version = tls.maximum_version = version
    first = client(weft, authority, "d1", context=tls)
    first.ping()
    again = client(weft, authority, "d1", context=tls, session=first.socket.session)
    assert again.socket.session_reused
    assert again.subscribe("device/d1/#", "device/d2/#") == [1, NOT_AUTHORIZED]


@pytest.mark.key
def test_the_end_of_a_certificate_ends_its_connection(weft, authority):
    authority.issue("short", dns=["short.devices.example"], seconds=6)
    tls = context(authority, "short")
    new, old = (client(weft, authority, "short", version=v, context=tls) for v in (5, 4))
    lasting = client(weft, authority, "d1")
    gone = new.expect(DISCONNECT)
    assert gone.reason == NOT_AUTHORIZED and gone.prop(REASON_STRING) == "the authorization has expired"
    new.expect_closed()
    old.expect_closed()
    lasting.ping()


@pytest.mark.key
def test_a_reload_changes_roles(kafka, authority, tmp_path):
    with start(kafka, authority, tmp_path) as weft:
        before = client(weft, authority, "guest", expect=NOT_AUTHORIZED)
        before.expect_closed()
        lives_on = client(weft, authority, "d1")
        text = weft.config.read_text()
        weft.config.write_text(text.replace("subject.ou: devices", "subject.ou: guests"))
        done = weft.cli("reload")
        assert done.code == 0, done.err
        guest = client(weft, authority, "guest")
        assert guest.publish("device/guest/x", "1").reason in (0, 0x10)
        client(weft, authority, "d1", expect=NOT_AUTHORIZED)
        assert lives_on.publish("device/d1/x", "1").reason in (0, 0x10), "with what it was let in with"
        weft.config.write_text(text.replace("subject.ou: devices", "subject.unit: devices"))
        done = weft.cli("reload")
        assert done.code != 0 and "'subject.unit' is not allowed" in done.err + done.out
        client(weft, authority, "guest")


def test_a_field_that_is_none(tmp_path):
    config = tmp_path / "zilla.yaml"
    config.write_text("name: test\n" + GUARD.replace("san.uri", "san.url"))
    done = run([WEFT, "check", "-c", config])
    said = done.err + done.out
    assert done.code == 1 and "guards.devices.options.roles.operator[0].san.url: key: 'san.url' is not allowed, did you mean 'san.uri'?" in said, said
    assert re.search(r"allowed: subject\.dn, subject\.cn, .*san\.uri, san\.ip, serial, fingerprint\.sha256, ", said), said
