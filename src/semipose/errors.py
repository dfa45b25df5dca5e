"""Errors that are the user's to mend."""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, where, and what to do, in one line. The command line prints it without a traceback."""
