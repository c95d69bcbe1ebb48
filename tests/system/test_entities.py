"""Vaults and guards through the built binary: created before bindings, read anew by a reload, asked by bindings."""

import json
import socket

import pytest
from support.ports import free_port
from support.swap import PluginFolder, replace
from support.weft import BUILD, Weft

PLUGINS = BUILD / "lib" / "weft" / "plugins"
OWN = BUILD / "tests" / "plugins"


def config(port, *, alias="main", file="key.txt", ids=("a",)):
    keepers = "".join(
        f"""
  tcp_{i}:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: {port + n}}}
    exit: keeper_{i}
  keeper_{i}:
    type: keeper
    kind: server
    vault: v
    options: {{alias: {alias if i == "a" else "main"}, guard: g}}"""
        for n, i in enumerate(ids)
    )
    return f"""
name: test
vaults:
  v:
    type: file
    options: {{file: {file}}}
guards:
  g: {{type: polite}}
bindings:{keepers}
telemetry:
  exporters:
    stdout_logs_exporter: {{type: stdout}}
"""


class Keepers(Weft):
    def __init__(self, folder, *, watch=False, key="main one", **more):
        self.text, self.file = more, folder / "key.txt"
        self.file.write_text(key)
        self.port_of_a = free_port()
        self.more = PluginFolder(
            folder / "plugins",
            [PLUGINS / "weft-binding-tcp.so", PLUGINS / "weft-exporter-stdout.so", OWN / "weft-binding-keeper.so",
             OWN / "weft-vault-file.so", OWN / "weft-guard-polite.so"],
        )  # fmt: skip
        args = ["--plugins", self.more.path, *([] if watch else ["--no-watch"])]
        super().__init__(config(self.port_of_a, **more), port=self.port_of_a, folder=folder, args=args, workers=2)

    def connect(self, n=0):
        return socket.create_connection(("127.0.0.1", self.port + n), timeout=30).makefile("rwb", buffering=0)


def ask(s, line):
    s.write(line.encode() + b"\n")
    return s.readline().decode().rstrip("\n")


@pytest.fixture
def keepers(tmp_path):
    with Keepers(tmp_path) as weft:
        yield weft.wait_listening()


def test_binding_reads_from_its_vault(keepers):
    assert ask(keepers.connect(), "key") == "one"


def test_reload_renews_without_a_new_generation(keepers):
    s = keepers.connect()
    assert ask(s, "key") == "one"
    keepers.file.write_text("main two")
    done = keepers.cli("reload")
    assert done.code == 0, done.err
    assert ask(s, "key") == "two", "the connection of before has it, its binding lives on"
    assert {g["generation"] for g in json.loads(keepers.cli("plugins", "--running", "--json").out)} == {1}


def test_changed_file_is_noticed(tmp_path):
    with Keepers(tmp_path, watch=True) as weft:
        weft.wait_listening()
        s = weft.connect()
        replace(weft.file, b"main three")
        weft.wait_event("ENGINE_CONFIG_RELOADED")
        assert ask(s, "key") == "three"


@pytest.mark.parametrize("content, words", [("broken x", "vaults.v.options.file"), ("other x", "no key 'main'")])
def test_what_cannot_be_used_is_refused(keepers, content, words):
    s = keepers.connect()
    keepers.file.write_text(content)
    done = keepers.cli("reload")
    assert done.code != 0 and words in done.err + done.out
    assert ask(s, "key") == "one"
    keepers.file.write_text("main four")
    assert keepers.cli("reload").code == 0
    assert ask(s, "key") == "four"


def test_all_are_renewed_or_none(tmp_path):
    with Keepers(tmp_path, ids=("a", "b"), alias="main") as weft:
        weft.wait_listening()
        a, b = weft.connect(), weft.connect(1)
        weft.file.write_text("other x")
        assert weft.cli("reload").code != 0
        assert (ask(a, "key"), ask(b, "key")) == ("one", "one")


def test_changed_options_of_a_vault(keepers):
    (keepers.file.parent / "other.txt").write_text("main five")
    s = keepers.connect()
    keepers.config.write_text(config(keepers.port, file="other.txt"))
    done = keepers.cli("reload")
    assert done.code == 0, done.err
    assert ask(s, "key") == "five"


def test_missing_file_stops_the_start(tmp_path):
    weft = Keepers(tmp_path, file="nowhere.txt")
    assert weft.process.wait() == 1
    assert "vaults.v.options.file: " in weft.output and "nowhere.txt: cannot be read" in weft.output
    assert "keeper" not in weft.output, "the cause alone is told"
    weft.kill()


def test_guard_says_who_it_is(keepers):
    s = keepers.connect()
    assert ask(s, "who") == "nobody"
    assert ask(s, "verify abc") == "refused: Say the words."
    assert ask(s, "verify let anna in") == "now anna 4 friend"
    assert ask(s, "verify let anna in") == "still anna 4 friend"
    assert ask(s, "verify let slow bob in") == "now slow bob 8 friend"
    assert ask(s, "who") == "slow bob 8 friend"


def test_guard_plugin_is_replaced(keepers):
    s = keepers.connect()
    assert ask(s, "verify let anna in") == "now anna 4 friend"
    keepers.more.rebuild("guard-polite")
    assert keepers.cli("reload").code == 0
    assert ask(s, "who") == "anna 4 friend"
    assert ask(s, "verify let anna in") == "still anna 4 friend"
