"""Nothing: demucs' image does not have it."""

MESSAGE = "No module named 'onnxruntime'"
raise ModuleNotFoundError(MESSAGE)
