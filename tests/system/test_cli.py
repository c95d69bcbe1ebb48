"""The commands of `weft`, the engine directory, and the lines of the stdout exporter."""

import re

import pytest
from support import mqtt_raw as m
from support.process import run
from support.weft import WEFT, Topics, start_example

EVENT = re.compile(
    r"^zilla-mqtt-kafka-proxy:(?P<binding>\S+)"
    r" \[\d\d/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
    r" \[[0-9a-f]{16}d\] (?P<name>[A-Z0-9_]+) (?P<text>.*)$"
)


def test_version():
    done = run([WEFT, "version"])
    assert done.code == 0
    assert re.fullmatch(r"weft version \d+\.\d+\.\d+\S*\n", done.out)


@pytest.mark.key
def test_plugins():
    done = run([WEFT, "plugins"])
    assert done.code == 0, done.err
    for name in ("tcp", "mqtt", "mqtt-kafka", "kafka", "stdout"):
        (line,) = [row for row in done.out.splitlines() if re.search(rf"\b{name}(?![-\w])(?<!-{name})", row)][:1]
        assert ".so" in line or name in line
    for word in ("server", "client", "cache_client", "cache_server", "proxy"):
        assert word in done.out


@pytest.mark.key
def test_event_lines(kafka, prefix):
    with start_example(kafka) as weft, m.Raw(weft.port) as client:
        client.connect(f"client {prefix}")
        line = weft.wait_event("BINDING_MQTT_CLIENT_CONNECTED")
        found = EVENT.match(line)
        assert found, line
        assert found["binding"] == "north_mqtt_server"
        assert found["text"] == f"Session authorization (-) was successful for client id (client {prefix})."
        weft.process.wait_line(r"engine:events \[.*\] \[[0-9a-f]{16}d\] ENGINE_STARTED Engine Started\.")
        mark = weft.process.mark()
        assert weft.stop() == 0
        weft.process.wait_line("ENGINE_STOPPED Engine Stopped", since=mark)


@pytest.mark.key
def test_status_and_stop(kafka):
    with start_example(kafka) as weft:
        done = weft.cli("status")
        assert done.code == 0
        assert "ready" in done.out
        stopped = weft.cli("stop")
        assert stopped.code == 0, stopped.err
        assert weft.process.wait() == 0
        assert weft.cli("status").code != 0


def test_stop_without_an_instance(tmp_path):
    done = run([WEFT, "stop", "-P", f"zilla.engine.directory={tmp_path}/engine"], cwd=tmp_path)
    assert done.code == 0, "as the reference: silent when nothing runs"


@pytest.mark.key
def test_second_process_takes_a_sibling_directory(kafka, prefix):
    with start_example(kafka) as first:
        with start_example(kafka, first.topics, ready=False, folder=first.folder) as second:
            second.process.wait_line("ENGINE_STARTED")
            folders = sorted(p.name for p in first.folder.iterdir() if p.is_dir())
            assert len(folders) == 2 and folders[0] == "engine", folders
            with m.Raw(first.port) as one, m.Raw(second.port, timeout=60) as two:
                two.connect(f"{prefix}-2")
                two.subscribe(f"{prefix}/t")
                one.connect(f"{prefix}-1")
                one.publish(f"{prefix}/t", b"across instances")
                assert two.expect(m.PUBLISH).payload == b"across instances"


def test_workers_and_properties(kafka, tmp_path):
    file = tmp_path / "my.properties"
    file.write_text("# comment\nzilla.engine.workers=3\nzilla.no.such.property=1\n")
    topics = Topics().create(kafka)
    with start_example(kafka, topics, workers=2, args=["-p", file]) as weft:
        # the flag goes before the file, and a name that means nothing is told, not fatal
        weft.process.wait_line(r"zilla\.no\.such\.property")
        status = weft.cli("status").out
        assert re.search(r"\b2 workers|workers\W+2\b", status), status


def test_verbose_prints_the_config(kafka):
    with start_example(kafka, args=["-v"]) as weft:
        assert "north_tcp_server:" in weft.output
        assert "${{env.KAFKA_BOOTSTRAP_SERVER}}" in weft.output, "before substitution: no secrets"


def test_sigint_is_a_clean_end(kafka):
    import signal

    with start_example(kafka) as weft:
        weft.process.signal(signal.SIGINT)
        assert weft.process.wait() == 0
