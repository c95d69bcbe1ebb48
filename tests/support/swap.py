"""Plugin files that are replaced under a running weft, and what one sees of it from outside."""

import itertools
import shutil
import time
from pathlib import Path


def until(condition, *, timeout=60, why=lambda: "did not come about"):
    """Waits for what no event tells: the state of another process."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def replace(file, content):
    """Puts `content` in place of a file, whole at once."""
    part = file.with_suffix(".part")
    part.write_bytes(content)
    part.rename(file)


class PluginFolder:
    """A folder with copies of these plugin files."""

    def __init__(self, path, files):
        self.path, self.marks = Path(path), itertools.count(1)
        self.path.mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, self.path)

    def file(self, kind):
        return self.path / f"weft-{kind}.so"

    def rebuild(self, kind):
        """Puts another build of a plugin in place: the same code, other bytes."""
        replace(self.file(kind), self.file(kind).read_bytes() + bytes([next(self.marks) % 256]))


def mappings(weft, kind):
    """Paths of the copies of this plugin that are mapped now."""
    lines = Path(f"/proc/{weft.process.child.pid}/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if line.endswith(f"/weft-{kind}.so")}
