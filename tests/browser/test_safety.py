"""Who may ask the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semipose.browser.safety import LARGEST, is_inside
from tests.fixtures.projects import lightning_pose
from tests.fixtures.served import ORIGIN, SECRET, client, opened

pytest.importorskip("starlette")


@pytest.fixture
def web(tmp_path: Path) -> Any:
    return client(opened(lightning_pose(tmp_path)))


def test_the_secret_in_the_address_becomes_a_cookie(tmp_path: Path) -> None:
    web = client(opened(lightning_pose(tmp_path)), entered=False)
    assert web.get("/").status_code == 403 and web.get("/api/project").status_code == 403
    assert web.get("/?secret=wrong").status_code == 403 and web.get(f"/api/project?secret={SECRET}").status_code == 403
    answer = web.get(f"/?secret={SECRET}")
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "SameSite=Strict" in cookie and "HttpOnly" in cookie and SECRET in cookie
    assert web.get("/api/project").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "127.0.0.1", "evil.example:8765", ""])
def test_another_host_s_name_is_refused(web: Any, host: str) -> None:
    """A name that was rebound to this machine."""
    assert web.get("/api/project", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1:1", "http://[", None]
)
def test_another_page_changes_nothing(web: Any, origin: str | None) -> None:
    headers = {"origin": origin} if origin else {}
    del web.headers["origin"]
    assert web.post("/api/refresh", json={}, headers=headers).status_code == 403
    assert web.post("/api/refresh", json={}, headers=ORIGIN).status_code == 200
    if origin:
        assert web.get("/api/project", headers=headers).status_code == 403


def test_a_picture_is_not_for_another_site(web: Any) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200)):
        assert web.get("/picture/0/0", headers={"sec-fetch-site": site}).status_code == status


def test_a_form_and_a_flood_are_refused(web: Any) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert web.post("/api/refresh", content=b"{}", headers=form).status_code == 415
    large = {"content-type": "application/json", "content-length": str(LARGEST + 1)}
    assert web.post("/api/refresh", content=b"{}", headers=large).status_code == 413


@pytest.mark.parametrize("path", ["/", "/api/project", "/static/main.js", "/picture/0/0", "/none"])
def test_every_answer_says_what_it_may(web: Any, path: str) -> None:
    headers = web.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src 'self'" in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/picture/../../etc/passwd",
        "/picture/0/..%2f..%2fetc%2fpasswd",
        "/small/0/-1",
        "/small/0/99999",
        "/static//etc/passwd",
    ],
)
def test_no_path_leads_out(web: Any, path: str) -> None:
    answer = web.get(path)
    assert answer.status_code in (400, 404) and b"import" not in answer.content and b"root:" not in answer.content


def test_inside_follows_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()
    (tmp_path / "a" / "out").symlink_to(tmp_path / "ab")
    assert is_inside(tmp_path / "a" / "x", tmp_path / "a") and is_inside(tmp_path / "a", tmp_path / "a")
    assert not is_inside(tmp_path / "ab", tmp_path / "a") and not is_inside(tmp_path / "a" / "out", tmp_path / "a")
    assert not is_inside(tmp_path / "a" / ".." / "ab", tmp_path / "a")


def test_an_endless_address_is_refused(web: Any) -> None:
    assert web.get(f"/api/frames/{'1' * 5000}").status_code == 414
    assert web.get(f"/api/frames/{'1' * 500}").status_code == 400
