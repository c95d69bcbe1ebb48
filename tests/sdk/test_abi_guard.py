"""The guard of the ABI sees what it is there for: each of these changes to a copy of the headers must be found."""

import re
import shutil

import pytest
from echoes import output
from support.process import run
from support.weft import ROOT

ABI = ROOT / "tests" / "abi"
BREAKS = {
    "slot removed from a service": ("abi/streams.h", r"    uint32_t \(\*credit\)\(const weft_stream\* s\);", ""),
    "argument added": ("abi/reactor.h", r"\(\*now\)\(weft_worker\* w\)", "(*now)(weft_worker* w, int x)"),
    "field widened": ("meta/tcp.h", r"uint16_t local_port, remote_port;\n    uint32_t flags;", "uint32_t local_port, remote_port;"),
    "constant renumbered": ("abi.h", r"WEFT_WINDOW = 0x42", "WEFT_WINDOW = 0x46"),
    "slots exchanged": ("abi/buffers.h", r"(    void \(\*retain\).*\n)(    void \(\*release\).*\n)", r"\2\1"),
}  # fmt: skip


def surface(include, build, of=ABI):
    """The library that abidiff looks at, from these headers."""
    library = build / "libweft-abi.so"
    output("cc", "-std=c11", "-g", "-O0", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-soname,libweft-abi.so", "-I", include,
           of / "abi_surface.c", "-o", library)  # fmt: skip
    return library


def differs(library, dump=ABI / "weft-abi-1.0.abi"):
    done = run(["abidiff", "--no-show-locs", dump, library])
    assert done.code & 3 == 0, f"abidiff failed: {done.out}{done.err}"
    return done.code != 0


def test_unchanged(tmp_path):
    assert not differs(surface(ROOT / "sdk" / "include", tmp_path))


def test_frozen_headers_are_those_of_their_dump(tmp_path):
    """As they were at first: what has been appended since is in the other dump only."""
    frozen = ABI / "frozen-1.0"
    assert not differs(surface(frozen / "include", tmp_path, frozen), frozen / "weft-abi-1.0.abi")


@pytest.mark.parametrize("what", BREAKS)
def test_breaks_are_seen(what, tmp_path):
    header, pattern, replacement = BREAKS[what]
    shutil.copytree(ROOT / "sdk" / "include", tmp_path / "include")
    file = tmp_path / "include" / "weft" / header
    text, count = re.subn(pattern, replacement, file.read_text(), count=1)
    assert count == 1, f"{header} has changed, adapt the pattern"
    file.write_text(text)
    assert differs(surface(tmp_path / "include", tmp_path))
