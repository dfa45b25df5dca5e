from __future__ import annotations

from zipfile import BadZipFile

import pytest

from semipose.cli import main
from semipose.errors import UsageError, UserError, boundary, plain_line, plain_text, reads


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


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RecursionError("x"), "it is nested too deep"),
        (MemoryError(), "it needs more memory than there is"),
        (KeyError("bbox"), "it lacks 'bbox'"),
        (TypeError("unhashable type: 'list'"), "its parts do not fit together"),
        (IndexError("list index out of range"), "its parts do not fit together"),
        (OverflowError("int too large"), "its parts do not fit together"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "text that is not UTF-8"),
        (BadZipFile("Bad magic number"), "Bad magic number"),
        (ValueError("a\nb " + "c" * 999), r"a b c{1,160}\)"),
        (EOFError(), "EOFError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_reader_raises_is_one_line_with_its_cause(error: Exception, says: str) -> None:
    @reads("a file of boxes")
    def read(path: str) -> None:
        """Reads."""
        raise error

    with pytest.raises(
        UserError, match=rf"^a\.json cannot be read as a file of boxes \(.*{says}.*mend it, or"
    ) as caught:
        read("a.json")
    assert caught.value.__cause__ is error and "\n" not in str(caught.value) and read.__doc__ == "Reads."
    with pytest.raises(UserError, match=r"^b\.json cannot"):
        read(path="b.json")


def test_a_sentence_of_a_reader_and_what_is_no_error_pass_the_boundary() -> None:
    for error in (UserError("a sentence"), UsageError("a setting"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, boundary("a.json", "JSON"):
            raise error
        assert caught.value is error


def test_debug_shows_where_it_was(tmp_path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    def fails(*_: object) -> None:
        raise IndexError("a fault of ours")

    (tmp_path / "labels.csv").write_text("image,joint,x,y\na.png,nose,1,2\n")
    monkeypatch.setattr("semipose.data.readers.plain_csv.named_skeleton", fails)
    assert main(["doctor", str(tmp_path / "labels.csv")]) == 1
    assert "cannot be read as a CSV of labels" in capsys.readouterr().err
    with pytest.raises(UserError) as caught:
        main(["doctor", str(tmp_path / "labels.csv"), "--debug"])
    assert isinstance(caught.value.__cause__, IndexError)


def test_names_of_a_file_neither_break_the_line_nor_fill_the_screen(tmp_path, capsys) -> None:
    assert plain_line("a\n b\x1b[2J\ud800") == r"a b\x1b[2J\ud800"
    assert plain_text("    a\nb\x9b2J") == r"    a\nb\x9b2J", "as far to the right as it was"
    assert len(str(UserError("x" * 10_000))) < 2000
    (tmp_path / "labels.csv").write_text(f"image,joint,x,y\na.png,nose,\x1b[2J{'9' * 5000},2\n")
    assert main(["doctor", str(tmp_path / "labels.csv")]) == 1
    said = capsys.readouterr().err
    assert "\x1b" not in said and said.count("\n") == 1 and len(said) < 2500
