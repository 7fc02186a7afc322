"""How stage 08 tells models their languages, and which folders of models it accepts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Final

import pytest
from engine_choice import model_name
from flores_codes import flores_codes
from model_conventions import M2M, MARIAN, NLLB, Frame, open_folder
from translation_engine import EngineError

from runner.project.config import Value
from runner.project.models import NeededModel, needed_models
from runner.project.stage import load_stage
from shared.config import Config
from shared.request import HandedValue
from tests.stages.containers import ROOT

STAGE: Final = load_stage(ROOT / "stages" / "08_translation")
WHOLE: Final = ("model.bin", "config.json", "shared_vocabulary.json")
PIECES: Final = (
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "spiece.model",
    "spm.model",
    "flores200_sacrebleu_tokenizer_spm.model",
)


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


def declared(convention: str) -> NeededModel:
    """What stage.yaml says that a model of this convention needs."""
    settings = {"TRANSLATION_ENGINE": "ctranslate2", "TRANSLATION_CONVENTION": convention}
    settings["TRANSLATION_MODEL"] = "m"
    config = {key: Value(value=value, source="test") for key, value in settings.items()}
    [needed] = needed_models(STAGE, config)
    handed = {key: HandedValue(value=value, source="test") for key, value in settings.items()}
    assert needed.key == model_name(Config(handed, open_to_environment=False))
    return needed


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


def test_several_marian_models_are_seen_by_their_folders(tmp_path: Path) -> None:
    spanish = model(tmp_path / "m" / "en-es", [], "source.spm", "target.spm")
    assert open_folder(tmp_path / "m", "auto", "en", "es").folder == spanish
    model(tmp_path / "nllb", ["eng_Latn", "spa_Latn"], "spm.model")
    model(tmp_path / "nllb" / "en-es", [], "source.spm", "target.spm")
    assert open_folder(tmp_path / "nllb", "auto", "en", "es").folder == tmp_path / "nllb"


def test_pieces_for_one_side_only_are_no_pieces(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", ["eng_Latn", "spa_Latn"], "source.spm")
    with pytest.raises(EngineError, match=r"lacks sentencepiece\.bpe\.model or"):
        open_folder(folder, "auto", "en", "es")
    with pytest.raises(EngineError, match=r"source\.spm with target\.spm"):
        open_folder(folder, MARIAN, "en", "es")
    (folder / "spm.model").write_bytes(b"")
    assert open_folder(folder, MARIAN, "en", "es").target_pieces == folder / "spm.model"
    found = open_folder(folder, "auto", "en", "es")
    assert (found.source_pieces, found.frame.begins_with) == (folder / "spm.model", ("spa_Latn",))


def opens(folder: Path, convention: str) -> bool:
    try:
        open_folder(folder, convention, "en", "es")
    except EngineError:
        return False
    return True


@pytest.mark.parametrize("convention", ["auto", NLLB, M2M, MARIAN])
def test_stage_yaml_refuses_the_folders_that_the_stage_would_refuse(
    tmp_path: Path, convention: str
) -> None:
    names = {NLLB: "eng_Latn spa_Latn", M2M: "__en__ __es__", MARIAN: "", "auto": ""}
    optional = ("source.spm", "target.spm", *PIECES)
    choices = chain.from_iterable(combinations(optional, size) for size in range(4))
    needed = declared(convention)
    for number, chosen in enumerate(choices):
        folder = model(tmp_path / str(number), names[convention].split(), *chosen)
        complete = not needed.lacking([*WHOLE, *chosen])
        assert complete == opens(folder, convention), chosen


@pytest.mark.parametrize(
    ("files", "lacking"),
    [
        (("source_vocabulary.json", "target_vocabulary.txt"), 0),
        (("shared_vocabulary.txt",), 0),
        (("source_vocabulary.json",), 1),
        (("target_vocabulary.json",), 1),
        ((), 2),
    ],
)
def test_the_library_reads_one_vocabulary_for_both_sides_or_one_for_each(
    files: tuple[str, ...], lacking: int
) -> None:
    folder = ["model.bin", "config.json", "spm.model", *files]
    for convention in ("auto", NLLB, M2M, MARIAN):
        assert len(declared(convention).lacking(folder)) == lacking


def test_each_pair_of_a_folder_of_marian_models_is_looked_at() -> None:
    whole = (*WHOLE, "source.spm", "target.spm")
    there = [f"{pair}/{name}" for pair in ("en-es", "en-pt-BR") for name in whole]
    assert declared("auto").lacking([*there, "a-note/README"]) == ()
    there.remove("en-pt-BR/target.spm")
    [absent] = declared(MARIAN).lacking(there)
    assert absent == tuple(f"en-pt-BR/{name}" for name in (*PIECES, "target.spm"))
    assert declared(NLLB).lacking(there) != ()


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
