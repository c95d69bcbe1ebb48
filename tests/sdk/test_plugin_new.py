"""`weft plugin new`: from a name to a route that runs."""

import subprocess

import pytest
from echoes import build_out_of_tree, output, start, transfer
from support.ports import free_port
from support.process import run
from support.weft import WEFT, Weft


def new(folder, *args):
    return run([WEFT, "plugin", "new", *args], cwd=folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project as it was written, built without any flag."""
    folder = tmp_path_factory.mktemp("projects")
    done = new(folder, "my-plugin")
    assert done.code == 0, done.err
    assert done.err == ""
    build_out_of_tree(folder / "my-plugin", folder / "my-plugin" / "build")
    return folder / "my-plugin"


def test_files(project):
    assert (project / "build" / "weft-binding-my-plugin.so").exists()
    for name in ("CMakeLists.txt", "my-plugin.cpp", "my-plugin_test.cpp", "schema.json", "zilla.yaml", "README.md", ".gitignore"):
        text = (project / name).read_text()
        assert text and "@" not in text, f"{name} has a place that was not filled"


def test_its_own_tests_pass(project):
    done = output("ctest", "--test-dir", project / "build", "--output-on-failure", "--no-tests=error")
    assert "100% tests passed" in done


def test_its_example_runs(project):
    port = free_port()
    text = (project / "zilla.yaml").read_text()
    assert "7010" in text
    with Weft(text.replace("7010", str(port)), port=port, args=["--plugins", project / "build"]) as weft:
        weft.wait_ready()
        transfer(port)


def test_its_route_stops_in_order(project):
    with start("my-plugin", project / "build") as weft:
        transfer(weft.port, 1000)
        assert weft.stop() == 0


@pytest.mark.parametrize("name", ["My", "1st", "a_b", "a/b", "", "-a", "é", "a" * 65])
def test_bad_names(name, tmp_path):
    done = new(tmp_path, "--", name)
    assert done.code == 2
    assert done.err.startswith("weft: ") and "name" in done.err
    assert not list(tmp_path.iterdir())


def test_folder_exists(tmp_path):
    (tmp_path / "mine").mkdir()
    done = new(tmp_path, "mine")
    assert done.code == 1 and "mine: exists already" in done.err
    assert not list((tmp_path / "mine").iterdir())


def test_type_is_taken(tmp_path, project):
    done = new(tmp_path, "tcp")
    assert done.code == 1 and "'tcp' is taken by" in done.err and "weft-binding-tcp.so" in done.err
    done = new(tmp_path, "my-plugin", "--plugins", project / "build")
    assert done.code == 1 and "'my-plugin' is taken by" in done.err


def test_own_folder_adds_to_what_is_installed(project):
    for args, env in ((["--plugins", project / "build"], {}), ([], {"WEFT_PLUGINS": str(project / "build")})):
        done = run([WEFT, "plugins", *args], env={"PATH": "/usr/bin:/bin", **env})
        assert done.code == 0, done.err
        for name in ("my-plugin", "tcp"):
            assert f"weft-binding-{name}.so" in done.out


def test_check(project):
    done = subprocess.run([WEFT, "plugin", "check"], capture_output=True, text=True)
    assert done.returncode == 2 and "which file" in done.stderr
    if (WEFT.parent / "weft-validate").exists():
        output(WEFT, "plugin", "check", project / "build" / "weft-binding-my-plugin.so")
    else:
        done = subprocess.run([WEFT, "plugin", "check", "x.so"], capture_output=True, text=True)
        assert done.returncode == 1 and "weft-validate" in done.stderr
