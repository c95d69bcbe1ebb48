#!/usr/bin/env python3
"""Measures weft (on a local Kafka) and mosquitto in the same run, and writes docs/benchmarks.md.

Absolute figures depend on the machine; the ratios of two servers measured side by side, by the same
client, minutes apart, say more. Each scenario runs for both before the next one starts.

    ./dev bench                  everything, about five minutes
    ./dev bench --quick          shorter runs; writes nothing
    ./dev bench --only latency   one scenario; writes nothing
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "dev.d"))
import kafka_admin  # noqa: E402
import transports  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """A broker under test: its process, its memory and its CPU time."""

    def __init__(self, name, args, ports, env=None):
        self.name, self.ports, self.port = name, ports, ports["tcp"]
        self.leave = contextlib.ExitStack()  # what it left behind goes with it
        self.started = time.monotonic()
        self.log = tempfile.NamedTemporaryFile(prefix=f"bench-{name}-", suffix=".log")
        self.process = subprocess.Popen(
            [str(a) for a in args], stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})}
        )

    def rss_kib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("no VmRSS")

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        if self.process.poll() is not None:
            sys.exit(f"{self.name} ended by itself:\n{Path(self.log.name).read_text()[-4000:]}")
        self.process.terminate()
        self.process.wait(60)
        self.leave.close()


class Bench:
    def __init__(self, build, workers, quick):
        self.build, self.workers, self.quick = Path(build), workers, quick
        self.load_program = self.build / "bench" / "weft-load"
        self.folder = Path(tempfile.mkdtemp(prefix="weft-bench-"))
        self.folder.chmod(0o755)  # mosquitto reads the key as a user of its own
        self.kafka = None
        self.pem = transports.certificate(self.folder)

    def __enter__(self):
        self.kafka_env = {
            **os.environ, "WEFT_KAFKA_DIR": str(self.folder / "kafka"), "WEFT_KAFKA_PORT": "19392",
            "WEFT_KAFKA_HEAP": "1g",
        }  # fmt: skip
        done = subprocess.run(
            [ROOT / "dev", "kafka", "start"], env=self.kafka_env, stdout=subprocess.PIPE, text=True, check=True
        )
        self.kafka = done.stdout.strip()
        return self

    def __exit__(self, *_):
        subprocess.run([ROOT / "dev", "kafka", "stop"], env=self.kafka_env, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def server(self, name):
        os.sync()  # what the run before wrote is nobody's load
        server = self.start_weft() if name == "weft" else self.start_mosquitto()
        try:
            first = self.load("first_connack", server)
            server.start_ms = first["monotonic_ns"] / 1e6 - server.started * 1000
            yield server
        finally:
            server.stop()

    def start_weft(self):
        mark = f"{time.monotonic_ns()}"
        ports = {transport: free_port() for transport in transports.NAMES}
        text = transports.weft_config((ROOT / "examples/mqtt.kafka.proxy/zilla.yaml").read_text(), ports, self.pem)
        topics = {}
        for role in ("sessions", "retained", "messages", "devices"):
            text = text.replace(f"mqtt-{role}", f"{role}-{mark}")
            # What is deleted after a run is to be gone before the next one: some gigabytes.
            config = {"file.delete.delay.ms": "1000"}
            if role in ("sessions", "retained"):
                config["cleanup.policy"] = "compact"
            topics[f"{role}-{mark}"] = (3, config)
        with kafka_admin.Admin(self.kafka) as admin:
            admin.create(topics)
        config = self.folder / f"{mark}.yaml"
        config.write_text(text)
        directory = self.folder / mark
        args = [self.build / "bin/weft", "start", "-c", config, "-w", str(self.workers),
                "-P", f"zilla.engine.directory={directory}"]  # fmt: skip
        server = Server("weft", args, ports, {"KAFKA_BOOTSTRAP_SERVER": self.kafka})
        server.leave.callback(shutil.rmtree, directory)
        server.leave.callback(self.delete_topics, list(topics))
        return server

    def delete_topics(self, names):
        with kafka_admin.Admin(self.kafka) as admin:
            admin.delete(names)

    def start_mosquitto(self):
        config = self.folder / "mosquitto.conf"
        ports = {transport: free_port() for transport in transports.NAMES}
        # As fast as it goes: nothing kept on disk, no log, no small windows, nothing dropped.
        config.write_text(
            "per_listener_settings false\nallow_anonymous true\npersistence false\nlog_dest none\n"
            "max_inflight_messages 1000\nmax_queued_messages 0\nset_tcp_nodelay true\n"
            + transports.mosquitto_listeners(ports, self.pem)
        )
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        return Server("mosquitto", [program, "-c", config], ports)

    def command(self, scenario, server, transport="tcp", **options):
        args = [str(self.load_program), scenario, "--port", str(server.ports[transport]), "--transport", transport]
        for name, value in options.items():
            args += [f"--{name}", str(value)]
        return args

    def load(self, scenario, server, transport="tcp", **options):
        args = self.command(scenario, server, transport, **options)
        done = subprocess.run(args, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{server.name}: {done.stderr.strip()}\n{Path(server.log.name).read_text()[-2000:]}")
        return json.loads(done.stdout)

    # Each scenario: {row name: value} for one server.

    def start(self, name):
        times = []
        for _ in range(3 if self.quick else 7):
            with self.server(name) as server:
                times.append(server.start_ms)
        return {"start to first CONNACK, ms (median)": statistics.median(times)}

    def throughput(self, name):
        rows = {}
        for qos, publishers in ((1, 1), (1, 10), (2, 1), (2, 10)):
            with self.server(name) as server:
                before = server.cpu_seconds()
                got = self.load("throughput", server, publishers=publishers, window=1000, qos=qos,
                                seconds=2 if self.quick else 8, warmup=2)  # fmt: skip
                cpu = server.cpu_seconds() - before
                who = f"{publishers} publisher{'s' * (publishers > 1)}"
                rows[f"QoS {qos} publishes/s, {who}"] = got["per_second"]
                seconds = (2 if self.quick else 8) + 2
                rows[f"CPU of the server, us per QoS {qos} publish, {who}"] = (
                    cpu / seconds * 1e6 / got["per_second"]
                )
        return rows

    def latency(self, name):
        rows = {}
        for qos, rate in ((1, 1000), (1, 10000), (2, 1000)):
            with self.server(name) as server:
                got = self.load("latency", server, rate=rate, qos=qos, seconds=3 if self.quick else 10, warmup=3)
                rows[f"QoS {qos} publish to deliver, p50 ms, {rate:,} msg/s"] = got["p50_ms"]
                rows[f"QoS {qos} publish to deliver, p99 ms, {rate:,} msg/s"] = got["p99_ms"]
        return rows

    def memory(self, name):
        rows = {}
        for count in (1000, 10000):
            with self.server(name) as server:
                rows[f"RSS per idle session, KiB, {count:,} sessions"] = self.rss_per_session(server, count)
        return rows

    def rss_per_session(self, server, count, transport="tcp"):
        # What is allocated once is not a session's cost, and what an allocator has kept of it would be taken for none.
        with self.idle_sessions(server, transport, 4000):
            before = server.rss_kib()
            with self.idle_sessions(server, transport, count):
                return (server.rss_kib() - before) / count

    @contextlib.contextmanager
    def idle_sessions(self, server, transport, count):
        args = self.command("idle", server, transport, count=count)
        with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            if not holder.stdout.readline():
                raise RuntimeError(f"{server.name} did not hold {count} sessions")
            yield

    def fan_out(self, name):
        with self.server(name) as server:
            got = self.load("fan_out", server, subscribers=100, count=2000 if self.quick else 10000, qos=0)
            one = {"QoS 0 deliveries/s to 100 subscribers": got["per_second"]}
        with self.server(name) as server:
            got = self.load("fan_out", server, subscribers=100, count=1000 if self.quick else 5000, qos=1)
            return {**one, "QoS 1 deliveries/s to 100 subscribers": got["per_second"]}


    def transports(self, name):
        rows = {}
        for transport in transports.NAMES:
            with self.server(name) as server:
                got = self.load("throughput", server, transport, publishers=10, window=1000,
                                seconds=2 if self.quick else 8, warmup=2)  # fmt: skip
                rows[f"{transport}: QoS 1 publishes/s, 10 publishers"] = got["per_second"]
            with self.server(name) as server:
                got = self.load("fan_out", server, transport, subscribers=100, count=1000 if self.quick else 5000, qos=0)
                rows[f"{transport}: QoS 0 deliveries/s to 100 subscribers"] = got["per_second"]
        with self.server(name) as server:
            rows["tls: RSS per idle session, KiB, 1,000 sessions"] = self.rss_per_session(server, 1000, "tls")
        return rows

    def handshakes(self):
        """Rows as of measure(), and those of openssl's own server; in turns, so that a noisy minute is everybody's."""
        rows, reference = {}, {}
        with (
            self.server("weft") as weft,
            self.server("mosquitto") as mosquitto,
            transports.openssl_server(self.pem) as openssl_port,
        ):
            ports = (weft.ports["tls"], mosquitto.ports["tls"], openssl_port)
            for version in ("1.2", "1.3"):
                print(f"==> handshakes: TLS {version}", file=sys.stderr, flush=True)
                rounds = [[transports.handshakes(p, version, self.quick) for p in ports] for _ in range(3)]
                *both, own = map(statistics.median, zip(*rounds, strict=True))
                rows[f"full TLS {version} handshakes/s"] = tuple(both)
                reference[f"full TLS {version} handshakes/s"] = own
        return rows, reference


SCENARIOS = ("start", "throughput", "latency", "fan_out", "memory", "transports")


def measure(bench, scenarios):
    rows = {}
    for scenario in scenarios:
        found = {}
        for name in ("mosquitto", "weft"):
            print(f"==> {scenario}: {name}", file=sys.stderr, flush=True)
            found[name] = getattr(bench, scenario)(name)
        for row, value in found["weft"].items():
            rows[row] = (value, found["mosquitto"][row])
    return rows


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def table(rows):
    lines = ["| | weft on Kafka | mosquitto | weft : mosquitto |", "|---|---:|---:|---:|"]
    for name, (weft, mosquitto) in rows.items():
        ratio = f"{weft / mosquitto:.2f}" if mosquitto > 0 else "-"
        lines.append(f"| {name} | {number(weft)} | {number(mosquitto)} | {ratio} |")
    return "\n".join(lines)


def transport_table(rows, handshakes_of_openssl):
    """Beside mosquitto, what TLS and frames cost: the same load over plain TCP, or openssl's own server."""
    lines = ["| | weft | mosquitto | weft : mosquitto | weft : reference |", "|---|---:|---:|---:|---:|"]
    for name, (weft, mosquitto) in rows.items():
        transport, _, what = name.partition(": ")
        plain = rows.get(f"tcp: {what}", (None,))[0]
        reference = plain or handshakes_of_openssl.get(name)
        against = f"{weft / reference:.2f}" if reference else "-"
        lines.append(f"| {name} | {number(weft)} | {number(mosquitto)} | {weft / mosquitto:.2f} | {against} |")
    return "\n".join(lines)


def hops(build):
    """What the stream ABI costs by itself, from bench_hop: one loop, nothing but frames."""
    done = subprocess.run([Path(build) / "bench" / "bench_hop", "--benchmark_format=json"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    found = {b["name"]: b for b in json.loads(done.stdout)["benchmarks"]}
    data = [found[f"data_through_hops/{n}/real_time"] for n in (0, 4)]
    per_frame = [1e9 / b["items_per_second"] for b in data]
    opens = found["opens_through_hops/4/real_time"]
    rows = {
        "one pass-through hop, ns per DATA frame": (per_frame[1] - per_frame[0]) / 4,
        "copies of payload per frame": data[1]["copies_per_frame"],
        "allocations per frame": round(data[1]["allocations_per_frame"], 2),
        "streams opened and ended per second, through 4 hops": opens["items_per_second"],
        "memory per stream, bytes": found["memory_of_a_stream/4/iterations:1"]["bytes_per_stream"],
    }
    return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {number(value)} |" for name, value in rows.items())])


def machine():
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    return f"{os.cpu_count()} cores of {model}, {int(memory) // (1 << 20)} GiB, Linux {platform.release()}"


def document(rows, workers, transports_table, hop_table):
    mosquitto = subprocess.run(["/usr/sbin/mosquitto", "-h"], capture_output=True, text=True).stdout.split("\n")[0]
    head = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return f"""# Benchmarks

Written by `./dev bench`. Server, Kafka and load share one machine, so compare within a row: the ratio is what counts.
Weft acknowledges a QoS 1 publish when Kafka has (acks=all, one node, replication 1); mosquitto keeps everything in memory
and acknowledges at once.

- date: {datetime.date.today().isoformat()}, commit {head}
- machine: {machine()}
- weft: release build, {workers} worker{"s" * (workers > 1)}, `examples/mqtt.kafka.proxy/zilla.yaml`, Kafka 3.9.1 (KRaft, heap 1 GB)
- {mosquitto}, persistence off
- command: `./dev bench --workers {workers}`; payload 100 bytes; the client is `bench/load/`

{table(rows)}

Over TLS and WebSocket

{transports_table}

The stream ABI by itself (`bench_hop`)

{hop_table}

What the rows mean

- *publishes/s*: acknowledged publishes (QoS 1: PUBACK, QoS 2: PUBCOMP), up to 1,000 in flight per publisher, within the server's Receive Maximum.
- *publish to deliver*: from the moment a message was due to its arrival at a subscriber of that QoS, so a stall counts fully.
- *RSS per idle session*: growth of VmRSS of the server from 4,000 sessions to so many more, all of them clean and without
  subscription; the kernel's socket is not in it.
- *weft : reference*: against weft over plain TCP in the same run; of handshakes, against `openssl s_server`. All with one
  ECDSA P-256 certificate, TLS 1.3 but where 1.2 is said; ws goes through an http binding, wss through tls and http; no
  permessage-deflate. Handshakes are those that `openssl s_time -new` makes, one behind the other; the median of three turns.
- *start*: from starting the process to the first CONNACK, Kafka being up.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build" / "release")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=SCENARIOS)
    args = parser.parse_args()
    raise_file_limit()
    with Bench(args.build, args.workers, args.quick) as bench:
        rows = measure(bench, [s for s in SCENARIOS if s != "transports" and args.only in (None, s)])
        secure = measure(bench, ["transports"]) if args.only in (None, "transports") else {}
        reference = {}
        if secure:
            handshakes, reference = bench.handshakes()
            secure |= handshakes
    secure_table, hop_table = transport_table(secure, reference), hops(args.build)
    print(table(rows), secure_table, hop_table, sep="\n\n")
    if not (args.quick or args.only):
        (ROOT / "docs" / "benchmarks.md").write_text(document(rows, args.workers, secure_table, hop_table))
        print("\nwritten to docs/benchmarks.md", file=sys.stderr)


if __name__ == "__main__":
    main()
