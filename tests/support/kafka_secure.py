"""A Kafka with TLS and SASL: one broker with a listener for each way to be let in, or not; and weft before it."""

import json
import sys
import time
from pathlib import Path

from support.certificates import Authority
from support.kafka import ROOT, PrivateKafka
from support.ports import free_port
from support.tokens import Issuer

sys.path.insert(0, str(ROOT / "dev.d"))
from kafka_admin import Admin, array, string  # noqa: E402

INCREMENTAL_ALTER_CONFIGS = 44
PLAIN_USERS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_weft="{}";'
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
BEARER_MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
VALIDATOR = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
# What no log line, event or answer may have in it.
PASSWORD = "pw-9f1c-never-shown"


class SecureKafka(PrivateKafka):
    """Its plain listener is the test's own. The others, by name, are at `listener(NAME)`:
    sasl: TLS and all mechanisms; only_plain: TLS and PLAIN, for 1.5 s; mutual: TLS with client certificates; foreign, expired,
    misnamed: TLS with such a certificate. Their certificates are in `folder`, those of foreign by another CA.
    """

    NAMES = ("sasl", "only_plain", "mutual", "foreign", "expired", "misnamed")

    def __init__(self, folder):
        self.pki = Path(folder)
        self.ca, self.other = Authority(folder, "ca"), Authority(folder, "other")
        here = {"dns": ["localhost"], "ip": ["127.0.0.1"]}
        self.ca.issue("broker", **here)
        self.other.issue("foreign", **here)
        self.ca.issue("expired", expired=True, **here)
        self.ca.issue("misnamed", dns=["other.example"], ip=["127.0.0.1"])
        self.ca.issue("client")
        self.other.issue("stranger")
        self.issuer = Issuer(folder)
        (self.pki / "jwks.json").write_text(json.dumps({"keys": [self.issuer.jwk()]}))
        first = free_port(len(self.NAMES))
        self.ports = {name: first + n for n, name in enumerate(self.NAMES)}
        super().__init__(extra=self._properties())
        self.set_password("weft", PASSWORD)

    def _properties(self):
        own = [f"{n.upper()}://127.0.0.1:{p}" for n, p in self.ports.items()]
        told = [f"{n.upper()}://localhost:{p}" for n, p in self.ports.items()]
        kinds = [f"{n.upper()}:{'SASL_SSL' if n in ('sasl', 'only_plain') else 'SSL'}" for n in self.NAMES]
        lines = [
            "listeners=" + ",".join(["PLAINTEXT://127.0.0.1:{port}", "CONTROLLER://127.0.0.1:{controller}", *own]),
            "advertised.listeners=" + ",".join(["PLAINTEXT://127.0.0.1:{port}", *told]),
            "listener.security.protocol.map=" + ",".join(["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT", *kinds]),
            "inter.broker.listener.name=PLAINTEXT",
            "sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
            "listener.name.only_plain.sasl.enabled.mechanisms=PLAIN",
            f"sasl.oauthbearer.jwks.endpoint.url=file://{self.pki}/jwks.json",
            f"sasl.oauthbearer.expected.issuer={Issuer.issuer}",
            f"sasl.oauthbearer.expected.audience={Issuer.audience}",
            f"listener.name.sasl.oauthbearer.sasl.jaas.config={BEARER_MODULE}",
            f"listener.name.sasl.oauthbearer.sasl.server.callback.handler.class={VALIDATOR}",
            f"listener.name.sasl.scram-sha-256.sasl.jaas.config={SCRAM_MODULE}",
            f"listener.name.sasl.scram-sha-512.sasl.jaas.config={SCRAM_MODULE}",
            f"listener.name.sasl.plain.sasl.jaas.config={PLAIN_USERS.format(PASSWORD)}",
            f"listener.name.only_plain.plain.sasl.jaas.config={PLAIN_USERS.format(PASSWORD)}",
            # Whoever is let in there has to come again soon (KIP-368).
            "listener.name.only_plain.plain.connections.max.reauth.ms=1500",
            "listener.name.mutual.ssl.client.auth=required",
            "listener.name.mutual.ssl.truststore.type=PEM",
            f"listener.name.mutual.ssl.truststore.location={self.ca.file}",
        ]
        for name in self.NAMES:
            store = name if name in ("foreign", "expired", "misnamed") else "broker"
            lines += [
                f"listener.name.{name}.ssl.keystore.type=PEM",
                f"listener.name.{name}.ssl.keystore.location={self.pki / store}.pem",
            ]
        return "\n".join(["", *lines, ""])

    def listener(self, name, host="localhost"):
        return f"{host}:{self.ports[name]}"

    def set_password(self, user, password):
        """A SCRAM user, while it runs."""
        with Admin(self.address) as admin:
            admin.set_password(user, password)

    def renew(self, name):
        """The listener takes up a new certificate of the same name, without a restart."""
        self.ca.issue(name, dns=["localhost"], ip=["127.0.0.1"])
        key = f"listener.name.{name}.ssl.keystore.location"
        config = string(key) + b"\0" + string(f"{self.pki / name}.pem")
        with Admin(self.address) as admin:
            answer = admin.request(INCREMENTAL_ALTER_CONFIGS, 0, array([b"\x04" + string("1") + array([config])]) + b"\0")
        answer.take("i")
        results = answer.array(lambda: (answer.take("h"), answer.string(), answer.take("b"), answer.string()))
        assert [r[0] for r in results] == [0], results

    def token(self, sub="weft", seconds=600, **claims):
        now = int(time.time())
        return self.issuer.token(sub, **{"iat": now - 10 - max(0, -seconds), "exp": now + seconds, **claims})


def secure_client(credentials=None, *, guard=None, inline=None, keys=None, trust="ca", tls=True):
    """An edit of the example: its kafka client with `credentials` (name: value), in `sasl` or, with `guard`, in
    `authorization`, through a tls client that trusts `trust` and shows `keys`. `inline`: options of that guard."""

    def edit(text):
        out = ""
        if credentials:
            indent = "      "
            out += f"{indent}sasl:\n" if not guard else f"{indent}authorization:\n        {guard}:\n          credentials:\n"
            for name, value in credentials.items():
                out += f"{indent}{'      ' if guard else '  '}{name}: {value}\n"
        exit = "    exit: south_tcp_client\n"
        to_tls = "    exit: south_tls_client\n  south_tls_client:\n    type: tls\n    kind: client\n    vault: my_vault\n" + exit
        text = text.replace(exit, out + (to_tls if tls else exit))
        head = ""
        if tls:
            head += "vaults:\n  my_vault:\n    type: filesystem\n    options:\n"
            head += f"      trust: {{store: {trust}.crt, type: pem}}\n"
            if keys:
                head += f"      keys: {{store: {keys}.pem, type: pem}}\n"
        if guard:
            shown = "".join(f"      {k}: {v}\n" for k, v in (inline or {}).items())
            head += f"guards:\n  {guard}:\n    type: inline\n" + (f"    options:\n{shown}" if shown else "")
        return text.replace("bindings:\n", head + "bindings:\n", 1)

    return edit
