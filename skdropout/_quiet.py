"""Without the lines that TensorFlow writes to standard error while it loads."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# TensorFlow writes these to the file descriptor itself before any log level applies.
_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|[IWE]\d{4} |\d{4}-\d\d-\d\d .*: [IWE] (tensorflow|external)"
    rb"|To enable the following instructions)"
)


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """While TensorFlow is imported: with its C++ log level at 3, and without what it
    still prints, unless the user has set that level.

    The log level is read while TensorFlow loads, so the environment is as before
    afterwards. Everything that other code writes to stderr meanwhile is passed on.
    """
    if _LEVEL in os.environ:
        yield
        return
    os.environ[_LEVEL] = "3"
    try:
        with without_chatter():
            yield
    finally:
        os.environ.pop(_LEVEL, None)


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Drop TensorFlow's lines from stderr, where there is one and a file to hold it."""
    with contextlib.ExitStack() as stack:
        captured = None
        with contextlib.suppress(OSError):
            stderr_copy = os.dup(2)
            stack.callback(os.close, stderr_copy)
            captured = stack.enter_context(_scratch_file())
        if captured is None:
            yield
            return
        with contextlib.suppress(Exception):  # None, or any object at all
            sys.stderr.flush()
        try:
            os.dup2(captured.fileno(), 2)
            yield
        finally:
            os.dup2(stderr_copy, 2)
            captured.seek(0)
            kept = [line for line in captured if not _CHATTER.match(line)]
            with contextlib.suppress(OSError), open(2, "wb", closefd=False) as stderr:
                stderr.writelines(kept)


def _scratch_file():
    """A file of bytes without a name; in memory where the system has such."""
    try:
        return open(os.memfd_create("stderr"), "w+b")
    except (AttributeError, OSError):  # another system, or not allowed
        return tempfile.TemporaryFile()
