"""The pages for those who write stages show what is there, and all of it."""

import re
from pathlib import Path
from typing import Final

import pytest

from runner.compliance.checking import check
from runner.compliance.targets import gather
from runner.library_reference import LIBRARY, UnknownCallError, filled_reference
from runner.project.pipeline import load_project
from shared.config import Config, load_config
from shared.logger import get_logger
from shared.stage_places import StagePlaces
from shared.stage_utils import StageIO
from shared.stage_warnings import warn
from tests.project_kit import ROOT
from tests.unit.docs_pages import blocks, page

OTHER_LANGUAGES: Final = "docs/other-languages.md"
STAGE_IO: Final = "docs/stage-io.md"
EXAMPLE: Final = ROOT / "docs/examples/other-language"
STAGE: Final = EXAMPLE / "stages/50_lines"


def texts(name: str) -> list[str]:
    return [block.text for block in blocks(page(name))]


def test_the_page_on_other_languages_shows_the_files_of_its_example() -> None:
    for file in ("stage.yaml", "stage.sh", "fixture/expect.yaml"):
        assert (STAGE / file).read_text() in texts(OTHER_LANGUAGES), file


def test_the_example_in_another_language_uses_no_python_and_is_a_project() -> None:
    assert "python" not in (STAGE / "stage.sh").read_text()
    assert list(load_project(EXAMPLE).stages) == ["50_lines"]
    found = check(gather([EXAMPLE]))
    assert (found.findings, len(found.other_languages)) == ((), 1)


def names_on_the_page(subject: str) -> list[str]:
    parts = re.findall(
        rf"^<!-- calls {re.escape(subject)}: (.+) -->$", page(STAGE_IO), re.MULTILINE
    )
    return sorted(name for part in parts for name in part.split())


def public(*kinds: type) -> list[str]:
    return sorted(name for kind in kinds for name in vars(kind) if not name.startswith("_"))


def test_the_calls_on_the_page_are_those_of_the_docstrings() -> None:
    text = page(STAGE_IO)
    assert text == filled_reference(text, ROOT / LIBRARY), "write it anew: make schema"


def test_the_page_has_every_call_once() -> None:
    assert names_on_the_page("io") == sorted([*public(StageIO, StagePlaces), "StageIO"])
    assert names_on_the_page("config") == public(Config)
    for function in (load_config, get_logger, warn):
        assert names_on_the_page(function.__module__) == [function.__name__]


def test_every_call_says_what_it_does_in_a_sentence() -> None:
    for call in re.split(r"^### ", page(STAGE_IO), flags=re.MULTILINE)[1:]:
        name, rest = call.split("\n", 1)
        text = rest.split("```\n", 1)[1].strip().split("\n\n")[0]
        assert text.endswith("."), name


def test_a_call_that_the_library_does_not_have_is_named() -> None:
    for part in ("io: fly", "shared.config: fly"):
        with pytest.raises(UnknownCallError, match="fly"):
            filled_reference(f"<!-- calls {part} -->\n<!-- /calls -->\n", ROOT / LIBRARY)


def test_a_part_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    (tmp_path / "errors.py").write_text('class OddError(ValueError):\n    """It is odd."""\n')
    (tmp_path / "a.py").write_text(
        "def b(x: Optional[List[str]], /, *, y: int = 3) -> Dict[str, PathLike]:\n"
        '    """Does ``None=b``, or None.\n\n    More. Raises OddError."""\n'
    )
    text = "before\n<!-- calls shared.a: b -->\nold\n<!-- /calls -->\nafter\n"
    found = filled_reference(text, tmp_path)
    assert found.splitlines() == [
        "before", "<!-- calls shared.a: b -->", "", "### b", "", "```python",
        "from shared.a import b",
        "b(x: list[str] | None, /, *, y: int = 3) -> dict[str, str | Path]", "```", "",
        "Does `None=b`, or `None`.", "", "More.", "", "Raises [`OddError`](#errors).", "",
        "<!-- /calls -->", "after",
    ]  # fmt: skip
    assert filled_reference(found, tmp_path) == found
