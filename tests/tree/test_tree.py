"""The tree itself: symbols, libraries, links of the documents, words that do not belong here."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from support.weft import BUILD, EXAMPLE, ROOT, WEFT

PLUGINS = sorted((BUILD / "lib" / "weft" / "plugins").glob("*.so"))
EXPECTED = {
    "weft-binding-tcp.so",
    "weft-binding-mqtt.so",
    "weft-binding-mqtt-kafka.so",
    "weft-binding-kafka.so",
    "weft-binding-http.so",
    "weft-binding-tls.so",
    "weft-binding-ws.so",
    "weft-exporter-stdout.so",
    "weft-guard-inline.so",
    "weft-guard-jwt.so",
    "weft-guard-users.so",
    "weft-guard-x509.so",
    "weft-vault-filesystem.so",
}


def output(*args):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, check=True).stdout


def files(*patterns):
    listed = output("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "--", *patterns)
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_every_binding_is_one_shared_object():
    assert EXPECTED <= {p.name for p in PLUGINS}


@pytest.mark.parametrize("plugin", PLUGINS, ids=[p.name for p in PLUGINS])
def test_one_exported_symbol(plugin):
    symbols = [line.split()[-1] for line in output("nm", "-D", "--defined-only", plugin).splitlines()]
    assert symbols == ["weft_plugin_1"]


@pytest.mark.parametrize("plugin", PLUGINS, ids=[p.name for p in PLUGINS])
def test_plugin_can_be_unloaded(plugin):
    # A GNU unique symbol makes dlclose a no-op.
    symbols = output("readelf", "--dyn-syms", "--wide", plugin)
    assert not re.search(r"\bUNIQUE\b.* (?!UND)\d+ ", symbols), "STB_GNU_UNIQUE"
    assert "NODELETE" not in output("readelf", "--dynamic", plugin)


def test_runtime_knows_no_protocol():
    needed = output("ldd", WEFT)
    for library in ("rdkafka", "libssl", "libcrypto", "mosquitto", "weft-binding"):
        assert library not in needed, library


def test_only_the_kafka_plugin_needs_librdkafka():
    for plugin in PLUGINS:
        assert ("rdkafka" in output("readelf", "-d", plugin)) == (plugin.name == "weft-binding-kafka.so")


def test_example_is_the_published_one():
    digest = hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert digest == "d24c4604c93f71cee3d1a2ea3ffead8b4c6e1ab62e4e9d38964792e12c6f06a7", "examples/mqtt.kafka.proxy/zilla.yaml must keep its bytes"


def test_links_of_the_documents():
    missing = []
    for document in files("*.md"):
        text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text):
            if not re.match(r"[a-z]+:", target) and not (document.parent / target).exists():
                missing.append(f"{document.relative_to(ROOT)}: {target}")
    assert not missing


def test_files_named_by_the_architecture_exist():
    """A path in backquotes is a promise."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:sdk|runtime|plugins|cmake|tests|bench|examples|docs|dev\.d)/[\w./{},-]+)`", text)
    assert named, "it should lead to files"
    missing = []
    for name in named:
        stem = re.match(r"(.*)\{(.*)\}$", name)
        names = [stem[1] + end for end in stem[2].split(",")] if stem else [name]
        missing += [n for n in names if not (ROOT / n).exists()]
    assert not missing


# Paths of one machine, and words of how a text came about, have no place in the tree.
FOREIGN = re.compile(r"/work/|/root/|/home/\w+/|" + "|".join(["as an " + "AI", "language " + "model"]), re.I)


def test_nothing_of_this_machine():
    found = []
    for file in files():
        if file.suffix in (".png", ".bin") or "corpus" in file.parts:
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            if FOREIGN.search(line) and file != Path(__file__):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found


def test_layout():
    for name in ("sdk", "runtime", "plugins", "tests", "examples", "bench", "docs", "cmake", ".ci/run", "dev"):
        assert (ROOT / name).exists(), name
    for plugin in (ROOT / "plugins").iterdir():
        if plugin.is_dir():
            assert (plugin / "README.md").exists(), f"{plugin.name} has no README.md"
            assert (plugin / "CMakeLists.txt").exists()


def test_headers_open_with_what_they_are():
    silent = []
    for header in files("*.hpp", "*.h"):
        head = header.read_text().splitlines()[:3]
        if not any(line.startswith(("//", "/*")) for line in head):
            silent.append(str(header.relative_to(ROOT)))
    assert not silent


def test_sources_are_built():
    """A .cpp that no build knows is dead."""
    import json

    known = {Path(c["file"]).resolve() for c in json.loads((BUILD / "compile_commands.json").read_text())}
    for joined in [f for f in known if f.parent.name == "Unity"]:
        known |= {Path(f).resolve() for f in re.findall(r'#include "(.+)"', joined.read_text())}
    dead = [
        str(f.relative_to(ROOT))
        for f in files("runtime/*.cpp", "plugins/*.cpp", "bench/*.cpp", "examples/*.cpp")
        if f.resolve() not in known and not f.name.endswith("_fuzz.cpp")
    ]
    assert not dead
