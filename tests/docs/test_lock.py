"""The lock for development: that it is of pyproject.toml as it stands, and of use where there is only PyPI."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def own(lock: dict[str, Any]) -> dict[str, Any]:
    return next(package for package in lock["package"] if package["name"] == "semipose")


def test_it_is_of_the_requirements_as_they_stand() -> None:
    """Where this fails: uv lock --default-index https://pypi.org/simple"""
    project = toml("pyproject.toml")["project"]
    lists = {"": project["dependencies"], **project["optional-dependencies"]}
    wanted = {
        (canonicalize_name(r.name), tuple(sorted(r.extras)), str(r.specifier), extra)
        for extra, lines in lists.items()
        for r in map(Requirement, lines)
    }
    locked = {
        (row["name"], tuple(sorted(row.get("extras", ()))), row.get("specifier", ""), _extra(row.get("marker", "")))
        for row in own(toml("uv.lock"))["metadata"]["requires-dist"]
    }
    assert locked == wanted
    assert toml("uv.lock")["requires-python"] == project["requires-python"]


def test_it_names_pypi_alone_and_every_file_s_hash() -> None:
    packages = [package for package in toml("uv.lock")["package"] if package["name"] != "semipose"]
    assert {package["source"]["registry"] for package in packages} == {"https://pypi.org/simple"}
    files = [
        file for package in packages for file in [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
    ]
    assert len(files) > len(packages) > 100
    assert all(file["url"].startswith("https://files.pythonhosted.org/") for file in files)
    assert all(file["hash"].startswith("sha256:") for file in files)


def _extra(marker: str) -> str:
    return marker.partition("extra == '")[2].rstrip("'")
