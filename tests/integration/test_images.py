"""Images built by a real engine: what they hold, what they must not hold, and when they are old."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.errors import BuildError, ImageMismatchError
from runner.events import BuildFinished, BuildProgress, BuildStarted, Event, Observer
from runner.host.base_image import BOOTSTRAP_IMAGE, DEBIAN, RELEASE
from runner.host.engine import DockerEngine
from runner.host.image_build import build
from runner.host.images import BuildStep, Condition, image_state, plan, replaced_images
from runner.host.recipe import image_name, parent_image
from runner.host.recipes import HOUSE, Recipes
from runner.host.site import find_site
from runner.observers.together import together
from runner.project.pipeline import Project, load_project
from runner.run.variant import chosen_images

pytestmark = [pytest.mark.engine, pytest.mark.images, pytest.mark.alone]

STAGE = "90_trial"
PARENT = "trial"
STAGE_YAML = """\
summary: For tests of the builder
parent: trial
inputs: {text: input/text}
outputs: {text: {file: text.txt, type: text}}
"""
MARKER = b"something-that-may-be-seen"
DOCKERFILE = f"""\
# Prints what it was given and keeps a word.
ARG PARENT=stagerun/parent-base:current
FROM ${{PARENT}}
RUN --mount=type=bind,source=.site,target=/run/site . /run/site/env \\
    && [ -n "$https_proxy" ] && echo "via $https_proxy and $PIP_INDEX_URL" && cat /run/site/netrc \\
    && echo {MARKER.decode()} > /kept
"""
PROXY_WORD, INDEX_WORD, MIRROR_WORD = "proxy-Pa55word", "index-Pa55word", "mirror-Pa55word"
SECRETS = (PROXY_WORD, INDEX_WORD, MIRROR_WORD)
PARENTS = ("base", "ffmpeg", "asr", "text")


@pytest.fixture(scope="session")
def parents(engine: DockerEngine) -> None:
    """The project's own parent images, built where they are missing or old."""
    project = load_project(HOUSE)
    build(project, engine, plan(project, engine, chosen_images(project)), lambda _: None)


@pytest.fixture
def root(tmp_path: Path, engine: DockerEngine, parents: None) -> Iterator[Path]:
    """A project with one stage on a parent of its own; its images are removed afterwards."""
    _ = parents
    for name, text in {
        f"images/{PARENT}/Dockerfile": DOCKERFILE,
        f"stages/{STAGE}/stage.yaml": STAGE_YAML,
        f"stages/{STAGE}/stage.py": "print('done')\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    yield tmp_path
    replaced = [image.digest for image in replaced_images(engine) if image.name in (STAGE, PARENT)]
    for image in (image_name(STAGE), parent_image(PARENT), *replaced):
        if engine.image(image) is not None:
            engine.api.remove_image(image, force=True)


def make(
    root: Path,
    engine: DockerEngine,
    *,
    force: bool = False,
    tell: Observer = lambda _: None,
) -> list[Event]:
    """Build the project's images with planted passwords, and return what was shown."""
    project = load_project(root)
    shown: list[Event] = []
    steps = [
        step
        for step in plan(project, engine, chosen_images(project), force=force)
        if step.image != parent_image("base")
    ]
    files = root / "site/etc/apt"
    files.mkdir(parents=True, exist_ok=True)
    (files / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    (files / "auth.conf").write_text(f"machine mirror.example login me password {MIRROR_WORD}\n")
    site = find_site(
        {
            "https_proxy": f"http://me:{PROXY_WORD}@proxy.example:3128",
            "PIP_INDEX_URL": f"https://me:{INDEX_WORD}@index.example/simple",
        },
        release=RELEASE,
        root=root / "site",
        home=root,
        apt_options={},
    )
    build(project, engine, steps, together(shown.append, tell), site=site, force=force)
    return shown


def holds(chunks: Iterator[bytes], word: bytes) -> bool:
    """Whether a stream holds a word, also across its pieces."""
    tail = b""
    for chunk in chunks:
        if word in tail + chunk:
            return True
        tail = chunk[-len(word) :]
    return False


def output(engine: DockerEngine, image: str, script: str) -> str:
    """What a shell script prints in a container of an image, past the entry point."""
    container = engine.api.create_container(
        image, command=["-c", script], entrypoint=["/bin/sh"], network_disabled=True
    )["Id"]
    try:
        engine.api.start(container)
        engine.api.wait(container, timeout=60)
        return engine.api.logs(container).decode()
    finally:
        engine.api.remove_container(container, force=True)


def records_with_contexts(engine: DockerEngine) -> set[str]:
    """The build cache's records of what was uploaded, packed or unpacked."""
    records = engine.api.df().get("BuildCache") or []
    return {
        record["ID"]
        for record in records
        if "build-context" in (text := record.get("Description", ""))
        or (text == "fileop target" and not record.get("Parent"))
    }


def test_no_layer_history_or_label_holds_a_planted_password(
    root: Path, engine: DockerEngine
) -> None:
    before = records_with_contexts(engine)
    shown = make(root, engine, force=True)
    for image in (parent_image(PARENT), image_name(STAGE)):
        facts = repr(engine.api.inspect_image(image)) + repr(engine.api.history(image))  # type: ignore[no-untyped-call]  # the stubs leave it so
        assert not any(word in facts for word in SECRETS)
        assert holds(engine.api.get_image(image), MARKER), "the search itself must be able to find"
        assert not any(holds(engine.api.get_image(image), word.encode()) for word in SECRETS)
    lines = [event.line for event in shown if isinstance(event, BuildProgress) and event.line]
    assert any("via http://me:***@proxy.example" in line for line in lines)
    assert not any(word in repr(shown) for word in SECRETS)
    assert records_with_contexts(engine) <= before


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C is a KeyboardInterrupt, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.docker  # Podman keeps no context, and cannot cancel a build
def test_an_interrupted_build_leaves_no_password_in_the_build_cache(
    root: Path, engine: DockerEngine
) -> None:
    (root / f"images/{PARENT}/Dockerfile").write_text(DOCKERFILE + "RUN echo asleep; sleep 120\n")
    before = records_with_contexts(engine)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(event: Event) -> None:
        if isinstance(event, BuildProgress) and event.line == "asleep":
            signal.pthread_kill(main, signal.SIGINT)

    begun = time.monotonic()
    with interruptible(), pytest.raises(KeyboardInterrupt):
        make(root, engine, force=True, tell=interrupt)
    assert time.monotonic() - begun < 60
    assert records_with_contexts(engine) <= before
    assert engine.image(parent_image(PARENT)) is None


def test_progress_names_each_image_from_start_to_size(root: Path, engine: DockerEngine) -> None:
    shown = make(root, engine)
    started = [event.image for event in shown if isinstance(event, BuildStarted)]
    finished = [event for event in shown if isinstance(event, BuildFinished)]
    assert started == [parent_image(PARENT), image_name(STAGE)]
    assert [event.image for event in finished] == started
    assert all(event.size_bytes > 0 for event in finished)


def test_an_image_is_old_when_its_source_changes_and_new_after_a_build(
    root: Path, engine: DockerEngine
) -> None:
    def state() -> Any:
        project = load_project(root)
        return image_state(Recipes(project), engine, project.stages[STAGE])

    assert state().condition is Condition.MISSING
    make(root, engine)
    first = state()
    assert first.condition is Condition.PRESENT
    (root / f"stages/{STAGE}/stage.py").write_text("print('other')\n")
    assert (state().condition, state().reason) == (
        Condition.STALE,
        f"older than stages/{STAGE}/stage.py",
    )
    make(root, engine)
    assert state().condition is Condition.PRESENT
    assert state().digest != first.digest
    assert first.digest in [image.digest for image in replaced_images(engine)]


def test_a_failed_step_shows_its_command_and_last_lines(root: Path, engine: DockerEngine) -> None:
    dockerfile = root / f"images/{PARENT}/Dockerfile"
    dockerfile.write_text(DOCKERFILE + "RUN echo first; echo the-last-line; exit 3\n")
    with pytest.raises(BuildError) as caught:
        make(root, engine)
    text = str(caught.value)
    assert f"{parent_image(PARENT)} was not built" in text
    assert "RUN echo first; echo the-last-line" in text
    assert "    first\n    the-last-line" in text
    assert engine.image(image_name(STAGE)) is None


def test_a_parent_whose_wheels_do_not_fit_the_base_is_refused_with_a_sentence(
    root: Path, engine: DockerEngine
) -> None:
    folder = root / f"images/{PARENT}"
    (folder / "Dockerfile").write_text((HOUSE / "images/text/Dockerfile").read_text())
    (folder / "requirements.lock").write_text("# python: cp399\n")
    with pytest.raises(ImageMismatchError, match=r"has Python cp3\d+, but .* are for cp399"):
        make(root, engine)


def test_a_base_that_does_not_fit_the_locked_wheels_is_refused(
    root: Path, engine: DockerEngine
) -> None:
    (root / f"images/{PARENT}/requirements.lock").write_text("# python: cp399\n")
    before = engine.image(parent_image("base"))
    project: Project = load_project(root)
    step = BuildStep(recipe=Recipes(project).parent("base"), reason="a test")
    with pytest.raises(ImageMismatchError, match=r"another Debian release"):
        build(project, engine, [step], lambda _: None)
    assert engine.image(parent_image("base")) == before


@pytest.mark.parametrize("name", PARENTS)
def test_a_parent_keeps_no_compiler_installer_cache_or_site(
    name: str, engine: DockerEngine, parents: None
) -> None:
    _ = parents
    left = output(
        engine,
        parent_image(name),
        "for tool in cc gcc g++ make ld pip pip3; do command -v $tool; done; "
        "ls -A /var/cache/apt /var/lib/apt/lists /run/site /run/steps | grep -v ':$'; "
        "find / -xdev -name 'pip*' -path '*-packages*' -print; "
        "ls -A /root/.cache /tmp 2>/dev/null; env | grep -i -e proxy -e PIP_ -e CERT",
    )
    assert [line for line in left.split() if not line.endswith(":")] == []
    found = engine.image(parent_image(name))
    assert found is not None
    if found.labels[DEBIAN] == BOOTSTRAP_IMAGE:
        sources = "cat /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/auth.conf.d/*"
        assert output(engine, parent_image(name), f"{sources} 2>/dev/null; :") == ""


def test_parents_do_what_they_are_for(engine: DockerEngine, parents: None) -> None:
    _ = parents
    assert "ffmpeg version" in output(engine, parent_image("ffmpeg"), "ffmpeg -version")
    assert "not found" not in output(
        engine, parent_image("ffmpeg"), "ldd /usr/bin/ffmpeg /usr/bin/ffprobe"
    )
    listen = "import pocketsphinx; pocketsphinx.Decoder(loglevel='FATAL'); print('hears')"
    assert output(engine, parent_image("asr"), f'python3 -c "{listen}"') == "hears\n"
    read = "import pysubs2; print(pysubs2.VERSION)"
    assert output(engine, parent_image("text"), f'python3 -c "{read}"') == "1.8.1\n"
