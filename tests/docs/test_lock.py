"""The lock for development: that it is of pyproject.toml as it stands, and of use where there is only PyPI."""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

EXTRAS = ("lite", "lite12", "dlc", "sleap", "heic", "export", "hub", "tensorboard", "ui")
SYSTEMS = {
    "linux": ("Linux", "posix", "x86_64", r"any|manylinux\S*x86_64"),
    "darwin": ("Darwin", "posix", "arm64", r"any|macosx\S*(arm64|universal2)"),
    "win32": ("Windows", "nt", "AMD64", "any|win_amd64"),
}


@functools.cache
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


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", [11, 12, 13, 14])
def test_what_users_install_has_a_wheel(system: str, python: int) -> None:
    """Of the package and its extras, on each system and Python that is promised: nothing has to be built."""
    platform, os_name, machine, tags = SYSTEMS[system]
    here = {
        "sys_platform": system,
        "platform_system": platform,
        "os_name": os_name,
        "platform_machine": machine,
        "python_version": f"3.{python}",
        "python_full_version": f"3.{python}.5",
        "extra": "",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    wheel = re.compile(rf"-(\S*py3\S*-none|cp3{python}-cp3{python}|\S+-abi3)-({tags})")
    lock = toml("uv.lock")
    extras = own(lock)["optional-dependencies"]
    named: dict[str, list[dict[str, Any]]] = {}
    for package in lock["package"]:
        named.setdefault(package["name"], []).append(package)
    ahead, seen = [*own(lock)["dependencies"], *(row for extra in EXTRAS for row in extras[extra])], set()
    while ahead:
        row = ahead.pop()
        if not _holds(row.get("marker"), here):
            continue
        for package in named[row["name"]]:
            name, version = package["name"], package.get("version")
            several = package.get("resolution-markers", ())
            mine = row.get("version", version) == version and (not several or any(_holds(m, here) for m in several))
            if not mine or (name, version) in seen:
                continue
            seen.add((name, version))
            ahead += package.get("dependencies", ())
            ahead += [more for extra in row.get("extra", ()) for more in package["optional-dependencies"][extra]]
            files = [file["url"].rpartition("/")[2] for file in package.get("wheels", ())]
            assert any(wheel.search(file) for file in files), f"{name} {version}"
    assert len(seen) > 80


@functools.cache
def _marker(text: str) -> Marker:
    return Marker(text)


def _holds(marker: str | None, here: dict[str, str]) -> bool:
    return marker is None or _marker(marker).evaluate(here)
