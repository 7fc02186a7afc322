"""What is known of a text that an expression makes, ``*`` for what is not."""

import ast

from runner.compliance.place import ANYTHING


def text_of(node: ast.AST | None) -> str:
    """The text, with a star for each part that the code does not tell."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(text_of(value) for value in values)
        case _:
            return ANYTHING


def parts_of(node: ast.AST | None) -> list[str]:
    """The same of a path, taken apart."""
    return text_of(node).split("/")
