"""The package weft-sdk, installed and in the build folder: what is in it and that others can build on it."""

import pytest
from echoes import build_out_of_tree, output, start, transfer
from support.process import run
from support.weft import BUILD, ROOT


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    output("cmake", "--install", BUILD, "--prefix", folder)
    return folder


def test_contents(prefix):
    for name in (
        "bin/weft",
        "include/weft/abi.h",
        "include/weft/abi/streams.h",
        "include/weft/meta/mqtt.h",
        "include/weft/plugin.hpp",
        "lib/cmake/weft-sdk/weft-sdk-config.cmake",
        "lib/cmake/weft-sdk/weft-sdk-config-version.cmake",
        "lib/weft/plugins/weft-binding-tcp.so",
        "share/weft/schemas/tcp.json",
        "share/doc/weft/plugin-guide.md",
        "share/doc/weft/examples/echo/echo.cpp",
    ):
        assert (prefix / name).exists(), name
    assert not list(prefix.rglob("weft-binding-echo.so")), "an example is no part of the product"
    for file in (prefix / "lib" / "cmake").rglob("*"):
        if file.is_file():
            assert str(ROOT) not in file.read_text(), f"{file} leads back into the source"


@pytest.mark.parametrize("name", ["echo", "count", "c-echo"])
@pytest.mark.parametrize("where", ["installed", "build folder"])
def test_examples_build_elsewhere(where, name, prefix, tmp_path):
    place = prefix if where == "installed" else BUILD
    file = build_out_of_tree(ROOT / "examples" / name, tmp_path, f"-DCMAKE_PREFIX_PATH={place}")
    assert file.name == f"weft-binding-{name}.so"


def test_http_needs_nothing_but_the_sdk(prefix, tmp_path):
    build_out_of_tree(ROOT / "plugins" / "http", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}")


def test_installed_weft_runs_a_plugin_built_on_it(prefix, tmp_path, monkeypatch):
    file = build_out_of_tree(ROOT / "examples" / "echo", tmp_path, f"-Dweft-sdk_DIR={prefix}/lib/cmake/weft-sdk")
    monkeypatch.setattr("support.weft.WEFT", prefix / "bin" / "weft")
    with start("echo", file.parent) as weft:
        transfer(weft.port)


def test_an_older_major_is_refused(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(p LANGUAGES CXX)\nfind_package(weft-sdk 2 REQUIRED)\n"
    )
    done = run(["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={BUILD}"])
    assert done.code != 0 and "weft-sdk" in done.err
