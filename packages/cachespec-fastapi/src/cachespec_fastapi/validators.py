"""`etag(...)` and `last_modified(...)`: conditional requests answered before the work is done.  RFC 9110 §8.8, §13"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from inspect import Parameter, Signature
from math import isfinite
from typing import Any, ClassVar, Final

from fastapi import Depends, HTTPException, Response
from fastapi.requests import HTTPConnection

from cachespec import EntityTag, parse_entity_tag

from .conditions import answer_to, conditional
from .declaration import Declaration, dependency, signature
from .declared import Declared, declared_for, write_at_once
from .operations import declarations_of

_LONGEST: Final = 128
"""Characters of a tag that is sent as it is; of a longer one only its digest is."""


class NotModified(HTTPException):
    """The answer is a 304."""


class Validator(Declaration):
    """A validator of what is there, by which a request may be answered before the endpoint is called."""

    name: ClassVar[str]
    """The field that it becomes."""
    words: ClassVar[str]
    """What that is, for documentation."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._called = callable(source)
        if self._called:
            # Its parameters are FastAPI's to fill, as those of any dependency.
            current = Parameter("current", Parameter.KEYWORD_ONLY, default=Depends(source))
            self.__signature__: Signature = signature(current)

    @property
    def sources(self) -> tuple[Any, ...]:
        """The callable that finds the validator."""
        return (self._source,) if self._called else ()

    async def __call__(self, connection: HTTPConnection, response: Response, current: Any = None) -> Any:
        """Declare the validator; answer with 304 or 412 where the request's conditions want that.

        What the callable returns is handed on to an endpoint that has this as the default of a parameter.
        """
        value = current if self._called else self._source
        declared = declared_for(connection)
        if declared is not None:
            self.declare(declared, value)
            if conditional(connection.scope):
                await self._answer(declared, connection, response)
            if not declared.installed:
                write_at_once(declared, response)
        return value

    @abstractmethod
    def declare(self, declared: Declared, value: Any) -> None:
        """Put `value` into `declared` as what it is."""
        ...

    async def _answer(self, declared: Declared, connection: HTTPConnection, response: Response) -> None:
        """Evaluate the conditions, once all of the route's validators are known."""
        scope = connection.scope
        declarations = declarations_of(declared.route)
        validators = [declaration for declaration in declarations if isinstance(declaration, Validator)]
        if validators and validators[-1] is not self:
            return
        answer = answer_to(scope, declared.etag, declared.modified, tagged=declared.tagged)
        if answer is None:
            return
        status, verdict = answer
        # Those that stand behind this one would not be heard any more.
        for declaration in declarations:
            if not isinstance(declaration, Validator):
                await declaration(connection, response)
        lines = [] if declared.installed else declared.lines(status, ())
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in lines}
        if status == 304:
            raise NotModified(304, headers=headers)
        raise HTTPException(412, detail=verdict.sentence, headers=headers)


class TagValidator(Validator):
    """An entity-tag.  RFC 9110 §8.8.3"""

    name = "ETag"
    words = "The version of what is there, for conditional requests."

    def __init__(self, source: Any, *, weak: bool) -> None:
        super().__init__(source)
        self._weak = weak
        self._known = None if callable(source) else entity_tag(source, weak=weak)

    def declare(self, declared: Declared, value: Any) -> None:
        """Put in the tag that `value` stands for."""
        declared.tagged = True
        declared.etag = self._known or entity_tag(value, weak=self._weak)


class DateValidator(Validator):
    """A date of modification.  RFC 9110 §8.8.2"""

    name = "Last-Modified"
    words = "When what is there changed last, for conditional requests."

    def declare(self, declared: Declared, value: Any) -> None:
        """Put in the moment that `value` stands for."""
        declared.modified = seconds_since_epoch(value)


class BodyTag(Declaration):
    """An entity-tag made of the body, when it is there."""

    name: ClassVar[str] = "ETag"
    words: ClassVar[str] = "The digest of the content, for conditional requests."

    def __init__(self, *, weak: bool) -> None:
        self.weak = weak

    async def __call__(self, connection: HTTPConnection, response: Response) -> None:  # noqa: ARG002 - the same for all
        """Have the writer tag the body."""
        declared = declared_for(connection)
        if declared is not None:
            declared.body_tag = "weak" if self.weak else "strong"


def etag(tag: str | int | bytes | Callable[..., Any] | None = None, *, weak: bool = False) -> Any:
    """A dependency that gives responses an ETag, and answers conditional requests with 304 or 412 by it.

    Args:
        tag: what changes whenever the response does: a version, a digest, a revision; or a callable that returns it,
            which FastAPI calls like any dependency; None from it means that there is nothing.  It is quoted as needed;
            bytes, and what has no form as an entity-tag, are digested.  Without it the body itself is digested when
            it is sent, unless it is streamed: that saves the transfer, not the work, and needs `install(app)`.
        weak: it says that responses mean the same, not that they are the same, octet by octet.

    Raises:
        ValueError, TypeError: the tag, given as a value, cannot be one.
    """
    if not isinstance(weak, bool):
        raise TypeError(f"weak: {weak!r} is neither True nor False")
    if tag is None:
        return dependency(BodyTag(weak=weak))
    if isinstance(tag, str) and not _has_form(tag):
        raise ValueError(f"tag: {tag!r} cannot be part of an entity-tag")
    return dependency(TagValidator(tag, weak=weak))


def last_modified(date: datetime | float | Callable[..., Any]) -> Any:
    """A dependency that gives responses a Last-Modified, and answers conditional requests with 304 or 412 by it.

    Args:
        date: when what is there changed last: a `datetime` (UTC if it has no zone) or seconds since the epoch; or a
            callable that returns it, which FastAPI calls like any dependency; None from it means that nobody knows.

    Raises:
        ValueError, TypeError: the date, given as a value, cannot be one.
    """
    if not callable(date):
        if date is None:
            raise TypeError("date: None is no date")
        seconds_since_epoch(date)
    return dependency(DateValidator(date))


def entity_tag(value: object, *, weak: bool) -> EntityTag | None:
    """The entity-tag that `value` stands for.  TypeError if it cannot stand for one."""
    match value:
        case None:
            return None
        case bytes():
            return EntityTag(weak, sha256(value).hexdigest())
        case bool():
            pass
        case int():
            return EntityTag(weak, str(value))
        case str():
            if not _has_form(value) or len(value) > _LONGEST:
                return EntityTag(weak, sha256(value.encode("utf-8", "surrogatepass")).hexdigest())
            given = parse_entity_tag(value)
            return EntityTag(weak, value) if given is None else EntityTag(weak or given.weak, given.opaque)
        case _:
            pass
    raise TypeError(f"tag: {value!r} is neither text, bytes, a number nor None")


def _has_form(text: str) -> bool:
    """Whether `text` is an entity-tag, or can stand between the quotes of one."""
    return text.isascii() and (parse_entity_tag(text) or parse_entity_tag(f'"{text}"')) is not None


def seconds_since_epoch(value: object) -> float | None:
    """The moment that `value` stands for.  ValueError or TypeError if it cannot stand for one."""
    match value:
        case None:
            return None
        case datetime():
            # Databases hand out UTC without saying so.
            return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
        case bool():
            pass
        case int() | float():
            if not isfinite(value):
                raise ValueError(f"date: {value!r} is no moment")
            return float(value)
        case _:
            pass
    raise TypeError(f"date: {value!r} is neither a datetime, nor seconds since the epoch, nor None")
