"""TLS whose records the kernel makes: the tests of tls once more, on a kernel that can."""

import re
import shlex
import sys
from pathlib import Path

from support import vm
from support.weft import BUILD

TESTS = Path(__file__).resolve().parents[1]


def test_tls_on_a_kernel_that_has_it(tmp_path):
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", TESTS / "pytest.ini", "--rootdir", TESTS]
    tests = [TESTS / "system" / "test_tls.py", "-m", "key"]
    code, output = vm.run(
        f"export WEFT_BUILD_DIR={shlex.quote(str(BUILD))}\n{shlex.join(map(str, [*pytest, *tests]))} || exit\ncat /proc/net/tls_stat",
        tmp_path,
    )
    print(output)
    assert code == 0, output
    # One per connection, but those of the one test that has the kernel left alone.
    passed, sent = (int(re.search(p, output)[1]) for p in (r"(\d+) passed", r"TlsTxSw\s+(\d+)"))
    assert passed > 15
    assert sent > passed, "the kernel made the records"
