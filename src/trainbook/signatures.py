"""Targets: the classes that settings may name, and whether given values fit what they take."""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from trainbook.faults import Fault
from trainbook.files import read_yaml

TRUSTED = (
    "torch.optim",
    "torch.optim.lr_scheduler",
    "pytorch_lightning",
    "pytorch_lightning.callbacks",
)
"""Modules whose classes settings may name, besides trainbook's own."""
ROOMS = (
    *("trainbook.networks.", "trainbook.tasks.", "trainbook.baselines."),
    *(f"trainbook.data.{room}." for room in ("sources", "splits", "steps", "samples", "augmentations")),
)
"""Where trainbook's own lie: what settings of others may build, and nothing that writes files or opens connections."""
EXTENSION = Path("conf/trusted.yaml")
"""A project's own list of further modules."""

Section = Mapping[str, Any]


def locate(target: str) -> Callable[..., Any]:
    """The class that a dotted name stands for, imported only if it is trusted.

    Trust is exact: the module must be listed (or be a file of trainbook), and the name must be a class whose own home
    lies under the same package. So nothing is reached through what a module happens to import.

    Raises:
        Fault: not trusted, or no such class.
    """
    module, _, name = target.rpartition(".")
    own = Path(__file__).parent
    within = module.split(".")
    ours = module.startswith(ROOMS) and own.joinpath(*within[1:]).with_suffix(".py").is_file()
    listed = ours or module in (*TRUSTED, *_extension())
    if not listed:
        raise Fault(
            f"{target!r} is not trusted: a class in one of the modules {', '.join(TRUSTED)} or in a file of "
            f"{'*, '.join(ROOMS)}* was expected. Add its module to {EXTENSION} if you trust it."
        )
    try:
        found = getattr(import_module(module), name, None)
    except ImportError as error:
        raise Fault(f"{target!r} cannot be imported: {error}") from error
    home = getattr(found, "__module__", None) or ""
    if not inspect.isclass(found) or home.split(".")[0] != within[0]:
        raise Fault(f"{target!r} is not trusted: a class of {module} was expected.")
    return found


def _extension() -> tuple[str, ...]:
    return tuple(read_yaml(EXTENSION) or ()) if EXTENSION.is_file() else ()


def takes(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a constructor, by name; those that only pass others on are left out."""
    passing = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: each for name, each in inspect.signature(target).parameters.items() if each.kind not in passing}


def faults(where: str, section: Section, known: Section | None = None) -> list[str]:
    """What is wrong with a section that names a target: unknown keys, values of the wrong type, missing ones.

    ``known`` holds what can be filled in by name; None leaves missing values unchecked.
    """
    try:
        target = locate(section["_target_"])
    except Fault as fault:
        return [f"{where}: {fault}"]
    parameters, found = takes(target), []
    for key, value in section.items():
        if key.startswith("_") and key.endswith("_"):
            continue
        if key not in parameters:
            found.append(f"{where}.{key}: {section['_target_']} takes no {key}; it takes {', '.join(parameters)}.")
        elif value is not None or parameters[key].default is None:
            found += _misfit(f"{where}.{key}", _annotation(target, key), value)
    if known is not None and not section.get("_partial_"):
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and section.get(name) is None and name not in known:
                found.append(f"{where}.{name}: {section['_target_']} needs it, and the data does not offer it. Set it.")
    return found


def lacking(target: Callable[..., Any], name: str, value: Any) -> list[str]:
    """What the Protocol of a parameter asks for and a value does not have; nothing where its type is no Protocol."""
    wanted = _annotation(target, name)
    if not getattr(wanted, "_is_protocol", False):
        return []
    asked = [*inspect.get_annotations(wanted), *(each for each in vars(wanted) if not each.startswith("_"))]
    return [each for each in asked if not hasattr(value, each)]


def fill(section: Section, known: Section) -> Callable[[], Any]:
    """The constructor of a section with its values and, by name, those known ones that the settings leave open (null).

    With ``_partial_`` the result still takes arguments.
    """
    target = locate(section["_target_"])
    values = {}
    for name in takes(target):
        value = section.get(name)
        if value is None and name in known:
            value = known[name]
        elif name not in section:
            continue
        elif value is not None:
            value = _adapter(_annotation(target, name)).validate_python(value)
        values[name] = value
    return partial(target, **values)


def _annotation(target: Callable[..., Any], name: str) -> Any:
    """The resolved type of a parameter; Any where there is none that can be resolved."""
    constructor = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(inspect.unwrap(constructor)).get(name, Any)
    except NameError:
        return Any


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # the type brings rules of its own
        return TypeAdapter(annotation)


def _misfit(where: str, annotation: Any, value: Any) -> list[str]:
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError:
        return [f"{where}: {_words(annotation)} was expected; got {value!r}."]
    return []


def _words(annotation: Any) -> str:
    """A type as a person would say it, as far as YAML can hold its values."""
    simple = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null"}
    if annotation in simple:
        return simple[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(map(str, inner))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(each) for each in inner if each in simple or typing.get_args(each))
    if origin is tuple and ... not in inner:
        return f"a list of {len(inner)} ({', '.join(_words(each) for each in inner)})"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return f"a list ({_words(inner[0])} each)" if inner else "a list"
    return getattr(annotation, "__name__", str(annotation))
