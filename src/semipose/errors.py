"""Errors that are the user's to mend."""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, where, and what to do, in one line. The command line prints it without a traceback."""


class UsageError(UserError):
    """A setting that does not exist or has the wrong type: exit code 2 instead of 1."""
