"""mqtt.js, as its users use it: tests/js/typical.js."""

import json
import os
from pathlib import Path

from support.process import run

PROGRAM = Path(__file__).resolve().parents[1] / "js" / "typical.js"


def typical_use(where, version, prefix, ca=None):
    """All QoS, retained messages, wills, and a session that is resumed; `where` is a port or a URL, `ca` whom to trust there."""
    env = {**os.environ, "NODE_EXTRA_CA_CERTS": str(ca)} if ca else None
    done = run(["node", PROGRAM, where, version, prefix], env=env, timeout=60)
    assert done.code == 0, done.out + done.err
    assert json.loads(done.out) == {
        "granted": [2],
        "live": [[f"{prefix}/t", f"q{qos}", qos, False] for qos in (0, 1, 2)],
        "retained": [f"{prefix}/kept/state", "on", 1, True],
        "will": [f"{prefix}/will", "gone", 1, False],
        "resumed": [False, True],
        "away": [[f"{prefix}/away/t", f"while away {qos}", qos, False] for qos in (1, 2)],
    }
