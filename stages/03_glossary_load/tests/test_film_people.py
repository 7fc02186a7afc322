"""Who plays in a film, of what a film database says; run inside the stage's image."""

from __future__ import annotations

from pathlib import Path

import pytest
from film_people import EnrichmentError, read_people, split_character


def test_a_character_is_split_into_the_name_and_its_parts() -> None:
    assert split_character("Maren Holt") == (["Maren Holt"], ["Maren", "Holt"])


def test_a_list_that_is_no_json_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "enrichment.json"
    path.write_text("no JSON", encoding="utf-8")
    with pytest.raises(EnrichmentError, match=r"enrichment\.json"):
        read_people(path, "en")
