"""`semipose ui`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semipose.browser.server import Server


def ui(
    folder: str | Path = ".",
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    outside: bool = False,
    browser: bool = True,
) -> Server:
    """Label, train, look and correct in a browser, on this machine.

    The page shows the data of a folder, takes labels in the format that they have there, trains, shows where
    predictions are worst and what to label next. Only this machine's browser reaches it, by the secret in its address.
    Trainings go on when it is closed.

    Args:
        folder: A project, or any folder with pictures or videos.
        host: The address to listen at; another than this machine's own lets others in who know the secret.
        port: The port; the next free one where 8765 is taken.
        outside: Show pictures and videos that links in the folder lead to.
        browser: Open it in the browser.

    Returns: the server, with its `address`; `serve()` answers until it is stopped.

    Raises:
        UserError: the packages of the extra `ui` are not installed, the folder is none, or the port is taken.

    Example: semipose ui my-project
    """
    from semipose.browser.needs import refuse_missing

    refuse_missing()
    from semipose.browser.server import Server

    return Server(Path(folder), host, port, outside)


def _print(server: Server, asked: SimpleNamespace) -> None:
    print(server.address, "open this in a browser; Ctrl+C ends it, trainings go on", sep="\n", flush=True)
    if asked.host not in ("127.0.0.1", "localhost", "::1"):
        print(f"semipose ui: {asked.host} is reached from other machines, unencrypted", file=sys.stderr)
    server.serve(asked.browser)
