"""A child process whose output can be waited for, line by line."""

import collections
import re
import signal
import subprocess
import threading
import time


class Process:
    """Runs a program; `wait_line` blocks until a matching line came or the program ended."""

    def __init__(self, args, *, env=None, cwd=None, stdin=None):
        self.args = [str(a) for a in args]
        self.lines, self.changed = [], threading.Condition()
        self.ended = False
        self.child = subprocess.Popen(
            self.args, env=env, cwd=cwd, stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    @property
    def output(self):
        with self.changed:
            return "\n".join(self.lines)

    def wait_line(self, pattern, *, timeout=60, since=0):
        """The first line from `since` on in which the pattern is found."""
        expression, until, at = re.compile(pattern), time.monotonic() + timeout, since
        with self.changed:
            while True:
                for line in self.lines[at:]:
                    if expression.search(line):
                        return line
                at = len(self.lines)
                left = until - time.monotonic()
                if self.ended or left <= 0:
                    tail = "\n".join(self.lines[-40:])
                    what = "ended" if self.ended else f"{timeout} s passed"
                    raise AssertionError(f"{self.args[0]}: {what}, no line like {pattern!r}:\n{tail}")
                self.changed.wait(left)

    def mark(self):
        """A position to give to wait_line as `since`."""
        with self.changed:
            return len(self.lines)

    def running(self):
        return self.child.poll() is None

    def wait(self, timeout=60):
        """Waits for the end; the exit code (negative: the signal)."""
        code = self.child.wait(timeout)
        self.reader.join(timeout)
        return code

    def signal(self, number=signal.SIGTERM):
        self.child.send_signal(number)

    def close(self):
        """Ends it, if it still runs, by force."""
        if self.running():
            self.child.kill()
        self.child.wait()
        self.reader.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


Result = collections.namedtuple("Result", "code out err")


def run(args, *, input=None, env=None, cwd=None, timeout=120):
    """Runs to the end; code, stdout and stderr as text."""
    done = subprocess.run(
        [str(a) for a in args], input=input, env=env, cwd=cwd, timeout=timeout, capture_output=True
    )
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
