from __future__ import annotations

from pathlib import Path

import pytest

from semipose.data.readers.xml_files import read_xml
from semipose.errors import UserError

BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(("text", "says"), [(BOMB, "document type"), ("<a>", "is not XML"), ("", "is not XML")])
def test_what_is_no_plain_xml_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        read_xml(path)


def test_elements_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes('\ufeff<?xml version="1.0" encoding="utf-8"?><a b="ü"/>'.encode())
    assert read_xml(path).get("b") == "ü"
