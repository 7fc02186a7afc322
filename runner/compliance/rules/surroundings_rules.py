"""What the code takes for granted around it: a network, and packages in its image."""

import ast
import itertools
from collections.abc import Iterator
from typing import Final

from runner.compliance.code import Code
from runner.compliance.finding import Spot
from runner.compliance.subject import StageFile
from runner.compliance.values import values_of

NETWORK_MODULES: Final = frozenset(
    {
        "aiohttp", "ftplib", "grpc", "http.client", "httpx", "paramiko", "requests", "smtplib",
        "urllib.request", "urllib3", "websockets", "xmlrpc.client", "boto3",
    }
)  # fmt: skip
CONNECTIONS: Final = frozenset(
    {
        "asyncio.open_connection", "socket.create_connection", "socket.getaddrinfo",
        "socket.socket", "huggingface_hub.hf_hub_download", "huggingface_hub.snapshot_download",
        "nltk.download", "torch.hub.download_url_to_file", "torch.hub.load",
        "torch.hub.load_state_dict_from_url",
    }
)  # fmt: skip
FETCHERS: Final = frozenset(
    {"aria2c", "curl", "ftp", "scp", "sftp", "ssh", "telnet", "wget", "youtube-dl", "yt-dlp"}
)
"""Programs that are of no use without a network."""

FETCHING: Final = {
    "apt": {"install", "update"}, "apt-get": {"install", "update"}, "aws": {"s3"},
    "conda": {"install"}, "gem": {"install"}, "git": {"clone", "fetch", "pull", "push"},
    "go": {"get", "install"}, "huggingface-cli": {"download"}, "npm": {"install", "ci"},
    "pip": {"download", "install"}, "pip3": {"download", "install"}, "uv": {"pip", "add", "sync"},
}  # fmt: skip
"""Programs that need one for these words."""

STARTERS: Final = frozenset({"env", "ionice", "nice", "nohup", "stdbuf", "sudo", "timeout"})
"""Programs that start the one behind them, whose own words are options and numbers."""

OPTION: Final = "-0123456789"
ADDRESSES: Final = ("http://", "https://", "ftp://", "rtmp://", "rtsp://", "s3://")
ABSENT: Final = frozenset({"ImportError", "ModuleNotFoundError"})


def find_network(file: StageFile) -> Iterator[Spot]:
    """Ways to a network in a stage that has none."""
    if file.stage is None or file.stage.network:
        return
    given = "and stage.yaml gives none: network: site"
    for node, module in _imports(file.code):
        if any(module == name or module.startswith(f"{name}.") for name in NETWORK_MODULES):
            spot = _first_use(file.code, module) or node
            yield Spot.of(spot, f"{module} needs a network, {given}")
    for call in file.code.calls:
        if (name := file.code.dotted(call.func)) in CONNECTIONS:
            yield Spot.of(call.func, f"{name}() needs a network, {given}")
    for node, words in _commands(file):
        if command := _fetching(words):
            yield Spot.of(node, f"{command} needs a network, {given}")


def _first_use(code: Code, module: str) -> ast.AST | None:
    """The first call of something out of a module."""
    calls = (call for call in code.calls if (code.dotted(call.func) or "").startswith(f"{module}."))
    return min(calls, key=lambda call: (call.lineno, call.col_offset), default=None)


def _commands(file: StageFile) -> Iterator[tuple[ast.AST, list[str]]]:
    """The words of lists, of texts that are taken apart, and of calls that may start a program."""
    for node in file.code.nodes:
        match node:
            case ast.List(elts=words) | ast.Tuple(elts=words):
                yield node, [_word(word) for word in words]
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="split")):
                yield node, text.split()
            case ast.Call(args=[text]) if file.code.dotted(node.func) == "shlex.split":
                yield node, _word(text).split()
            case ast.Call(args=words) if not file.objects.is_log_call(node):
                yield node, [_word(word) for word in words]
            case _:
                pass


def _word(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text
        case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
            return "python"
        case _:
            return ""


def _fetching(words: list[str]) -> str | None:
    """What a command does that needs a network, in a few words; None where it does not."""
    while words and words[0].rpartition("/")[2] in STARTERS:
        own = itertools.dropwhile(lambda word: "=" in word or word[:1] in OPTION, words[1:])
        words = list(own)
    if words[1:2] == ["-m"]:
        words = words[2:]
    if len(words) < 2:  # noqa: PLR2004  (a program by itself fetches nothing)
        return None
    program = words[0].rpartition("/")[2]
    if program in FETCHERS:
        # A list of programs' names starts none of them.
        is_command = any(not word or word[:1] == "-" for word in words[1:]) or _has_address(words)
        return program if is_command else None
    first = [word for word in words[1:] if not word.startswith("-")][:2]
    if said := next((word for word in first if word in FETCHING.get(program, ())), None):
        return f"{program} {said}"
    is_command = program in {"ffmpeg", "ffprobe"}
    return f"{program} on an address" if is_command and _has_address(words) else None


def _has_address(words: list[str]) -> bool:
    return any(word.startswith(ADDRESSES) for word in words)


def find_missing_imports(file: StageFile) -> Iterator[Spot]:
    """Imports that the stage's image cannot fulfil."""
    if file.installed is None:
        return
    own = {name.removesuffix(".py") for name in file.modules} | {"shared", file.code.path.stem}
    parents = file.stage.parents.values() if file.stage else ()
    images = " and ".join(dict.fromkeys(parent.image for parent in parents))
    for node, module in _imports(file.code):
        top = module.partition(".")[0]
        if top not in own | file.installed and not _may_be_absent(file.code, node):
            yield Spot.of(node, f"{top} is in no requirements.lock of the parent image {images}")


def _may_be_absent(code: Code, node: ast.AST) -> bool:
    """Whether the program goes on without an import: it is tried, or for a reader of types only."""
    while (around := code.parents.get(node)) is not None:
        match around:
            case ast.Try(body=body, handlers=handlers) if node in body:
                names = {
                    ast.unparse(kind)
                    for item in handlers
                    for kind in ast.walk(item.type or item)
                    if isinstance(kind, ast.Name)
                }
                if names & ABSENT:
                    return True
            case ast.If(test=test):
                text = ast.unparse(test)
                if "TYPE_CHECKING" in text or "version_info" in text:
                    return True
            case _:
                pass
        node = around
    return False


def _imports(code: Code) -> Iterator[tuple[ast.AST, str]]:
    for call in code.calls:
        if code.dotted(call.func) == "importlib.import_module" and call.args:
            yield from ((call, str(name)) for name in values_of(code, call.args[0]))
    for node in code.nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            whole = [name for name in names if name in NETWORK_MODULES]
            yield node, whole[0] if whole else node.module
