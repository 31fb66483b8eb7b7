"""Whatever is exported says what it is, down to the last field."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator

import pytest

import cometpresence
import cometpresence.emulator
import cometpresence.history
import cometpresence.pytest_plugin
from cometpresence._aliases import ALIASES

MODULES = (
    cometpresence,
    cometpresence.emulator,
    cometpresence.history,
    cometpresence.pytest_plugin,
)
EXPORTED = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in MODULES
    for name in module.__all__
    if not name.startswith("_")
}
CLASSES = {name: thing for name, thing in EXPORTED.items() if inspect.isclass(thing)}

# Where the vendor documents what these classes repeat.
PAGES = {
    "AppSettingsBuilder": {"Setup", "User Presence"},
    "CometChat": {"Setup", "Authentication", "User Presence", "Retrieve Users"},
    "UserListener": {"User Presence"},
    "ConnectionListener": {"Connection Status"},
    "LoginListener": {"Authentication"},
    "UsersRequestBuilder": {"Retrieve Users"},
    "UsersRequest": {"Retrieve Users"},
    "User": {"Retrieve Users"},
}


@pytest.mark.parametrize("name", EXPORTED)
def test_everything_exported_says_what_it_is(name: str) -> None:
    assert EXPORTED[name].__doc__, f"{name} has no docstring of its own"


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_member_says_what_it_is(name: str) -> None:
    silent = {
        f"{cls.__name__}.{member}"
        for cls in ours(CLASSES[name])
        for member in members(cls)
        if not documented(cls, member)
    }
    assert not silent


@pytest.mark.parametrize("name", ALIASES)
def test_classes_of_the_vendors_name_the_page_that_documents_them(name: str) -> None:
    text = " ".join((getattr(cometpresence, name).__doc__ or "").split())
    named = re.search(r"CometChat's docs: ([^.]*)\.", text)
    assert named, text
    assert PAGES[name] <= set(re.findall(r'"([^"]*)"', named[1]))


def ours(cls: type) -> Iterator[type]:
    """The class, and what it has of other classes of ours."""
    return (base for base in cls.__mro__ if base.__module__.startswith("cometpresence"))


def members(cls: type) -> set[str]:
    """The public names a class gives its objects itself: methods, fields, and what __init__ sets."""
    names = {*vars(cls), *vars(cls).get("__annotations__", {}), *set_by_init(cls)}
    return {name for name in names if not name.startswith("_")}


def documented(cls: type, member: str) -> bool:
    """By a docstring, by a string below a field, or by ``name`` in the text about the class."""
    value = vars(cls).get(member)
    value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    if callable(value) or isinstance(value, property) or inspect.isgetsetdescriptor(value):
        return bool(value.__doc__)
    if inspect.ismemberdescriptor(value) and value.__doc__:  # of a type in C: slots have none
        return True
    return f"``{member}``" in (cls.__doc__ or "") or member in strings_below(cls)


def bodies(cls: type) -> Iterator[list[ast.stmt]]:
    """Where the source may say which attributes there are: the class and its __init__."""
    if cls.__module__ == "cometpresence":  # what C types say of themselves
        return
    [node] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    yield node.body
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            yield method.body


def set_by_init(cls: type) -> set[str]:
    """What __init__ assigns to self."""
    made = {name for body in bodies(cls) for line in body for name in made_by(line)}
    return {name.removeprefix("self.") for name in made if re.fullmatch(r"self\.\w+", name)}


def strings_below(cls: type) -> set[str]:
    """The fields with a string below them, which is how a field has a docstring."""
    return {
        name.removeprefix("self.")
        for body in bodies(cls)
        for line, below in itertools.pairwise(body)
        if isinstance(below, ast.Expr) and is_text(below.value)
        for name in made_by(line)
    }


def made_by(line: ast.stmt) -> set[str]:
    """What a statement assigns to: ``name`` of ``name: int = 1``, ``self.name`` of an __init__."""
    targets = [*getattr(line, "targets", []), getattr(line, "target", None)]
    return {ast.unparse(target) for target in targets if target is not None}


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
