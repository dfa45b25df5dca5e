"""Camera files: our JSON, calibrations as multi-view data sets publish them, of Anipose, OpenCV, and Human3.6M as pose
repositories do."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import rq
from scipy.spatial.transform import Rotation

from semipose import limits
from semipose.cameras.camera import Camera
from semipose.data.readers.json_files import refuse_twice
from semipose.errors import UserError, reads, reason_of
from semipose.files import mapping, read_json, write_atomically
from semipose.pickles import load_plain

FARTHEST, LARGEST, SMALLEST, STRONGEST = 1e9, 1e6, 1e-3, 1e5
"""mm from the origin to a camera, px of its focal lengths and principal point and the shortest focal length, and what
coefficients of a lens are: beyond them no camera is."""
CROSS = (1, 2)
"""Human3.6M's own projection and OpenCV's."""


@reads("a file of cameras")
def read_cameras(path: str | Path) -> dict[str, Camera]:
    """The cameras of a file by name, in its order. `docs/cameras.md` shows each form.

    JSON, {name: camera}, a camera being one of
    - K (3x3), R (3x3), t (3 mm), distortion (5, may be left out), cross (1 or 2, may be left out): as `Camera`;
    - R (3x3), T (3 mm), f or fx and fy, c or cx and cy, k (3), p (2): T is the camera's place, x_cam = R (X - T);
    - P (3x4): a projection matrix, world mm to px;
    - OpenCV's: camera_matrix or cameraMatrix, dist_coeffs or distortion_coefficients, and R (3x3) or rvec (3) with T or
      tvec: x_cam = R X + T; or one pair of cameras as stereoCalibrate gives it, M1, D1, M2, D2, R, T.
    YAML, as OpenCV writes it, has the same. A .toml is Anipose's: matrix, distortions, rotation (3) and translation of
    each camera, named by its `name`; translations count as mm. A .pkl is Human3.6M's: {(subject, camera): {R, T, f, c,
    k, p}}, R from camera to world and T the camera's place in metres. Its cameras are named "S1/54138969".

    Raises:
        UserError: the file cannot be read, or a camera is none, naming it.
    """
    path = Path(path)
    kind = path.suffix.lower()
    pickled = kind in (".pkl", ".pickle")
    if pickled:
        document = load_plain(path)
    elif kind == ".toml":
        document = _anipose(path)
    else:
        document = _of_opencv(_yaml(path) if kind in (".yaml", ".yml") else read_json(path, once=True))
    if not isinstance(document, dict) or not document:
        raise UserError(f"{path} has no cameras; it must map each camera's name to its parameters")
    cameras = {}
    names = [_name(key, path) for key in document]
    refuse_twice(names, f"{path}: camera name")
    for name, entry in zip(names, document.values(), strict=True):
        if not isinstance(entry, dict):
            raise UserError(f"{path}: camera {name!r} is no camera: it must map names to numbers; see docs/cameras.md")
        try:
            cameras[name] = _checked(_human36m(entry) if pickled else _camera(entry))
        except KeyError as missing:
            raise UserError(f"{path}: camera {name!r} has no {missing}; see docs/cameras.md") from None
        except Exception as error:  # of whatever stands in place of numbers
            raise UserError(f"{path}: camera {name!r} is no camera: {reason_of(error)}") from error
    return cameras


def _name(key: Any, path: Path) -> str:
    """
    Raises:
        UserError: a camera's name is empty or none.
    """
    parts = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, str | int | np.integer) and not isinstance(part, bool) for part in parts):
        raise UserError(f"{path}: the name of a camera is {str(key)[:60]}; it must be text or a number")
    name = "/".join(map(str, parts))
    if not name.strip():
        raise UserError(f"{path}: a camera has an empty name; give it one")
    return name


def write_cameras(path: str | Path, cameras: Mapping[str, Camera]) -> Path:
    """Write our JSON, which `read_cameras` reads back exactly."""
    document = {
        name: {
            "K": np.asarray(c.K).tolist(),
            "R": np.asarray(c.R).tolist(),
            "t": np.asarray(c.t).tolist(),
            "distortion": [float(v) for v in c.distortion],
            "cross": float(c.cross),
        }
        for name, c in cameras.items()
    }
    write_atomically(Path(path), (json.dumps(document, indent=1) + "\n").encode())
    return Path(path)


def from_matrix(matrix: np.ndarray) -> Camera:
    """The camera of a projection matrix (3, 4) from world mm to px, of any scale and sign.

    Raises:
        ValueError: its left 3x3 part is singular: no camera at a finite place.
    """
    matrix = np.asarray(matrix, np.float64)
    if matrix.shape not in ((3, 4), (12,)):
        raise ValueError(f"its projection matrix is {' x '.join(map(str, matrix.shape))}, not 3 x 4")
    matrix = matrix.reshape(3, 4)
    if not np.isfinite(matrix).all() or np.linalg.cond(matrix[:, :3]) > 1e12:
        raise ValueError("its projection matrix is singular or not finite")
    matrix = matrix * np.sign(np.linalg.det(matrix[:, :3]))
    K, R = rq(matrix[:, :3])
    signs = np.diag(np.sign(np.diag(K)))
    K, R = K @ signs, signs @ R
    return Camera(K / K[2, 2], R, np.linalg.solve(K, matrix[:, 3]))


def _anipose(path: Path) -> dict[str, Any]:
    """Cameras of a TOML by name."""
    try:
        document = tomllib.loads(limits.text(path, limits.YAML, "TOML"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not TOML ({reason_of(error)}); mend it, or export it again") from None
    entries = {key: value for key, value in document.items() if isinstance(value, dict) and key != "metadata"}
    odd = next((key for key, value in entries.items() if "matrix" not in value), None)
    if odd is not None:
        raise UserError(f"{path}: camera {odd!r} has no matrix; see docs/cameras.md")
    names = [_name(entry.get("name", key), path) for key, entry in entries.items()]
    refuse_twice(names, f"{path}: camera name")
    return dict(zip(names, entries.values(), strict=True))


def _yaml(path: Path) -> dict[str, Any]:
    """OpenCV's YAML, whose first line and tags are its own."""
    lines = limits.text(path, limits.YAML, "YAML").splitlines()
    kept = [TAG.sub("", line) for line in lines if not line.startswith(("%YAML", "---"))]
    return mapping("\n".join(kept), path)


TAG = re.compile("!!opencv-(nd-)?matrix")
MATRIX = ("camera_matrix", "cameraMatrix", "matrix", "mtx", "intrinsic_matrix")
LENS = ("dist_coeffs", "distCoeffs", "distCoef", "distortion_coefficients", "distortions", "distortion", "dist", "D")
OF_LENS = re.compile("(?i:dist|lens|fisheye|model|coef|radial|tangential|skew|cross)|^(D|s|[kp][1-6]?)$")
"""Names of what changes how a lens projects: none of them is passed over."""
PLAIN = ("pinhole", "plumb_bob", "opencv", "rational_polynomial", "perspective", "radtan", "brown")
"""Models of a lens that are read, as others call them."""
TURN, PLACE = ("R", "rvec", "rotation", "rotation_matrix"), ("T", "tvec", "translation", "t", "translation_vector")
STEREO = (("M1", "D1", "M2", "D2"), ("cameraMatrix1", "distCoeffs1", "cameraMatrix2", "distCoeffs2"))
"""Names by which OpenCV's users call the parts of a camera."""


def _of_opencv(document: Any) -> Any:
    """A file of one camera, or of a pair, as a mapping of names to cameras."""
    if not isinstance(document, dict):
        return document
    for m1, d1, m2, d2 in STEREO:
        if m1 in document and m2 in document:
            here = {"R": np.eye(3).tolist(), "T": [0.0] * 3}
            first = {"camera_matrix": document[m1], "dist_coeffs": document.get(d1, [0.0] * 5), **here}
            there = {key: document[key] for key in (*TURN, *PLACE) if key in document}
            return {
                "1": first,
                "2": {"camera_matrix": document[m2], "dist_coeffs": document.get(d2, [0.0] * 5), **there},
            }
    return {"1": document} if any(name in document for name in MATRIX) else document


def _opencv(entry: Mapping[str, Any]) -> Camera:
    """x_cam = R X + T, with a lens of at most five coefficients."""
    if entry.get("fisheye"):
        raise ValueError("it is a fisheye, whose projection is not read; undistort its images first")
    _refuse_unread(entry, LENS)
    turn = _first(entry, TURN)
    if turn is None or _first(entry, PLACE) is None:
        raise KeyError("rotation and translation (R or rvec, T or tvec): where the camera is")
    turn = np.ravel(_filled(turn))
    R = Rotation.from_rotvec(_array(turn, 3)).as_matrix() if turn.size == 3 else _array(turn, 3, 3)
    given = _first(entry, LENS)
    lens = np.ravel(_filled([0.0] * 5 if given is None else given)).astype(np.float64)
    if lens.size not in (4, 5, 8, 12, 14) or lens[5:].any():
        raise ValueError(
            f"its lens has {lens.size} coefficients, of which the first five (k1, k2, p1, p2, k3) are read"
        )
    lens = np.pad(lens, (0, max(0, 5 - lens.size)))[:5]
    K = _array(np.ravel(_filled(_first(entry, MATRIX))), 3, 3)
    return Camera(K, R, _array(np.ravel(_filled(_first(entry, PLACE))), 3), tuple(lens.tolist()))


def _refuse_unread(entry: Mapping[str, Any], read: Sequence[str]) -> None:
    """
    Raises:
        ValueError: a camera has what is not read and changes where it sees a point, or two words for one thing.
    """
    for key, value in entry.items():
        named = isinstance(value, str) and value.lower() in PLAIN
        if key not in read and OF_LENS.search(str(key)) and not named and not _changes_nothing(value):
            raise ValueError(f"{key} is not read there, and its points would be wrong without; see docs/cameras.md")
    for words in (MATRIX, LENS, TURN, PLACE):
        there = [word for word in words if entry.get(word) is not None]
        values = [np.ravel(_filled(entry[word])) for word in there]
        if words is TURN:
            values = [np.ravel(Rotation.from_rotvec(v).as_matrix()) if v.size == 3 else v for v in values]
        if any(a.shape == values[0].shape and not np.allclose(a, values[0]) for a in values[1:]):
            raise ValueError(f"{' and '.join(there)} say different things; keep one")


def _changes_nothing(value: Any) -> bool:
    """Of a word about a lens: nothing, no, or zeros."""
    if value is None or isinstance(value, bool | int | float):
        return not value
    return isinstance(value, list | np.ndarray) and len(value) > 0 and not np.any(_filled(value))


def _first(entry: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((entry[name] for name in names if name in entry), None)


def _filled(value: Any) -> np.ndarray:
    """Numbers as lists or as OpenCV's matrix: rows, cols, data."""
    value = value.get("data") if isinstance(value, dict) else value
    if not _is_numbers(value):
        raise ValueError("numbers are expected")
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("numbers are expected") from None


def _is_numbers(value: Any, inner: bool = False) -> bool:
    """Whether lists or arrays hold numbers alone, neither text nor yes and no."""
    if isinstance(value, list | tuple):
        return all(_is_numbers(each, True) for each in value)
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu"
    if isinstance(value, str):
        return inner and POINTLESS.fullmatch(value) is not None
    return inner and isinstance(value, int | float | np.number) and not isinstance(value, bool)


POINTLESS = re.compile(r"[-+]?\d+[eE][-+]?\d+")
"""1e-05: a number without a point, which is a text in YAML."""


def _projection(entry: Mapping[str, Any]) -> Camera:
    """Of P, and what else is said of the camera beside it.

    Raises:
        ValueError: they say different things, or not all of it.
    """
    made = from_matrix(_filled(entry["P"]))
    there = [word for word in dict.fromkeys((*MATRIX, *INSIDE, *TURN, *PLACE)) if entry.get(word) is not None]
    try:
        other = _camera({key: value for key, value in entry.items() if key != "P"}) if there else None
    except KeyError:
        other = None
    if other is None:
        _refuse_unread(entry, ())
    elif all(
        np.abs(a - b).max() <= 1e-3 * max(1, np.abs(b).max())
        for a, b in ((other.K, made.K), (other.R, made.R), (other.t, made.t))
    ):
        return other
    if there:
        raise ValueError(f"P and {', '.join(there)} say different things; keep one of them")
    return made


INSIDE = ("K", "f", "c", "fx", "fy", "cx", "cy")
"""Words for a camera's own part, beside `MATRIX`."""


def _camera(entry: Mapping[str, Any]) -> Camera:
    if entry.get("P") is not None:
        return _projection(entry)
    if _first(entry, MATRIX) is not None:
        return _opencv(entry)
    R = _array(entry["R"], 3, 3)
    if "T" in entry and "t" in entry:
        raise ValueError("T, the camera's place, and t, x_cam = R X + t, are both there; keep one")
    _refuse_unread(entry, ("k", "p") if "T" in entry else ("distortion", "cross"))
    if "T" in entry:
        return Camera(_intrinsics(entry), R, -R @ _array(entry["T"], 3), _lens(entry))
    lens = tuple(_array(entry.get("distortion", [0] * 5), 5).tolist())
    cross = entry.get("cross", 2)
    if isinstance(cross, bool) or cross not in CROSS:
        raise ValueError(f"cross is {str(cross)[:60]}; it can be 2, as in OpenCV, or 1, as in Human3.6M")
    return Camera(_array(entry["K"], 3, 3), R, _array(entry["t"], 3), lens, float(cross))


def _human36m(entry: Mapping[str, Any]) -> Camera:
    R = _array(entry["R"], 3, 3).T
    return Camera(_intrinsics(entry), R, -R @ (1000 * _array(entry["T"], 3)), _lens(entry), cross=1.0)


def _intrinsics(entry: Mapping[str, Any]) -> np.ndarray:
    if "K" in entry:
        return _array(entry["K"], 3, 3)
    f, c = (_array(entry[n] if n in entry else [entry[f"{n}x"], entry[f"{n}y"]], 2) for n in ("f", "c"))
    return np.array([[f[0], 0, c[0]], [0, f[1], c[1]], [0, 0, 1]], np.float64)


def _lens(entry: Mapping[str, Any]) -> tuple[float, ...]:
    (k1, k2, k3), (p1, p2) = _array(entry.get("k", [0] * 3), 3).tolist(), _array(entry.get("p", [0] * 2), 2).tolist()
    return (k1, k2, p1, p2, k3)


def _array(value: Any, *shape: int) -> np.ndarray:
    size = " x ".join(map(str, shape))
    if _is_long(value):
        raise ValueError(f"{size} numbers are expected")
    if isinstance(value, np.ndarray) and value.size > SHORT:
        raise ValueError(f"{size} numbers are expected where there are {value.shape}")
    if not _is_numbers(value):
        raise ValueError(f"{size} numbers are expected")
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{size} numbers are expected") from None
    if array.size != np.prod(shape):
        raise ValueError(f"{size} numbers are expected where there are {array.shape}")
    return array.reshape(shape)


SHORT = 100
"""Numbers of what a camera has, at most."""


def _is_long(value: Any) -> bool:
    """Of lists in each other, which may be the same ones again and again."""
    waiting, count = [value], 0
    while waiting and count <= SHORT:
        each = waiting.pop()
        waiting += each if isinstance(each, list | tuple) and len(each) <= SHORT else []
        count += 1 if not isinstance(each, list | tuple) or len(each) <= SHORT else SHORT
    return count > SHORT


def _checked(camera: Camera) -> Camera:
    numbers = (camera.K, camera.R, camera.t, np.array(camera.distortion), np.array(camera.cross))
    if not all(np.isfinite(n).all() for n in numbers):
        raise ValueError("a number is not finite")
    for what, value, most in (
        ("of its place", camera.t, FARTHEST),
        ("of its focal lengths and principal point", camera.K, LARGEST),
        ("of its lens", np.array(camera.distortion), STRONGEST),
        ("of R", camera.R, 2),
    ):
        if np.abs(value).max() > most:
            raise ValueError(f"a number {what} is beyond {most:g}")
    if np.abs(camera.R @ camera.R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(camera.R) < 0:
        raise ValueError("R is not a rotation")
    focal = camera.K[[0, 1], [0, 1]]
    if (focal < SMALLEST).any() or not np.allclose(camera.K[2], (0, 0, 1)) or abs(camera.K[1, 0]) > 1e-6 * focal[1]:
        raise ValueError(f"K needs focal lengths of {SMALLEST:g} px or more, a 0 below the first, the last row 0 0 1")
    return camera
