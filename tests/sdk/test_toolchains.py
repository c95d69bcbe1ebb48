"""A plugin of another compiler and another C++ library than the runtime's."""

import shutil

import pytest
from echoes import build_out_of_tree, output, start, transfer
from support.weft import BUILD, ROOT


@pytest.fixture(scope="module")
def libcxx_echo(tmp_path_factory):
    clang = shutil.which("clang++")
    assert clang, "./dev installs clang"
    return build_out_of_tree(
        ROOT / "examples" / "echo", tmp_path_factory.mktemp("libcxx"),
        f"-DCMAKE_PREFIX_PATH={BUILD}", f"-DCMAKE_CXX_COMPILER={clang}", "-DCMAKE_CXX_FLAGS=-stdlib=libc++ -Wall -Wextra -Werror",
    )  # fmt: skip


def test_needs_the_other_library(libcxx_echo):
    needed = output("readelf", "--dynamic", libcxx_echo)
    assert "[libc++.so" in needed and "libstdc++" not in needed
    assert "libstdc++" in output("ldd", BUILD / "bin" / "weft")


def test_echoes(libcxx_echo):
    with start("echo", libcxx_echo.parent) as weft:
        transfer(weft.port, 1 << 20)
