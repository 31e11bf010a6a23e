"""The client for async code, of asyncio or trio."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Generic, Self, Unpack

import anyio
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


class AsyncClient:
    """`Client`, awaited: the same methods with the same words; safe to share between tasks."""

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 60.0) -> None:
        self._http = httpx2.AsyncClient(base_url=calls.address_of(url), headers=calls.headers_of(key), verify=trust())
        self._timeout = timeout
        self.allocations = AsyncExplainedRecords(self, calls.ALLOCATIONS)
        self.comparisons = AsyncRecords(self, calls.COMPARISONS)
        self.frontiers = AsyncRecords(self, calls.FRONTIERS)
        self.closures = AsyncExplainedRecords(self, calls.CLOSURES)
        self.verifications = AsyncRecords(self, calls.VERIFICATIONS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def disconnect(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def allocate(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[AllocationParts]
    ) -> Answer[AllocationAnswer]:
        """Who is haircut by how much."""
        return await self.ask(calls.solve(calls.ALLOCATIONS, request, parts, idempotency_key))

    async def compare(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[ComparisonParts]
    ) -> Answer[ComparisonAnswer]:
        """Several policies on one book."""
        return await self.ask(calls.solve(calls.COMPARISONS, request, parts, idempotency_key))

    async def frontier(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[FrontierParts]
    ) -> Answer[FrontierAnswer]:
        """What one aim costs another."""
        return await self.ask(calls.solve(calls.FRONTIERS, request, parts, idempotency_key))

    async def close(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[ClosureParts]
    ) -> Answer[ClosureAnswer]:
        """Which contracts of which accounts are closed. `disconnect` is what ends the client."""
        return await self.ask(calls.solve(calls.CLOSURES, request, parts, idempotency_key))

    async def verify(
        self, request: Object | None = None, *, idempotency_key: str | None = None, **parts: Unpack[VerificationParts]
    ) -> Answer[VerificationAnswer]:
        """Whether an allocation keeps the rules, whoever made it."""
        return await self.ask(calls.solve(calls.ALLOCATION_VERIFICATIONS, request, parts, idempotency_key))

    async def verify_closures(
        self,
        request: Object | None = None,
        *,
        idempotency_key: str | None = None,
        **parts: Unpack[ClosureVerificationParts],
    ) -> Answer[ClosureVerificationAnswer]:
        """Whether closes keep the rules, whoever made them."""
        return await self.ask(calls.solve(calls.CLOSURE_VERIFICATIONS, request, parts, idempotency_key))

    async def policies(self) -> PoliciesAnswer:
        """Every policy with its parameters."""
        return (await self.ask(calls.POLICIES)).data

    async def ready(self) -> bool:
        """Whether the service can solve and store now; it is asked once. Raises ConnectionFailed where nothing is."""
        return (await self.ask(calls.READINESS)).data.get("status") == "ok"

    async def ask(self, call: Call[T]) -> Answer[T]:
        """Send a call of app.client.calls. Raises AdlError."""
        steps = exchange(call, self._timeout)
        step = next(steps)
        while True:
            await anyio.sleep(step.pause)
            try:
                step = steps.send(await self._send(call, step.seconds))
            except StopIteration as done:
                answer: Answer[T] = done.value
                return answer

    async def _send(self, call: Call[Any], seconds: float) -> Outcome:
        try:
            with anyio.fail_after(seconds):
                response = await self._http.request(
                    call.method,
                    call.path,
                    params=call.query,
                    content=call.body,
                    headers=call.headers,
                    timeout=limits(seconds),
                )
        except TimeoutError:
            return Broken(httpx2.ReadTimeout("the answer came too slowly"))
        except httpx2.RequestError as exc:
            return Broken(exc)
        return Received(response.status_code, response.headers, response.content)


class AsyncRecords(Generic[A]):
    """What the caller was answered before, of one kind."""

    def __init__(self, client: AsyncClient, collection: Collection[A]) -> None:
        self._client = client
        self._collection = collection

    async def get(self, id_: str, /) -> Answer[A]:
        """The answer of that id, as it was given. Raises NotFound."""
        return await self._client.ask(calls.get(self._collection, id_))

    async def list(self, *, page_size: int = 100, **where: Unpack[Filter]) -> AsyncIterator[Record]:
        """Records, newest first, without their content. They are fetched page by page as they are used."""
        after: str | None = None
        while True:
            page = (await self._client.ask(calls.page(self._collection, where, page_size, after))).data
            for record in page["records"]:
                yield record
            after = page["after"]
            if after is None:
                return

    async def request(self, id_: str, /) -> dict[str, Any]:
        """What was asked."""
        return (await self._client.ask(calls.request(self._collection, id_))).data

    async def replay(self, id_: str, /) -> ReplayAnswer:
        """Solve it again, and see whether the answer is the same."""
        return (await self._client.ask(calls.replay(self._collection, id_))).data


class AsyncExplainedRecords(AsyncRecords[A], Generic[A, E]):
    def __init__(self, client: AsyncClient, collection: Explained[A, E]) -> None:
        super().__init__(client, collection)
        self._explained = collection

    async def explain(self, id_: str, account: str, /) -> E:
        """Why one account lost what it lost."""
        return (await self._client.ask(calls.explanation(self._explained, id_, account))).data
