from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from semipose.data.sample import PoseData, Sample, Samples
from semipose.data.split import Protocol, Split, check_overlap, make_split
from semipose.errors import UserError
from semipose.skeleton import Skeleton


def people(images: int = 20, each: int = 3) -> PoseData:
    """Of the people in an image the last is unlabelled."""
    labels = np.array([[1, 1, 2]], np.float32)
    samples = (
        Sample(f"{i:02d}.jpg#{p}", f"/data/{i:02d}.jpg", (0, 0, 5, 5), labels if p < each - 1 else None)
        for i in range(images)
        for p in range(each)
    )
    return PoseData("people", Skeleton("one", ("a",)), tuple(samples))


def images_of(ids: tuple[str, ...]) -> set[str]:
    return {i.partition("#")[0] for i in ids}


@pytest.mark.parametrize("protocol", ["random", "first"])
def test_sizes_and_no_leakage(protocol: str) -> None:
    data = people()
    split = make_split(data, labeled=6, val=5, seed=3, protocol=protocol)  # type: ignore[arg-type]
    assert (len(split.labeled), len(split.val)) == (6, 5)
    assert not images_of(split.val) & images_of(split.labeled + split.unlabeled)
    assert not set(split.labeled) & set(split.unlabeled)
    assert len(split.unlabeled) == 60 - 3 * len(images_of(split.val)) - 6, (
        "all that remains, unlabelled people included"
    )
    labeled, unlabeled, val = split.apply(data)
    assert all(s.labeled for s in labeled) and all(s.labeled for s in val)
    assert all(s.keypoints is None for s in unlabeled)


def test_first_is_file_order() -> None:
    split = make_split(people(), labeled=3, val=3, unlabeled=2, protocol="first")
    assert split.labeled == ("00.jpg#0", "00.jpg#1", "01.jpg#0")
    assert split.unlabeled == ("00.jpg#2", "01.jpg#1")
    assert split.val == ("19.jpg#0", "19.jpg#1", "18.jpg#0")


def test_random_sets_are_nested_and_validation_is_the_same() -> None:
    small, large = (make_split(people(), n, val=4, seed=1) for n in (4, 12))
    assert set(small.labeled) < set(large.labeled) and small.val == large.val
    assert make_split(people(), 4, val=4, seed=1) == small
    assert make_split(people(), 4, val=4, seed=2).hash != small.hash
    assert len(images_of(small.labeled)) > 2, "instances are drawn, not images"


def test_labels_may_be_counted_by_image() -> None:
    """Everyone labelled in four images; nobody of these images is unlabelled, and smaller sets are part of larger."""
    data = people()
    split = make_split(data, labeled=4, val=5, seed=3, protocol="images")
    images = images_of(split.labeled)
    assert len(images) == 4 and not images & images_of(split.unlabeled + split.val)
    assert set(split.labeled) == {s.id for s in data if s.labeled and s.id.partition("#")[0] in images}
    assert set(split.labeled) < set(make_split(data, labeled=8, val=5, seed=3, protocol="images").labeled)
    assert len(make_split(data, labeled=20, protocol="images").unlabeled) == 0
    with pytest.raises(UserError, match="20 labelled images: too few for 21"):
        make_split(data, labeled=21, protocol="images")


def test_labeled_may_be_kept_in_unlabeled() -> None:
    split = make_split(people(), labeled=6, keep_labeled_in_unlabeled=True)
    assert set(split.labeled) < set(split.unlabeled)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ({"labeled": 41}, "40 labelled"),
        ({"labeled": 1, "val": 40}, "for validation"),
        ({"labeled": 1, "unlabeled": 60}, "leaves 59"),
        ({"labeled": 0}, "at least 1"),
        ({"labeled": 1, "protocol": "last"}, "'last'"),
    ],
)
def test_what_cannot_be_had_is_refused(ask: dict, says: str) -> None:
    with pytest.raises(UserError) as error:
        make_split(people(), **ask)
    assert says in str(error.value)


def test_save_and_load(tmp_path: Path) -> None:
    split = make_split(people(), labeled=6, val=2, seed=3)
    split.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == split
    assert [p.name for p in tmp_path.iterdir()] == ["split.json"]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda d: d["labeled"].pop(), "does not match|do not match"),
        (lambda d: d["val"].append(d["labeled"][0]), "do not match"),
        (lambda d: d.pop("val"), "not a split"),
    ],
)
def test_an_edited_split_is_refused(tmp_path: Path, edit, says: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "split.json"
    make_split(people(), labeled=6, val=2).save(path)
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=says):
        Split.load(path)


def test_an_id_twice_is_the_split_s_fault(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    Split("people", ("00.jpg#0", "00.jpg#0"), (), ("01.jpg#0",), 0, "random").save(path)
    with pytest.raises(UserError, match=r"split\.json: labeled has '00\.jpg#0' more than once; make the split again"):
        Split.load(path)


def test_overlap_is_by_image_and_through_links(tmp_path: Path) -> None:
    data = people()
    with pytest.raises(UserError, match=r"labeled and the val .*00\.jpg"):
        check_overlap(data.subset(["00.jpg#0"]), None, data.subset(["00.jpg#1"]))
    with pytest.raises(UserError, match=r"unlabeled and the val .*01\.jpg"):
        check_overlap(data.subset([0]), data.subset([3]), data.subset([4]))
    check_overlap(data.subset([0]), data.subset([1]), data.subset([4]))
    (tmp_path / "real.jpg").touch()
    os.symlink(tmp_path / "real.jpg", tmp_path / "link.jpg")
    real, link = (PoseData(n, None, (Sample("s", str(tmp_path / n), (0, 0, 1, 1)),)) for n in ("real.jpg", "link.jpg"))
    with pytest.raises(UserError, match="leakage"):
        check_overlap(None, real, link)


def test_apply_refuses_a_split_with_leakage() -> None:
    split = Split("people", ("00.jpg#0",), (), ("00.jpg#1",), 0, "random")
    with pytest.raises(UserError, match="leakage"):
        split.apply(people())


def test_whole_sessions_are_held_out() -> None:
    names = ["a"] * 12 + ["b"] * 3 + ["c"] * 3 + ["d"] * 2
    samples = tuple(
        Sample(str(i), f"synth:studio/0/{i}", (0, 0, 9, 9), np.full((2, 3), 2, np.float32), session=name)
        for i, name in enumerate(names)
    )
    data = PoseData("d", Skeleton("two", ("nose", "tail")), samples)
    for seed in range(5):
        split = make_split(data, None, 4, seed=seed, by="session")
        held = {s.session for s in data.subset(split.val)}
        assert "a" not in held, "most of it is no validation set"
        assert len(split.val) in (3, 5) and len(split.val) + len(split.labeled) == 20
        assert not held & {s.session for s in data.subset(split.labeled)}
    with pytest.raises(UserError, match="other sessions"):
        make_split(data, None, 20, by="session")


@pytest.mark.parametrize("text", ['{"images": [], "annotations": []}', "[]", "mine"])
def test_a_split_is_not_written_over_what_is_none(tmp_path, text) -> None:
    path, split = tmp_path / "labels.json", make_split(people(), labeled=6, val=2)
    path.write_text(text)
    with pytest.raises(UserError, match=r"labels.json is there and is no split; name another file"):
        split.save(path)
    assert path.read_text() == text
    path.unlink()
    make_split(people(), labeled=5, val=2).save(path)
    split.save(path)
    assert Split.load(path) == split


def test_where_it_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is read-only refuses to remove a file that was never written, too."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    split = make_split(people(), labeled=3)
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(UserError, match=r"split\.json could not be written \(Read-only file system\)") as caught:
        split.save(tmp_path / "split.json")
    assert "\n" not in str(caught.value)


BY: tuple[Literal["image", "session"], ...] = ("image", "session")


@pytest.mark.parametrize("protocol", ["random", "images"])
def test_no_sample_is_made_to_split(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.ones((2, 3), np.float32)
    rows = [Sample(f"s{n}", f"/d/{n // 2}.png", (0, 0, 9, 9), points, session=f"{n // 9}") for n in range(60)]
    data = PoseData("d", Skeleton("two", ("a", "b")), rows)
    whole = [make_split(data, 10, 5, protocol=protocol, by=by) for by in BY]
    monkeypatch.setattr(Samples, "__getitem__", lambda self, index: pytest.fail("a sample is made"))
    monkeypatch.setattr(Samples, "__iter__", lambda self: pytest.fail("samples are made"))
    again = [make_split(data, 10, 5, protocol=protocol, by=by) for by in BY]
    assert again == whole and len(whole[0].labeled) == (10 if protocol == "random" else 20)
