"""mqtt.js against the example's configuration."""

import pytest
from support.mqttjs import typical_use


@pytest.mark.parametrize("version", [4, 5])
def test_typical_use(weft, prefix, version):
    typical_use(weft.port, version, prefix)
