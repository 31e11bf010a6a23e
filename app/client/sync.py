"""The client for threads."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Generic, Self, Unpack

import httpx2

from app.client import calls
from app.client.answer import Answer
from app.client.answers import (
    AllocationAnswer,
    ClosureAnswer,
    ClosureVerificationAnswer,
    ComparisonAnswer,
    FrontierAnswer,
    PoliciesAnswer,
    Record,
    ReplayAnswer,
    VerificationAnswer,
)
from app.client.bodies import (
    AllocationParts,
    ClosureParts,
    ClosureVerificationParts,
    ComparisonParts,
    FrontierParts,
    Object,
    VerificationParts,
)
from app.client.calls import A, Call, Collection, E, Explained, Filter, T
from app.client.exchange import Broken, Outcome, Received, exchange, limits, trust


class Client:
    """A service at `url`, asked with an API key where one is given; safe to share between threads.

    A request is a dictionary as /docs has it, or its parts by name: accounts and other tables as rows, as columns, or
    as a data frame. What cannot be answered at once is asked again until `timeout` seconds are over in all; a POST
    always has an idempotency key, so it is solved once. Every method raises AdlError; app.client.errors has the tree.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 60.0) -> None:
        self._http = httpx2.Client(base_url=calls.address_of(url), headers=calls.headers_of(key), verify=trust())
        self._timeout = timeout
        self.allocations = ExplainedRecords(self, calls.ALLOCATIONS)
        self.comparisons = Records(self, calls.COMPARISONS)
        self.frontiers = Records(self, calls.FRONTIERS)
        self.closures = ExplainedRecords(self, calls.CLOSURES)
        self.verifications = Records(self, calls.VERIFICATIONS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connections."""
        self._http.close()

    def allocate(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[AllocationParts]
    ) -> Answer[AllocationAnswer]:
        """Who is haircut by how much."""
        return self.ask(calls.solve(calls.ALLOCATIONS, request, parts, idempotency_key))

    def compare(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[ComparisonParts]
    ) -> Answer[ComparisonAnswer]:
        """Several policies on one book."""
        return self.ask(calls.solve(calls.COMPARISONS, request, parts, idempotency_key))

    def frontier(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[FrontierParts]
    ) -> Answer[FrontierAnswer]:
        """What one aim costs another."""
        return self.ask(calls.solve(calls.FRONTIERS, request, parts, idempotency_key))

    def close(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[ClosureParts]
    ) -> Answer[ClosureAnswer]:
        """Which contracts of which accounts are closed. `disconnect` is what ends the client."""
        return self.ask(calls.solve(calls.CLOSURES, request, parts, idempotency_key))

    def verify(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[VerificationParts]
    ) -> Answer[VerificationAnswer]:
        """Whether an allocation keeps the rules, whoever made it."""
        return self.ask(calls.solve(calls.ALLOCATION_VERIFICATIONS, request, parts, idempotency_key))

    def verify_closures(
        self,
        request: Object | None = None,
        *,
        idempotency_key: str | None = None,
        **parts: Unpack[ClosureVerificationParts],
    ) -> Answer[ClosureVerificationAnswer]:
        """Whether closes keep the rules, whoever made them."""
        return self.ask(calls.solve(calls.CLOSURE_VERIFICATIONS, request, parts, idempotency_key))

    def policies(self) -> PoliciesAnswer:
        """Every policy with its parameters."""
        return self.ask(calls.POLICIES).data

    def ready(self) -> bool:
        """Whether the service can solve and store now; it is asked once. Raises ConnectionFailed where nothing is."""
        return self.ask(calls.READINESS).data.get("status") == "ok"

    def ask(self, call: Call[T]) -> Answer[T]:
        """Send a call of app.client.calls. Raises AdlError."""
        steps = exchange(call, self._timeout)
        step = next(steps)
        while True:
            time.sleep(step.pause)
            try:
                step = steps.send(self._send(call, step.seconds))
            except StopIteration as done:
                answer: Answer[T] = done.value
                return answer

    def _send(self, call: Call[Any], seconds: float) -> Outcome:
        deadline = time.monotonic() + seconds
        try:
            with self._http.stream(
                call.method,
                call.path,
                params=call.query,
                content=call.body,
                headers=call.headers,
                timeout=limits(seconds),
            ) as response:
                body = []
                for piece in response.iter_bytes():
                    body.append(piece)
                    if time.monotonic() > deadline:  # the limits are of each piece
                        return Broken(httpx2.ReadTimeout("the answer came too slowly"))
                return Received(response.status_code, response.headers, b"".join(body))
        except httpx2.RequestError as exc:
            return Broken(exc)


class Records(Generic[A]):
    """What the caller was answered before, of one kind."""

    def __init__(self, client: Client, collection: Collection[A]) -> None:
        self._client = client
        self._collection = collection

    def get(self, id_: str, /) -> Answer[A]:
        """The answer of that id, as it was given. Raises NotFound."""
        return self._client.ask(calls.get(self._collection, id_))

    def list(self, *, page_size: int = 100, **where: Unpack[Filter]) -> Iterator[Record]:
        """Records, newest first, without their content. They are fetched page by page as they are used."""
        after: str | None = None
        while True:
            page = self._client.ask(calls.page(self._collection, where, page_size, after)).data
            yield from page["records"]
            after = page["after"]
            if after is None:
                return

    def request(self, id_: str, /) -> dict[str, Any]:
        """What was asked."""
        return self._client.ask(calls.request(self._collection, id_)).data

    def replay(self, id_: str, /) -> ReplayAnswer:
        """Solve it again, and see whether the answer is the same."""
        return self._client.ask(calls.replay(self._collection, id_)).data


class ExplainedRecords(Records[A], Generic[A, E]):
    def __init__(self, client: Client, collection: Explained[A, E]) -> None:
        super().__init__(client, collection)
        self._explained = collection

    def explain(self, id_: str, account: str, /) -> E:
        """Why one account lost what it lost."""
        return self._client.ask(calls.explanation(self._explained, id_, account)).data
