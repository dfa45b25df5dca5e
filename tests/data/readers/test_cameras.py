from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.readers.cameras import from_matrix, read_cameras, write_cameras
from semipose.errors import UserError
from tests.fixtures.rig import around, body
from tests.fixtures.shared import shared_data

GOOD = {"K": [[900, 0, 500], [0, 900, 500], [0, 0, 1]], "R": np.eye(3).tolist(), "t": [0, 0, 4000]}


def test_cameras_come_back_as_they_were_written(tmp_path: Path):
    rig = dict(zip("abc", around(np.random.default_rng(1), 3), strict=True))
    back = read_cameras(write_cameras(tmp_path / "rig.json", rig))
    assert list(back) == list(rig)
    points = body(np.random.default_rng(2), 9)
    for name, camera in rig.items():
        np.testing.assert_array_equal(back[name].project(points), camera.project(points))


@pytest.mark.parametrize("scale", [1.0, -0.002])
def test_a_projection_matrix_is_taken_apart(tmp_path: Path, scale: float):
    (camera,) = around(np.random.default_rng(3), 1, lens=0)
    (tmp_path / "p.json").write_text(json.dumps({"0": {"P": (scale * camera.matrix).tolist()}}))
    found = read_cameras(tmp_path / "p.json")["0"]
    for a, b in ((found.K, camera.K), (found.R, camera.R), (found.t, camera.t)):
        np.testing.assert_allclose(a, b, atol=1e-6)
    with pytest.raises(ValueError, match="singular"):
        from_matrix(np.eye(4)[[0, 1, 3]])


def test_human36m_and_campus_cameras_stand_where_the_data_sets_say():
    h36m = read_cameras(shared_data("formats", "h36m", "cameras.pkl"))
    first = h36m["S1/54138969"]
    np.testing.assert_allclose(first.center, (1841.107, 4955.285, 1563.445), atol=0.01)
    assert first.distortion[2] == pytest.approx(-0.00142447, abs=1e-8) and first.cross == 1
    assert all(c.depth(np.array([0.0, 0, 900])) > 2000 for c in h36m.values())  # all look at the middle of the room
    campus = read_cameras(shared_data("formats", "campus", "calibration_campus.json"))
    np.testing.assert_allclose(campus["0"].center, (1774.895, -5051.696, 1923.356), atol=0.01)


BAD = {
    "no file": (None, "cannot be read"),
    "not JSON": ("{", "not JSON"),
    "no cameras": ("{}", "no cameras"),
    "a list": ("[1]", "no cameras"),
    "a number": ('{"a": 3}', "camera 'a'"),
    "nothing in it": ('{"a": {"K": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}}', "camera 'a' has no 'R'"),
    "a short t": (json.dumps({"a": {**GOOD, "t": [0, 0]}}), "camera 'a' is no camera"),
    "a mirror": (json.dumps({"a": {**GOOD, "R": np.diag([1, 1, -1]).tolist()}}), "not a rotation"),
    "a sheared R": (json.dumps({"a": {**GOOD, "R": [[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]}}), "not a rotation"),
    "no focal length": (json.dumps({"a": {**GOOD, "K": np.diag([0, 1, 1]).tolist()}}), "focal"),
    "not finite": (json.dumps({"a": {**GOOD, "t": [0, 0, float("nan")]}}), "not finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_named_with_its_camera(case: str, tmp_path: Path):
    content, expected = BAD[case]
    if content is not None:
        (tmp_path / "cameras.json").write_text(content)
    with pytest.raises(UserError, match=r"cameras\.json") as error:
        read_cameras(tmp_path / "cameras.json")
    assert expected in str(error.value)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "cameras.pkl").write_bytes(pickle.dumps({("S1", "1"): Evil()}))
    with pytest.raises(UserError, match="not read from a file of data"):
        read_cameras(tmp_path / "cameras.pkl")
    assert not (tmp_path / "ran").exists()
    (tmp_path / "cameras.pkl").write_bytes(b"\x80\x04nonsense")
    with pytest.raises(UserError, match="no pickle of plain values"):
        read_cameras(tmp_path / "cameras.pkl")
    (tmp_path / "cameras.pkl").write_bytes(pickle.dumps({"a": [np.arange(3), np.float64(2), "text"]}))
    with pytest.raises(UserError, match="camera 'a' is no camera"):
        read_cameras(tmp_path / "cameras.pkl")


def rig() -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Two cameras as OpenCV has them: matrix, lens, rotation vector, translation."""
    K = np.array([[800.0, 0, 320], [0, 810, 240], [0, 0, 1]])
    lens = np.array([-0.1, 0.02, 0.001, -0.002, 0.003])
    return [
        (K, lens, np.zeros(3), np.zeros(3)),
        (K, 0.5 * lens, np.array([0.1, -0.4, 0.05]), np.array([-300.0, 10, 40])),
    ]


def toml(path: Path) -> None:
    text = "".join(
        f'[cam_{i}]\nname = "{"AB"[i]}"\nsize = [640, 480]\nmatrix = {K.tolist()}\ndistortions = {d.tolist()}\n'
        f"rotation = {r.tolist()}\ntranslation = {t.tolist()}\n\n"
        for i, (K, d, r, t) in enumerate(rig())
    )
    path.write_text(f"{text}[metadata]\nadjusted = false\nerror = 0.5\n")


def stored(path: Path) -> None:
    """By OpenCV itself, as a pair."""
    (K1, d1, _, _), (K2, d2, r, t) = rig()
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in {"M1": K1, "D1": d1, "M2": K2, "D2": d2, "R": cv2.Rodrigues(r)[0], "T": t}.items():
        storage.write(name, value)
    storage.release()


def lists(path: Path) -> None:
    keys = ("camera_matrix", "dist_coeffs", "rvec", "tvec")
    path.write_text(
        json.dumps({f"c{i}": dict(zip(keys, (v.tolist() for v in c), strict=True)) for i, c in enumerate(rig())})
    )


def test_a_number_without_a_point_is_one_in_yaml(tmp_path: Path) -> None:
    stored(tmp_path / "a.yml")
    text = re.sub(r"-0\.10*1?,", "-1e-01,", (tmp_path / "a.yml").read_text(), count=1)
    (tmp_path / "a.yml").write_text(text)
    assert "-1e-01" in text and read_cameras(tmp_path / "a.yml")["1"].distortion[0] == -0.1


@pytest.mark.parametrize(
    ("name", "write"), [("a.toml", toml), ("a.json", stored), ("a.yml", stored), ("b.json", lists)]
)
def test_calibrations_project_as_opencv_does(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    write(tmp_path / name)
    cameras = read_cameras(tmp_path / name)
    assert len(cameras) == 2 and (name != "a.toml" or list(cameras) == ["A", "B"])
    points = np.random.default_rng(0).uniform((-200, -200, 1300), (200, 200, 1700), (20, 3))
    for camera, (K, lens, r, t) in zip(cameras.values(), rig(), strict=True):
        assert np.allclose(camera.project(points), cv2.projectPoints(points, r, t, K, lens)[0][:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fisheye": True}, "it is a fisheye"),
        ({"dist_coeffs": [0.1] * 8}, "its lens has 8 coefficients"),
        ({"rvec": "a"}, "numbers are expected"),
        ({"camera_matrix": {"rows": 3}}, "numbers are expected"),
        ({"tvec": [1, 2]}, "3 numbers are expected"),
        ({"lens_coefficients": [0.1] * 5}, "lens_coefficients is not read there"),
        ({"distortion_model": "equidistant"}, "distortion_model is not read there"),
        ({"dist_coeffs": {}}, "numbers are expected"),
        ({"tvec": [True, 0, 0]}, "numbers are expected"),
        ({"dist_coeffs": ["0.1", 0, 0, 0, 0]}, "numbers are expected"),
        ({"camera_matrix": None, "dist_coeffs": None, "P": [[True, 0, 0, 0]] * 3}, "numbers are expected"),
        ({"R": [0.5, 0, 0]}, "R and rvec say different things"),
        ({"camera_matrix": None, "dist_coeffs": None, "P": [[1, 0, 0]] * 4}, "its projection matrix is 4 x 3"),
        ({"camera_matrix": None, "P": np.eye(3, 4).tolist()}, "dist_coeffs is not read there"),
        ({"rvec": None, "R": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "rotation": [0.5, 0, 0]}, "say different things"),
        ({"k": [0.1, 0, 0]}, "k is not read there"),
    ],
)
def test_faults_of_calibrations_name_the_camera(tmp_path: Path, change: dict, says: str) -> None:
    lists(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    document["c1"].update(change)
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=rf"camera 'c1'.*{says}"):
        read_cameras(tmp_path / "a.json")


def test_intrinsics_alone_are_not_enough(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"camera_matrix": rig()[0][0].tolist(), "dist_coeffs": [0] * 5}))
    with pytest.raises(UserError, match="rotation and translation"):
        read_cameras(tmp_path / "a.json")
    (tmp_path / "a.toml").write_text("[cam_0\n")
    with pytest.raises(UserError, match="is not TOML"):
        read_cameras(tmp_path / "a.toml")


def test_lists_that_hold_themselves_again_and_again(tmp_path: Path) -> None:
    endless: list = [1.0]
    for _ in range(60):
        endless = [endless, endless]
    path = tmp_path / "cameras.pkl"
    path.write_bytes(pickle.dumps({("S1", "1"): {"R": endless, "T": [0, 0, 0], "f": [1, 1], "c": [1, 1]}}))
    with pytest.raises(UserError, match="numbers are expected"):
        read_cameras(path)


@pytest.mark.parametrize("name", ["distCoef", "distortion", "D", "dist"])
def test_a_lens_has_many_names(tmp_path: Path, name: str) -> None:
    lists(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    whole = read_cameras(tmp_path / "a.json")["c0"].distortion
    document["c0"][name] = document["c0"].pop("dist_coeffs")
    document["c0"]["distortion_model"] = "plumb_bob"
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert read_cameras(tmp_path / "a.json")["c0"].distortion == whole


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dist_coeffs": [0.1] * 5}, "dist_coeffs is not read there"),
        ({"dist": [0.1] * 5, "P": np.eye(3, 4).tolist()}, "dist is not read there"),
        ({"k": [0.1, 0, 0], "p": [0, 0]}, "k is not read there"),
        ({"k1": -0.2, "k2": 0.1}, "k1 is not read there"),
        ({"radial": [0.1, 0]}, "radial is not read there"),
        ({"skew": 3.0}, "skew is not read there"),
        ({"T": [1, 2, 3]}, "are both there"),
    ],
)
def test_our_own_form_passes_over_no_lens(tmp_path: Path, change: dict, says: str) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"a": {"K": np.eye(3).tolist(), "R": np.eye(3).tolist(), "t": [0, 0, 0], **change}}))
    with pytest.raises(UserError, match=says):
        read_cameras(path)


def test_a_lens_of_zeros_may_be_called_anything(tmp_path: Path) -> None:
    path, matrix = tmp_path / "cameras.json", np.hstack([np.eye(3), [[1], [2], [3]]]).tolist()
    path.write_text(json.dumps({"a": {"P": matrix, "dist_coeffs": [0.0] * 5, "k1": 0, "fisheye": False}}))
    assert np.allclose(read_cameras(path)["a"].t, [1, 2, 3])


def test_a_camera_of_anipose_without_a_matrix_is_named(tmp_path: Path) -> None:
    toml(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text((tmp_path / "a.toml").read_text().replace("matrix", "Matrix", 1))
    with pytest.raises(UserError, match="camera 'cam_0' has no matrix"):
        read_cameras(tmp_path / "a.toml")


EYE = np.eye(3).tolist()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"K": [[900, 0, 500], [500, 900, 500], [0, 0, 1]]}, "a 0 below the first"),
        ({"K": [[1e-300, 0, 500], [0, 900, 500], [0, 0, 1]]}, "focal lengths of 0.001 px or more"),
        ({"K": [[900, 0, 1e9], [0, 900, 500], [0, 0, 1]]}, "principal point is beyond 1e\\+06"),
        ({"t": [0, 0, 1e10]}, "its place is beyond 1e\\+09"),
        ({"distortion": [1e8, 0, 0, 0, 0]}, "its lens is beyond 100000"),
        ({"cross": -7}, "cross is -7; it can be 2"),
        ({"cross": 1e8}, "cross is 100000000.0; it can be 2"),
        ({"cross": True}, "cross is True"),
        ({"cross": "3"}, "cross is 3"),
        ({"cross": [1]}, "cross is"),
        ({"R": [[True, False, False], [False, True, False], [False, False, True]]}, "3 x 3 numbers are expected$"),
        ({"t": ["0", "0", "4000"]}, "numbers are expected$"),
        ({"t": None, "T": [0, 0, 0], "cross": 1}, "cross is not read there"),
        ({"P": np.eye(3, 4).tolist()}, "P and K, R, t say different things"),
        ({"P": np.eye(3, 4).tolist(), "t": None, "R": None}, "P and K say different things"),
    ],
)
def test_cameras_that_cannot_be_are_refused(tmp_path: Path, change: dict, says: str) -> None:
    entry = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    (tmp_path / "cameras.json").write_text(json.dumps({"a": entry}))
    with pytest.raises(UserError, match=rf"camera 'a' is no camera: .*({says})"):
        read_cameras(tmp_path / "cameras.json")


def test_a_projection_matrix_may_say_again_what_stands_beside_it(tmp_path: Path) -> None:
    (camera,) = around(np.random.default_rng(3), 1)
    entry = json.loads(write_cameras(tmp_path / "a.json", {"a": camera}).read_text())["a"]
    (tmp_path / "a.json").write_text(json.dumps({"a": {**entry, "P": (-0.3 * camera.matrix).tolist()}}))
    found = read_cameras(tmp_path / "a.json")["a"]
    assert found.distortion == camera.distortion and np.array_equal(found.K, camera.K)
    lists(tmp_path / "b.json")
    document = json.loads((tmp_path / "b.json").read_text())
    document["c1"]["P"] = np.eye(3, 4).tolist()
    (tmp_path / "b.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"camera 'c1'.*P and camera_matrix, rvec, tvec say different things"):
        read_cameras(tmp_path / "b.json")


def test_each_camera_has_a_name_of_its_own(tmp_path: Path) -> None:
    path, one = tmp_path / "cameras.json", json.dumps(GOOD)
    path.write_text(f'{{"a": {one}, "a": {one}}}')
    with pytest.raises(UserError, match=r"cameras\.json is not JSON: the key a stands twice; keep one of them"):
        read_cameras(path)
    path.write_text(f'{{" ": {one}}}')
    with pytest.raises(UserError, match="a camera has an empty name; give it one"):
        read_cameras(path)
    entry = {"R": EYE, "T": [0, 0, 0], "f": [900, 900], "c": [500, 500]}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({("S1", 1): entry, "S1/1": entry}))
    with pytest.raises(UserError, match="camera name 'S1/1' occurs more than once"):
        read_cameras(tmp_path / "a.pkl")
    toml(tmp_path / "a.toml")
    for word in ('["A"]', "true", '""'):
        (tmp_path / "b.toml").write_text((tmp_path / "a.toml").read_text().replace('"A"', word))
        with pytest.raises(UserError, match=r"b\.toml: (the name of a camera is|a camera has an empty name)"):
            read_cameras(tmp_path / "b.toml")
