from __future__ import annotations

import pytest

from semipose.cli import main
from semipose.errors import UsageError, UserError


def test_a_wrong_setting_is_the_user_s_error_with_its_own_exit_code(
    tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what may go wrong, a fault of the data exits with 1, one of the settings with 2; each is one line."""
    assert issubclass(UsageError, UserError) and not issubclass(UserError, (ValueError, OSError))
    assert main(["evaluate", str(tmp_path / "nowhere")]) == 1
    assert main(["train", "--model.backbon=resnet18"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2 and all(line.startswith("semipose ") for line in lines)
    assert "nowhere" in lines[0] and "backbon" in lines[1]
