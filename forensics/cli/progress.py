"""A progress bar for work that may take long: it shows itself after two seconds, on a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

PATIENCE_S = 2.0
"""What is over by then needs no bar."""


class Steps:
    """What is being done, and how far it is."""

    def begin(self, title: str) -> None:
        """Something of unknown length begins."""

    def tell(self, done: int, steps: int) -> None:
        """So many steps of it are done."""


@contextmanager
def patient_progress(*, quiet: bool = False) -> Iterator[Steps]:
    """The bar, on stderr and gone at the end; nothing at all when `quiet` or when stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield Steps()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("", total=None)

    class Shown(Steps):
        def begin(self, title: str) -> None:
            bar.reset(task, description=title, total=None)

        def tell(self, done: int, steps: int) -> None:
            bar.update(task, completed=done, total=steps)

    timer = Timer(PATIENCE_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield Shown()
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
