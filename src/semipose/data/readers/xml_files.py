"""XML as plain elements: no document type, no entity, nothing that another file has."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from semipose import limits
from semipose.errors import UserError, reason_of

DECLARED = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def read_xml(path: Path) -> ElementTree.Element:
    """The root of a file.

    Raises:
        UserError: it cannot be read, is no XML in UTF-8, is too large, or declares entities, which could grow without
            end.
    """
    text = limits.text(path, limits.TEXT, "XML")
    if DECLARED.search(text):
        raise UserError(f"{path} declares a document type, as no labelling tool does; export it again")
    try:
        return ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, ValueError, RecursionError, LookupError) as error:
        raise UserError(f"{path} is not XML ({reason_of(error)}); export it again") from None
