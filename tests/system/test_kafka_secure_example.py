"""examples/kafka-secure: the commands of its README, on ports of the test's own."""

import os
import re
import shutil

import pytest
from support.clients import mosquitto_sub
from support.ports import free_port
from support.process import run
from support.weft import ROOT, Weft

EXAMPLE = ROOT / "examples" / "kafka-secure"


def commands():
    """The code blocks of the README, a list of lines each."""
    return [b.strip().splitlines() for b in re.findall(r"```\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.S)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The folder after the first command, with its Kafka running; and the two ports."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tls", "kafka"))
    sasl, mutual, plain = free_port(), free_port(), free_port(2)
    env = {
        **os.environ, "WEFT_ROOT": str(ROOT), "SASL_PORT": str(sasl), "MUTUAL_PORT": str(mutual),
        "WEFT_KAFKA_PORT": str(plain), "WEFT_KAFKA_OWNER": str(os.getpid()),
    }  # fmt: skip
    try:
        done = run(["sh", "-c", commands()[0][0]], cwd=folder, env=env, timeout=300)
        assert done.code == 0, done.err
        yield folder, sasl, mutual
    finally:
        assert run(["./kafka.sh", "stop"], cwd=folder, env=env, timeout=60).code == 0


@pytest.mark.parametrize("file", ["zilla.yaml", "mutual.yaml"])
def test_commands_of_the_readme(prepared, file):
    folder, sasl, mutual = prepared
    first, second = commands()
    assert f"-c {file}" in (first[1] if file == "zilla.yaml" else second[1])
    assert "localhost:9094" in first[0] and "localhost:9095" in second[0]
    password = re.search(r"KAFKA_PASSWORD=(\w+)", first[0])[1]
    env = {"KAFKA_BOOTSTRAP_SERVER": f"localhost:{sasl if file == 'zilla.yaml' else mutual}", "KAFKA_PASSWORD": password}
    port = free_port()
    text = (folder / file).read_text().replace("7183", str(port)).replace("host: 0.0.0.0", "host: 127.0.0.1")
    with Weft(text, port=port, env=env, folder=folder) as weft:
        weft.wait_ready()
        with mosquitto_sub(port, "-t", "device/#", "-q", "1", "-v") as sub:
            done = run(["sh", "-c", first[2].replace("7183", str(port))], cwd=folder, timeout=60)
            assert done.code == 0, done.err
            sub.wait_line(r"^device/1 hello$")
        assert password not in weft.output
