"""Memory of a real GPU for a stage's container, through the driver's own library and nothing else.

The container's runtime brings ``libcuda.so.1`` along with the GPU, so that no image with CUDA is
needed. This file lies beside a stage's ``stage.py`` and needs nothing but the standard library.
"""

import ctypes
import time
import uuid
from typing import Any

GIB = 1024**3
OUT_OF_MEMORY = 2
WORK_SECONDS = 0.05


class CudaError(RuntimeError):
    """The driver refused a call; the text has its own name of the error."""


class Gpu:
    """The first GPU that the container may use, with a context that lasts until the end."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libcuda.so.1")
        self._blocks = []  # type: list[tuple[Any, int]]
        self._call("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self._call("cuCtxSetCurrent", context)

    def uuids(self) -> "list[str]":
        """The UUIDs of all GPUs that the container may use, as NVML writes them."""
        count = ctypes.c_int()
        self._call("cuDeviceGetCount", ctypes.byref(count))
        return [self._uuid_of(number) for number in range(count.value)]

    def allocate(self, size: int) -> None:
        """Take that many bytes and write to all of them. Raises CudaError."""
        block = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(block), ctypes.c_size_t(size))
        self._blocks.append((block, size))
        self._write(block, size)

    def hold(self, seconds: float) -> None:
        """Write to what is held again and again for a while. Raises CudaError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for block, size in self._blocks:
                self._write(block, size)
            time.sleep(WORK_SECONDS)

    def free(self) -> None:
        """Give back what is held. Raises CudaError."""
        for block, _ in self._blocks:
            self._call("cuMemFree_v2", block)
        self._blocks.clear()

    def _write(self, block: Any, size: int) -> None:
        self._call("cuMemsetD8_v2", block, ctypes.c_ubyte(7), ctypes.c_size_t(size))
        self._call("cuCtxSynchronize")

    def _uuid_of(self, number: int) -> str:
        device, found = ctypes.c_int(), (ctypes.c_ubyte * 16)()
        self._call("cuDeviceGet", ctypes.byref(device), number)
        self._call("cuDeviceGetUuid", found, device)
        return f"GPU-{uuid.UUID(bytes=bytes(found))}"

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            text = ctypes.c_char_p()
            self._library.cuGetErrorName(code, ctypes.byref(text))
            told = (text.value or b"").decode() or str(code)
            message = f"{name} failed: {told}"
            raise CudaError(message)
