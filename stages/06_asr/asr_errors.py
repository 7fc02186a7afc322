"""What can keep the stage from hearing anything, by no fault of its own.

AsrError
├── UnsupportedLanguageError   the engine or its model does not know the language
├── SettingError               a setting that the engine refuses
├── EngineMissingError         the image does not hold the engine
├── DeviceError                the device that was asked for is not there, or fails
├── ModelError                 the model's folder is incomplete or broken
├── GpuMemoryError             the model or the batch does not fit into the GPU's memory
└── RecognitionError           the engine could not finish
"""

from __future__ import annotations


class AsrError(Exception):
    """The base of what the stage raises on its own account."""


class UnsupportedLanguageError(AsrError):
    """The engine has no model for the language of the speech."""


class SettingError(AsrError):
    """A setting is one that the engine cannot follow."""


class EngineMissingError(AsrError):
    """The image does not hold the engine that the settings ask for."""


class DeviceError(AsrError):
    """The device that the settings ask for cannot be used."""


class ModelError(AsrError):
    """The model's folder does not hold a whole model."""


class GpuMemoryError(AsrError):
    """The GPU's memory does not suffice."""


class RecognitionError(AsrError):
    """The engine could not finish."""
