"""mqtt.js, as its users use it: all QoS, retained messages, wills, and a session that is resumed."""

import json
from pathlib import Path

import pytest
from support.process import run

PROGRAM = Path(__file__).resolve().parents[1] / "js" / "typical.js"


@pytest.mark.parametrize("version", [4, 5])
def test_typical_use(weft, prefix, version):
    done = run(["node", PROGRAM, weft.port, version, prefix], timeout=60)
    assert done.code == 0, done.out + done.err
    assert json.loads(done.out) == {
        "granted": [2],
        "live": [[f"{prefix}/t", f"q{qos}", qos, False] for qos in (0, 1, 2)],
        "retained": [f"{prefix}/kept/state", "on", 1, True],
        "will": [f"{prefix}/will", "gone", 1, False],
        "resumed": [False, True],
        "away": [[f"{prefix}/away/t", f"while away {qos}", qos, False] for qos in (1, 2)],
    }
