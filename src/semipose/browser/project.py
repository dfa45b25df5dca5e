"""A folder as the browser sees it: its pictures, its labels, the frames that both are of."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semipose.browser import coco
from semipose.browser.coco import CocoStore
from semipose.browser.library import HOME, IMAGES, Library
from semipose.browser.pictures import Pictures, encoded
from semipose.browser.plain import PlainStore
from semipose.browser.safety import is_inside
from semipose.browser.sleap import SleapStore
from semipose.browser.stores import Body, Conflict, FileStore, Fixed, Store, key_of, version_of
from semipose.browser.table import DlcProject, TableStore
from semipose.data.discover import look
from semipose.data.images import image_size, read_image
from semipose.data.open import open_all
from semipose.data.readers.deeplabcut import is_deeplabcut
from semipose.data.readers.json_files import ends
from semipose.data.readers.lightning_pose import is_lightning_pose
from semipose.data.readers.lightning_pose import tables as lp_tables
from semipose.data.readers.tables import is_table
from semipose.data.refs import Frame, parse
from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.skeleton import Skeleton

OWN = "labels.json"
"""The labels of a project that had none."""
READ_ONLY = "{} can be looked at here and not changed; label in the tool that it is from, or export it as COCO"
OTHERS = "{} has other joints than {}: it can be looked at here and not changed; open its folder alone"
JOINT = re.compile(r"[^\W_][\w .+-]{0,59}")


class Project:
    """
    Args:
        root: the folder.
        outside: whether what links in it lead to is shown.
    """

    def __init__(self, root: Path, outside: bool = False) -> None:
        if not root.is_dir():
            raise UserError(f"{root} is no folder; name one with pictures, videos or a project")
        root = Path(os.path.abspath(root))  # jobs run in it
        self.root, self.outside = root, outside
        self.home = root / HOME
        if not is_inside(self.home, root):
            raise UserError(f"{self.home} is a link that leads out of the folder; remove it")
        self.library = Library(root, outside)
        self.pictures = Pictures()
        self.stores: list[Store] = []
        self.remarks: list[str] = []
        self.unread = ""
        self.ready = threading.Event()
        self._lock = threading.RLock()
        self._done: dict[int, tuple[object, set[int]]] = {}

    def look(self) -> None:
        """Find the labels."""
        self.unread = ""
        try:
            stores, remarks = self._found()
        except Exception as error:  # of whatever lies in the folder; the pictures can be looked at all the same
            self.unread = str(error) if isinstance(error, UserError) else f"no labels could be read: {error!r}"
            stores, remarks = [], [self.unread]
        for store in stores[1:]:
            if {*store.skeleton.joints} != {*stores[0].skeleton.joints}:
                store.why = store.why or OTHERS.format(store.path.name, stores[0].path.name)
        with self._lock:
            self.stores, self.remarks = stores, remarks
        self.ready.set()

    def _found(self) -> tuple[list[Store], list[str]]:
        own = self.root / OWN
        if is_deeplabcut(self.root):
            return [DlcProject(self.root, self._lock_file, self.root)], []
        if coco.ABOUT in ends(str(own)):
            return [self._open(own, None)], []
        try:
            inside = look(self.root, outside=self.outside)
        except UserError as error:
            if "holds no labels" in str(error):
                return [], []
            if "no instance that a person labelled" in str(error):  # a project that was made in SLEAP just now
                return [self._open(path, self.root) for path in sorted(self.root.glob("*.slp"))], []
            raise
        stores, remarks = list[Store](), list(inside.remarks)
        for path, images in [*inside.labeled, *inside.val, *inside.tests]:
            if all(store.path != path for store in stores):
                try:
                    stores.append(self._open(path, images))
                except UserError as error:
                    self.unread = str(error)
                    remarks.append(self.unread)
        return stores, remarks

    @property
    def _lock_file(self) -> Path:
        return self.home / "labels.lock"

    def _open(self, path: Path, images: Path | None) -> Store:
        """Labels as they can be changed, or else as they can be read."""
        why = READ_ONLY.format(path.name)
        if not self.outside and not is_inside(path, self.root):
            why = f"{path.name} is a link that leads out of the folder: it can be looked at and not changed"
        else:
            try:
                store = self._changeable(path, images)
                if store is not None:
                    store.within = self.root
                    return store
            except UserError as error:
                why = str(error)
        return Fixed(path, open_all(path, images, outside=self.outside), "labels", why)

    def _changeable(self, path: Path, images: Path | None) -> FileStore | None:
        if path.suffix.lower() == ".slp":
            return SleapStore(path, self._lock_file, images)
        if is_lightning_pose(path):
            path = lp_tables(path)[0]
        if path.suffix.lower() == ".csv" and is_table(path):
            return TableStore(path, self._lock_file, images)
        if path.suffix.lower() == ".csv":
            return PlainStore(path, self._lock_file, images)
        text = ends(str(path)) if path.suffix.lower() == ".json" else ""
        if (text.lstrip().startswith("{") and '"categories"' in text) or coco.ABOUT in text:
            return CocoStore(path, self._lock_file, images, self.outside)
        return None

    def begin(self, joints: Sequence[str], limbs: Sequence[tuple[int, int]] = ()) -> None:
        """Labels of one's own, where there are none.

        Raises:
            UserError: there are labels, or the joints are none.
        """
        names = [" ".join(joint.split()) for joint in joints if joint.strip()]
        odd = next((name for name in names if not JOINT.fullmatch(name)), None)
        if odd is not None:
            raise UserError(f"{odd[:60]!r} is no name of a joint: letters, digits, spaces, _ . + and - can be in it")
        if not names:
            raise UserError("name one joint or more, such as nose, left ear, right ear, tail")
        with self._lock:
            if self.stores:
                raise UserError("this project has labels already; reload the page")
            if self.unread:
                raise UserError(f"mend the labels that are here first, or move them away: {self.unread}")
            coco.begin(self.root / OWN, names, limbs)
            self.stores = [self._open(self.root / OWN, None)]

    @property
    def skeleton(self) -> Skeleton | None:
        return self.stores[0].skeleton if self.stores else None

    def image(self, source: int, index: int) -> str | None:
        """The picture that labels of a frame are of: itself; of a video's frame the one written of it, or the frame
        where labels name it; None where there is none."""
        ref = self.library.ref(source, index)
        if source == IMAGES:
            return key_of(ref)
        if any(store.has(ref) or store.can_add(ref) for store in self.stores if store.names_frames):
            return ref
        name = self.library.written(source, self._folders()).get(index)
        return key_of(str(self.root / name)) if name else None

    def _folders(self) -> tuple[str, ...]:
        """Where pictures of frames are written, relative to the root, with the video's name in theirs."""
        places = [_pictures_of(folder) for store in self.stores if (folder := getattr(store, "folder", None))]
        inside = (os.path.relpath(os.path.realpath(place), os.path.realpath(self.root)) for place in places)
        return tuple(dict.fromkeys(("images", *inside)))

    def store_of(self, image: str | None) -> Store | None:
        """Which labels have a picture, or can take it."""
        if image is not None:
            for store in self.stores:
                if store.has(image):
                    return store
            for store in self.stores:
                if not store.why and store.can_add(image):
                    return store
            return None
        return next((store for store in self.stores if not store.why and not store.names_frames), None)

    def labels(self, source: int, index: int) -> dict[str, Any]:
        """What a browser needs to show a frame and its labels."""
        image = self.image(source, index)
        store = self.store_of(image)
        bodies = store.get(image) if store is not None and image is not None else []
        high, wide = image_size(image or self.library.ref(source, index))
        why = store.why if store else self._why_not(image or self.library.ref(source, index))
        return {"size": [wide, high], "why": why, **self._shown(store, bodies), **(_rights(store) if store else {})}

    def _shown(self, store: Store | None, bodies: Sequence[Body]) -> dict[str, Any]:
        """A store's bodies as a browser gets them, their joints in the order of the project's, and their version."""
        rows = self._as_asked(store, bodies)
        points = [{"key": body.key, "points": [list(point) for point in body.points]} for body in rows]
        return {"bodies": points, "version": version_of(bodies)}

    def _as_asked(self, store: Store | None, bodies: Sequence[Body]) -> list[Body]:
        if store is None or self.skeleton is None or store.skeleton.joints == self.skeleton.joints:
            return list(bodies)
        return [body.ordered(store.skeleton.joints, self.skeleton.joints) for body in bodies]

    def _why_not(self, image: str) -> str:
        if not self.stores:
            return "name the joints first"
        why = next((store.why for store in self.stores if store.why), "")
        return why or self.stores[0].lacks(image)

    def save(self, source: int, index: int, bodies: Sequence[Body], version: str) -> dict[str, Any]:
        """Write a frame's labels, joints in the order of `skeleton`; a video's frame is written as a picture first.

        Raises:
            Conflict, UserError: as `Store.put`.
        """
        image = self.image(source, index)
        if image is None and not any(body.labeled for body in bodies):
            return self._shown(None, [])
        if image is None:
            image = self._write(source, index)
        store = self.store_of(image)
        if store is None:
            raise UserError(self._why_not(image))
        if self.skeleton is not None and not store.why and store.skeleton.joints != self.skeleton.joints:
            bodies = [body.ordered(self.skeleton.joints, store.skeleton.joints) for body in bodies]
        try:
            return self._shown(store, store.put(image, bodies, version))
        except Conflict as there:
            raise Conflict(self._as_asked(store, there.bodies), there.version) from None

    def _write(self, source: int, index: int) -> str:
        """A frame of a video as a picture, where its labels can name it."""
        store = self.store_of(None)
        if store is None:
            raise UserError(self._why_not(self.library.ref(source, index)))
        stem = self.library.stems[source - 1]
        if isinstance(store, DlcProject | TableStore):
            base = store.folder / "labeled-data" / stem / f"img{index:05d}.png"
        else:
            base = _pictures_of(getattr(store, "folder", self.root)) / f"{stem}-img{index:05d}.png"
        if not is_inside(base.parent, self.root):
            raise UserError(f"{base.parent} leads out of the folder; no picture was written")
        if not base.exists():
            write_atomically(base, encoded(read_image(self.library.ref(source, index)), ".png"))
        self.library.add(base)
        return key_of(str(base))

    def frames(self, source: int, start: int, count: int) -> list[dict[str, Any]]:
        """Rows of a list: number, name, whether it is labelled."""
        total = self.library.count(source)
        done = self.labeled_in(source)
        span = range(max(0, start), min(total, start + count))
        return [{"i": i, "name": self.library.name(source, i), "labelled": i in done} for i in span]

    def labeled_in(self, source: int) -> set[int]:
        """The labelled frames of a source."""
        state = (tuple(store.state() for store in self.stores), len(self.library.images))
        if self._done.get(source, (None,))[0] != state:
            self._done[source] = (state, self._labeled_in(source))
        return self._done[source][1]

    def _labeled_in(self, source: int) -> set[int]:
        done = set[str]().union(*(store.labeled() for store in self.stores))
        if source == IMAGES:
            places = (self.library.place(image) for image in done)
            return {place[1] for place in places if place is not None and place[0] == IMAGES}
        frames = {ref.number for ref in map(parse, done) if isinstance(ref, Frame) and self._is(ref, source)}
        written = self.library.written(source, self._folders())
        return frames | {n for n, name in written.items() if key_of(str(self.root / name)) in done}

    def _is(self, ref: Frame, source: int) -> bool:
        return os.path.realpath(self.library.videos[source - 1]) == ref.path


def _pictures_of(folder: Path) -> Path:
    """Where frames are written as pictures for labels whose images lie in a folder."""
    return folder if folder.name == "images" else folder / "images"


def _rights(store: Store) -> dict[str, Any]:
    return {"most": store.most, "occluded": store.occluded, "file": store.path.name, "format": store.what}
