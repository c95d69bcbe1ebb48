"""A Kafka for tests: the shared one of the run, or a private one that a test may stop and start."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from support.ports import free_port
from support.process import run

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "dev.d"))
from kafka_admin import Admin  # noqa: E402


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    key: str | None
    value: str | None
    headers: list  # of (name, value), in the record's order
    time_ms: int

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)


class Kafka:
    """Topics, records and kcat for the broker at `address`."""

    def __init__(self, address):
        self.address = address

    def create(self, topics):
        """topics: {name: (partitions, compacted)} or {name: (partitions, {config})}."""

        def config(wanted):
            return wanted if isinstance(wanted, dict) else {"cleanup.policy": "compact"} if wanted else {}

        with Admin(self.address) as admin:
            admin.create({n: (p, config(c)) for n, (p, c) in topics.items()})

    def delete(self, *names):
        with Admin(self.address) as admin:
            admin.delete(list(names))

    def partitions(self, topic):
        with Admin(self.address) as admin:
            return len(admin.metadata([topic])[1][topic])

    def kcat(self, *args, input=None, timeout=60):
        done = run(["kcat", "-b", self.address, "-X", "topic.metadata.refresh.interval.ms=500", *args],
                   input=input, timeout=timeout)  # fmt: skip
        assert done.code == 0, f"kcat {args}: {done.err}"
        return done.out

    def produce(self, topic, key, value, headers=(), *, codec="none", partition=None, acks="all"):
        """One record, as a program that knows nothing of MQTT writes it."""
        self.produce_many(topic, [(key, value)], headers, codec=codec, partition=partition, acks=acks)

    def produce_many(self, topic, records, headers=(), *, codec="none", partition=None, acks="all"):
        """Records of one kcat process: one compressed batch when they fit. Keys and values are bytes or text."""
        lines = b"\x1e".join(_bytes(k) + b"\x1f" + _bytes(v) for k, v in records)
        args = ["-P", "-t", topic, "-K", "\x1f", "-D", "\x1e", "-z", codec, "-X", f"acks={acks}"]
        for name, text in headers:
            args += ["-H", f"{name}={text}"]
        if partition is not None:
            args += ["-p", str(partition)]
        self.kcat(*args, "-X", "linger.ms=50", input=lines)

    def records(self, topic):
        """Everything in the topic now, ordered by partition and offset."""
        out = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J")
        found = [_record(line) for line in out.splitlines() if line]
        return sorted(found, key=lambda r: (r.partition, r.offset))

    def wait_records(self, topic, count, *, timeout=60):
        """Waits until `count` records are there, and returns them."""
        out = self.kcat("-C", "-t", topic, "-o", "beginning", "-c", str(count), "-q", "-J", timeout=timeout)
        return sorted(map(_record, out.splitlines()), key=lambda r: (r.partition, r.offset))

    def wait_keys(self, topic, *keys, timeout=60):
        """Reads the topic until it holds a record of every key; {key: its newest record}."""
        until = time.monotonic() + timeout
        while True:
            found = {r.key: r for r in self.records(topic)}
            if all(key in found for key in keys):
                return found
            assert time.monotonic() < until, f"{topic} lacks {set(keys) - set(found)}"

    def raw_headers(self, topic, count=1):
        """The bytes that kcat prints for %h, for values that are no text."""
        args = ["kcat", "-b", self.address, "-C", "-t", topic, "-o", "beginning", "-q", "-c", str(count)]
        return subprocess.run([*args, "-f", "%h"], capture_output=True, timeout=60, check=True).stdout


class PrivateKafka(Kafka):
    """A broker of one's own. `stop` and `start` keep its data and its port."""

    def __init__(self, *, start=True, extra=""):
        self.folder = Path(tempfile.mkdtemp(prefix="weft-kafka-"))
        if extra:
            (self.folder / "extra.properties").write_text(extra)
        self.port = free_port(2)
        super().__init__(f"127.0.0.1:{self.port}")
        if start:
            try:
                self.start()
            except BaseException:
                self.close()
                raise

    def _dev(self, command):
        env = {
            **os.environ, "WEFT_KAFKA_DIR": str(self.folder), "WEFT_KAFKA_PORT": str(self.port),
            "WEFT_KAFKA_OWNER": str(os.getpid()),
        }  # fmt: skip
        done = run([ROOT / "dev", "kafka", command], env=env, timeout=300)
        assert done.code == 0, done.err
        return done.out.strip()

    def start(self):
        address = self._dev("start")
        assert address == self.address, f"port {self.port} was taken meanwhile: {address}"

    def stop(self):
        self._dev("stop")

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _bytes(value):
    return value.encode() if isinstance(value, str) else value


def _record(line):
    got = json.loads(line)
    flat = got.get("headers", [])
    return Record(
        got["topic"], got["partition"], got["offset"], got["key"], got["payload"],
        list(zip(flat[::2], flat[1::2])), got["ts"],
    )  # fmt: skip
