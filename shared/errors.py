"""What can go wrong between a stage and its folder.

StageError
├── StageNameError       (ValueError)         a name that is no folder, or not the granted one
├── StageBusyError       (RuntimeError)       another living process has the stage's folder
├── ForeignProcessError  (RuntimeError)       a worker process tried to change the manifest
├── RequestError         (RuntimeError)       the runner's request.json is missing or broken
├── SpecError            (ValueError)         spec.json or stage.yaml cannot be understood
├── ConfigError          (ValueError)         a configuration value does not fit its type
├── UndeclaredError      (LookupError)        a name that the stage's spec does not declare
├── InputMissingError    (FileNotFoundError)  a required input is not there
└── SecretMissingError   (LookupError)        a secret that is not listed, or not there
"""

from __future__ import annotations


class StageError(Exception):
    """The base of everything that this library raises on its own account."""


class StageNameError(StageError, ValueError):
    """The name is no folder name, or not the name of the folder that was granted."""


class StageBusyError(StageError, RuntimeError):
    """Another living process holds the stage's folder."""


class ForeignProcessError(StageError, RuntimeError):
    """The manifest was to be changed by a process that did not open it."""


class RequestError(StageError, RuntimeError):
    """The request of the runner is missing or cannot be understood."""


class SpecError(StageError, ValueError):
    """The stage's spec cannot be understood."""


class ConfigError(StageError, ValueError):
    """A configuration value is missing or does not fit its type."""


class UndeclaredError(StageError, LookupError):
    """The stage's spec declares nothing by that name."""


class InputMissingError(StageError, FileNotFoundError):
    """A required input is not there."""


class SecretMissingError(StageError, LookupError):
    """The secret is not listed in the spec, or was not handed in."""
