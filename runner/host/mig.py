"""The instances into which a GPU may be split (MIG), each with memory and processes of its own.

By NVIDIA's documentation of NVML; it was tried with a stand-in alone.
"""

from runner.host.nvml_calls import (
    FUNCTION_NOT_FOUND,
    NOT_FOUND,
    NOT_SUPPORTED,
    Nvml,
    NvmlCallError,
    translated,
)


def instances(nvml: Nvml, handle: object) -> list[object] | None:
    """Handles of the instances of a GPU; None where it is not split. Raises `NvmlCallError`."""
    try:
        mode = translated(nvml, nvml.nvmlDeviceGetMigMode, handle)
        if not mode[0]:
            return None
        most = translated(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle)
    except NvmlCallError as error:
        if error.code in {NOT_SUPPORTED, FUNCTION_NOT_FOUND}:
            return None
        raise
    found = (_instance(nvml, handle, place) for place in range(most))
    return [instance for instance in found if instance is not None]


def _instance(nvml: Nvml, handle: object, place: int) -> object | None:
    try:
        return translated(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place)
    except NvmlCallError as error:
        if error.code == NOT_FOUND:
            return None
        raise
