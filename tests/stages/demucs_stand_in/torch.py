"""As much of torch as stage 04 calls itself: tensors are arrays of numpy, and there is no GPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

cuda = SimpleNamespace(is_available=lambda: False)


class Tensor:
    """An array behind the methods of a tensor."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(self.array[key])

    def mean(self, axis: int) -> Tensor:
        return Tensor(self.array.mean(axis))

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self.array


def from_numpy(array: np.ndarray) -> Tensor:
    return Tensor(array)
