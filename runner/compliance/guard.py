"""Context managers of a stage's own, which may end the stage when something is raised in them."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner.compliance.code import Code, Function

MAKERS: Final = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
EXITS: Final = frozenset({"__exit__", "__aexit__"})


@dataclass(frozen=True)
class Guard:
    """What is done around the body of a ``with``.

    ``around`` is a generator's code, whose ``yield`` stands for the body; ``exit`` is a class's
    method, which learns of an exception and keeps it to itself where ``keeps`` is true.
    """

    around: Sequence[ast.stmt] = ()
    exit: Function | None = None
    keeps: bool = False


def guards_of(code: Code) -> Mapping[str, Guard]:
    """The context managers that a file makes, by name."""
    found: dict[str, Guard] = {}
    for node in code.nodes:
        match node:
            case ast.FunctionDef(decorator_list=made) | ast.AsyncFunctionDef(decorator_list=made):
                if any(code.dotted(item) in MAKERS for item in made):
                    found[node.name] = Guard(around=node.body)
            case ast.ClassDef(body=body):
                for item in body:
                    if isinstance(item, Function) and item.name in EXITS:
                        found[node.name] = Guard(exit=item, keeps=_keeps(item))
            case _:
                pass
    return found


def _keeps(method: Function) -> bool:
    """Whether a method may return something true, by which the exception goes no further."""
    returned = [node.value for node in ast.walk(method) if isinstance(node, ast.Return)]
    return any(
        value is not None and not (isinstance(value, ast.Constant) and not value.value)
        for value in returned
    )
