"""One bar, in a terminal, in a notebook, or as lines of a log."""

import contextlib
import html
import sys
from typing import Any, NamedTuple, Protocol

from ._output import write_line

_NAME = "skdropout"
# A log gets its first line after so long, and others ever more seldom, up to the second.
_FIRST_LINE_SECONDS = 5.0
_LONGEST_SECONDS = 60.0


class Reading(NamedTuple):
    """How far things are.

    Attributes
    ----------
    n_done, n_known : int
        Networks that are trained, and all that are known of.
    share : float
        Of their epochs, so many are done; 1 is all.
    epoch, max_epochs : int
        Of what is in training; zeros where nothing is.
    best : float or None
        The best score so far.
    seconds : float
        Since the beginning.
    """

    n_done: int
    n_known: int
    share: float
    epoch: int
    max_epochs: int
    best: float | None
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None as long as that says nothing."""
        if self.share < 0.02 or self.share >= 1 or self.seconds < 1:
            return None
        return self.seconds * (1 - self.share) / self.share

    def __str__(self) -> str:
        parts = [f"{self.n_done} of {self.n_known} networks"]
        if self.max_epochs and not self.epoch:
            parts.append("compiling")
        elif self.max_epochs:
            parts.append(f"epoch {self.epoch} of {self.max_epochs}")
        if self.best is not None:
            parts.append(f"best score {self.best:.4g}")
        if (left := self.seconds_left) is not None:
            parts.append(f"{_duration(left)} left")
        return ", ".join(parts)

    @property
    def summary(self) -> str:
        """What there is to say at the end."""
        text = f"{self.n_done} networks in {_duration(self.seconds)}"
        return text if self.best is None else f"{text}, best score {self.best:.4g}"


class Bar(Protocol):
    """Something that shows readings."""

    def show(self, reading: Reading) -> None:
        """Show one that is not the last."""

    def end(self, reading: Reading) -> None:
        """Show the last."""


def make_bar(stream: Any) -> Bar:
    """The bar that suits a stream which stands for `sys.stderr`.

    Parameters
    ----------
    stream : object

    Returns
    -------
    Bar
    """
    with contextlib.suppress(Exception):  # no bar is worth an error
        if _is_of_notebook(stream):
            return _NotebookBar()
        if stream.isatty():
            return _TerminalBar(stream)
    return _Lines(stream)


def _is_of_notebook(stream: Any) -> bool:
    kernel = sys.modules.get("ipykernel.iostream")
    return kernel is not None and isinstance(stream, kernel.OutStream)


class _TerminalBar:
    """By rich, which Keras brings along."""

    def __init__(self, stream: Any):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        console = Console(file=stream)
        if not console.is_terminal or console.is_dumb_terminal:
            raise ValueError("No bar can be drawn here.")
        text = Column(no_wrap=True, overflow="ellipsis")
        self._progress = Progress(
            TextColumn(_NAME),
            BarColumn(),
            TextColumn("{task.description}", markup=False, table_column=text),
            console=console,
            auto_refresh=False,
            # Others may take and put back the streams meanwhile.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bar = self._progress.add_task("", total=1.0)
        self._progress.start()

    def show(self, reading: Reading) -> None:
        self._put(str(reading), reading.share)

    def end(self, reading: Reading) -> None:
        self._put(reading.summary, reading.share)
        self._progress.stop()

    def _put(self, text: str, share: float) -> None:
        self._progress.update(self._bar, description=text, completed=share)
        self._progress.refresh()


class _NotebookBar:
    """An element of the page, which the notebook keeps as it was last."""

    def __init__(self) -> None:
        from IPython.display import display

        self._handle = display(_Element(0.0, ""), display_id=True)

    def show(self, reading: Reading) -> None:
        self._handle.update(_Element(reading.share, str(reading)))

    def end(self, reading: Reading) -> None:
        self._handle.update(_Element(reading.share, reading.summary))


class _Element(NamedTuple):
    share: float
    text: str

    def _repr_html_(self) -> str:
        return (
            f'{_NAME} <progress value="{self.share:.4f}" max="1" style="width: 16em">'
            f"</progress> {html.escape(self.text)}"
        )

    def __repr__(self) -> str:
        return f"{_NAME}: {self.text}"


class _Lines:
    """Whole lines, fewer and fewer."""

    def __init__(self, stream: Any):
        self._stream = stream
        self._next_at = _FIRST_LINE_SECONDS

    def show(self, reading: Reading) -> None:
        if reading.seconds < self._next_at:
            return
        self._next_at = reading.seconds + min(reading.seconds, _LONGEST_SECONDS)
        write_line(self._stream, f"{_NAME}: {reading}")

    def end(self, reading: Reading) -> None:
        write_line(self._stream, f"{_NAME}: {reading.summary}")


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
