"""The server of `semipose ui`: what a browser may ask, as JSON, pictures and the pages that ship with the package."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semipose.browser import runs as run_files
from semipose.browser.guesses import Guesses
from semipose.browser.jobs import Jobs, as_row
from semipose.browser.library import IMAGES
from semipose.browser.needs import refuse_missing
from semipose.browser.pictures import changed
from semipose.browser.previews import Previews
from semipose.browser.project import Project
from semipose.browser.safety import REPORT_POLICY, Guard, is_inside
from semipose.browser.stores import Conflict, bodies_from
from semipose.errors import UserError, plain_line
from semipose.files import read_json, write_atomically
from semipose.reports.compare import cautions, headline
from semipose.reports.html import report, score_rows
from semipose.reports.runs import read_runs

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
PORT = 8765
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,59}")
"""Of a new run."""


class Api:
    """What is answered; every method gives plain values.

    Raises:
        UserError: what is asked for is not there or cannot be done: one line.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.jobs = Jobs(project.root, project.home)
        self.guesses = Guesses(project.home, project.library)
        self.previews = Previews(project)

    # Project

    def overview(self) -> dict[str, Any]:
        project = self.project
        library = project.library
        ready = project.ready.is_set()
        sources = [{"id": n, "name": s.name, "count": s.count} for n, s in enumerate(library.sources())]
        skeleton = project.skeleton
        return {
            "name": project.root.resolve().name,
            "key": str(project.root.resolve()),
            "ready": ready,
            "sources": sources,
            "left_out": library.left_out,
            "remarks": project.remarks,
            "labels": [
                {"file": store.path.name, "format": store.what, "labelled": len(store.labeled()), "why": store.why}
                for store in project.stores
            ],
            "skeleton": skeleton and skeleton.to_dict(),
            "data": (file.name if (file := run_files.data_file(project.root)) else None),
            "split": self._split(),
        }

    def _split(self) -> dict[str, int] | None:
        try:
            content = read_json(self.project.root / "split.json")
            return {use: len(content[use]) for use in ("labeled", "unlabeled", "val")}
        except (UserError, KeyError, TypeError):
            return None

    def refresh(self) -> dict[str, Any]:
        """Look at the folder again."""
        self.project.library.refresh()
        self.project.look()
        return self.overview()

    def prepare(self) -> dict[str, Any]:
        """data.yaml, made or brought up to date."""
        file, lines = run_files.prepare(self.project.root)
        return {"file": file.name, "lines": lines}

    def begin(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.project.ready.wait(60)
        joints = [name for name in re.split(r"[,;\n]", str(asked.get("joints", ""))) if name.strip()]
        self.project.begin(joints)
        return self.overview()

    # Frames and labels

    def frames(self, source: int, start: int, count: int) -> dict[str, Any]:
        self.project.ready.wait(60)
        total = self.project.library.count(source)
        labelled = self.project.labeled_in(source)
        rows = self.project.frames(source, start, min(count, 500))
        return {"total": total, "labelled": len(labelled), "rows": rows}

    def next_unlabelled(self, source: int, start: int, step: int) -> dict[str, Any]:
        """The nearest frame after (or before) one that has no labels."""
        self.project.ready.wait(60)
        total, done = self.project.library.count(source), self.project.labeled_in(source)
        span = range(start + 1, total) if step > 0 else range(start - 1, -1, -1)
        return {"index": next((i for i in span if i not in done), None)}

    def labels(self, source: int, index: int) -> dict[str, Any]:
        self.project.ready.wait(60)
        answer = self.project.labels(source, index)
        joints = self.project.skeleton.joints if self.project.skeleton else ()
        return {**answer, "guess": self.guesses.of(source, index, joints), "name": self._name(source, index)}

    def _name(self, source: int, index: int) -> str:
        return self.project.library.name(source, index)

    def save(self, source: int, index: int, asked: dict[str, Any]) -> dict[str, Any]:
        self.project.ready.wait(60)
        source, index = self.project.library.again(source, index, str(asked.get("name")))
        if self.project.skeleton is None:
            raise UserError(self.project.labels(source, index)["why"])
        bodies = bodies_from(asked.get("bodies"), len(self.project.skeleton))
        return self.project.save(source, index, bodies, str(asked.get("version")))

    # Runs and jobs

    def runs(self) -> dict[str, Any]:
        jobs = self.jobs.every()
        latest = {job.run: job for job in reversed(jobs) if job.kind == "train"}
        found = run_files.find_runs(self.project.root)
        asked = self.guesses.asked()
        return {
            "runs": [
                {**run_files.row(name, path, latest.get(name)), "asked": name in asked} for name, path in found.items()
            ],
            "jobs": [as_row(self.jobs, job) for job in jobs],
        }

    def run_path(self, name: str) -> Path:
        found = run_files.find_runs(self.project.root)
        if name not in found:
            raise UserError(f"there is no run {name[:60]!r}; reload the page")
        return found[name]

    def curves(self, name: str) -> dict[str, Any]:
        return {"run": name, "columns": run_files.curves(self.run_path(name))}

    def look_on(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What runs have come to in a few unlabelled frames."""
        names = asked.get("runs")
        if not isinstance(names, list) or len(names) > 20:
            raise UserError("name the runs to look at, 20 at most")
        self.project.ready.wait(60)
        found = run_files.find_runs(self.project.root)
        return self.previews.look({name: found[name] for name in names if isinstance(name, str) and name in found})

    def train(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Start a training, or two: as data.yaml says, from labels alone, or one after the other."""
        file, lines = run_files.prepare(self.project.root)
        ways = {"data": [""], "supervised": ["supervised"], "both": ["", "supervised"]}.get(
            str(asked.get("way", "data"))
        )
        if ways is None:
            raise UserError("a training is as data.yaml says, supervised, or both")
        settings = _numbers(asked, {"steps": (1, 10**7)})
        start = [f"--init-from={self.run_path(str(asked['from']))}"] if asked.get("from") else []
        jobs = []
        for way in ways:
            name = self._free(str(asked.get("name") or way or "run"), way if len(ways) > 1 else "")
            words = ["train", file.name, "--out", name, *start, *settings]
            words += [f"--method.name={way}"] if way else []
            jobs.append(self.jobs.add("train", words, name, name))
        return {"lines": lines, "jobs": [as_row(self.jobs, job) for job in jobs]}

    def _free(self, name: str, way: str) -> str:
        """A folder of a new run, relative to the project."""
        name = f"{name}-{way}" if way and not name.endswith(way) else name
        if not NAME.fullmatch(name):
            raise UserError(f"{name[:60]!r} is no name of a run: letters, digits, . _ + and -, a letter first")
        if not is_inside(self.project.root / "runs", self.project.root):
            raise UserError("runs is a link that leads out of the folder; remove it")
        taken = {job.run for job in self.jobs.every()}
        number, free = 2, f"runs/{name}"
        while free in taken or (self.project.root / free).exists():
            free, number = f"runs/{name}-{number}", number + 1
        return free

    def resume(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked.get("run"))
        path = self.run_path(name)
        if self.jobs.training(name):
            raise UserError(f"{name} is at work already")
        return as_row(self.jobs, self.jobs.add("train", ["train", "--resume", str(path)], name, name))

    def stop(self, number: int) -> dict[str, Any]:
        return as_row(self.jobs, self.jobs.stop(number))

    def check(self) -> dict[str, Any]:
        file, _ = run_files.prepare(self.project.root)
        page = self._page("check.html")
        return as_row(self.jobs, self.jobs.add("check", ["check", file.name, "--html", str(page)]))

    def _page(self, name: str) -> Path:
        return self.project.home / "pages" / name

    def job(self, number: int) -> dict[str, Any]:
        job = self.jobs.get(number)
        return {**as_row(self.jobs, job), "text": self.jobs.text(job)}

    # Look

    def audit(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked.get("run"))
        out = self.guesses.folder("audit", name)
        path = self.run_path(name)
        return as_row(self.jobs, self.jobs.add("audit", ["audit", str(path), "--out", str(out)], name, str(out)))

    def predict(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, source = str(asked.get("run")), _whole(asked.get("source"))
        path, library = self.run_path(name), self.project.library
        out = self.guesses.folder("tracks", name, source)
        if source == IMAGES:
            what = self.project.home / "pictures.txt"
            lines = [library.ref(IMAGES, i) for i in range(library.count(IMAGES))]
            named = [line for line in lines if "\n" not in line and line.encode("utf-8", "replace").decode() == line]
            write_atomically(what, "".join(f"{line}\n" for line in named).encode())
        else:
            library.count(source)
            what = library.videos[source - 1].resolve()
        words = ["predict", str(path), str(what), "--out", str(out), "--formats=csv", "--no-overlay"]
        return as_row(self.jobs, self.jobs.add("predict", words, name, str(out)))

    def worst(self, run: str, source: int, by: str, body: int = 0) -> dict[str, Any]:
        self.run_path(run)
        content = self.guesses.audit(run)
        return {
            "rows": self.guesses.worst(run, source, by),
            "audited": content is not None,
            "sentence": content["sentence"] if content else "",
            "tracks": self.guesses.curves(run, source, _whole(body)) if by != "trouble" else None,
            "tracked": self.guesses.tracks(run, source) is not None,
        }

    def guess(self, run: str, source: int, index: int) -> dict[str, Any]:
        """What a run predicts in one frame."""
        joints = self.project.skeleton.joints if self.project.skeleton else ()
        guess = self.guesses.of(source, index, joints, run)
        return {"guess": guess, "size": self.project.labels(source, index)["size"]}

    # Next

    def fill_queue(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked.get("run"))
        path, (file, _) = self.run_path(name), run_files.prepare(self.project.root)
        count = _whole(asked.get("count"), 1, 1000)
        parts = (self.project.home / "queue").glob("*")
        number = 1 + max((int(p.name) for p in parts if p.name.isdecimal()), default=0)
        out = self.project.home / "queue" / str(number)
        return as_row(self.jobs, self.jobs.add("queue", ["queue", str(path), file.name, str(count), str(out)], name))

    def queue(self) -> dict[str, Any]:
        content = self.guesses.queue()
        if content is None:
            return {"run": "", "items": []}
        rows = []
        for item in content["items"]:
            place = self.project.library.place(item["ref"])
            if place is not None:
                done = place[1] in self.project.labeled_in(place[0])
                about = {"source": place[0], "index": place[1], "name": self._name(*place), "done": done}
                rows.append({**about, "score": item["score"], "joint": item["joint"]})
        return {"run": content["run"].removeprefix(f"{self.project.root}/"), "items": rows}

    # Compare

    def compare(self, names: list[str]) -> dict[str, Any]:
        read = read_runs([self.run_path(name) for name in names])
        return {"headline": headline(read), "cautions": cautions(read), "rows": score_rows(read)}

    def report(self, names: list[str]) -> bytes:
        """A page of one or several runs."""
        page = self._page("report.html")
        report([self.run_path(name) for name in names], page)
        return page.read_bytes()

    def check_page(self) -> bytes:
        try:
            return self._page("check.html").read_bytes()
        except OSError:
            raise UserError("there is no page of checks yet; check the data first") from None


def _whole(value: Any, least: int = 0, most: int = 10**9) -> int:
    if type(value) is not int or not least <= value <= most:
        raise UserError(f"{str(value)[:40]} must be a whole number from {least} to {most}")
    return value


def _numbers(asked: dict[str, Any], limits: dict[str, tuple[int, int]]) -> list[str]:
    """Settings of a training, as words."""
    given = {key: asked[key] for key in limits if asked.get(key) is not None}
    return [f"--{key}={_whole(value, *limits[key])}" for key, value in given.items()]


def application(project: Project, secret: str, hosts: list[str]) -> Any:
    """The ASGI application, guarded."""
    return Guard(_routes(Api(project)), secret, hosts)


def _routes(api: Api) -> Starlette:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import FileResponse, Response
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def answer(content: Any, status: int = 200) -> Response:
        """JSON in ASCII: a file's name may be no UTF-8."""
        return Response(json.dumps(content, allow_nan=False), status, media_type="application/json")

    def answered(do: Callable[[Request, dict[str, Any]], Any], method: str = "GET") -> Any:
        async def endpoint(request: Request) -> Response:
            asked: Any = {}
            try:
                if method != "GET":
                    asked = json.loads(await request.body() or b"{}")
                    if not isinstance(asked, dict):
                        raise ValueError
                result = await run_in_threadpool(do, request, asked)
                return result if isinstance(result, Response) else answer(result)
            except Conflict as conflict:
                rows = [{"key": body.key, "points": body.points} for body in conflict.bodies]
                content = {"error": str(conflict), "bodies": rows, "version": conflict.version}
                return answer(content, 409)
            except UserError as error:
                return answer({"error": plain_line(error)}, 400)
            except UnicodeEncodeError:
                return answer(
                    {"error": "the picture's name is no UTF-8, which these labels cannot hold; rename it"}, 400
                )
            except (ValueError, RecursionError):
                return answer({"error": "the request is no JSON that fits"}, 400)
            except Exception as error:  # a fault of ours is a line too
                return answer({"error": plain_line(f"{type(error).__name__}: {error}")[:500]}, 500)

        return endpoint

    def get(path: str, do: Callable[[Request], Any]) -> Route:
        return Route(f"/api/{path}", answered(lambda request, _: do(request)), methods=["GET"])

    def post(path: str, do: Callable[[Request, dict[str, Any]], Any], method: str = "POST") -> Route:
        return Route(f"/api/{path}", answered(do, method), methods=[method])

    def at(request: Request) -> tuple[int, int]:
        return request.path_params["source"], request.path_params["index"]

    def query(request: Request, key: str, default: int = 0) -> int:
        return int(request.query_params.get(key, default))

    def kept(request: Request, read: Callable[[str], tuple[bytes, str]]) -> Response:
        """Pixels of a frame, which a browser keeps for as long as the file is the same: numbers are of this server."""
        ref = api.project.library.ref(*at(request))
        tag = hashlib.sha256(repr((ref, changed(ref))).encode()).hexdigest()[:20]
        headers = {"cache-control": "private, no-cache", "etag": f'"{tag}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        content, kind = read(ref)
        return Response(content, media_type=kind, headers=headers)

    def picture(request: Request) -> Response:
        return kept(request, api.project.pictures.whole)

    def small(request: Request) -> Response:
        return kept(request, lambda ref: (api.project.pictures.small(ref), "image/jpeg"))

    def preview(request: Request) -> Response:
        content = api.previews.picture(request.path_params["key"])
        return Response(content, media_type="image/jpeg", headers={"cache-control": "private, max-age=600"})

    def page(content: bytes) -> Response:
        headers = {"content-security-policy": REPORT_POLICY}
        return Response(content, media_type="text/html; charset=utf-8", headers=headers)

    def runs_in(request: Request) -> list[str]:
        return request.query_params.getlist("run")

    async def index(request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    place = "{source:int}/{index:int}"
    return Starlette(
        routes=[
            Route("/", index),
            Route(f"/picture/{place}", answered(lambda request, _: picture(request))),
            Route(f"/small/{place}", answered(lambda request, _: small(request))),
            Route("/preview/{key}", answered(lambda request, _: preview(request))),
            get("project", lambda request: api.overview()),
            post("refresh", lambda request, asked: api.refresh()),
            post("prepare", lambda request, asked: api.prepare()),
            post("begin", lambda request, asked: api.begin(asked)),
            get(
                "frames/{source:int}",
                lambda request: api.frames(
                    request.path_params["source"], query(request, "start"), query(request, "count", 100)
                ),
            ),
            get(f"unlabelled/{place}", lambda request: api.next_unlabelled(*at(request), query(request, "step", 1))),
            get(f"labels/{place}", lambda request: api.labels(*at(request))),
            post(f"labels/{place}", lambda request, asked: api.save(*at(request), asked), "PUT"),
            get("runs", lambda request: api.runs()),
            get("curves", lambda request: api.curves(request.query_params.get("run", ""))),
            post("previews", lambda request, asked: api.look_on(asked)),
            post("train", lambda request, asked: api.train(asked)),
            post("resume", lambda request, asked: api.resume(asked)),
            post("jobs/{number:int}/stop", lambda request, asked: api.stop(request.path_params["number"])),
            get("jobs/{number:int}", lambda request: api.job(request.path_params["number"])),
            post("check", lambda request, asked: api.check()),
            post("audit", lambda request, asked: api.audit(asked)),
            post("predict", lambda request, asked: api.predict(asked)),
            get(
                "worst/{source:int}",
                lambda request: api.worst(
                    request.query_params.get("run", ""),
                    request.path_params["source"],
                    request.query_params.get("by", "trouble"),
                    query(request, "body"),
                ),
            ),
            get(f"guess/{place}", lambda request: api.guess(request.query_params.get("run", ""), *at(request))),
            get("queue", lambda request: api.queue()),
            post("queue", lambda request, asked: api.fill_queue(asked)),
            get("compare", lambda request: api.compare(runs_in(request))),
            Route("/page/report", answered(lambda request, _: page(api.report(runs_in(request))))),
            Route("/page/check", answered(lambda request, _: page(api.check_page()))),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )


class Server:
    """A server that is bound to its port, and answers once `serve` is called.

    Attributes:
        address: what a browser opens first; the secret is in it.
    """

    def __init__(self, root: Path, host: str, port: int, outside: bool) -> None:
        refuse_missing()
        self.project = Project(root, outside)
        self._socket, self.port = _bound(host, port)
        self.secret = secrets.token_urlsafe(24)
        self.hosts = [f"{name}:{self.port}" for name in _names(host)]
        self.address = f"http://{self.hosts[0]}/?secret={self.secret}"

    def serve(self, browser: bool = False) -> None:
        """Answer until the process is asked to end. `browser`: open the address in it."""
        import uvicorn

        threading.Thread(target=self._look, daemon=True).start()
        app = application(self.project, self.secret, self.hosts)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, ws="none", server_header=False, lifespan="off"
        )
        if browser:
            threading.Timer(0.5, webbrowser.open, [self.address]).start()
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[self._socket])

    def _look(self) -> None:
        self.project.look()
        for store in self.project.stores:
            store.warm()


def _names(host: str) -> list[str]:
    """By which names a server may be called that listens at an address; the one to show first."""
    if host in ("127.0.0.1", "localhost", "::1"):
        names = [host, *LOOPBACK]
    elif host in ("0.0.0.0", "::"):
        names = [socket.gethostname(), socket.getfqdn()]
        with contextlib.suppress(OSError):
            names += [str(info[4][0]) for info in socket.getaddrinfo(names[0], None)]
        names += LOOPBACK
    else:
        names = [host]
    bare = (f"[{name}]" if ":" in name and not name.startswith("[") else name for name in names)
    return list(dict.fromkeys(name.partition("%")[0] for name in bare))


def _bound(host: str, port: int) -> tuple[socket.socket, int]:
    """A socket on a port; on the next free one where it is the usual one and taken.

    Raises:
        UserError: it cannot be had.
    """
    reason: OSError | None = None
    for each in range(port, port + 20) if port == PORT else (port,):
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            bound = socket.socket(family, socket.SOCK_STREAM)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, each))
            bound.listen(128)  # who opens the address before the server answers waits
            return bound, bound.getsockname()[1]
        except (OSError, OverflowError) as error:
            bound.close()
            reason = OSError(str(error)) if isinstance(error, OverflowError) else error
    raise UserError(
        f"{host} port {port} cannot be had ({reason and (reason.strerror or reason)}); name another with --port"
    )
