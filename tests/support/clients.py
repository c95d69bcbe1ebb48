"""Independent MQTT clients: paho-mqtt in this process, mosquitto_pub and mosquitto_sub as programs."""

import contextlib
import queue
import uuid

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from support import transport
from support.process import Process, run

V311, V5 = paho.MQTTv311, paho.MQTTv5
TIMEOUT = 60


def publish_properties(**values):
    props = Properties(PacketTypes.PUBLISH)
    for name, value in values.items():
        setattr(props, name, value)
    return props


class Paho(paho.Client):
    """paho 2.1 forgets while it tries to reconnect for the second time that a publish has been received (PUBREC), and sends
    PUBLISH instead of PUBREL: another message to any server. MQTT 5, 4.4 wants PUBREL."""

    def _messages_reconnect_reset_out(self):
        with self._out_message_mutex:
            received = [m for m in self._out_messages.values() if m.state == paho.mqtt_ms_resend_pubrel]
            super()._messages_reconnect_reset_out()
            for message in received:
                message.state = paho.mqtt_ms_resend_pubrel


class Client:
    """paho with every step awaited: connected, subscribed, published mean that the answer came."""

    def __init__(self, port, client_id=None, version=V5, *, properties=None, keep_alive=60, clean=True,
                 manual_ack=False, connect=True, web=transport.WEB, ca=None):  # fmt: skip
        self.messages, self.events = queue.Queue(), queue.Queue()
        self.disconnects = []
        options = {} if version == V5 else {"clean_session": clean}
        self.paho = Paho(
            CallbackAPIVersion.VERSION2, client_id or f"test-{uuid.uuid4().hex[:12]}",
            protocol=version, manual_ack=manual_ack, transport="websockets" if web else "tcp", **options,
        )  # fmt: skip
        ca = ca or (transport.certificates().file if transport.SECURE else None)
        if ca:
            self.paho.tls_set(ca_certs=str(ca))
        self.client_id = self.paho._client_id.decode()
        self.paho.on_connect = lambda c, u, flags, code, props: self.events.put(("connect", code, props))
        self.paho.on_subscribe = lambda c, u, mid, codes, props: self.events.put(("subscribe", mid, codes))
        self.paho.on_unsubscribe = lambda c, u, mid, codes, props: self.events.put(("unsubscribe", mid, codes))
        self.paho.on_message = lambda c, u, message: self.messages.put(message)
        self.paho.on_disconnect = self._on_disconnect
        more = {"clean_start": clean, "properties": properties} if version == V5 else {}
        self.paho.connect("localhost" if ca else "127.0.0.1", port, keep_alive, **more)
        self.paho.loop_start()
        self.connack = None
        if connect:
            kind, code, props = self.events.get(timeout=TIMEOUT)
            assert kind == "connect" and not code.is_failure, f"CONNACK: {code}"
            self.connack = props

    def _on_disconnect(self, client, userdata, flags, code, props):
        self.disconnects.append(code)
        self.events.put(("disconnect", code, props))

    def subscribe(self, filter, qos=1, **options):
        """Returns the reason codes of the SUBACK as numbers."""
        if options.get("options") or not isinstance(filter, str):
            qos = 0  # paho wants it inside the options alone
        code, mid = self.paho.subscribe(filter, qos, **options)
        assert code == paho.MQTT_ERR_SUCCESS
        kind, got, codes = self.events.get(timeout=TIMEOUT)
        assert (kind, got) == ("subscribe", mid), f"expected the SUBACK {mid}, got {kind} {got}"
        return [c.value for c in codes]

    def unsubscribe(self, filter):
        _, mid = self.paho.unsubscribe(filter)
        kind, got, codes = self.events.get(timeout=TIMEOUT)
        assert (kind, got) == ("unsubscribe", mid)
        return [c.value for c in codes] if isinstance(codes, list) else codes

    def publish(self, topic, payload=b"", qos=1, retain=False, properties=None):
        """Waits for the PUBACK at QoS 1."""
        info = self.paho.publish(topic, payload, qos, retain, properties)
        info.wait_for_publish(TIMEOUT)
        assert info.is_published(), f"no PUBACK for {topic}"

    def publish_later(self, topic, payload=b"", qos=1, **options):
        """Does not wait; paho's MQTTMessageInfo."""
        return self.paho.publish(topic, payload, qos, **options)

    def receive(self, timeout=TIMEOUT):
        try:
            return self.messages.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"{self.client_id}: no message within {timeout} s") from None

    def receive_many(self, count, timeout=TIMEOUT):
        return [self.receive(timeout) for _ in range(count)]

    def close(self):
        self.paho.disconnect()
        # paho's thread forgets itself at its end, also while loop_stop looks at it.
        with contextlib.suppress(AttributeError):
            self.paho.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def server_options(port):
    if transport.WEB:
        pytest.skip("mosquitto's clients speak no WebSocket")
    tls = ["--cafile", transport.certificates().file] if transport.SECURE else []
    return ["-h", "localhost" if tls else "127.0.0.1", "-p", port, *tls]


def mosquitto_sub(port, *args, version="mqttv5"):
    """A running mosquitto_sub that has got its SUBACK."""
    process = Process(["stdbuf", "-oL", "mosquitto_sub", *server_options(port), "-V", version, "-d", *args])
    process.wait_line(r"Subscribed \(mid")
    return process


def mosquitto_pub(port, *args, version="mqttv5", input=None):
    done = run(["mosquitto_pub", *server_options(port), "-V", version, *args], input=input)
    assert done.code == 0, f"mosquitto_pub {args}: {done.out}{done.err}"
    return done
