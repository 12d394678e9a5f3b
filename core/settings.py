"""Settings: the base of everything that is configured, declared once as a frozen pydantic model.

From one declared field come the check, the JSON key, the command-line override, the form widget and the column title.
This module lies below data sets and models, because both declare theirs. It leaves out what the settings are.
"""

import difflib
from collections.abc import Mapping
from typing import Any, Self, get_args

import pydantic
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from core.exceptions import InvalidParameter, UnknownName

# What the types of pydantic's errors mean; what is in braces comes from the error.
_RULES = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "model_type": "must be an object of settings",
    "model_attributes_type": "must be an object of settings",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
}


class Settings(BaseModel):
    """A frozen set of declared values; unknown keys and out-of-range values are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _refuse_truth_for_numbers(cls, values: Any) -> Any:
        # To pydantic true is 1: `model.padding=true` would pad without a word.
        for key, value in values.items() if isinstance(values, Mapping) else ():
            field = cls.model_fields.get(key)
            entries = value if isinstance(value, list | tuple) else (value,)
            if (
                field is not None
                and any(isinstance(one, bool) for one in entries)
                and _holds_numbers(field.annotation)
            ):
                # Not a validator of the field: pydantic allows none on what tells a union's members apart.
                raise PydanticCustomError("truth_for_number", "", {"key": key, "got": value})
        return values

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
    path, parent, field = _place(model, [str(part) for part in first["loc"]])
    name = ".".join(path) or model.__name__
    kind, context, got = first["type"], first.get("ctx", {}), repr(first["input"])
    got = got if len(got) <= 100 else f"{got[:97]}..."
    match kind:
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than" if field:
            return f"{name} must lie in {_interval(field_bounds(field))}; got {got}."
        case "extra_forbidden":
            return f"No setting is called {name!r}.{_nearest(parent, path)}"
        case "missing":
            return f"{name} is missing."
        case "union_tag_not_found" if field:
            return f"{name}.name is missing."
        case "union_tag_invalid" if field:
            return str(UnknownName(field.title or path[-1], context["tag"], _members(field)))
        case "truth_for_number":
            name = ".".join([*path, context["key"]])
            return f"{name} must be a number, not true or false; got {context['got']!r}."
        case "value_error":
            return f"{name}: {context['error']}"
        case _ if kind in _RULES:
            return f"{name} {_RULES[kind].format(**context)}; got {got}."
        case _:
            return f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}; got {got}."


def field_bounds(field: FieldInfo) -> dict[str, float]:
    """Return the declared bounds of a number: any of ge, gt, le, lt."""
    bounds: dict[str, float] = {}
    for item in field.metadata:
        for key in ("ge", "gt", "le", "lt"):
            value = getattr(item, key, None)
            if value is not None:
                bounds[key] = value
    return bounds


def _interval(bounds: dict[str, float]) -> str:
    shown = {key: _exact(one) for key, one in bounds.items()}
    low = f"[{shown['ge']}" if "ge" in shown else f"({shown.get('gt', '-inf')}"
    high = f"{shown['le']}]" if "le" in shown else f"{shown.get('lt', 'inf')})"
    return f"{low}, {high}"


def _exact(number: float) -> str:
    # The short form of 2**32 - 1, "4.29497e+09", is not the bound.
    short = f"{number:g}"
    return short if float(short) == number else str(number)


def _nearest(parent: type[BaseModel] | None, path: list[str]) -> str:
    known = list(parent.model_fields) if parent is not None else []
    near = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.4)
    if near:
        return f" Did you mean {'.'.join([*path[:-1], near[0]])!r}?"
    return f" Known: {', '.join(known)}." if known else ""


def _holds_numbers(annotation: Any) -> bool:
    return annotation in (int, float) or any(map(_holds_numbers, get_args(annotation)))


def _members(field: FieldInfo) -> dict[str, type[BaseModel]]:
    """Return the settings of which a field takes one, by the name that tells them apart; {} for other fields."""
    if isinstance(field.discriminator, pydantic.Discriminator):
        tagged = [get_args(member) for member in get_args(field.annotation)]  # (settings, Tag)
        return {tag.tag: member for member, tag in tagged}
    if not isinstance(field.discriminator, str):
        return {}
    key = field.discriminator
    return {member.model_fields[key].default: member for member in get_args(field.annotation)}


def _place(
    model: type[BaseModel], loc: list[str]
) -> tuple[list[str], type[BaseModel] | None, FieldInfo | None]:
    """Return the path of JSON keys to a failed value, the settings that hold its last key, and its declaration.

    Pydantic puts the name of a union's chosen member into the path; it is no key of the JSON and is left out.
    """
    path: list[str] = []
    here: type[BaseModel] | None = model
    parent: type[BaseModel] | None = None
    field: FieldInfo | None = None
    members: dict[str, type[BaseModel]] = {}
    for part in loc:
        if members:
            here, members = members.get(part), {}
            continue
        path.append(part)
        if here is not None:
            parent, field = here, here.model_fields.get(part)
        elif field is not None:  # an entry of a list
            kinds = get_args(field.annotation)
            parent, field = None, FieldInfo.from_annotation(kinds[0]) if kinds else None
        members = _members(field) if field is not None else {}
        kind = field.annotation if field is not None else None
        here = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return path, parent, field
