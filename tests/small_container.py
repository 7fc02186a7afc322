"""The least that a container can be asked for, to be varied by tests."""

from typing import Final

from runner.host.container import ContainerSpec

SMALL: Final = ContainerSpec(
    name="one",
    image="image",
    user="0:0",
    mounts=(),
    environment={},
    labels={},
    memory=1 << 20,
    cpus=1.5,
    pids=8,
    tmp=4096,
    shm=4096,
)
