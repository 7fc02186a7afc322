"""What a stage's code does to files: which calls read, which write, and which path they take."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from runner.compliance.code import Code
from runner.compliance.values import values_of

WRITING_MODES: Final = frozenset("wax+")
READS: Final = {
    "shutil.copy": (0,), "shutil.copy2": (0,), "shutil.copyfile": (0,), "shutil.copytree": (0,),
    "numpy.load": (0,), "numpy.loadtxt": (0,), "soundfile.read": (0,), "os.listdir": (0,),
    "os.scandir": (0,), "PIL.Image.open": (0,), "cv2.imread": (0,), "pysubs2.load": (0,),
    "shared.ffmpeg.packet_rows": (0,), "shared.ffmpeg.probe": (0,),
    "shared.glossary.read_names": (0,), "shared.glossary.read_terms": (0,),
    "shared.speech.read_speech": (0,), "shared.transcript.read_transcript": (0,),
}  # fmt: skip
WRITES: Final = {
    "shutil.copy": (1,), "shutil.copy2": (1,), "shutil.copyfile": (1,), "shutil.copytree": (1,),
    "shutil.move": (1,), "os.rename": (1,), "os.replace": (1,), "os.symlink": (1,),
    "os.link": (1,), "os.truncate": (0,), "numpy.save": (0,), "numpy.savez": (0,),
    "numpy.savetxt": (0,), "numpy.savez_compressed": (0,), "soundfile.write": (0,),
    "shutil.make_archive": (0,), "cv2.imwrite": (0,), "torch.save": (1,), "torchaudio.save": (0,),
    "scipy.io.wavfile.write": (0,), "shared.files.write_atomically": (0,),
    "shared.glossary.write_names": (1,), "shared.glossary.write_terms": (1,),
    "shared.speech.write_speech": (1,), "shared.transcript.write_transcript": (1,),
}  # fmt: skip
CHANGES: Final = {
    "os.mkdir": (0,), "os.makedirs": (0,), "os.remove": (0,), "os.unlink": (0,), "os.rmdir": (0,),
    "shutil.rmtree": (0,), "os.chmod": (0,), "os.utime": (0,),
}  # fmt: skip
MOVES: Final = {"shutil.move": (0,), "os.rename": (0,), "os.replace": (0,)}
TAKING: Final = frozenset({"os.remove", "os.unlink", "shutil.rmtree"})
READING_METHODS: Final = frozenset({"read_text", "read_bytes"})
WRITING_METHODS: Final = frozenset(
    {"write_text", "write_bytes", "touch", "symlink_to", "hardlink_to"}
)
MOVING_METHODS: Final = frozenset({"rename", "replace"})
CHANGING_METHODS: Final = frozenset({"mkdir", "unlink", "rmdir", "chmod"})
OPENERS: Final = frozenset(
    {
        "open", "io.open", "os.open", "wave.open", "gzip.open", "bz2.open", "lzma.open",
        "codecs.open", "tarfile.open", "zipfile.ZipFile", "soundfile.SoundFile",
    }
)  # fmt: skip
SAVERS: Final = frozenset(
    {
        "save", "savefig", "save_pretrained", "to_csv", "to_excel", "to_json", "to_parquet",
        "to_pickle", "tofile", "write_html", "write_image", "extractall",
    }
)  # fmt: skip
"""Methods of libraries' objects that write a file, whose path they take first."""


@dataclass(frozen=True)
class Use:
    """A call that reads or writes a file.

    ``leaves`` is whether it makes a file that is there afterwards, ``takes`` whether it takes one
    away, ``seen_at`` the call of the function around it that hands this path to it and no other.
    """

    call: ast.Call
    path: ast.expr
    writes: bool
    leaves: bool = True
    takes: bool = False
    seen_at: ast.Call | None = None

    @property
    def spot(self) -> ast.expr:
        """The expression that shows which path it is."""
        return self.seen_at or self.path


def uses_of(code: Code) -> Iterator[Use]:
    """Every use of a file that a file of Python has, as far as it can be told."""
    for call in code.calls:
        name = code.dotted(call.func) or ""
        if name in OPENERS:
            yield from _opened(code, call, call.args[:1], call.args[1:2])
        else:
            yield from _by_function(call, name)
        if isinstance(call.func, ast.Attribute) and name not in OPENERS:
            yield from _by_method(code, call, call.func)


def command_uses(code: Code) -> Iterator[Use]:
    """The paths that commands get; a file of the stage's own among them is one they write."""
    for call in code.calls:
        is_command = (code.dotted(call.func) or "").startswith("subprocess.")
        if is_command and call.args:
            for words in _word_lists(code, call.args[0]):
                yield from (Use(call, word, writes=True) for word in words)


def saver_uses(code: Code) -> Iterator[Use]:
    """The paths that methods of libraries' objects get, such as an image's ``save``."""
    for call in code.calls:
        is_saver = isinstance(call.func, ast.Attribute) and call.func.attr in SAVERS
        if is_saver and code.dotted(call.func) not in WRITES:
            yield from (Use(call, path, writes=True) for path in call.args[:1])


def _word_lists(code: Code, words: ast.expr) -> Iterator[list[ast.expr]]:
    """The lists that a command is made of, where it has a name as well."""
    if isinstance(words, ast.List | ast.Tuple):
        yield words.elts
    elif isinstance(words, ast.Name):
        assigned = code.assigned.get(words.id, ())
        yield from (item.elts for item in assigned if isinstance(item, ast.List | ast.Tuple))


def _opened(
    code: Code, call: ast.Call, path: list[ast.expr], mode: list[ast.expr]
) -> Iterator[Use]:
    named = {item.arg: item.value for item in call.keywords}
    for place in path or [named[key] for key in ("file", "filename", "f") if key in named][:1]:
        texts = values_of(code, next(iter(mode), named.get("mode")))
        writes = any(WRITING_MODES & set(str(text)) for text in texts)
        yield Use(call, place, writes)


def _by_function(call: ast.Call, name: str) -> Iterator[Use]:
    yield from (Use(call, path, writes=False) for path in _arguments(call, READS.get(name, ())))
    yield from (Use(call, path, writes=True) for path in _arguments(call, WRITES.get(name, ())))
    for path in _arguments(call, CHANGES.get(name, ())):
        yield Use(call, path, writes=True, leaves=False, takes=name in TAKING)
    for path in _arguments(call, MOVES.get(name, ())):
        yield Use(call, path, writes=True, leaves=False, takes=True)


def _by_method(code: Code, call: ast.Call, function: ast.Attribute) -> Iterator[Use]:
    path, name = function.value, function.attr
    if name == "open":
        yield from _opened(code, call, [path], call.args[:1])
    elif name in READING_METHODS:
        yield Use(call, path, writes=False)
    elif name in WRITING_METHODS:
        yield Use(call, path, writes=True)
    elif name in CHANGING_METHODS:
        yield Use(call, path, writes=True, leaves=False, takes=name == "unlink")
    elif name in MOVING_METHODS and len(call.args) == 1 and not call.keywords:
        # The method of a text takes two arguments.
        yield Use(call, path, writes=True, leaves=False, takes=True)
        yield Use(call, call.args[0], writes=True)


def _arguments(call: ast.Call, positions: Iterable[int]) -> Iterator[ast.expr]:
    yield from (call.args[place] for place in positions if place < len(call.args))
