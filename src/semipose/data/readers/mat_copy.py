"""What runs in a process of its own (`semipose.apart`): arrays of numbers from Matlab's files, and MPII's people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from semipose.apart import Refused, refused

LONGEST = 255
"""Letters of a file's name."""
Person = tuple[str, list[float], float, list[float], np.ndarray]


def copy(path: str, what: str, *names: str) -> dict[str, np.ndarray]:
    """`numbers`: the variables of these names; `people`: MPII's.

    Raises:
        Refused: it cannot be read, or holds something else.
    """
    from scipy.io.matlab import loadmat

    how: dict[str, Any] = {"variable_names": names} if names else {"struct_as_record": False, "squeeze_me": True}
    try:
        content = loadmat(path, **how)
        return numbers(content, names) if what == "numbers" else people(content)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # SciPy raises a dozen kinds
        raise refused(error, "a MAT-file of labels") from None


def numbers(content: dict[str, Any], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of `names` that there are, as float64."""
    values = {name: np.asarray(content[name]) for name in names if name in content}
    odd = next((name for name, value in values.items() if value.dtype.kind not in "biuf"), None)
    if odd is not None:
        raise Refused(f"has no array of numbers as its {odd}; is it another file?")
    return {name: value.astype(np.float64) for name, value in values.items()}


def people(content: dict[str, Any]) -> dict[str, np.ndarray]:
    """Of N people with a place: `image` (N,), `center` (N, 2), `scale` (N,), `head` (N, 4) x1, y1, x2, y2, NaN where it
    is missing, and `joints` (N, 16, 3) x, y, v, NaN where nobody annotated any."""
    if not hasattr(content.get("RELEASE"), "annolist"):
        raise Refused("is not MPII's own file: it has no RELEASE.annolist")
    rows = list(_people(content["RELEASE"].annolist))
    names, centers, scales, heads, joints = zip(*rows, strict=True) if rows else [()] * 5
    return {
        "image": np.array(names, f"U{LONGEST}"),
        "center": np.array(centers, np.float64).reshape(-1, 2),
        "scale": np.array(scales, np.float64),
        "head": np.array(heads, np.float64).reshape(-1, 4),
        "joints": np.array(joints, np.float64).reshape(-1, 16, 3),
    }


def _people(annolist: Any) -> Iterator[Person]:
    for number, annotation in enumerate(np.atleast_1d(annolist)):
        for person in np.atleast_1d(getattr(annotation, "annorect", ())):
            place, scale = _value(person, "objpos"), _value(person, "scale")
            # A head's box alone does not say where the person is.
            if place is None or scale is None:
                continue
            name = getattr(getattr(annotation, "image", None), "name", None)
            if not isinstance(name, str) or len(name) > LONGEST:
                raise Refused(f"names no image in entry {number} of RELEASE.annolist; is it damaged?")
            where = f"entry {number} ({name})"
            head = [_number(_value(person, side), where) for side in ("x1", "y1", "x2", "y2")]
            center = [_number(_value(place, axis), where) for axis in ("x", "y")]
            yield name, center, _number(scale, where), head, _joints(person, where)


def _joints(person: Any, where: str) -> np.ndarray:
    """(16, 3) x, y, v of a person's points."""
    points = _value(_value(person, "annopoints"), "point")
    if points is None:
        return np.full((16, 3), np.nan)
    joints, named = np.zeros((16, 3)), set[float]()
    for point in np.atleast_1d(points):
        number = _number(_value(point, "id"), where)
        if number not in range(16):
            raise Refused(f"has a joint of number {number:g} in {where}; MPII's are 0 to 15")
        if number in named:
            raise Refused(f"has joint {number:g} twice in {where}; keep one of them")
        named.add(number)
        # Head joints have no is_visible; elsewhere it is a number or a text.
        hidden = str(_value(point, "is_visible")) in ("0", "0.0")
        joints[int(number)] = *(_number(_value(point, axis), where) for axis in ("x", "y")), 1 if hidden else 2
    return joints


def _number(value: Any, where: str) -> float:
    """NaN where it is missing."""
    if value is None:
        return float("nan")
    if not isinstance(value, int | float | np.number):
        raise Refused(f"has {type(value).__name__} in place of a number in {where}; is it damaged?")
    return float(value)


def _value(struct: Any, name: str) -> Any:
    """A field, or None where it is missing or Matlab's empty array."""
    value = getattr(struct, name, None)
    return None if value is None or (isinstance(value, np.ndarray) and not value.size) else value
