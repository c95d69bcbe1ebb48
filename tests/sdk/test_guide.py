"""The commands of docs/plugin-guide.md, in their order, as a newcomer would type them."""

import os
import re

from support.ports import free_port
from support.process import run
from support.weft import BUILD, ROOT

GUIDE = ROOT / "docs" / "plugin-guide.md"


def script(text, port):
    """The fenced sh blocks as one script; a block before which `<!-- file: NAME -->` stands becomes that file."""
    out = ["set -euo pipefail", "trap 'weft stop >/dev/null 2>&1' EXIT"]
    for file, language, block in re.findall(r"(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)```", text, flags=re.S):
        if file:
            out.append(f"cat > {file} <<'__END__'\n{block}__END__")
        elif language == "sh":
            out.append(block.replace("/7010", f"/{port}"))
            if "plugin new" in block:
                out.append(f"sed -i s/7010/{port}/ */zilla.yaml")
    return "\n".join(out)


def test_commands(tmp_path):
    port = free_port()
    text = GUIDE.read_text()
    assert text.count("```sh") >= 5
    env = {**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}"}
    done = run(["bash", "-c", script(text, port)], cwd=tmp_path, env=env, timeout=300)
    assert done.code == 0, f"{done.out[-6000:]}\n{done.err[-6000:]}"
    for expected in re.findall(r"<!-- prints: (.*?) -->", text):
        assert expected in done.out.splitlines(), f"{expected!r} is not in {done.out[-6000:]}"
