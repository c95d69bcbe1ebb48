"""docs/mqtt-conformance.md is what the tags in the tests make of it."""

import pytest
from support import conformance


def test_document_is_up_to_date():
    assert conformance.DOCUMENT.read_text() == conformance.document(), "run python3 tests/support/conformance.py"


def test_tags_of_a_file(tmp_path):
    path = tmp_path / "x_test.cpp"
    path.write_text(
        "// [MQTT-1.5.4-1] 3.1.1 [MQTT-1.5.3-1]\nTEST_F(a, b) {\n    x();  // [MQTT-1.5.4-2]\n}\nTEST(a, c) {}\n"
    )
    assert list(conformance.tags_of(path)) == [
        ("5.0", "1.5.4-1", "a.b"), ("3.1.1", "1.5.3-1", "a.b"), ("5.0", "1.5.4-2", "a.b"),
    ]  # fmt: skip


def test_a_tag_of_no_statement_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "tests" / "system").mkdir(parents=True)
    (tmp_path / "tests" / "system" / "test_x.py").write_text("# [MQTT-9.9.9-9]\ndef test_x():\n    pass\n")
    monkeypatch.setattr(conformance, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="9.9.9-9"):
        conformance.document()
