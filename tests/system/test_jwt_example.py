"""examples/mqtt.kafka.proxy.jwt: the commands of its README, with ports and topics of the test's own."""

import re
import shutil

import pytest
from support.clients import mosquitto_sub
from support.ports import free_port
from support.process import run
from support.weft import ROOT, Topics, Weft

EXAMPLE = ROOT / "examples" / "mqtt.kafka.proxy.jwt"


def commands():
    """The code blocks of the README, a list of lines each."""
    return [b.strip().splitlines() for b in re.findall(r"```\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.S)]


@pytest.fixture
def example(kafka, tmp_path):
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("keys", "*.jwt"))
    token, start, _ = commands()[0]
    assert token.startswith("./token.sh ") and start.endswith("weft start -c zilla.yaml &")
    done = run(["sh", "-c", token], cwd=tmp_path, timeout=60)
    assert done.code == 0, done.err
    topics, port = Topics().create(kafka), free_port()
    text = (tmp_path / "zilla.yaml").read_text().replace("7183", str(port)).replace("host: 0.0.0.0", "host: 127.0.0.1")
    for role in ("sessions", "retained", "messages", "devices"):
        text = text.replace(f"mqtt-{role}", getattr(topics, role))
    with Weft(text, port=port, env={"KAFKA_BOOTSTRAP_SERVER": kafka.address}, folder=tmp_path) as weft:
        yield weft.wait_ready()


def command(weft, line):
    assert "-p 7183" in line
    return run(["sh", "-c", line.replace("-p 7183", f"-p {weft.port}")], cwd=weft.folder, timeout=60)


@pytest.mark.key
def test_commands_of_the_readme(example):
    (_, _, publish), (anonymous, foreign) = commands()
    who = ["-u", f"Bearer {(example.folder / 'lamp-1.jwt').read_text().strip()}", "-i", "lamp-1-hall"]
    with mosquitto_sub(example.port, *who, "-t", "device/lamp-1/#", "-q", "1", "-v") as sub:
        done = command(example, publish)
        assert done.code == 0, done.err
        sub.wait_line(r"^device/lamp-1/state on$")
    done = command(example, anonymous)
    assert done.code != 0 and "not authori" in (done.out + done.err).lower()
    done = command(example, foreign)
    assert "not authori" in (done.out + done.err).lower(), done


def test_each_device_has_its_own(example):
    done = run(["sh", "-c", "./token.sh lamp-2 60"], cwd=example.folder)
    who = ["-V", "mqttv5", "-u", f"Bearer {done.out.strip()}", "-t", "device/lamp-2/x", "-m", "x", "-q", "1"]
    assert run(["mosquitto_pub", "-p", example.port, "-i", "lamp-2", *who]).code == 0
    refused = run(["mosquitto_pub", "-p", example.port, "-i", "lamp-1", *who])
    assert refused.code != 0, "the client id is another device's"
    late = run(["sh", "-c", "./token.sh lamp-2 -60"], cwd=example.folder)
    old = run(["mosquitto_pub", "-p", example.port, "-i", "lamp-2", "-u", f"Bearer {late.out.strip()}", "-t", "device/lamp-2/x", "-m", "x", "-q", "1"])
    assert old.code != 0
    example.wait_event("GUARD_JWT_AUTHORIZATION_FAILED")
    assert r"for identity (lamp-2). Token is expired." in example.output
