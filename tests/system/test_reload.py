"""Hot swap through the built binary: tcp with the echo example behind it, and plugins that misbehave."""

import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest
from support.ports import free_port
from support.swap import PluginFolder, mappings, replace, until
from support.weft import BUILD, SANITIZED, Weft

PLUGINS = BUILD / "lib" / "weft" / "plugins"


def config(port, *, to="echo", options="", more=""):
    return f"""
name: test
bindings:
  tcp_server:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: {port}}}
    exit: app
  app:
    type: {to}
    kind: server
    options: {{{options}}}
{more}
telemetry:
  exporters:
    stdout_logs_exporter:
      type: stdout
"""


class Swapped(Weft):
    """A weft with a plugin folder of its own, whose files and configuration can be replaced."""

    def __init__(self, folder, text, *, watch=False, **more):
        self.plugins = PluginFolder(
            Path(folder) / "plugins",
            [
                PLUGINS / "weft-binding-tcp.so",
                PLUGINS / "weft-exporter-stdout.so",
                BUILD / "examples" / "weft-binding-echo.so",
                *(BUILD / "tests" / "plugins" / f"weft-binding-{n}.so" for n in ("hostile", "stamp-one", "stamp-two")),
            ],
        )
        args = [] if watch else ["--no-watch"]
        super().__init__(text, folder=folder, args=["--plugins", self.plugins.path, *args], **more)

    def rebuilt(self, kind):
        self.plugins.rebuild(f"binding-{kind}")

    def rewrite(self, text):
        replace(self.config, text.encode())

    def generations(self, binding):
        done = self.cli("plugins", "--running", "--json")
        assert done.code == 0, done.err
        return [g for g in json.loads(done.out) if g["binding"] == f"test:{binding}"]

    def mappings(self, kind):
        return mappings(self, f"binding-{kind}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.child.pid}/fd"))


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def answered(s, text=b"hello"):
    s.sendall(text)
    got = b""
    while len(got) < len(text):
        part = s.recv(len(text) - len(got))
        assert part, f"ended after {got!r}"
        got += part
    return got == text


@pytest.fixture
def port():
    return free_port()


@pytest.mark.key
def test_nothing_changed(tmp_path, port):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        s = connect(port)
        done = weft.cli("reload")
        assert (done.code, done.out.strip()) == (0, "unchanged: 2")
        assert answered(s)
        assert [g["generation"] for g in weft.generations("app")] == [1]


@pytest.mark.key
@pytest.mark.parametrize("kind,binding", [("echo", "app"), ("tcp", "tcp_server")])
def test_a_rebuilt_plugin_takes_what_is_new_and_the_old_one_goes_with_its_last_stream(tmp_path, port, kind, binding):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        old = connect(port)
        assert answered(old)
        before = weft.mappings(kind)
        assert len(before) == 1
        weft.rebuilt(kind)
        done = weft.cli("reload")
        assert done.code == 0, done.err
        assert f"changed test:{binding}" in done.out
        new = connect(port)
        assert answered(new) and answered(old)
        assert [(g["generation"], g["state"]) for g in weft.generations(binding)] == [(2, "serving"), (1, "draining")]
        assert len(weft.mappings(kind)) == 2
        old.close()
        weft.wait_event("ENGINE_BINDING_DRAINED")
        assert answered(new)
        assert [g["generation"] for g in weft.generations(binding)] == [2]
        if not SANITIZED:
            assert before.isdisjoint(weft.mappings(kind))


def test_options_change_without_a_refused_connection(tmp_path, port):
    second = free_port()
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        old = connect(port)
        weft.rewrite(config(f"[{port}, {second}]"))
        assert weft.cli("reload").code == 0
        for p in (port, second):
            with connect(p) as s:
                assert answered(s)
        assert answered(old)
        weft.rewrite(config(second))
        assert weft.cli("reload").code == 0
        with pytest.raises(ConnectionRefusedError):
            connect(port)
        with connect(second) as s:
            assert answered(s) and answered(old)


def test_connections_made_all_the_while_are_all_served(tmp_path, port):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        for round in range(10):
            weft.rebuilt(("tcp", "echo")[round % 2])
            since = weft.process.mark()
            weft.process.signal(signal.SIGHUP)
            for _ in range(50):
                with connect(port) as s:
                    assert answered(s)
            weft.wait_event("ENGINE_CONFIG_RELOADED", since=since)


def test_a_port_moves_to_another_binding(tmp_path, port):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        old = connect(port)
        assert answered(old)
        weft.rewrite(config(port).replace("tcp_server", "tcp_gate"))
        done = weft.cli("reload")
        assert done.code == 0, done.err
        assert "added test:tcp_gate" in done.out and "removed test:tcp_server" in done.out
        with connect(port) as s:
            assert answered(s) and answered(old)


@pytest.mark.parametrize(
    "text,words",
    [
        ("bindings: [", "zilla"),
        (config(1, to="nothing"), "type 'nothing' is not installed"),
        (config(1, to="hostile", options="on_attach: throw"), "attach fails on purpose"),
    ],
)
def test_a_bad_configuration_changes_nothing(tmp_path, port, text, words):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        s = connect(port)
        weft.rewrite(text.replace("port: 1}", f"port: {port}}}"))
        done = weft.cli("reload")
        assert done.code == 1
        assert words in done.err and "everything runs on as before" in done.err
        assert words in weft.wait_event("ENGINE_CONFIG_REJECTED")
        assert answered(s)
        with connect(port) as other:
            assert answered(other)
        assert [g["generation"] for g in weft.generations("tcp_server") if g["state"] == "serving"] == [1]


@pytest.mark.parametrize(
    "fault,words",
    [
        ("truncated", "weft-binding-echo.so"),
        ("empty", "weft-binding-echo.so"),
        ("other", "no symbol weft_plugin_1"),
        ("gone", "type 'echo' is not installed"),
    ],
)
def test_a_broken_plugin_file_changes_nothing(tmp_path, port, fault, words):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        s = connect(port)
        file = weft.plugins.file("binding-echo")
        if fault == "gone":
            file.unlink()
        elif fault == "other":
            library = re.search(r"(/\S*libz\.so\S*|/\S*libc\.so\S*)", Path("/proc/self/maps").read_text()).group(1)
            replace(file, Path(library).read_bytes())
        else:
            replace(file, file.read_bytes()[:5000] if fault == "truncated" else b"")
        done = weft.cli("reload")
        assert done.code == 1 and words in done.err
        assert answered(s)
        with connect(port) as other:
            assert answered(other)


def test_a_file_overwritten_in_place_does_no_harm(tmp_path, port):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        s = connect(port)
        file = weft.plugins.file("binding-echo")
        with open(file, "r+b") as f:
            f.write(b"\0" * file.stat().st_size)
        assert answered(s)
        with connect(port) as other:
            assert answered(other)


@pytest.mark.key
def test_a_deadline_ends_what_is_left(tmp_path, port):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        old = connect(port)
        assert answered(old)
        weft.rebuilt("tcp")
        assert weft.cli("reload", "--drain", "0.5").code == 0
        assert old.recv(1) == b""
        weft.wait_event("ENGINE_BINDING_DRAINED")
        with connect(port) as s:
            assert answered(s)


def test_a_plugin_that_does_not_end_is_ended(tmp_path, port):
    with Swapped(tmp_path, config(port, to="hostile", options="on_drain: ignore")).wait_ready() as weft:
        old = connect(port)
        assert answered(old)
        weft.rewrite(config(port, to="hostile", options=""))
        assert weft.cli("reload", "--drain", "0.2").code == 0
        assert old.recv(1) == b""
        weft.wait_event("ENGINE_BINDING_DRAINED")


def test_three_generations_at_most(tmp_path, port):
    with Swapped(tmp_path, config(port), workers=1).wait_ready() as weft:
        held = []
        for _ in range(2):
            held.append(connect(port))
            assert answered(held[-1])
            weft.rebuilt("echo")
            assert weft.cli("reload").code == 0
        held.append(connect(port))
        assert answered(held[-1])
        weft.rebuilt("echo")
        done = weft.cli("reload")
        assert done.code == 1 and "--drain" in done.err
        assert all(answered(s) for s in held)
        good = weft.config.read_text()
        weft.rewrite(config(port, to="hostile", options="on_attach: throw"))
        assert weft.cli("reload", "--drain", "0").code == 1
        assert [g for g in weft.generations("app") if "drain_left_ms" in g and g["streams"]] == []
        assert all(answered(s) for s in held), "a reload that failed gave nobody a deadline"
        weft.rewrite(good)
        assert weft.cli("reload", "--drain", "0.5").code == 0
        for s in held:
            assert s.recv(1) == b""
        with connect(port) as s:
            assert answered(s)
        until(lambda: len(weft.generations("app")) == 1)


@pytest.mark.parametrize("how", ["write", "rename", "link"])
def test_changed_files_are_noticed(tmp_path, port, how):
    with Swapped(tmp_path, config(port), watch=True, workers=1).wait_ready() as weft:
        second = free_port()
        if how == "write":
            weft.config.write_text(config(f"[{port}, {second}]"))
        elif how == "rename":
            weft.rewrite(config(f"[{port}, {second}]"))
        else:
            other = tmp_path / "other.yaml"
            other.write_text(config(f"[{port}, {second}]"))
            link = tmp_path / "link"
            link.symlink_to(other)
            link.rename(weft.config)
        weft.wait_event("ENGINE_CONFIG_RELOADED")
        with connect(second) as s:
            assert answered(s)
        since = weft.process.mark()
        weft.rebuilt("echo")
        assert "changed test:app" in weft.wait_event("ENGINE_CONFIG_RELOADED", since=since)


@pytest.mark.key
def test_an_exception_ends_its_stream_and_nothing_else(tmp_path, port):
    with Swapped(tmp_path, config(port, to="hostile", options="on_data: throw")).wait_ready() as weft:
        other = connect(port)
        with connect(port) as s:
            s.sendall(b"x")
            with pytest.raises((ConnectionResetError, AssertionError)):
                answered(s)
        weft.rewrite(config(port, to="hostile", options="on_accept: throw"))
        assert weft.cli("reload").code == 0
        # The reset may come before connect has returned.
        with pytest.raises((ConnectionResetError, AssertionError, BrokenPipeError)):
            with connect(port) as s:
                answered(s)
        weft.rewrite(config(port, to="hostile"))
        assert weft.cli("reload").code == 0
        with connect(port) as s:
            assert answered(s)
        other.close()


def test_who_sends_more_than_it_was_granted_is_named(tmp_path, port):
    with Swapped(tmp_path, config(port, to="hostile", options="on_data: overrun")).wait_ready() as weft:
        with connect(port) as s:
            s.sendall(b"x")
            line = weft.wait_event("ENGINE_BINDING_FAULT")
            assert "test:app" in line and "granted" in line
            with pytest.raises((ConnectionResetError, AssertionError)):
                answered(s)


def test_who_blocks_a_worker_is_named(tmp_path, port):
    with Swapped(tmp_path, config(port, to="hostile", options="on_data: block")).wait_ready() as weft:
        with connect(port) as s:
            assert answered(s, b"x")
        assert "test:app" in weft.wait_event("ENGINE_WORKER_BLOCKED")


def test_a_hundred_reloads_leave_nothing_behind(tmp_path, port):
    with Swapped(tmp_path, config(port), workers=2).wait_ready() as weft:
        s = connect(port)
        assert answered(s)

        def reload(times, change):
            for i in range(times):
                since = weft.process.mark()
                if change:
                    weft.rebuilt("echo")
                done = weft.cli("reload")
                assert done.code == 0, done.err
                weft.wait_event("ENGINE_CONFIG_RELOADED", since=since)
                if change:
                    # The one stream stays with the first generation; the later ones end at once.
                    until(lambda: len(weft.generations("app")) == 2)

        reload(5, True)
        reload(5, False)
        memory, descriptors = weft.memory_kib(), weft.descriptors()
        reload(50, False)
        reload(50, True)
        assert weft.descriptors() <= descriptors + 1
        assert answered(s)
        assert len(weft.mappings("echo")) == 2 or SANITIZED
        assert weft.memory_kib() < memory + 2048 or SANITIZED, f"{memory} KiB before"


def test_two_plugins_with_two_versions_of_one_library(tmp_path, port):
    second = free_port()
    text = f"""
name: test
bindings:
  tcp_server:
    type: tcp
    kind: server
    options: {{host: 127.0.0.1, port: [{port}, {second}]}}
    routes:
      - when: [{{port: {second}}}]
        exit: two
    exit: one
  one: {{type: stamp-one, kind: server}}
  two: {{type: stamp-two, kind: server}}
"""
    with Swapped(tmp_path, text, workers=1).wait_ready():
        for p, number in ((port, "one"), (second, "two")):
            with connect(p) as s:
                for calls in (1, 2):
                    s.sendall(b"?")
                    assert s.recv(100) == f"version {number} {calls} {calls}\n".encode()
