"""Fixtures of the system tests. Run them with `./dev test`, or by hand: `dev.d/pytest tests/system -k retained`."""

import os
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.kafka import Kafka, PrivateKafka  # noqa: E402
from support.weft import start_example  # noqa: E402


@pytest.fixture(scope="session")
def kafka():
    """The broker that this run shares: given by ./dev test, else started here."""
    address = os.environ.get("WEFT_TEST_KAFKA")
    if address:
        yield Kafka(address)
        return
    with PrivateKafka() as own:
        yield own


@pytest.fixture(scope="module")
def weft(kafka):
    """The example, one instance per file; tests that disturb it start their own."""
    with start_example(kafka) as running:
        yield running


@pytest.fixture
def prefix():
    """A first topic level that no other test uses; it goes to the messages topic."""
    return f"t{uuid.uuid4().hex[:10]}"
