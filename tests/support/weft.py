"""Runs the `weft` under test with the example's configuration on free ports and topics of its own."""

import os
import re
import shutil
import signal
import tempfile
import uuid
from pathlib import Path

from support import transport
from support.ports import free_port
from support.process import Process, run

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEFT_BUILD_DIR", ROOT / "build" / "release"))
WEFT = BUILD / "bin" / "weft"
# Sanitizer builds keep unloaded plugins mapped, and their memory says nothing about ours.
SANITIZED = BUILD.name in ("asan", "tsan")
EXAMPLE = ROOT / "examples" / "mqtt.kafka.proxy" / "zilla.yaml"


class Topics:
    """Names of the four Kafka topics of the example, unique to one test."""

    def __init__(self):
        mark = uuid.uuid4().hex[:8]
        self.sessions, self.retained = f"sessions-{mark}", f"retained-{mark}"
        self.messages, self.devices = f"messages-{mark}", f"devices-{mark}"

    def create(self, kafka, partitions=3):
        kafka.create(
            {
                self.sessions: (partitions, True),
                self.retained: (partitions, True),
                self.messages: (partitions, False),
                self.devices: (partitions, False),
            }
        )
        return self


def example_config(port, topics):
    """The example with its port and topics replaced, nothing else."""
    text = EXAMPLE.read_text().replace("7183", str(port)).replace("host: 0.0.0.0", "host: 127.0.0.1")
    for role in ("sessions", "retained", "messages", "devices"):
        text = text.replace(f"mqtt-{role}", getattr(topics, role))
    return text


class Weft:
    """A running `weft start`. Use it as a context manager, or call close()."""

    def __init__(self, config, *, port=None, env=None, workers=1, any_workers=True, properties=(), args=(), folder=None):
        self.own_folder = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="weft-test-"))
        self.port = port
        self.config = self.folder / f"zilla-{uuid.uuid4().hex[:6]}.yaml"
        self.config.write_text(transport.through(config))
        self.directory = self.folder / "engine"
        self.properties = [f"zilla.engine.directory={self.directory}", *properties]
        self.env = {**os.environ, **(env or {})}
        # All tests once more on another number of workers than they ask for, but for those of `any_workers=False`.
        self.workers = (any_workers and os.environ.get("WEFT_TEST_WORKERS")) or workers
        self.args = args
        self.process = None
        self.start()

    def start(self):
        args = [WEFT, "start", "-c", self.config, "-w", str(self.workers), *self.args]
        for item in self.properties:
            args += ["-P", item]
        self.process = Process(args, env=self.env, cwd=self.folder)
        return self

    def cli(self, command, *args, timeout=120):
        """Another weft command on this instance's engine directory."""
        return run([WEFT, command, *args, "-P", f"zilla.engine.directory={self.directory}"],
                   env=self.env, cwd=self.folder, timeout=timeout)  # fmt: skip

    def wait_ready(self, timeout=90):
        """Until every binding is attached and Kafka was reached; or tells what it printed."""
        done = self.cli("status", "--wait-ready", "--timeout", str(timeout), timeout=timeout + 30)
        assert done.code == 0, f"not ready: {done.out}{done.err}\n{self.process.output}"
        return self

    def wait_listening(self, timeout=60):
        """Until all bindings are attached; Kafka may still be missing."""
        done = self.cli("status", "--wait-listening", "--timeout", str(timeout), timeout=timeout + 30)
        assert done.code == 0, f"not listening: {done.out}{done.err}\n{self.process.output}"
        return self

    def wait_event(self, name, *, timeout=60, since=0):
        """A line of the stdout exporter with this event name."""
        return self.process.wait_line(rf"\] {re.escape(name)} ", timeout=timeout, since=since)

    @property
    def output(self):
        return self.process.output

    def memory_kib(self):
        for line in Path(f"/proc/{self.process.child.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def stop(self, timeout=60):
        """SIGTERM; the exit code."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        self.process.close()

    def close(self):
        if self.process.running():
            self.process.signal(signal.SIGTERM)
            try:
                code = self.process.wait(60)
                assert code == 0, f"weft ended with {code}:\n{self.process.output[-8000:]}"
            finally:
                self.process.close()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(f"--- weft said:\n{self.process.output[-8000:]}")
        self.close()


def start_example(kafka, topics=None, *, ready=True, **options):
    """The example on `kafka`, with topics of its own that are created unless given; `edit` changes the text."""
    topics = topics or Topics().create(kafka)
    port = free_port()
    env = {"KAFKA_BOOTSTRAP_SERVER": kafka.address, **options.pop("env", {})}
    config = options.pop("edit", str)(example_config(port, topics))
    weft = Weft(config, port=port, env=env, **options)
    weft.topics = topics
    if ready:
        try:
            weft.wait_ready()
        except BaseException:
            weft.kill()
            raise
    return weft
