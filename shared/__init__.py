"""What a stage uses inside its container: files, manifest, configuration, logs.

Standard library only, Python 3.9 or later, so that any image with a Python can be a stage.
"""
