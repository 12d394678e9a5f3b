"""Settings: the base of everything that is configured, declared once as a frozen pydantic model.

From one declared field come the check, the JSON key, the command-line override, the form widget and the column title.
This module lies below data sets and models, because both declare theirs. It leaves out what the settings are.
"""

import difflib
from collections.abc import Mapping
from typing import Any, Self, get_args

import pydantic
from pydantic import BaseModel, ConfigDict

from core.exceptions import InvalidParameter


class Settings(BaseModel):
    """A frozen set of declared values; unknown keys and out-of-range values are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> Self:
        """Make the settings from plain values, as read from JSON or a form.

        Raises:
            InvalidParameter: a value breaks its rule; the message names the setting, the rule and the value.
        """
        try:
            return cls.model_validate(values)
        except pydantic.ValidationError as error:
            raise InvalidParameter(explained(error, cls)) from None


def explained(error: pydantic.ValidationError, model: type[BaseModel]) -> str:
    """Say in one line what the first failed check of a validation wanted and got."""
    first = error.errors(include_url=False)[0]
    path, parent = _place(model, [str(part) for part in first["loc"]])
    name = ".".join(path) or model.__name__
    field = parent.model_fields.get(path[-1]) if parent is not None and path else None
    got, context = first["input"], first.get("ctx", {})
    match first["type"]:
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than" if field:
            return f"{name} must lie in {_interval(field_bounds(field))}; got {got!r}."
        case "extra_forbidden":
            return f"No setting is called {name!r}.{_nearest(parent, path)}"
        case "missing":
            return f"{name} is missing."
        case "literal_error" | "enum":
            return f"{name} must be one of {context['expected']}; got {got!r}."
        case "value_error":
            return f"{name}: {context['error']}"
        case _:
            return f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}; got {got!r}."


def field_bounds(field: pydantic.fields.FieldInfo) -> dict[str, float]:
    """Return the declared bounds of a number: any of ge, gt, le, lt."""
    bounds: dict[str, float] = {}
    for item in field.metadata:
        for key in ("ge", "gt", "le", "lt"):
            value = getattr(item, key, None)
            if value is not None:
                bounds[key] = value
    return bounds


def _interval(bounds: dict[str, float]) -> str:
    low = f"[{bounds['ge']:g}" if "ge" in bounds else f"({bounds.get('gt', float('-inf')):g}"
    high = f"{bounds['le']:g}]" if "le" in bounds else f"{bounds.get('lt', float('inf')):g})"
    return f"{low}, {high}"


def _nearest(parent: type[BaseModel] | None, path: list[str]) -> str:
    known = list(parent.model_fields) if parent is not None else []
    near = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.4)
    if near:
        return f" Did you mean {'.'.join([*path[:-1], near[0]])!r}?"
    return f" Known: {', '.join(known)}." if known else ""


def _place(model: type[BaseModel], loc: list[str]) -> tuple[list[str], type[BaseModel] | None]:
    """Return the path of JSON keys to a failed value, and the settings that hold its last key.

    Pydantic puts the name of a union's chosen member into the path; it is no key of the JSON and is left out.
    """
    path: list[str] = []
    here: type[BaseModel] | None = model
    members: dict[str, type[BaseModel]] = {}
    for place, part in enumerate(loc):
        if members:
            here, members = members.get(part), {}
            continue
        path.append(part)
        if place == len(loc) - 1:
            break
        field = here.model_fields.get(part) if here is not None else None
        here, members = None, {}
        if field is not None and field.discriminator is not None:
            members = {
                member.model_fields["name"].default: member for member in get_args(field.annotation)
            }
        elif field is not None and isinstance(field.annotation, type):
            here = field.annotation if issubclass(field.annotation, BaseModel) else None
    return path, here
