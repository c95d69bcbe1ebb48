"""examples/mqtt.kafka.proxy.tls: the commands of its README, with ports and topics of the test's own."""

import re
import shutil

import pytest
from support.certificates import PASSWORD
from support.clients import mosquitto_pub, mosquitto_sub
from support.ports import free_port
from support.process import run
from support.weft import ROOT, Topics, Weft

EXAMPLE = ROOT / "examples" / "mqtt.kafka.proxy.tls"


def commands():
    """The code blocks of the README, a list of lines each."""
    return [b.strip().splitlines() for b in re.findall(r"```\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.S)]


@pytest.fixture(params=["zilla.yaml", "mutual.yaml"])
def example(request, kafka, tmp_path):
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tls"))
    first, second = commands()
    assert f"-c {request.param}" in (first[1] if request.param == "zilla.yaml" else second[0])
    assert first[0] == f"export KEYS_PASSWORD={PASSWORD} && ./certificates.sh"
    done = run(["sh", "-c", first[0]], cwd=tmp_path, timeout=60)
    assert done.code == 0, done.err
    topics, port = Topics().create(kafka), free_port()
    text = (tmp_path / request.param).read_text().replace("8883", str(port)).replace("host: 0.0.0.0", "host: 127.0.0.1")
    for role in ("sessions", "retained", "messages", "devices"):
        text = text.replace(f"mqtt-{role}", getattr(topics, role))
    env = {"KAFKA_BOOTSTRAP_SERVER": kafka.address, "KEYS_PASSWORD": PASSWORD}
    with Weft(text, port=port, env=env, folder=tmp_path) as weft:
        weft.wait_ready()
        weft.mutual = request.param == "mutual.yaml"
        yield weft


def readme_command(weft):
    """The publishing command of the README, towards this weft."""
    line = commands()[1 if weft.mutual else 0][-1]
    assert line.startswith("mosquitto_pub ")
    return line.replace("8883", str(weft.port))


@pytest.mark.key
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_commands_of_the_readme(example, version):
    tls = ["--cafile", example.folder / "tls" / "ca.crt"]
    if example.mutual:
        tls += ["--cert", example.folder / "tls" / "device-1.crt", "--key", example.folder / "tls" / "device-1.key"]
    more = ["-h", "localhost", *map(str, tls)]
    with mosquitto_sub(example.port, *more, "-t", "device/#", "-q", "1", "-v", version=version) as sub:
        done = run(["sh", "-c", readme_command(example)], cwd=example.folder, timeout=60)
        assert done.code == 0, done.err
        sub.wait_line(r"^device/1 hello$")
        # And much at once, in both directions.
        for n in range(20):
            mosquitto_pub(example.port, *more, "-t", "device/2", "-m", f"{n}" * 3000, "-q", "1", version=version)
        sub.wait_line(rf"^device/2 {'19' * 3000}$")


def test_without_a_certificate(example):
    done = run(["mosquitto_pub", "-h", "localhost", "-p", str(example.port), "--cafile", str(example.folder / "tls" / "ca.crt"),
                "-t", "device/1", "-m", "x", "-q", "1"], cwd=example.folder, timeout=60)  # fmt: skip
    assert (done.code != 0) == example.mutual
    if example.mutual:
        example.wait_event("BINDING_TLS_PEER_NOT_VERIFIED")
