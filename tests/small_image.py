"""An image of one small static program, for tests of the engine that need no stage.

The program does what its arguments say, one after the other: ``environment`` prints it,
``memory N`` holds N MiB, ``spin N`` uses the processor for N ms, ``write N`` writes N MiB to
``/data`` past the file cache, ``sleep N`` waits N seconds.
"""

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import docker

PROGRAM: Final = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
extern char **environ;
static void hold(size_t bytes) { memset(malloc(bytes), 1, bytes); }
static void spin(long milliseconds)
{
    while (clock() < milliseconds * (CLOCKS_PER_SEC / 1000))
        ;
}
static void fill(int mebibytes)
{
    void *block;
    if (posix_memalign(&block, 4096, 1 << 20))
        return;
    memset(block, 1, 1 << 20);
    int file = open("/data/filled", O_CREAT | O_WRONLY | O_DIRECT, 0600);
    while (mebibytes-- > 0)
        if (write(file, block, 1 << 20) != 1 << 20)
            exit(3);
}
int main(int count, char **words)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "environment") == 0) {
            for (char **entry = environ; *entry; entry++)
                puts(*entry);
            fflush(stdout);
            continue;
        }
        const char *what = words[i++];
        int number = i < count ? atoi(words[i]) : 0;
        if (strcmp(what, "memory") == 0) hold((size_t)number << 20);
        if (strcmp(what, "spin") == 0) spin(number);
        if (strcmp(what, "write") == 0) fill(number);
        if (strcmp(what, "sleep") == 0) sleep(number);
    }
    return 0;
}
"""


def why_no_small_image() -> str | None:
    """Why the program cannot be built here; None when it can."""
    return None if shutil.which("gcc") else "gcc is not installed: the test image cannot be built"


def build_program(folder: Path) -> Path:
    """Compile the program, without libraries, into that folder."""
    source, program = folder / "program.c", folder / "program"
    source.write_text(PROGRAM, encoding="utf-8")
    command = ["gcc", "-static", "-O0", "-w", "-o", str(program), str(source)]
    subprocess.run(command, check=True)
    return program


def import_image(client: docker.DockerClient, program: Path, name: str) -> str:
    """Make an image of the program alone, ``/program``, under that name; returns the name."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(program, arcname="program")
    repository, _, tag = name.partition(":")
    answer = client.api.import_image_from_data(archive.getvalue())
    # Podman before 5 takes no tag while it imports.
    client.api.tag(json.loads(answer.splitlines()[-1])["status"], repository, tag)
    return name
