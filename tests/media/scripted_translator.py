"""Writes models for CTranslate2 whose translation is the source in capitals.

`python3 scripted_translator.py FOLDER CONVENTION`, where CTranslate2, SentencePiece and NumPy are;
CONVENTION is nllb, m2m or marian. No weight is learned: the embedding of a piece means the same
piece in capitals, and attention finds the position whose meaning is to be copied. One word tells
how wide the search is: "perhaps" becomes MAYBE, and MAYBE again up to the limit of tokens, unless a
second hypothesis is kept, which has PERHAPS.

Every processor comes to the same words: no choice is a close one, and each output depends on one
input. Where there are no instructions for sums of 8-bit products, two neighbours are added in 16
bits, and what is too large for those is cut off.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece
from ctranslate2.specs import attention_spec, common_spec, transformer_spec

POSITIONS = 128
PIECES = 400
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
NLLB_LANGUAGES = ("cat_Latn", "eng_Latn", "fra_Latn", "jpn_Jpan", "spa_Latn")
M2M_LANGUAGES = ("__ca__", "__en__", "__es__", "__fr__", "__ja__")
SENTENCES = (
    "Where is the station? The train leaves in ten minutes.",
    "I have lost my keys, and perhaps I have lost my mind.",
    "She said that the weather will be better tomorrow afternoon.",
    "Good morning! Please open the door and look at the river.",
    "We are the people of the old house, number one to number nine hundred.",
    " ".join(["perhaps"] * 30),  # often enough to become a piece of its own
    "Zx0q Zx1q Zx2q Zx3q Zx4q Zx5q Zx6q Zx7q Zx8q Zx9q",
    "The quick brown fox jumps over the lazy dog; it's said to be 0123456789 years old.",
)
GREEDY, WIDE = "▁MAYBE", "▁PERHAPS"
# What is copied has a logit of 11, other pieces have none. At "perhaps" MAYBE is 1 above PERHAPS.
# Then MAYBE is 3 above any other, and with that one in twenty, which costs more than PERHAPS did.
COPIED, COPIED_GREEDILY, GREEDY_ANYWAY = 0.5, 0.42, 3


@dataclass(frozen=True)
class Convention:
    """Tokens for languages, and by how much the copied position is behind the output's."""

    languages: tuple[str, ...]
    behind: int
    piece_files: tuple[str, ...]


CONVENTIONS = {
    "nllb": Convention(NLLB_LANGUAGES, 1, ("sentencepiece.bpe.model",)),
    "m2m": Convention(M2M_LANGUAGES, 0, ("sentencepiece.bpe.model",)),
    "marian": Convention((), 0, ("source.spm", "target.spm")),
}


@dataclass(frozen=True)
class Sizes:
    """Where in a vector the position, the token and the fog behind a greedy word lie."""

    tokens: int

    @property
    def fog(self) -> int:
        return POSITIONS + self.tokens

    @property
    def width(self) -> int:
        return -(-(self.fog + 1) // 8) * 8


def train_pieces(folder: Path, names: tuple[str, ...]) -> list[str]:
    """Trains pieces on SENTENCES; returns them."""
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "text"
        text.write_text("\n".join([*SENTENCES, *(word.upper() for word in SENTENCES)] * 3))
        sentencepiece.SentencePieceTrainer.train(
            input=str(text),
            model_prefix=f"{scratch}/pieces",
            vocab_size=PIECES,
            model_type="bpe",
            character_coverage=1.0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            unk_id=0,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        for name in names:
            shutil.copyfile(f"{scratch}/pieces.model", folder / name)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / names[0]))
    return [processor.id_to_piece(number) for number in range(processor.get_piece_size())]


def vocabulary(pieces: list[str], convention: Convention) -> list[str]:
    capitals = [piece.upper() for piece in pieces]
    return list(dict.fromkeys([*SPECIAL, *pieces, *capitals, GREEDY, WIDE, *convention.languages]))


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def set_linear(spec: common_spec.LinearSpec, weight: np.ndarray) -> None:
    assert (np.count_nonzero(weight, axis=1) <= 1).all(), "an output depends on several inputs"
    spec.weight = weight.astype(np.float32)
    spec.bias = zeros(weight.shape[0])


def set_norm(spec: common_spec.LayerNormSpec, width: int) -> None:
    spec.gamma, spec.beta = np.ones(width, np.float32), zeros(width)


def set_nothing(attention: attention_spec.MultiHeadAttentionSpec, width: int) -> None:
    """Attention that adds nothing."""
    set_norm(attention.layer_norm, width)
    set_linear(attention.linear[0], zeros(3 * width, width))
    set_linear(attention.linear[1], zeros(width, width))


def set_copying(
    attention: attention_spec.MultiHeadAttentionSpec, sizes: Sizes, behind: int
) -> None:
    """Attention that adds the token at the source position that lies `behind` the output's."""
    width, tokens = sizes.width, slice(POSITIONS, POSITIONS + sizes.tokens)
    query, key, value = zeros(width, width), zeros(width, width), zeros(width, width)
    for position in range(behind, POSITIONS):
        query[position - behind, position] = 30
    key[range(POSITIONS), range(POSITIONS)] = 1
    value[tokens, tokens] = np.eye(sizes.tokens)
    set_norm(attention.layer_norm, width)
    set_linear(attention.linear[0], query)
    set_linear(attention.linear[1], np.concatenate([key, value]))
    set_linear(attention.linear[2], 5 * np.eye(width))


def set_rest(layer: object, width: int) -> None:
    """A feed-forward part that adds nothing."""
    set_norm(layer.ffn.layer_norm, width)  # type: ignore[attr-defined] # CTranslate2 has no types
    set_linear(layer.ffn.linear_0, zeros(8, width))  # type: ignore[attr-defined] # the same
    set_linear(layer.ffn.linear_1, zeros(width, 8))  # type: ignore[attr-defined] # the same


def meanings(tokens: list[str], sizes: Sizes) -> np.ndarray:
    """Embeddings: a piece means the same in capitals; languages and signs mean themselves."""
    number = {token: index for index, token in enumerate(tokens)}
    embeddings = zeros(sizes.tokens, sizes.width)
    for token, index in number.items():
        capital = token.upper() if token not in SPECIAL else token
        embeddings[index, POSITIONS + number.get(capital, index)] = 1
    return embeddings


def set_projection(spec: common_spec.LinearSpec, tokens: list[str], sizes: Sizes) -> None:
    """From a meaning to its token."""
    weight, greedy = zeros(sizes.tokens, sizes.width), tokens.index(GREEDY)
    weight[:, POSITIONS : sizes.fog] = COPIED * np.eye(sizes.tokens)
    weight[greedy] = 0
    weight[greedy, POSITIONS + tokens.index(WIDE)] = COPIED_GREEDILY
    set_linear(spec, weight)
    spec.bias[greedy] = GREEDY_ANYWAY


def build(folder: Path, convention: Convention) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary(train_pieces(folder, convention.piece_files), convention)
    sizes = Sizes(len(tokens))
    width = sizes.width
    spec = transformer_spec.TransformerSpec.from_config((1, 1), 1, pre_norm=True)
    positions, fog = zeros(POSITIONS, width), zeros(sizes.tokens, width)
    positions[range(POSITIONS), range(POSITIONS)] = 1
    fog[tokens.index(GREEDY), sizes.fog] = 3000
    for part, words in ((spec.encoder, meanings(tokens, sizes)), (spec.decoder, fog)):
        part.scale_embeddings = False
        part.position_encodings.encodings = positions.copy()
        set_norm(part.layer_norm, width)
        set_nothing(part.layer[0].self_attention, width)
        set_rest(part.layer[0], width)
        table = part.embeddings[0] if part is spec.encoder else part.embeddings
        table.weight = words
    set_copying(spec.decoder.layer[0].attention, sizes, convention.behind)
    set_projection(spec.decoder.projection, tokens, sizes)
    save(spec, tokens, folder)


def save(spec: transformer_spec.TransformerSpec, tokens: list[str], folder: Path) -> None:
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.add_source_bos = spec.config.add_source_eos = False
    spec.config.decoder_start_token = "</s>"
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))


if __name__ == "__main__":
    build(Path(sys.argv[1]), CONVENTIONS[sys.argv[2]])
