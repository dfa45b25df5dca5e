from __future__ import annotations

import hashlib
import io
import os
import pickle
import resource
import signal
from pathlib import Path

import pytest
import torch

from semipose.errors import UserError
from semipose.models import checkpoint
from semipose.models.checkpoint import MAGIC, load, refuse_unlike, save
from tests.fixtures.runs import child, dies, exit_code, same

STATE = {"step": 3, "best": 0.5, "names": ["a"], "weights": {"w": torch.arange(2000.0)}}


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_round_trip(tmp_path) -> None:
    save(tmp_path / "new" / "best.ckpt", STATE)
    assert same(load(tmp_path / "new" / "best.ckpt"), STATE)
    assert files(tmp_path / "new") == {"best.ckpt"}


def test_the_one_before_the_last_is_kept(tmp_path) -> None:
    for step in range(3):
        save(tmp_path / "last.ckpt", {"step": step})
    assert load(tmp_path / "last.ckpt") == {"step": 2} and load(tmp_path / "previous.ckpt") == {"step": 1}
    assert files(tmp_path) == {"last.ckpt", "previous.ckpt"}


def _killed_while_saving(path: Path) -> None:
    os.fsync = lambda _: dies()  # the new file is written, and not yet renamed
    save(path, STATE)


def test_a_killed_save_leaves_the_checkpoint_of_before(tmp_path) -> None:
    path = tmp_path / "last.ckpt"
    save(path, {"step": 1})
    assert exit_code(child(_killed_while_saving, path)) == -signal.SIGKILL
    assert [name.startswith("last.ckpt.") for name in files(tmp_path) if name.endswith(".part")] == [True]
    assert load(path) == {"step": 1}
    save(path, {"step": 2})  # and what it left is cleared away by the next
    assert load(path) == {"step": 2} and files(tmp_path) == {"last.ckpt", "previous.ckpt"}


def _saves_on_a_full_disk(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    with pytest.raises(UserError) as caught:
        save(path, STATE)
    message = str(caught.value)
    assert str(path) in message and "File too large" in message and "intact" in message and "\n" not in message


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path) -> None:
    path = tmp_path / "best.ckpt"
    save(path, {"step": 1})
    assert exit_code(child(_saves_on_a_full_disk, path)) == 0
    assert load(path) == {"step": 1} and files(tmp_path) == {"best.ckpt"}


def test_where_nothing_can_be_written_the_error_names_the_path(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/below/last.ckpt could not be written \(Not a directory\)"):
        save(tmp_path / "file" / "below" / "last.ckpt", STATE)


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        place = len(data) * 2 // 3
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()


@pytest.mark.parametrize(
    ("how", "message"),
    [("cut", "is damaged"), ("flipped", "is damaged"), ("empty", "is not a semipose"), ("gone", "cannot be read")],
)
def test_damage_is_found_and_the_previous_one_offered(tmp_path, how, message) -> None:
    last, previous = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    save(last, {"step": 1})
    save(last, {"step": 2})
    damage(last, how)
    with pytest.raises(UserError, match=f"last.ckpt {message}.*{previous} is whole.*--resume {previous}"):
        load(last)
    assert load(previous) == {"step": 1}
    damage(previous, "flipped")
    with pytest.raises(UserError, match=f"last.ckpt {message}") as caught:
        load(last)
    assert "whole" not in str(caught.value)


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.marker,))


def test_a_pipe_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "best.ckpt")
    with pytest.raises(UserError, match=r"best\.ckpt cannot be read \(it is no plain file\)"):
        load(tmp_path / "best.ckpt")


def test_a_malicious_pickle_is_never_executed(tmp_path) -> None:
    marker, path = tmp_path / "executed", tmp_path / "best.ckpt"
    zipped = io.BytesIO()
    torch.save({"step": Malicious(marker)}, zipped)
    for data in (zipped.getvalue(), pickle.dumps(Malicious(marker), protocol=2), b"noise"):
        path.write_bytes(MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
        with pytest.raises(UserError, match=r"best.ckpt holds what is not plain tensors and values; refused"):
            load(path)
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"best.ckpt is not a semipose checkpoint"):
            load(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Malicious(marker)))
    assert marker.exists(), "the test's pickle would not have done anything"


def test_a_file_system_without_links_still_saves(tmp_path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    save(tmp_path / "last.ckpt", {"step": 1})
    monkeypatch.setattr(checkpoint.os, "link", refuse)
    save(tmp_path / "last.ckpt", {"step": 2})
    assert load(tmp_path / "last.ckpt") == {"step": 2}


def test_what_was_saved_has_the_form_of_what_it_replaces() -> None:
    now = {"a": torch.zeros(2), "step": 1, "rate": 0.5, "parts": [{"lr": 0.1}], "empty": {}, "none": None, "name": "x"}
    saved = {"a": torch.ones(2), "step": 3, "rate": 1, "parts": [{"lr": 1}], "empty": {"b": 1}, "none": 3}
    refuse_unlike(saved, now, "a.ckpt")
    for key, value in (
        ("a", torch.ones(3)),
        ("a", [1.0, 1.0]),
        ("step", 1.5),
        ("step", True),
        ("rate", float("nan")),
        ("rate", "x"),
        ("parts", []),
        ("parts", {}),
        ("empty", []),
        ("name", 3),
        ("more", 1),
    ):
        with pytest.raises(UserError, match=r"^a\.ckpt.* does not fit this run; it was edited"):
            refuse_unlike({**saved, key: value}, now, "a.ckpt")


def test_a_list_in_itself_again_and_again_is_refused(tmp_path) -> None:
    endless: list = [0]
    for _ in range(60):
        endless = [endless, endless]
    save(tmp_path / "x.ckpt", {"a": endless})
    with pytest.raises(UserError, match="not plain tensors and values"):
        load(tmp_path / "x.ckpt")
