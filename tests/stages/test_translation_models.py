"""How stage 08 tells models their languages, and which folders of models it accepts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from flores_codes import flores_codes
from model_conventions import MARIAN, Frame, open_folder
from translation_engine import EngineError


@pytest.mark.parametrize(
    ("tag", "codes"),
    [
        ("es", ["spa_Latn"]),
        ("pt-BR", ["por_Latn"]),
        ("ar", ["arb_Arab", "arb_Latn"]),
        ("zh", ["zho_Hans", "zho_Hant"]),
        ("zh-TW", ["zho_Hant"]),
        ("zh-Hant", ["zho_Hant"]),
        ("no", ["nob_Latn"]),
        ("fa", ["pes_Arab"]),
        ("sr", ["srp_Cyrl"]),
        ("sr-Latn", []),
        ("la", []),
        ("xx", []),
    ],
)
def test_no_language_stands_for_one_that_nllb_lacks(tag: str, codes: list[str]) -> None:
    assert flores_codes(tag) == codes


def model(folder: Path, tokens: Sequence[str], *names: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "shared_vocabulary.json").write_text(json.dumps(["<s>", "▁a", *tokens]))
    for name in ("model.bin", *names):
        (folder / name).write_bytes(b"")
    return folder


def test_nllb_is_told_both_languages_as_it_was_trained(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", ["eng_Latn", "zho_Hant"], "sentencepiece.bpe.model")
    found = open_folder(folder, "auto", "en", "zh")
    assert found.frame == Frame((), ("</s>", "eng_Latn"), ("zho_Hant",))
    with pytest.raises(EngineError, match=r"NLLB model has no language hi\. It has eng_Latn, zho_"):
        open_folder(folder, "auto", "hi", "en")


def test_m2m_is_told_both_languages_as_it_was_trained(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", ["__en__", "__es__"], "sentencepiece.model")
    assert open_folder(folder, "auto", "en-GB", "es").frame == Frame(
        ("__en__",), ("</s>",), ("__es__",)
    )
    with pytest.raises(EngineError, match="M2M model has no language fr"):
        open_folder(folder, "auto", "en", "fr")


def test_marian_models_are_found_by_their_pair(tmp_path: Path) -> None:
    brazilian = model(tmp_path / "m" / "en-pt-BR", [], "source.spm", "target.spm")
    model(tmp_path / "m" / "en-es", [], "source.spm", "target.spm")
    found = open_folder(tmp_path / "m", MARIAN, "en", "pt-BR")
    assert (found.folder, found.frame) == (brazilian, Frame((), ("</s>",), ()))
    assert found.target_pieces == brazilian / "target.spm"
    assert open_folder(brazilian, "auto", "en", "pt").folder == brazilian
    with pytest.raises(
        EngineError, match="no Marian model from en into fr; it has en-es, en-pt-BR"
    ):
        open_folder(tmp_path / "m", MARIAN, "en", "fr")


def test_a_model_without_pieces_or_vocabulary_says_what_it_lacks(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", ["eng_Latn", "spa_Latn"])
    with pytest.raises(EngineError, match=r"lacks sentencepiece\.bpe\.model or"):
        open_folder(folder, "auto", "en", "es")
    (folder / "shared_vocabulary.json").write_text('["cut o')
    with pytest.raises(EngineError, match="is no vocabulary"):
        open_folder(folder, "auto", "en", "es")
    (folder / "shared_vocabulary.json").unlink()
    with pytest.raises(EngineError, match=r"lacks shared_vocabulary\.json or"):
        open_folder(folder, "auto", "en", "es")
