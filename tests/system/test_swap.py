"""Every plugin of ours is replaced by another build under load: nobody notices."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support import mqtt_raw as m
from support.certificates import PASSWORD
from support.ports import free_port
from support.process import run
from support.swap import PluginFolder, mappings, replace, until
from support.weft import BUILD, ROOT, Topics, Weft, example_config
from support.ws_raw import WsSocket

PLUGINS = BUILD / "lib" / "weft" / "plugins"
LOAD = BUILD / "bench" / "weft-load"
KINDS = ["binding-tcp", "binding-mqtt", "binding-mqtt-kafka", "binding-kafka", "exporter-stdout"]
SESSIONS, RATE, NEWCOMERS = 2000, 5000, 20


class Steady:
    """The load: idle sessions, publishers, a subscriber and clients that come and go."""

    def __init__(self, port, topic, sessions=SESSIONS, rate=RATE):
        args = [LOAD, "steady", "--port", port, "--count", sessions, "--rate", rate, "--publishers", 10, "--topic", topic,
                "--newcomers", NEWCOMERS]
        self.child = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)  # fmt: skip
        line = self.child.stdout.readline()
        assert line, self.child.communicate()[1]

    def running(self):
        return self.child.poll() is None

    def finish(self):
        out, err = self.child.communicate(timeout=120)
        assert self.child.returncode == 0, err
        return json.loads(out)


@pytest.fixture
def weft(kafka, tmp_path):
    plugins = PluginFolder(tmp_path / "plugins", [PLUGINS / f"weft-{kind}.so" for kind in KINDS])
    port, topics = free_port(), Topics().create(kafka)
    with Weft(
        example_config(port, topics), port=port, workers=2, folder=tmp_path,
        env={"KAFKA_BOOTSTRAP_SERVER": kafka.address}, args=["--plugins", plugins.path, "--no-watch"],
    ) as running:  # fmt: skip
        running.plugins = plugins
        yield running.wait_ready()


def running(weft):
    """What to say when a generation does not go."""
    return lambda: weft.cli("plugins", "--running").out


def check(result):
    assert result["lost"] == 0 and result["doubled"] == 0 and result["disordered"] == 0, result
    assert result["acked"] == result["sent"] and result["refused"] == 0, result
    assert result["newcomers"] >= NEWCOMERS, result


@pytest.mark.parametrize("kind", KINDS)
def test_replaced_under_load(weft, kind):
    load = Steady(weft.port, "device/steady")
    before = mappings(weft, kind)
    assert len(before) == 1
    for _ in range(2):
        weft.plugins.rebuild(kind)
        done = weft.cli("reload")
        assert done.code == 0, done.err
        time.sleep(2)  # of load on both generations
        assert load.running(), load.finish()
    result = load.finish()
    print(kind, result)
    check(result)
    # The load is gone, and with it the last connection of the old ones.
    until(lambda: len(mappings(weft, kind)) == 1 and not before & mappings(weft, kind), timeout=30, why=running(weft))


def test_shared_streams_move_while_the_connections_stay(weft):
    """kafka's and tcp's long-lived streams belong to nobody's connection: they must not keep the old file."""
    load = Steady(weft.port, "device/steady", sessions=100)
    before = mappings(weft, "binding-kafka")
    weft.plugins.rebuild("binding-kafka")
    assert weft.cli("reload").code == 0
    until(lambda: not before & mappings(weft, "binding-kafka"), why=running(weft))
    assert load.running()
    check(load.finish())


@pytest.mark.parametrize("fault", ["truncated", "other ABI", "no symbol"])
def test_a_broken_file_under_load_changes_only_the_log(weft, fault):
    load = Steady(weft.port, "device/steady", sessions=200)
    file = weft.plugins.file("binding-mqtt")
    content = file.read_bytes()
    broken = {
        "truncated": content[: len(content) // 50],
        "no symbol": content.replace(b"weft_plugin_1", b"weft_plugin_0"),
        "other ABI": content.replace(b"weft_plugin_1", b"weft_plugin_2"),
    }[fault]
    replace(file, broken)
    done = weft.cli("reload")
    assert done.code == 1 and "weft-binding-mqtt.so" in done.err
    weft.wait_event("ENGINE_CONFIG_REJECTED")
    time.sleep(1)  # of load afterwards
    assert load.running()
    check(load.finish())


def test_fifty_reloads_of_the_whole_road_leave_nothing_behind(weft):
    """Each plugin in turn, then nothing changed: memory, descriptors, threads and mappings stay."""

    def settled():
        until(lambda: sum(len(mappings(weft, kind)) for kind in KINDS) == len(KINDS), why=running(weft))
        process, seen = Path(f"/proc/{weft.process.child.pid}"), []

        def steady():  # connections to the broker come one after the other
            seen.append(tuple(len(list((process / what).iterdir())) for what in ("fd", "task")))
            return len(seen) > 50 and len(set(seen[-50:])) == 1

        until(steady, why=lambda: f"{seen[-50:]}")
        return weft.memory_kib(), *seen[-1]

    def reload(times, change):
        for number in range(times):
            if change:
                weft.plugins.rebuild(KINDS[number % len(KINDS)])
            done = weft.cli("reload")
            assert done.code == 0, done.err

    reload(10, True)
    memory, descriptors, threads = settled()
    reload(50, True)
    reload(50, False)
    after = settled()
    assert after[0] < memory + 4096, f"{memory} KiB before, {after[0]} KiB after"
    # A connection to the broker may be on its way in or out.
    assert after[1] <= descriptors + 4 and after[2] <= threads + 2, f"{descriptors}, {threads} before, {after} after"


# ---- what stands between tcp and mqtt ----

OUTER = ["binding-ws", "binding-http", "binding-tls"]
EXAMPLE = ROOT / "examples" / "mqtt.kafka.proxy.ws"


@pytest.fixture
def web(kafka, tmp_path):
    """The example with ws and wss, from plugin files of its own."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("tls"))
    done = run(["sh", "-c", f"KEYS_PASSWORD={PASSWORD} {folder / 'certificates.sh'}"], timeout=60)
    assert done.code == 0, done.err
    files = [PLUGINS / f"weft-{kind}.so" for kind in [*KINDS, *OUTER, "vault-filesystem"]]
    plugins = PluginFolder(tmp_path / "plugins", files)
    topics, ports = Topics().create(kafka), {name: free_port() for name in ("7114", "7143", "7183")}
    text = (EXAMPLE / "zilla.yaml").read_text().replace("host: 0.0.0.0", "host: 127.0.0.1")
    text = text.replace("tls/server.p12", str(folder / "tls" / "server.p12"))
    for name, port in ports.items():
        text = text.replace(name, str(port))
    for role in ("sessions", "retained", "messages", "devices"):
        text = text.replace(f"mqtt-{role}", getattr(topics, role))
    env = {"KAFKA_BOOTSTRAP_SERVER": kafka.address, "KEYS_PASSWORD": PASSWORD}
    with Weft(text, port=ports["7183"], workers=2, folder=tmp_path, env=env, args=["--plugins", plugins.path, "--no-watch"]) as weft:
        weft.plugins, weft.ws, weft.wss = plugins, ports["7114"], ports["7143"]
        weft.trusting = ssl.create_default_context(cafile=folder / "tls" / "ca.crt")
        yield weft.wait_ready()


class Talker:
    """A client over ws or wss that receives what it publishes, message by message."""

    def __init__(self, weft, name, secure):
        raw = socket.create_connection(("127.0.0.1", weft.wss if secure else weft.ws), timeout=30)
        if secure:
            raw = weft.trusting.wrap_socket(raw, server_hostname="localhost")
        self.mqtt = m.Raw.__new__(m.Raw)
        self.mqtt.version, self.mqtt.socket = 5, WsSocket(raw)
        self.topic, self.count = f"device/{name}", 0
        self.mqtt.connect(name)
        assert self.mqtt.subscribe((self.topic, 0)) == [0]

    def talk(self):
        self.count += 1
        text = f"{self.topic} {self.count} ".encode() * (self.count % 50 + 1)
        self.mqtt.send(m.publish_packet(self.topic, text, qos=1, packet_id=self.count % 60_000 + 1))
        got = {p.kind: p for p in (self.mqtt.packet(), self.mqtt.packet())}
        assert got[m.PUBLISH].payload == text and got[m.PUBACK].reason == 0


class Talk:
    """Talkers that take turns, until they are told to stop."""

    def __init__(self, talkers):
        self.talkers, self.failure, self.over = talkers, None, threading.Event()
        self.rounds, self.round = 0, threading.Condition()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.over.is_set():
                for talker in self.talkers:
                    talker.talk()
                with self.round:
                    self.rounds += 1
                    self.round.notify_all()
        except BaseException as failure:  # told by the test's own thread
            self.failure = failure
            with self.round:
                self.round.notify_all()

    def more_rounds(self, count):
        with self.round:
            goal = self.rounds + count
            assert self.round.wait_for(lambda: self.rounds >= goal or self.failure, 120)
        assert not self.failure, repr(self.failure)

    def stop(self):
        self.over.set()
        self.thread.join()
        assert not self.failure, repr(self.failure)


@pytest.mark.parametrize("kind", OUTER)
def test_replaced_under_web_clients(web, kind):
    """Connections over ws and wss live on in the old build, new ones are the new one's."""
    talkers = [Talker(web, f"{kind}-{n}", n % 2) for n in range(10)]
    before = mappings(web, kind)
    assert len(before) == 1
    talk = Talk(talkers)
    talk.more_rounds(2)
    for number in range(2):
        web.plugins.rebuild(kind)
        done = web.cli("reload")
        assert done.code == 0, done.err
        talk.more_rounds(3)
        for secure in (0, 1):
            new = Talker(web, f"{kind}-new-{number}-{secure}", secure)
            new.talk()
            new.mqtt.disconnect()
    assert before < mappings(web, kind), "the old connections are still the old build's"
    talk.stop()
    for talker in talkers:
        talker.mqtt.disconnect()
    until(lambda: len(mappings(web, kind)) == 1 and not before & mappings(web, kind), timeout=30, why=running(web))
