"""What a call may raise, one tree:

AdlError
    RequestRefused          a problem document of the service
        InvalidRequest      invalid-request, payload-too-large, unsupported-media-type, method-not-allowed
        InfeasibleBudget    infeasible-budget
        Unauthorized        unauthorized, forbidden
        NotFound            not-found
        Conflict            idempotency-conflict
        Overloaded          overloaded, rate-limited: still so when the time was up
        Unavailable         store-unavailable: still so when the time was up
        NotInTime           solver-timeout, request-timeout
        ServiceFailed       solver-failed, internal-error
    ConnectionFailed        no connection, or it broke, until the time was up
    TimedOut                no answer within the client's own timeout
    UnexpectedAnswer        an answer that this service does not give
"""

from app.client.answers import Money, Problem, ProblemError


class AdlError(Exception):
    """A call that has no answer.

    With its `idempotency_key` the same call can be made again: what was solved meanwhile is not solved twice. None
    where nothing was to be solved.
    """

    def __init__(self, message: str, idempotency_key: str | None = None) -> None:
        super().__init__(message, idempotency_key)
        self.message = message
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        return self.message


class RequestRefused(AdlError):
    """The service says no, and why: nothing was applied.

    code          stable, see docs/errors.md
    errors        what is at fault: JSON pointers into the request, at most 20 of `errors_total`
    retry_after   seconds after which the service wants to be asked again; None where it does not say
    """

    def __init__(self, problem: Problem, idempotency_key: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}", idempotency_key)
        self.args = (problem, idempotency_key, retry_after)
        self.problem = problem
        self.code: str = problem["code"]
        self.detail: str = problem["detail"]
        self.status: int = problem["status"]
        self.errors: list[ProblemError] = problem.get("errors") or []
        self.errors_total: int = problem.get("errors_total") or 0
        self.retry_after = retry_after


class InvalidRequest(RequestRefused):
    """The request must be changed: `errors` say where."""


class InfeasibleBudget(RequestRefused):
    """The winners cannot bear the budget; `on_infeasible` `partial` takes the most there is."""

    @property
    def budget(self) -> Money | None:
        return self.problem.get("budget")

    @property
    def reachable_capacity(self) -> Money | None:
        return self.problem.get("reachable_capacity")

    @property
    def shortage(self) -> Money | None:
        return self.problem.get("shortage")

    @property
    def largest_feasible_severity(self) -> float | None:
        """None where no severity helps, or the policy does not know."""
        return self.problem.get("largest_feasible_severity")


class Unauthorized(RequestRefused):
    """A key is needed, or it does not count, or does not allow this."""


class NotFound(RequestRefused):
    """There is no such record among the caller's own."""


class Conflict(RequestRefused):
    """The idempotency key was used with another request; with `retry_after`, its first answer is still under way."""


class Overloaded(RequestRefused):
    """Too many requests are waiting, or came from this caller."""


class Unavailable(RequestRefused):
    """The store cannot be used, so no answer is given."""


class NotInTime(RequestRefused):
    """The service's own limit passed: to solve, or for the request to arrive."""


class ServiceFailed(RequestRefused):
    """A fault of the service or of a solver."""


class ConnectionFailed(AdlError):
    """The service could not be reached, or did not end its answer."""


class TimedOut(AdlError):
    """No answer within the client's timeout."""


class UnexpectedAnswer(AdlError):
    """Something answered that is not this service, or not a version that this client knows."""


CODES: dict[str, type[RequestRefused]] = {
    "invalid-request": InvalidRequest,
    "payload-too-large": InvalidRequest,
    "unsupported-media-type": InvalidRequest,
    "method-not-allowed": InvalidRequest,
    "infeasible-budget": InfeasibleBudget,
    "unauthorized": Unauthorized,
    "forbidden": Unauthorized,
    "not-found": NotFound,
    "idempotency-conflict": Conflict,
    "overloaded": Overloaded,
    "rate-limited": Overloaded,
    "store-unavailable": Unavailable,
    "solver-timeout": NotInTime,
    "request-timeout": NotInTime,
    "solver-failed": ServiceFailed,
    "internal-error": ServiceFailed,
}
"""Codes that are not here are of a later version: RequestRefused itself."""
