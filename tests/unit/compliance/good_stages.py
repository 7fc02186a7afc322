"""Stages without a fault that look as if they had one, beside those of docs/rules.md."""

from typing import Final

from tests.unit.compliance.bad_stages import WHOLE_HEAD
from tests.unit.compliance.examples import inside

GUARDED: Final = '''\
{guard}

def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    logger = io.get_stage_logger()
    with _guard(io):
        logger.info("%d letters", len(io.input("text").read_text()))
        io.finalize(status="success")
        return 0
    return 1
'''
INSIDE: Final = {
    "nothing": "pass",
    "print in a text": "logger.info('print(1) and os.getenv(A) and shell=True')",
    "print in a comment": "pass  # print(1), os.environ['A'], open('/tmp/x', 'w')",
    "a child's script": "subprocess.run([sys.executable, '-c', 'print(1)'], check=True)",
    "a method called print": "class Press:\n    def print(self) -> None: ...\n\nPress().print()",
    "an expected error without its traceback": (
        "try:\n    int('a')\nexcept ValueError as error:\n    logger.error('no number: %s', error)"
    ),
    "logger.exception": "try:\n    int('a')\nexcept Exception:\n    logger.exception('no number')",
    "a handler that goes on after a warning": (
        "try:\n    int('a')\nexcept Exception:\n    logger.warning('no number', exc_info=True)"
    ),
    "a handler that keeps the exception": (
        "try:\n    int('a')\nexcept Exception as error:\n    io.add_warning(str(error))"
    ),
    "suppress of what is meant": (
        "import contextlib\nwith contextlib.suppress(FileNotFoundError):\n    int('a')"
    ),
    "text.replace": "name = str(io.job_dir).replace('/', '_')",
    "a mode that only reads": "with open(io.input('text'), 'rb') as file:\n    file.read()",
    "an input through a variable": (
        "folder = io.job_dir / '49_lines'\npath = folder / 'lines.txt'\n"
        "io.track_input(path, 'text')\npath.read_text()"
    ),
    "inputs of a folder": (
        "for path in (io.job_dir / '49_lines').glob('*.txt'):\n"
        "    io.track_input(path, 'text')\n    path.read_text()"
    ),
    "tracked after it is read": (
        "path = job_dir / 'input' / 'text.txt'\npath.read_text()\nio.track_input(path, 'text')"
    ),
    "all inputs": "for path in io.inputs('text'):\n    path.read_text()",
    "its own output read again": "p = io.output('counts')\np.write_text('')\np.read_text()",
    "outputs of a pattern": (
        "for number in range(3):\n    path = io.stage_dir / f'part_{number}.txt'\n"
        "    path.write_text('')\n    io.track_output(path, 'text')"
    ),
    "an output through a function": (
        "def save(path: Path) -> None:\n    path.write_text('')\n\nsave(io.output('counts'))"
    ),
    "scratch files": (
        "scratch = io.stage_dir / '.cache' / 'a'\nscratch.mkdir(parents=True)\n"
        "(scratch / 'b.txt').write_text('')"
    ),
    "tempfile in the stage's folder": (
        "import tempfile\nwith tempfile.TemporaryDirectory(dir=io.stage_dir / '.cache') as name:\n"
        "    (Path(name) / 'a').touch()"
    ),
    "its own folder by the job's": (
        "path = job_dir / stage_name / 'counts.json'\npath.write_text('')\n"
        "io.track_output(path, 'counts')"
    ),
    "its own folder by name": (
        "path = io.job_dir / '50_words' / 'counts.json'\npath.write_text('')\n"
        "io.track_output(path, 'counts')"
    ),
    "a write that moves into its place": (
        "path = io.output('counts')\npartial = path.with_suffix('.partial')\n"
        "partial.write_text('')\npartial.replace(path)\nio.track_intermediate(partial)"
    ),
    "a path that nobody knows": "def save(path: Path) -> None:\n    path.write_text('')",
    "all keys at once": "io.set_config({key: config.get(key) for key in ('SHORTEST',)})",
    "a key of a dictionary": "found = {'a': 1}\nfound.get('LONGEST')",
    "urllib without a network": "from urllib.parse import urlsplit\nurlsplit('a')",
    "skipped": "if not config:\n    io.finalize('skipped', reason='a')\n    return 0",
    "a raise in the middle": "if not stage_name:\n    raise ValueError(stage_name)",
    "a loop that ends the stage": (
        "while True:\n    if stage_name:\n        io.finalize(status='success')\n        return 0"
    ),
    "a library's logger made quiet": "import logging\nlogging.getLogger('PIL').setLevel(30)",
    "/tmp in a question": "found = str(job_dir).startswith('/tmp')",
    "a helper that tracks what it reads": (
        "def lines(path: Path) -> list[str]:\n    io.track_input(path, 'text')\n"
        "    return path.read_text().splitlines()\n\n"
        "lines(job_dir / 'input' / 'a.txt')\nlines(job_dir / 'input' / 'b.txt')"
    ),
    "an address in a text": "logger.info('%s', ['https://example.org', 'curl'])",
    "keys of several loops": (
        "for key in ('LONGEST',):\n    logger.debug(key)\n"
        "for key in ('SHORTEST',):\n    config.get(key)"
    ),
    "a reader of options": "shell = False\nsubprocess.run(['wc'], shell=shell, check=True)",
}
WHOLE: Final = {
    "finally": WHOLE_HEAD
    + '''\
def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    logger = io.get_stage_logger()
    code = 1
    try:
        logger.info("%d letters", len(io.input("text").read_text()))
        code = 0
        return code
    finally:
        io.finalize_stage_manifest(code)
''',
    "a function that finalizes": WHOLE_HEAD
    + '''\
def _end(io: StageIO, code: int) -> int:
    if code:
        io.finalize(status="failed")
    else:
        io.finalize(status="success")
    return code


def run_stage(job_dir: Path, stage_name: str = "50_words") -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("counting")
    return _end(io, 0)
''',
    "other arguments with defaults": WHOLE_HEAD
    + '''\
def run_stage(job_dir: Path, stage_name: str = "50_words", *, words: int = 3) -> int:
    """Counts."""
    io = StageIO(stage_name, job_dir)
    io.get_stage_logger().info("%d", words)
    io.finalize(status="success")
    return 0
''',
    "a context manager that ends the stage": WHOLE_HEAD
    + GUARDED.format(
        guard="""\
@contextlib.contextmanager
def _guard(io: StageIO) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        io.get_stage_logger().exception("failed")
        io.add_error(str(error), error)
        io.finalize(status="failed")
"""
    ),
    "a class that ends the stage": WHOLE_HEAD
    + GUARDED.format(
        guard="""\
class _guard:
    def __init__(self, io: StageIO) -> None:
        self.io = io

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: Exception, where: object) -> bool:
        if error is not None:
            self.io.get_stage_logger().error("failed", exc_info=error)
            self.io.finalize(status="failed")
        return True
"""
    ),
    "another encoding": "# -*- coding: latin-1 -*-\n" + inside("logger.info('caf\u00e9')"),
    "Windows line ends": inside("pass").replace("\n", "\r\n"),
}

GOOD: Final = {name: inside(code) for name, code in INSIDE.items()} | WHOLE
