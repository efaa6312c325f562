"""One form for a value, whichever engine it comes from, so that rows of different engines can be compared byte for byte.

A type is what stands in a table's metadata: `"long"`, `"decimal(10, 2)"`, `{"type": "list", …}`. Nothing is rounded and nothing is
cut off here: what an engine has that the type cannot hold is an error.
"""

import base64
import datetime
import decimal
import hashlib
import json
import re
import struct
import uuid

EPOCH = datetime.date(1970, 1, 1)
MICRO = datetime.timedelta(microseconds=1)
STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?: ?(UTC|Z|[+-]\d\d:?\d\d))?$")
CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$")
DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)$")


class Unreadable(Exception):
    """An engine's value that is none of the column's type."""


def digest(row, columns):
    """The checksum of one row: a dictionary, and `[(name, type)]`."""
    return hashlib.sha256(text(row, columns).encode()).hexdigest()[:24]


def text(row, columns):
    """The row in its one form."""
    return json.dumps([canonical(row.get(name), kind, name) for name, kind in columns], separators=(",", ":"))


def canonical(value, kind, name="?"):
    """A value that JSON can hold; `None` for null."""
    if value is None:
        return None
    if isinstance(kind, dict):
        return NESTED[kind["type"]](value, kind, name)
    if kind.startswith("decimal"):
        return of_decimal(value, kind, name)
    kind = "fixed" if kind.startswith("fixed") else kind
    try:
        return PLAIN[kind](value)
    except (TypeError, ValueError, KeyError, AssertionError) as error:
        raise Unreadable(f"{name}: {value!r} ({type(value).__name__}) is no {kind}: {error}") from None


def of_boolean(value):
    assert isinstance(value, bool), "not true, not false"
    return value


def of_integer(value):
    assert isinstance(value, int) and not isinstance(value, bool), "no integer"
    return value


def of_double(value):
    assert isinstance(value, (float, int)) and not isinstance(value, bool) or value in ("NaN", "Infinity", "-Infinity"), "no number"
    value = float(value)
    # All NaN are one; minus zero is not zero.
    return "nan" if value != value else value.hex()


def of_float(value):
    """Rounded as its four bytes are: some engines hand out the nearest double of the decimal text."""
    value = float(value)
    return "nan" if value != value else struct.unpack(">f", struct.pack(">f", value))[0].hex()


def of_string(value):
    assert isinstance(value, str), "no text"
    return value


def of_bytes(value):
    return bytes(value).hex() if not isinstance(value, str) else base64.b64decode(value, validate=True).hex()


def of_uuid(value):
    if isinstance(value, uuid.UUID):
        return value.hex
    return uuid.UUID(value).hex if isinstance(value, str) else uuid.UUID(bytes=bytes(value)).hex


def of_date(value):
    if isinstance(value, datetime.datetime):
        assert value.time() == datetime.time(), "a date has no time"
        value = value.date()
    if isinstance(value, int):
        value = EPOCH + datetime.timedelta(days=value)
    return value.isoformat() if isinstance(value, datetime.date) else datetime.date.fromisoformat(value).isoformat()


def of_time(value):
    """Microseconds of the day."""
    if isinstance(value, str):
        hours, minutes, seconds, fraction = CLOCK.match(value).groups()
        return (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1_000_000 + micros(fraction)
    if isinstance(value, datetime.timedelta):
        return value // MICRO
    if isinstance(value, datetime.time):
        return (value.hour * 3600 + value.minute * 60 + value.second) * 1_000_000 + value.microsecond
    return of_integer(value)


def of_timestamp(value):
    """Microseconds since 1970 on a clock without a zone."""
    moment = of_moment(value)
    assert isinstance(moment, int) or moment.tzinfo is None, "has a zone"
    return moment if isinstance(moment, int) else (moment - datetime.datetime(1970, 1, 1)) // MICRO


def of_timestamptz(value):
    """Microseconds since 1970, UTC."""
    moment = of_moment(value)
    if isinstance(moment, int):
        return moment
    assert moment.tzinfo is not None, "has no zone"
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // MICRO


def of_moment(value):
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        day, clock, fraction, zone = STAMP.match(value).groups()
        zone = "+00:00" if zone in ("UTC", "Z") else zone or ""
        return datetime.datetime.fromisoformat(f"{day}T{clock}{zone}") + micros(fraction) * MICRO
    assert isinstance(value, datetime.datetime), "no time"
    assert not getattr(value, "nanosecond", 0), "finer than microseconds"
    return value


def micros(fraction):
    digits = (fraction or "").ljust(9, "0")
    assert digits.endswith("000"), "finer than microseconds"
    return int(digits[:6])


def of_decimal(value, kind, name):
    precision, scale = map(int, DECIMAL.match(kind).groups())
    number = decimal.Decimal(value) if not isinstance(value, float) else None
    with decimal.localcontext() as context:
        context.prec = 80
        if number is None or not number.is_finite() or (scaled := number.scaleb(scale)) != scaled.to_integral_value():
            raise Unreadable(f"{name}: {value!r} is no {kind}")
        if len(str(abs(int(scaled)))) > precision:
            raise Unreadable(f"{name}: {value!r} has more digits than {kind}")
    return f"{int(scaled)}e-{scale}"


def of_list(value, kind, name):
    return [canonical(item, kind["element"], f"{name}[]") for item in value]


def of_map(value, kind, name):
    """Pairs by their key's form: a map has no order."""
    pairs = value.items() if isinstance(value, dict) else [(tuple(pair.values()) if isinstance(pair, dict) else pair) for pair in value]
    forms = [[canonical(key, kind["key"], f"{name}.key"), canonical(item, kind["value"], f"{name}.value")] for key, item in pairs]
    return sorted(forms, key=lambda pair: json.dumps(pair[0]))


def of_struct(value, kind, name):
    if not isinstance(value, dict):
        value = dict(zip([field["name"] for field in kind["fields"]], value, strict=True))
    return [canonical(value.get(field["name"]), field["type"], f"{name}.{field['name']}") for field in kind["fields"]]


PLAIN = {
    "boolean": of_boolean, "int": of_integer, "long": of_integer, "float": of_float, "double": of_double, "string": of_string,
    "binary": of_bytes, "fixed": of_bytes, "uuid": of_uuid, "date": of_date, "time": of_time, "timestamp": of_timestamp,
    "timestamptz": of_timestamptz,
}
NESTED = {"list": of_list, "map": of_map, "struct": of_struct}
