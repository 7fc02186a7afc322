"""The bottom of a terminal, redrawn in place, while lines that stay are printed above it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.observers.style import Pieces

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text

FRAMES_PER_SECOND: Final = 8

ROLES: Final = {
    "good": "green", "bad": "red", "warn": "yellow", "dim": "dim", "strong": "bold", "busy": "cyan",
}  # fmt: skip


@dataclass
class Region:
    """Draws what ``draw`` yields for a width and a height.

    Not thread-safe: who owns it locks. The thread that redraws takes no lock of ours but
    the stream's.
    """

    draw: Callable[[int, int], Iterable[Pieces]]
    new_console: "Callable[[], RichConsole]"
    automatic: bool = True
    frames_per_second: float = FRAMES_PER_SECOND
    _live: "Live | None" = None

    def open(self) -> None:
        """Show it, unless it is shown already."""
        if self._live is not None:
            return
        from rich.live import Live

        self._live = Live(
            self,
            console=self.new_console(),
            refresh_per_second=self.frames_per_second,
            auto_refresh=self.automatic,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def print(self, pieces: Pieces) -> bool:
        """Print a line above it; False when it is not shown at present."""
        if self._live is None:
            return False
        self._live.console.print(_text(pieces), soft_wrap=True)
        return True

    def close(self) -> None:
        """Take it away."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def __rich_console__(self, console: "RichConsole", options: "ConsoleOptions") -> "RenderResult":
        """What is drawn."""
        for pieces in self.draw(options.max_width, console.height):
            yield _text(pieces)


def _text(pieces: Pieces) -> "Text":
    from rich.text import Text

    return Text.assemble(
        *((text, ROLES.get(role, "")) for text, role in pieces), no_wrap=True, overflow="crop"
    )
