"""Several people and processes at once, each with a connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from riskconsole.kernel.errors import RiskConsoleError


def together(acts: Sequence[Callable[[], object]]) -> list[object]:
    """Let all begin at once; return what each got, or the refusal that it met."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            start.wait()
            return act()
        except RiskConsoleError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
