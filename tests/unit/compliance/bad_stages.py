"""Stages with one fault each, beside those of docs/rules.md: the rule, and what the stage does."""

from typing import Final

from tests.unit.compliance.examples import inside

WHOLE_HEAD: Final = '''\
"""Counts words."""

from pathlib import Path

from shared.stage_utils import StageIO

KEYS = ("SHORTEST",)


'''
INSIDE: Final = {
    "print among others": ("ST101", "for number in range(3):\n    print(number, end='')"),
    "standard error": ("ST101", "sys.stderr.write('counting')"),
    "print in a lambda": ("ST101", "tell = lambda text: print(text)\ntell('a')"),
    "print to a file object": ("ST101", "print('a', file=sys.stderr)"),
    "the root logger": ("ST102", "import logging\nlogging.warning('few words')"),
    "a logger under another name": (
        "ST102", "from logging import getLogger as find\nfind('x').info('a')"
    ),
    "logging set up": ("ST102", "import logging as l\nl.basicConfig(level=10)"),
    "a bare except that logs no traceback": (
        "ST104", "try:\n    int('a')\nexcept:\n    logger.error('no number')\n    raise"
    ),
    "exc_info that is off": (
        "ST104",
        "try:\n    int('a')\nexcept Exception:\n    logger.error('x', exc_info=False)\n    raise",
    ),
    "a tuple with Exception in it": (
        "ST105", "try:\n    int('a')\nexcept (ValueError, Exception):\n    pass"
    ),
    "BaseException": ("ST105", "try:\n    int('a')\nexcept BaseException:\n    count = 0"),
    "a bare except": ("ST105", "try:\n    int('a')\nexcept:\n    count = 0"),
    "suppress": ("ST105", "import contextlib\nwith contextlib.suppress(Exception):\n    int('a')"),
    "suppress by its own name": (
        "ST105",
        "from contextlib import suppress as less\nwith less(KeyError, Exception):\n    int('a')",
    ),
    "no manifest by position": ("ST202", "StageIO(stage_name, job_dir, False)"),
    "a return in a loop": (
        "ST203", "for word in ('a', 'b'):\n    if word == 'b':\n        return 0"
    ),
    "a return in a with": ("ST203", "with io.output('counts').open('w') as file:\n    return 0"),
    "an exit": ("ST203", "if stage_name:\n    sys.exit(0)"),
    "one branch of a match": (
        "ST203", "match stage_name:\n    case 'a':\n        return 0\n    case _:\n        pass"
    ),
    "a return in an inner handler": (
        "ST203", "try:\n    int('a')\nexcept ValueError:\n    return 1"
    ),
    "a status by position": ("ST205", "io.finalize('ok')\nreturn 0"),
    "an input through a variable": (
        "ST301", "folder = io.job_dir / '49_lines'\npath = folder / 'lines.txt'\npath.read_text()"
    ),
    "an input by os.path": (
        "ST301", "open(os.path.join(io.job_dir, 'input', 'text.txt')).read()"
    ),
    "an input by text": ("ST301", "open(f'{io.job_dir}/input/text.txt').read()"),
    "an input that is copied": (
        "ST301",
        "import shutil\nshutil.copy(job_dir / 'input' / 'text.txt', io.output('counts'))",
    ),
    "another input than the tracked one": (
        "ST301",
        "one = io.job_dir / 'input' / 'a.txt'\ntwo = io.job_dir / 'input' / 'b.txt'\n"
        "io.track_input(one, 'text')\ntwo.read_text()",
    ),
    "inputs of a folder": (
        "ST301",
        "for path in (io.job_dir / '49_lines').glob('*.txt'):\n    path.read_text()",
    ),
    "get_input_path": ("ST301", "io.get_input_path('text.txt').read_text()"),
    "an output by open": ("ST303", "with open(io.stage_dir / 'counts.json', 'w'):\n    pass"),
    "an output by its method": (
        "ST303", "with (io.stage_dir / 'counts.json').open(mode='wb') as file:\n    pass"
    ),
    "an output by get_output_path": ("ST303", "io.get_output_path('counts.json').touch()"),
    "an output that is copied": (
        "ST303",
        "import shutil\nshutil.copyfile(io.input('text'), io.stage_dir / 'part_1.txt')",
    ),
    "another output than the tracked one": (
        "ST303",
        "one = io.stage_dir / 'counts.json'\ntwo = io.stage_dir / 'part_2.txt'\n"
        "one.write_text('')\ntwo.write_text('')\nio.track_output(one, 'counts')",
    ),
    "the job's root": ("ST304", "(io.job_dir / 'counts.json').write_text('')"),
    "another stage's folder": ("ST304", "(io.job_dir / '51_next' / 'a.txt').write_text('')"),
    "out of its own folder": ("ST304", "(io.stage_dir / '..' / 'a.txt').write_text('')"),
    "the parent of its folder": ("ST304", "(io.stage_dir.parent / 'a.txt').write_text('')"),
    "the folder it was started in": ("ST304", "open('counts.json', 'w').close()"),
    "a folder beside": ("ST304", "os.makedirs(os.path.join(job_dir, 'extra'))"),
    "an input changed": ("ST304", "io.input('text').unlink()"),
    "moved elsewhere": (
        "ST304",
        "import shutil\nshutil.move(str(io.output('counts')), str(io.job_dir / 'done.json'))",
    ),
    "renamed elsewhere": ("ST304", "io.output('counts').rename(job_dir / 'done.json')"),
    "beside the code": ("ST304", "(Path(__file__).parent / 'cache.txt').write_text('')"),
    "an absolute path": ("ST304", "Path('/srv/words.txt').write_text('')"),
    "added text": ("ST304", "open(str(job_dir) + '/counts.json', 'w').close()"),
    "the manifest by hand": ("ST304", "io.manifest_path.write_text('{}')"),
    "a file of tempfile's": (
        "ST305", "import tempfile\nwith tempfile.NamedTemporaryFile() as f:\n    f.write(b'a')"
    ),
    "a folder of tempfile's": ("ST305", "from tempfile import mkdtemp as make\nmake()"),
    "/tmp by text": ("ST305", "open('/tmp/' + stage_name, 'w').close()"),
    "a constant path": ("ST306", "for line in open('/etc/hostname'):\n    logger.info(line)"),
    "a key by subscript": ("ST401", "longest = config['LONGEST']"),
    "a typed key": ("ST401", "longest = config.get_float('LONGEST', 2.0)"),
    "inputs": ("ST403", "io.inputs('texts')"),
    "an output's name": ("ST404", "io.output('count').write_text('')"),
    "a socket": ("ST407", "import socket\nsocket.create_connection(('example.org', 80))"),
    "from urllib": ("ST407", "from urllib import request\nrequest.urlopen('https://example.org')"),
    "a part of a package": ("ST408", "from PIL.Image import open as show\nshow(io.input('text'))"),
    "an empty result after an error": (
        "ST104",
        "def count(text: str) -> int | None:\n    try:\n        return int(text)\n"
        "    except ValueError:\n        logger.error('no number')\n        return None",
    ),
    "a helper's second input": (
        "ST301",
        "def lines(path: Path) -> list[str]:\n    return path.read_text().splitlines()\n\n"
        "one = io.job_dir / 'input' / 'a.txt'\nio.track_input(one, 'text')\nlines(one)\n"
        "for more in (io.job_dir / '49_lines').glob('*.txt'):\n    lines(more)",
    ),
    "an output of a command with a name": (
        "ST303", "words = ['cp', 'a', str(io.stage_dir / 'part_1.txt')]\nsubprocess.run(words)"
    ),
    "a parent's folder handed on": (
        "ST304",
        "def save(folder: Path) -> None:\n    (folder / 'counts.json').write_text('')\n\n"
        "io.track_output(io.stage_dir / 'counts.json', 'counts')\n"
        "save(io.stage_dir)\nsave(io.stage_dir.parent / 'tables')",
    ),
    "a scratch file for a command": (
        "ST305", "words = f'/tmp/{stage_name}.txt'\nsubprocess.run(['cp', 'a', words])"
    ),
    "keys of a table": (
        "ST401", "for _, key in enumerate(['SHORTEST', 'LONGEST']):\n    config.get(key)"
    ),
    "endings of a table": (
        "ST404",
        "kinds = {'txt': 'text', 'csv': 'table'}\nfor ending, kind in kinds.items():\n"
        "    path = io.get_output_path(f'part_1.{ending}')\n    path.touch()\n"
        "    io.track_output(path, kind)",
    ),
    "curl through a function": ("ST407", "def run(*a: str) -> None: ...\n\nrun('curl', '-O', 'a')"),
    "a film from an address": ("ST407", "subprocess.run(['ffmpeg', '-i', 'https://example.org/a'])"),
    "git in a text": ("ST407", "subprocess.run('git clone a b'.split(), check=True)"),
    "the environment copied": ("ST501", "variables = os.environ.copy()"),
    "the environment handed on": ("ST501", "subprocess.run(['wc'], env=os.environ, check=True)"),
    "getenv under another name": ("ST501", "from os import getenv as ask\nask('SHORTEST')"),
    "environ by subscript": ("ST501", "shortest = os.environ['SHORTEST']"),
    "OUTPUT_DIR within the stage": ("ST501", "job = os.environ.get('OUTPUT_DIR')"),
    "os.system": ("ST502", "os.system('wc ' + str(io.input('text')))"),
    "a process in a shell": ("ST502", "subprocess.Popen('wc *', shell=True)"),
}  # fmt: skip
WHOLE: Final = {
    "through a function": (
        "ST304",
        inside(
            "_save(job_dir)",
            above="""
            def _save(folder: Path) -> None:
                (folder / "a.txt").write_text("")

            """,
        ),
    ),
    "no finalize at all": (
        "ST203",
        WHOLE_HEAD
        + '''\
def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("finalize is not called here")
    return 0
''',
    ),
    "finalize in one branch": (
        "ST203",
        WHOLE_HEAD
        + '''\
def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("counting")
    if stage_name:
        io.finalize(status="success")
    return 0
''',
    ),
    "finalize in a loop that may not run": (
        "ST203",
        WHOLE_HEAD
        + '''\
def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("counting")
    for _ in stage_name:
        io.finalize(status="success")
    return 0
''',
    ),
    "finalize in a function that is not called": (
        "ST203",
        WHOLE_HEAD
        + '''\
def _end(io: StageIO) -> None:
    io.finalize(status="success")


def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("counting")
    return 0
''',
    ),
    "the end of main": (
        "ST203",
        WHOLE_HEAD
        + '''\
def main() -> None:
    """Counts."""
    io = StageIO("50_words")
    io.get_stage_logger().info("counting")
''',
    ),
    "only some exceptions are caught": (
        "ST204",
        WHOLE_HEAD
        + '''\
def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("counting")
    try:
        len(io.input("text").read_text())
    except UnicodeDecodeError:
        io.finalize(status="failed")
        return 1
    io.finalize(status="success")
    return 0
''',
    ),
    "a signature with more": (
        "ST206",
        WHOLE_HEAD
        + '''\
def run_stage(job_dir: Path, stage_name: str, words: int) -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("%d", words)
    io.finalize(status="success")
    return 0
''',
    ),
    "an asynchronous signature": (
        "ST206",
        WHOLE_HEAD
        + '''\
async def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("counting")
    io.finalize(status="success")
    return 0
''',
    ),
    "a signature that returns nothing": (
        "ST206",
        WHOLE_HEAD
        + '''\
def run_stage(job_dir: Path, stage_name: str = "50_words") -> None:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("counting")
    io.finalize(status="success")
''',
    ),
    "a broken string": ("ST001", "text = 'abc\n"),
    "an annotation in a call": ("ST001", "def a():\n    run(x: int)\n"),
    "lost indentation": ("ST001", "def a():\nreturn 1\n"),
    "a null byte": ("ST001", "a = 1\0\n"),
    "nested without end": ("ST001", "a = " + "(" * 5000 + ")" * 5000),
}

BAD: Final = {name: (rule, inside(code)) for name, (rule, code) in INSIDE.items()} | WHOLE
