"""Predictions that are shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semipose.browser.guesses import Guesses, read_tracks
from semipose.browser.library import Library
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import picture


@pytest.fixture
def project(tmp_path: Path) -> Guesses:
    """A video of 40 frames whose joint b jumps in frame 20, predicted; frames 3 and 7 audited; a picture queued."""
    film(tmp_path / "clip.mp4", 40, step=5)
    image = picture(tmp_path / "a.png")
    guesses = Guesses(tmp_path / "home", Library(tmp_path))
    lines = ["image,person,joint,x,y,score,error90_px"]
    for n in range(40):
        lines.append(f"clip.mp4#{n},0,a,{n},5,0.9,2.5")
        lines.append(f"clip.mp4#{n},0,b,{n + 10 + (30 if n == 20 else 0)},5,{0.1 if n == 9 else 0.8},")
        if n == 4:
            lines += [f"clip.mp4#{n},1,a,30,31,0.7,1", f"clip.mp4#{n},1,b,32,33,0.6,"]
    tracks = guesses.folder("tracks", "runs/one", 1)
    tracks.mkdir(parents=True)
    (tracks / "keypoints.csv").write_text("\n".join(lines) + "\n")
    audit = guesses.folder("audit", "runs/one")
    audit.mkdir(parents=True)
    rows = [
        {"image": f"video:{tmp_path}/clip.mp4#{n}", "score": s, "trouble": [0.1, 0.9], "keypoints": [[1, 2, 0.5]] * 2}
        for n, s in ((7, 0.8), (3, 0.2))
    ]
    for n in (0, 10):
        points = [[8 + n, 9 + n, 0.5], [1 + n, 1, 0.1]]
        rows.append({"image": str(image), "score": 0.1, "trouble": [0.3, 0.2], "keypoints": points})
    (audit / "audit.json").write_text(json.dumps({"sentence": "two", "joints": {"a": {}, "b": {}}, "samples": rows}))
    (audit / "audit.csv").write_text("sample\n")
    return guesses


def test_the_worst_frames_come_first(project: Guesses) -> None:
    by = {how: project.worst("runs/one", 1, how) for how in ("trouble", "jumps", "confidence")}
    assert [(row["index"], row["joint"]) for row in by["trouble"]] == [(7, "b"), (3, "b")]
    assert {row["index"] for row in by["jumps"][:2]} == {20, 21} and by["jumps"][0]["joint"] == "b"
    assert by["confidence"][0]["index"] == 9 and by["confidence"][0]["score"] == 0.9
    assert project.worst("runs/none", 1, "jumps") == [] and project.worst("runs/none", 1, "trouble") == []


def test_a_label_starts_from_what_is_predicted(project: Guesses) -> None:
    guess = project.of(1, 4, ["b", "tail", "a"])
    first = {"points": [[14, 5, 0.8], [0, 0, 0], [4, 5, 0.9]], "radii": [None, None, 2.5]}
    second = {"points": [[32, 33, 0.6], [0, 0, 0], [30, 31, 0.7]], "radii": [None, None, 1]}
    assert guess == {"bodies": [first, second], "from": "runs/one"}
    one, other = (project.of(0, 0, ["a", "b"]) or {})["bodies"]
    assert one["points"] == [[8, 9, 0.5], [1, 1, 0.1]] and other["points"][0] == [18, 19, 0.5]
    assert project.of(1, 400, ["a"]) is None
    queue = project.home / "queue" / "2"
    (queue / "predicted").mkdir(parents=True)
    item = {"ref": project.library.ref(0, 0), "file": "x.png", "score": 0.5, "joint": "a"}
    (queue / "queue.json").write_text(json.dumps({"run": "runs/one", "items": [item]}))
    text = "image,person,joint,x,y,score,error90_px\nx.png,0,a,3,4,0.7,1.5\nx.png,1,a,5,6,0.5,\n"
    (queue / "predicted" / "keypoints.csv").write_text(text)
    bodies = [{"points": [[3, 4, 0.7]], "radii": [1.5]}, {"points": [[5, 6, 0.5]], "radii": [None]}]
    assert project.of(0, 0, ["a"]) == {"bodies": bodies, "from": "queue"}


def test_bodies_are_told_apart_by_their_tracks(project: Guesses) -> None:
    path = project.folder("tracks", "runs/one", 1) / "keypoints.csv"
    lines = ["image,person,joint,x,y,score,error90_px,track"]
    for n in range(6):  # the second one comes first in frame 3, and is not sure in frame 5
        for person in (0, 1):
            who = 1 - person if n == 3 else person
            sure = 0.1 if n == 5 and who == 1 else 0.9
            lines += [f"clip.mp4#{n},{person},{k},{20 * who + n},{j},{sure},,{who}" for j, k in enumerate("ab")]
    path.write_text("\n".join(lines) + "\n")
    bodies = read_tracks(path, project.library, 1)
    assert [body.points[:, 0, 0].tolist() for body in bodies] == [[0, 1, 2, 3, 4, 5], [20, 21, 22, 23, 24, 25]]
    worst, curves = project.worst("runs/one", 1, "confidence"), project.curves("runs/one", 1, 1)
    assert worst[0]["index"] == 5 and len(worst) == 6
    assert curves is not None and curves["bodies"] == 2 and curves["series"][0]["x"][0] == 20
    assert curves["total"] == 6 and curves["below"][10] == 1 and curves["below"][-1] == 6


def test_curves_are_few_and_keep_the_jumps(project: Guesses, monkeypatch: pytest.MonkeyPatch) -> None:
    from semipose.browser import guesses

    monkeypatch.setattr(guesses, "SAMPLED", 8)
    curves = project.curves("runs/one", 1)
    assert curves is not None and len(curves["frames"]) == 8 and {20, 21} & set(curves["frames"])
    assert curves["total"] == 40 and curves["below"][0] == 0 and curves["below"][4] == 1 and curves["below"][-1] == 40
    assert [line["joint"] for line in curves["series"]] == ["a", "b"]
    assert project.curves("runs/one", 0) is None


def test_a_damaged_file_is_a_sentence(project: Guesses) -> None:
    path = project.folder("tracks", "runs/one", 1) / "keypoints.csv"
    for text in ("image,person,joint\na,0,b\n", "\x00\n", "image,person,joint,x,y,score\nclip.mp4#1,0,a,x,y,z\n"):
        path.write_text(text)
        with pytest.raises(UserError):
            read_tracks(path, project.library, 1)


def test_jumps_are_of_neighbours_alone(project: Guesses) -> None:
    tracks, _ = project.tracks("runs/one", 1) or ()
    assert tracks.at(5) == 5 and tracks.at(99) is None
    kept = np.array([0, 1, 20, 21])
    some = type(tracks)(tracks.joints, tracks.frames[kept], tracks.points[kept], tracks.radii[kept])
    assert some.jumps[2].max() == 0 and some.jumps[3].max() > 1
