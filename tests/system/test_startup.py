"""What is wrong with a start is said in one clear line per problem, and the exit code is 1."""

import os
import re
import shutil
import socket

import pytest
from support.mqtt_raw import Raw
from support.ports import free_port
from support.process import run
from support.weft import BUILD, EXAMPLE, WEFT, Topics, example_config, start_example


@pytest.fixture
def start(tmp_path):
    """Runs `weft start` on a config that is expected to fail; its result."""

    def go(text, command="start", args=(), env=None, program=WEFT):
        config = tmp_path / "zilla.yaml"
        config.write_text(text)
        env = {**os.environ, "KAFKA_BOOTSTRAP_SERVER": "127.0.0.1:1", **(env or {})}
        env = {k: v for k, v in env.items() if v is not None}
        more = ["-P", f"zilla.engine.directory={tmp_path}/engine"] if command == "start" else []
        return run([program, command, "-c", config, *more, *args], env=env, cwd=tmp_path, timeout=120)

    return go


def example():
    return example_config(free_port(), Topics())


def assert_one_line(done, *words):
    assert done.code == 1, done.out + done.err
    lines = [line for line in done.err.splitlines() if line.strip()]
    found = [line for line in lines if all(re.search(w, line) for w in words)]
    assert len(found) == 1, f"no single line with {words}:\n{done.err}"
    assert "terminate" not in done.err and "Aborted" not in done.err
    return found[0]


COMMANDS = pytest.mark.parametrize("command", ["start", "check"])


@pytest.mark.key
@COMMANDS
def test_unknown_type(start, command):
    done = start(example().replace("type: mqtt\n", "type: mqqt\n"), command)
    assert_one_line(done, r"zilla\.yaml:\d+:\d+", "north_mqtt_server", "mqqt", "mqtt")


@COMMANDS
def test_unknown_option(start, command):
    done = start(example().replace("      host:", "      hots:"), command)
    assert_one_line(done, r"zilla\.yaml:\d+:\d+", "hots", "host")


@COMMANDS
def test_unknown_exit(start, command):
    done = start(example().replace("exit: south_tcp_client", "exit: sout_tcp_client"), command)
    line = assert_one_line(done, r"zilla\.yaml:\d+:\d+", "south_kafka_client", "sout_tcp_client")
    assert "south_tcp_client" in line, "did you mean"


@COMMANDS
def test_unknown_kind(start, command):
    done = start(example().replace("kind: cache_client", "kind: cacheclient"), command)
    assert_one_line(done, r"zilla\.yaml:\d+:\d+", "cacheclient", "cache_client")


@pytest.mark.key
@COMMANDS
def test_unset_variable(start, command):
    done = start(example(), command, env={"KAFKA_BOOTSTRAP_SERVER": None})
    assert_one_line(done, r"zilla\.yaml:\d+:\d+", "KAFKA_BOOTSTRAP_SERVER")


@pytest.mark.key
@COMMANDS
def test_all_problems_at_once(start, command):
    text = example().replace("type: mqtt\n", "type: mqqt\n").replace("exit: south_tcp_client", "exit: nowhere")
    text = text.replace("      host:", "      hots:").replace("sessions: sessions", "sesions: sessions")
    done = start(text, command)
    assert done.code == 1
    for word in ("mqqt", "nowhere", "hots", "sesions"):
        assert_one_line(done, r"zilla\.yaml:\d+:\d+", word)


@COMMANDS
def test_broken_yaml(start, command):
    done = start("name: x\nbindings:\n  a: [1, 2\n", command)
    assert_one_line(done, r"zilla\.yaml:\d+:\d+")


@COMMANDS
def test_missing_file(tmp_path, command):
    done = run([WEFT, command, "-c", tmp_path / "absent.yaml"], cwd=tmp_path)
    assert_one_line(done, r"absent\.yaml")


@COMMANDS
def test_missing_plugin(start, command, tmp_path):
    # --plugins adds to what is installed, so an installation of its own lacks the plugin.
    program = tmp_path / "bin" / "weft"
    plugins = tmp_path / "lib" / "weft" / "plugins"
    program.parent.mkdir()
    shutil.copy(WEFT, program)
    shutil.copytree(BUILD / "lib" / "weft" / "plugins", plugins)
    (plugins / "weft-binding-mqtt-kafka.so").unlink()
    done = start(example(), command, program=program)
    assert_one_line(done, "north_mqtt_kafka_mapping", "mqtt-kafka")


@COMMANDS
def test_plugin_that_is_no_plugin(start, command, tmp_path):
    plugins = tmp_path / "plugins"
    shutil.copytree(BUILD / "lib" / "weft" / "plugins", plugins)
    (plugins / "weft-binding-mqtt.so").write_bytes(b"not a shared object")
    done = start(example(), command, args=["--plugins", plugins])
    assert done.code == 1
    assert "weft-binding-mqtt.so" in done.err


@pytest.mark.key
def test_port_in_use(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = start(example_config(port, Topics()))
        assert_one_line(done, "north_tcp_server", str(port), "in use")


def test_port_in_use_by_another_weft(weft, start):
    """SO_REUSEPORT would let two of them share a port in silence."""
    done = start(example_config(weft.port, Topics()))
    assert_one_line(done, "north_tcp_server", str(weft.port), "in use")


def test_unknown_flag(tmp_path):
    done = run([WEFT, "start", "--no-such-flag"], cwd=tmp_path)
    assert done.code != 0
    assert "--no-such-flag" in done.err


def test_unknown_command(tmp_path):
    done = run([WEFT, "strat"], cwd=tmp_path)
    assert done.code != 0


def test_the_example_is_valid(tmp_path):
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVER": "localhost:9092"}
    done = run([WEFT, "check", "-c", EXAMPLE], env=env, cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.err == ""


def test_several_namespaces_and_qualified_exits(start):
    text = example()
    tail = text.index("  south_tcp_client:")
    south = "---\nname: south\nbindings:\n" + text[tail : text.index("telemetry:")]
    text = text[:tail] + text[text.index("telemetry:") :] + south
    assert start(text.replace("exit: south_tcp_client", "exit: south:south_tcp_client"), "check").code == 0
    assert_one_line(start(text, "check"), "south_tcp_client", "south_kafka_client")


def test_number_from_the_environment(start):
    text = example()
    port = re.search(r"- port: (\d+)", text).group(1)
    text = text.replace(f"- {port}", "- ${{env.PORT}}").replace(f"port: {port}", "port: ${{ env.PORT }}")
    assert start(text, "check", env={"PORT": "7183"}).code == 0
    done = start(text, "check", env={"PORT": "seven"})
    assert_one_line(done, r"zilla\.yaml:\d+:\d+", r"options\.port\[0\]", "seven")
    assert_one_line(done, r"zilla\.yaml:\d+:\d+", r"when\[0\]\.port", "seven")


def test_the_first_fetch_has_every_partition(kafka):
    """A fetch without records is held back by Kafka; what came after it would wait, and CONNECT with it."""
    with start_example(kafka, properties=["zilla.binding.kafka.client.fetch.max.wait.millis=50000"]) as weft:
        with Raw(weft.port, timeout=25) as client:
            client.connect("first")
