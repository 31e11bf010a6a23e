"""Errors as RFC 9457 problem+json with stable codes. What a caller sent is never echoed, but for account ids."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

CODES = {
    "invalid-request": (422, "The request is not valid"),
    "infeasible-budget": (409, "The budget cannot be reached"),
    "unauthorized": (401, "A key is needed"),
    "forbidden": (403, "The key does not allow this"),
    "idempotency-conflict": (409, "The idempotency key is taken"),
    "rate-limited": (429, "Too many requests from this caller"),
    "request-timeout": (408, "The request came too slowly"),
    "payload-too-large": (413, "The request is too large"),
    "unsupported-media-type": (415, "The request's media type is not supported"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "overloaded": (503, "Too many requests are waiting"),
    "store-unavailable": (503, "The store cannot be used"),
    "solver-timeout": (504, "The time limit passed"),
    "solver-failed": (500, "The solver failed"),
    "internal-error": (500, "The service failed"),
}
Error = tuple[str, str, str | None]
"""Pointer, detail, and the account's id where there is one."""

SHOWN_ERRORS = 20
_UNSHOWN: Error = ("", "", None)
Fault = TypeVar("Fault")
_LONGEST_NAME = 64
_STARLETTE = {
    404: ("not-found", "no such path; /docs lists what there is"),
    405: ("method-not-allowed", "this path has other methods, named by the Allow header"),
}


class RequestProblem(Exception):
    """A request that is answered with a problem document.

    errors   for errors of the request's content; `total` where these are only the first
    members  further members of the document
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Error] = (),
        total: int = 0,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.total = max(total, len(errors))
        self.members = members or {}
        self.headers = headers or {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.detail), self.__dict__

    def document(self) -> dict[str, Any]:
        """The problem document; at most SHOWN_ERRORS errors are shown, with their total."""
        status, title = CODES[self.code]
        document: dict[str, Any] = {
            "type": f"urn:adl:problem:{self.code}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
        }
        if self.errors:
            document["errors_total"] = self.total
            document["errors"] = [
                {"pointer": pointer, "detail": detail, "account": account}
                for pointer, detail, account in self.errors[:SHOWN_ERRORS]
            ]
        return document

    def response(self) -> Response:
        status, _ = CODES[self.code]
        return Response(to_json(self.document()), status, self.headers, "application/problem+json")


class Faults:
    """Errors as they are found: the first SHOWN_ERRORS of them, and how many there are."""

    def __init__(self) -> None:
        self.shown: list[Error] = []
        self.total = 0

    def add(self, errors: Iterable[Error], total: int = 0) -> None:
        """`total` where `errors` are only the first of them."""
        before = self.total
        for error in errors:
            self.total += 1
            if len(self.shown) < SHOWN_ERRORS:
                self.shown.append(error)
        self.total = max(self.total, before + total)

    def refuse(self) -> None:
        """Raise if there are any."""
        if self.shown:
            raise invalid(self.shown, self.total)


def told(faults: Iterable[Fault], error: Callable[[Fault], Error]) -> Iterator[Error]:
    """An error for each fault. Those after the first SHOWN_ERRORS are only counted: a body may have millions."""
    rest = iter(faults)
    for fault in islice(rest, SHOWN_ERRORS):
        yield error(fault)
    for _ in rest:
        yield _UNSHOWN


def invalid(errors: Sequence[Error], total: int = 0) -> RequestProblem:
    """422 from a list of errors; the first one is told in `detail`. `total` where these are only the first."""
    pointer, detail, account = errors[0]
    total = max(total, len(errors))
    where = pointer or "the body"
    who = "" if account is None else f" (account {account})"
    more = "" if total == 1 else f", and {total - 1} more"
    return RequestProblem("invalid-request", f"{where}{who}: {detail}{more}", errors=errors, total=total)


def no_record(kind: str) -> RequestProblem:
    """The same for a record that is not there, or another's, and for an account that is not in one."""
    return RequestProblem("not-found", f"there is no {kind} with this id")


def pointer(parts: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def unknown_field(at: tuple[str | int, ...], name: str | int) -> str:
    """A pointer to a field the caller made up: cut, since the answer is not to grow with it."""
    return pointer((*at, name if len(str(name)) <= _LONGEST_NAME else str(name)[:_LONGEST_NAME] + "..."))


def as_problem(exc: Exception) -> RequestProblem:
    """A refusal as a problem: ours, or Starlette's of unknown paths and methods."""
    if isinstance(exc, RequestProblem):
        return exc
    if isinstance(exc, HTTPException) and exc.status_code in _STARLETTE:
        code, detail = _STARLETTE[exc.status_code]
        return RequestProblem(code, detail, headers=dict(exc.headers or {}))
    return RequestProblem("internal-error", "the service failed; nothing was applied")
