"""Builds the stub NVML library and writes the file that tells it what to say.

The dynamic loader reads ``LD_LIBRARY_PATH`` when a program starts: hand `NvmlStub.environment` to a
new process, setting the variable in a running one changes nothing.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("nvml_stub.c")
LIBRARY: Final = "libnvidia-ml.so.1"
GIB: Final = 1024**3


@dataclass(frozen=True)
class StubGpu:
    """One GPU that the stub shows; bytes, per cent; ``processes`` are pairs of pid and bytes, and
    so are those that draw. ``reserved`` is what of ``used`` the driver keeps for itself.

    ``code`` is what every call on the device returns: 15 is a GPU that was lost. A figure that is
    None is one that the GPU does not support. ``xids`` are critical errors; whoever watches the GPU
    is told of each once.
    """

    uuid: str
    total: int = 24 * GIB
    used: int = GIB
    utilisation: int = 0
    code: int = 0
    name: str = "Stub GPU"
    processes: Sequence[tuple[int, int | None]] = field(default=())
    drawing: Sequence[tuple[int, int | None]] = field(default=())
    reserved: int | None = None
    minor: int | None = None
    power_milliwatts: int | None = None
    temperature: int | None = None
    energy_millijoules: int | None = None
    xids: Sequence[int] = field(default=())


@dataclass(frozen=True)
class NvmlStub:
    """A built stub; ``folder`` holds the library and the file that it reads."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a new process needs in order to meet the stub in place of a driver."""
        return {"LD_LIBRARY_PATH": str(self.folder), "NVML_STUB_FILE": str(self._file)}

    @property
    def _file(self) -> Path:
        return self.folder / "gpus.txt"

    def show(self, *gpus: StubGpu, init: int = 0, hang: float = 0) -> None:
        """Say this from the next call on; ``init`` is what opening the library returns (9: no
        driver is loaded), ``hang`` how many seconds every call on a device takes.
        """
        lines = [f"init {init}", f"hang {hang}"]
        lines += [_gpu_line(gpu) for gpu in gpus]
        lines += [line for number, gpu in enumerate(gpus) for line in _further_lines(number, gpu)]
        fresh = self._file.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(fresh, self._file)  # noqa: PTH105  (a program may be reading: all or nothing)


def _gpu_line(gpu: StubGpu) -> str:
    return f"gpu {gpu.uuid} {gpu.total} {gpu.used} {gpu.utilisation} {gpu.code} {gpu.name}"


def _further_lines(number: int, gpu: StubGpu) -> list[str]:
    figures = {
        "minor": gpu.minor,
        "power": gpu.power_milliwatts,
        "temperature": gpu.temperature,
        "energy": gpu.energy_millijoules,
        "reserved": gpu.reserved,
    }
    lines = [f"{word} {number} {value}" for word, value in figures.items() if value is not None]
    lines += [f"xid {number} {code}" for code in gpu.xids]
    for word, processes in (("process", gpu.processes), ("drawing", gpu.drawing)):
        for pid, held in processes:
            lines.append(f"{word} {number} {pid} {'unknown' if held is None else held}")
    return lines


def why_no_stub() -> str | None:
    """Why the stub cannot be built here; None when it can."""
    return None if shutil.which("gcc") else "gcc is not installed: the stub NVML cannot be built"


def build_nvml_stub(folder: Path) -> NvmlStub:
    """Compile the stub into that folder; it shows no GPU until it is told to."""
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-O1"]
    subprocess.run([*command, "-o", str(folder / LIBRARY), str(SOURCE)], check=True)
    stub = NvmlStub(folder)
    stub.show()
    return stub
