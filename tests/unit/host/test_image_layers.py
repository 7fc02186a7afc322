"""What images share, and what they take together."""

from runner.host.image_layers import Layer, shared_bytes, size_once

GROUND = Layer(created=1, command="", size_bytes=100)
TOOL = Layer(created=2, command="RUN install tool", size_bytes=40)
STAGE = Layer(created=3, command="COPY stage", size_bytes=5)
NEWER = Layer(created=9, command="", size_bytes=100)


def test_only_layers_on_the_same_layers_are_shared() -> None:
    assert shared_bytes((GROUND, TOOL, STAGE), [(GROUND, TOOL), (GROUND,)]) == 140
    assert shared_bytes((GROUND, TOOL), [(NEWER, TOOL)]) == 0
    assert shared_bytes((GROUND,), [(GROUND, TOOL)]) == 100
    assert shared_bytes((GROUND,), []) == 0


def test_shared_layers_are_counted_once() -> None:
    assert size_once([(GROUND, TOOL, STAGE), (GROUND, TOOL), (GROUND, STAGE)]) == 150
    assert size_once([(GROUND, TOOL), (NEWER, TOOL)]) == 280
