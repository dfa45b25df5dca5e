"""The base install has no server."""

from __future__ import annotations

import pytest

from semipose.browser import needs
from semipose.errors import UserError


def test_what_is_missing_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(UserError, match=r"needs uvicorn.*pip install 'semipose\[ui\]'"):
        needs.refuse_missing()
    monkeypatch.setattr(needs, "find_spec", lambda name: object())
    needs.refuse_missing()
