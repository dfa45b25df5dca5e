from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from semipose import limits
from semipose.errors import UserError
from semipose.files import Part, below, read_json, read_mapping, ready, real, write_atomically
from tests.fixtures.runs import child, exit_code


def test_parts_are_joined_and_folders_made(tmp_path) -> None:
    write_atomically(tmp_path / "a" / "b.txt", b"one ", memoryview(b"two"))
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"one two"
    write_atomically(tmp_path / "a" / "b.txt", b"new")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"new" and os.listdir(tmp_path / "a") == ["b.txt"]


def test_an_interrupted_write_leaves_the_old_file_and_no_part(tmp_path, monkeypatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    write_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def _writes_on_a_full_disk(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    with pytest.raises(UserError) as caught:
        write_atomically(path, bytes(5000))
    assert str(caught.value) == f"{path} could not be written (File too large); what was there before is intact"


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path) -> None:
    write_atomically(tmp_path / "file", b"old")
    assert exit_code(child(_writes_on_a_full_disk, tmp_path / "file")) == 0
    assert (tmp_path / "file").read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_below_a_file_nothing_can_be_written(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/below/new could not be written \(Not a directory\)"):
        write_atomically(tmp_path / "file" / "below" / "new", b"")


def test_a_file_to_be_written_has_a_folder(tmp_path) -> None:
    assert ready(tmp_path / "a" / "b" / "page.html", b"<title>") == tmp_path / "a" / "b" / "page.html"
    assert os.listdir(tmp_path / "a" / "b") == []
    (tmp_path / "kept.html").write_text("<title>old")
    assert ready(tmp_path / "kept.html", b"<title>").read_text() == "<title>old"
    (tmp_path / "kept.html").write_text("")
    assert ready(tmp_path / "kept.html", b"<title>").exists(), "there is nothing to lose"


@pytest.mark.parametrize("content", ["their page", "<p>" * 99_999 + "<title>" + "<p>" * 99_999])
def test_a_file_of_another_s_is_not_replaced(tmp_path, content) -> None:
    (tmp_path / "page.html").write_text(content)
    with pytest.raises(UserError, match=r"page\.html is there and semipose did not write it; name another file"):
        ready(tmp_path / "page.html", b"<title>")
    (tmp_path / "page.html").write_text(content + "<title>")
    assert ready(tmp_path / "page.html", b"<title>").exists()


def test_what_cannot_be_written_is_said_before_the_work(tmp_path, monkeypatch) -> None:
    with pytest.raises(UserError, match=r"is a folder; name a file in it$"):
        ready(tmp_path, b"")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/below cannot be made \(.*\); name another file$"):
        ready(tmp_path / "file" / "below" / "page.html", b"")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # who runs as root may write anywhere
    with pytest.raises(UserError, match=r"cannot be written; name a file elsewhere$"):
        ready(tmp_path / "page.html", b"")


def test_all_files_below_a_folder_in_order(tmp_path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", "b/c/3.txt", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    names = [str(path.relative_to(tmp_path)) for path in below(tmp_path)]
    assert names == [".hidden", "a.txt", "b/1.txt", "b/2.txt", "b/c/3.txt"]
    assert below(tmp_path / "nowhere") == []


def test_folders_that_are_links_are_entered_once_and_never_upwards(tmp_path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "own", outside):
        folder.mkdir(parents=True)
        (folder / "file").write_text("")
    (inside / "twin").symlink_to(inside / "own")
    (inside / "away").symlink_to(outside)
    (inside / "again").symlink_to(outside)
    (inside / "own" / "up").symlink_to(inside)
    (inside / "higher").symlink_to(tmp_path)
    names = [str(path.relative_to(inside)) for path in below(inside)]
    assert names == ["again/file", "own/file"], "a linked folder by its first name, one with a path of its own by that"


@pytest.mark.slow
def test_a_mapping_has_few_aliases_and_is_no_giant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine lists of nine aliases each are a billion values when they are read out."""
    path = tmp_path / "bomb.yaml"
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 9)]
    path.write_text("\n".join(["l0: &l0 [x]", *levels]))
    with pytest.raises(UserError, match=r"bomb\.yaml is not YAML \(more than 20 aliases\); mend it$"):
        read_mapping(path)
    path.write_text("a: &a [1]\nb: *a\n")
    assert read_mapping(path) == {"a": [1], "b": [1]}
    path.write_text("[" * 5000)
    with pytest.raises(UserError, match="is not YAML"):
        read_mapping(path)
    monkeypatch.setattr(limits, "YAML", 4)
    with pytest.raises(UserError, match="is larger than"):
        read_mapping(path)


def test_two_writers_of_one_file_do_not_meet(tmp_path) -> None:
    first, second = Part(tmp_path / "a"), Part(tmp_path / "a")
    assert first.path != second.path and first.path.suffix == ".part"
    first.path.write_text("first")
    second.path.write_text("second")
    first.done()
    second.drop()
    second.drop()
    assert (tmp_path / "a").read_text() == "first" and os.listdir(tmp_path) == ["a"]


def _writes_often(path: Path) -> None:
    for _ in range(3):
        write_atomically(path, str(os.getpid()).encode() * 1000)


@pytest.mark.slow
def test_many_processes_write_one_file_and_none_loses_it(tmp_path) -> None:
    writers = [child(_writes_often, tmp_path / "file") for _ in range(24)]
    assert [exit_code(each) for each in writers] == [0] * 24
    assert len(set((tmp_path / "file").read_bytes().split(b"0"))) < 5000 and os.listdir(tmp_path) == ["file"]
    text = (tmp_path / "file").read_bytes()
    assert text == text[: len(text) // 1000] * 1000, "of one writer alone"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "nested too deep"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"a": 1' + "0" * 5000 + "}", "a number has thousands of digits"),
        ("{", "Expecting"),
        ("\ufeff", "Expecting"),
    ],
)
def test_json_that_is_none_is_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"a\.json is not JSON: .*{says}.*mend it") as caught:
        read_json(path)
    assert "sys." not in str(caught.value)
    path.write_text('{"a": "\\ud83d\\ude00"}')
    assert read_json(path) == {"a": "\N{GRINNING FACE}"}, "two halves are one"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: " + "[" * 30 + "]" * 30, "nested 31 deep"),
        ("1: a", "has the key 1, which is no name"),
        ("- a", "holds list"),
        ("a: 2020-99-99", "is not YAML"),
        ("? [a]\n: 1", "is not YAML"),
        ("a: &a [*a]", "nested too deep"),
        ("a: !!python/object/apply:os.system [ls]", "is not YAML"),
    ],
)
def test_yaml_that_holds_no_settings_is_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError, match=says):
        read_mapping(tmp_path / "a.yaml")


def test_who_could_read_a_file_still_can(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("a")
    path.chmod(0o664)
    write_atomically(path, b"b")
    assert path.read_bytes() == b"b" and path.stat().st_mode & 0o777 == 0o664


def test_yaml_says_a_key_once_and_numbers_as_they_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("optim: {lr: 0.5}\nsteps: 3\noptim: {batch: 2}\n")
    with pytest.raises(UserError, match=r"a\.yaml is not YAML \(the key optim stands twice; keep one of them\)"):
        read_mapping(path)
    path.write_text("a: 010\nb: 1:30\nc: 12\nd: -0.5\ne: 1.5e-3\nf: 0x1F\ng: .inf\nh: &h {x: 1}\ni: {<<: *h, x: 2}\n")
    found = read_mapping(path)
    assert (found["a"], found["b"], found["f"]) == ("010", "1:30", 31)
    assert (found["c"], found["d"], found["e"], found["g"]) == (12, -0.5, 0.0015, float("inf"))
    assert found["i"] == {"x": 2}, "what is merged may be said again"
    path.write_text("a: &a {x: 1, y: 0}\nouter:\n  inner: &b {<<: *a, x: 2}\nc: {<<: *b, y: 1}\n")
    assert read_mapping(path)["c"]["y"] == 1, "and merged again"


def test_json_of_few_values_says_a_key_once(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": {"b": 1, "c": 2, "b": 3}}')
    assert read_json(path) == {"a": {"b": 3, "c": 2}}
    with pytest.raises(UserError, match=r"a\.json is not JSON: the key b stands twice; keep one of them; mend it"):
        read_json(path, once=True)


def test_a_relative_path_is_of_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "frames").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / name)
        assert real("frames/a.png") == os.path.realpath(tmp_path / name / "frames" / "a.png")


def test_a_name_as_long_as_a_disk_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("\u9f20" * 80 + ".json")
    write_atomically(path, b"{}")
    assert path.read_bytes() == b"{}" and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_merged_keys_do_not_grow_without_end(tmp_path: Path) -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(12_000))
    (tmp_path / "a.yaml").write_text(f"a: &a {{{keys}}}\nb: {{<<: [*a, *a]}}\n")
    with pytest.raises(UserError, match="more than 10000 merged keys"):
        read_mapping(tmp_path / "a.yaml")
