"""Who asks: `Authorization: Bearer adl_<id>_<secret>`, or nobody in particular where no key is needed.

A key that is malformed, unknown, revoked or has the wrong secret is refused in the same words.
"""

import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

from app.problems import RequestProblem
from app.store import SCOPES, Key, KeyScope, StoreUnavailable
from app.store.keys import hashed

CACHE_SECONDS = 10.0
"""How long the store's word on a key counts: the longest time until a revocation is felt everywhere."""

STALE_SECONDS = 600.0
"""How long a key that was there still counts while the store cannot be asked.

A choice: deleveraging does not wait for a database to restart; a revocation made meanwhile is felt when it is back.
"""

CACHED_KEYS = 10_000
"""The most keys kept in mind, and apart from them the most ids that are no key's: these are for callers to make up."""

LONGEST_NAME = 100

_BEARER = re.compile(rb"(?i:bearer) +adl_([0-9a-f]{12})_([0-9a-f]{64})")
_OWN_HOST = re.compile(rb"(?:[A-Za-z0-9-]+|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?")
"""localhost, a loopback address, or another name without a dot: none that a stranger could have in the DNS."""
_PASSED_ON = {b"forwarded", b"via", b"x-real-ip"}
_MAKE = "make one with `adl keys create` and send it as `Authorization: Bearer adl_...`"

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = Key(id="", name="", hash="0" * 64, scopes=(), created_at=_LONG_AGO, revoked_at=_LONG_AGO)
"""Stands for a key that is not there, so that its secret is compared too."""


def issue(name: str, scopes: Collection[str], now: datetime) -> tuple[Key, str]:
    """A new key to be stored, and its text, which nothing can tell again.

    Raises ValueError for a name that is empty, long or not printable, and for no scope or one that is not of SCOPES.
    """
    if not (name.strip() and len(name) <= LONGEST_NAME and name.isprintable()):
        raise ValueError(f"a key's name has 1 to {LONGEST_NAME} printable characters")
    ordered = tuple(scope for scope in SCOPES if scope in scopes)
    if not ordered or set(ordered) != set(scopes):
        raise ValueError(f"a key's scopes are one or more of {', '.join(SCOPES)}")
    id_, secret = secrets.token_hex(6), secrets.token_hex(32)
    return Key(id=id_, name=name, hash=hashed(secret), scopes=ordered, created_at=now), f"adl_{id_}_{secret}"


def may_listen(host: str, require: bool | None, has_keys: bool) -> str | None:
    """None if the service may listen at that host; otherwise why it refuses. `has_keys`: some that are not revoked."""
    if host == "localhost" or _loopback(host) or require is False or has_keys:
        return None
    return (
        "there are no keys, and the service is to listen where others can reach it: make one with `adl keys create`, "
        "or listen on 127.0.0.1, or let everybody in with ADL_REQUIRE_KEYS=false"
    )


class Access:
    """Tells callers by their keys; the methods may run in any thread.

    store_key  `Store.key`
    require    True: every request needs a key. False: none does, but one that comes is checked. None: only those that
               are not local, see `_local`
    """

    def __init__(
        self,
        store_key: Callable[[str], Key | None],
        require: bool | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._require = require
        self._memory = _Memory(store_key, clock)

    def caller(self, scope: Scope, needed: KeyScope) -> str:
        """The id of the request's key, or "" for a request that needs none; may ask the database.

        Raises RequestProblem `unauthorized` and `forbidden`, and StoreUnavailable.
        """
        sent = _sent(scope)
        if sent is None:
            return self._anonymous(scope)
        return _admitted(self._memory.key(sent.id), sent, needed)

    def cached(self, scope: Scope, needed: KeyScope) -> str | None:
        """`caller` where it need not ask the database; None where it must."""
        sent = _sent(scope)
        if sent is None:
            return self._anonymous(scope)
        word = self._memory.fresh(sent.id)
        return None if word is None else _admitted(word.key, sent, needed)

    def _anonymous(self, scope: Scope) -> str:
        if self._require is False or (self._require is None and _local(scope)):
            return ""
        if self._require:
            raise _unauthorized(f"a key is needed: {_MAKE}, or let everybody in with ADL_REQUIRE_KEYS=false")
        raise _unauthorized(
            "a key is needed, but for requests from this machine to localhost or 127.0.0.1 that no proxy passed on: "
            f"{_MAKE}, or let everybody in with ADL_REQUIRE_KEYS=false"
        )


@dataclass(frozen=True)
class _Sent:
    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class _Word:
    """The store's word on an id, when it was asked for it, and until when it need not be asked again."""

    key: Key | None
    asked: float
    until: float


class _Memory:
    """The store's last words. What it said of ids that are no key's cannot crowd out what it said of keys."""

    def __init__(self, store_key: Callable[[str], Key | None], clock: Callable[[], float]) -> None:
        self._store_key = store_key
        self._clock = clock
        self._keys: dict[str, _Word] = {}
        self._others: dict[str, _Word] = {}
        self._lock = threading.Lock()

    def fresh(self, id_: str) -> _Word | None:
        word = self._keys.get(id_) or self._others.get(id_)
        return word if word is not None and self._clock() < word.until else None

    def key(self, id_: str) -> Key | None:
        """Raises StoreUnavailable if there is no word that may still serve."""
        word = self.fresh(id_)
        if word is not None:
            return word.key
        asked = self._clock()
        try:
            word = _Word(self._store_key(id_), asked, asked + CACHE_SECONDS)
        except StoreUnavailable:
            last, now = self._keys.get(id_), self._clock()
            if last is None or now >= last.asked + STALE_SECONDS:
                raise
            # Not asked again at once: each request would wait for as long as the database is given to answer.
            word = replace(last, until=min(now + CACHE_SECONDS, last.asked + STALE_SECONDS))
        self._keep(id_, word)
        return word.key

    def _keep(self, id_: str, word: _Word) -> None:
        with self._lock:
            self._others.pop(id_, None)
            self._keys.pop(id_, None)
            words = self._others if word.key is None else self._keys
            words[id_] = word
            if len(words) > CACHED_KEYS:
                del words[next(iter(words))]  # the one that was asked for longest ago


def _sent(scope: Scope) -> _Sent | None:
    """What the Authorization header says; None without one. 401 for another scheme, another form, or two headers."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if not values:
        return None
    found = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        raise _invalid()
    return _Sent(found[1].decode(), found[2].decode())


def _admitted(key: Key | None, sent: _Sent, needed: KeyScope) -> str:
    """One path and one comparison, whether the key is there, revoked, or neither."""
    found = key or _NOBODY
    right = hmac.compare_digest(hashed(sent.secret), found.hash)
    if not right or found.revoked_at is not None:
        raise _invalid()
    if needed not in found.scopes:
        raise RequestProblem("forbidden", f"the key lacks the scope `{needed}`: use one made with --scope {needed}")
    return found.id


def _invalid() -> RequestProblem:
    return _unauthorized(f"the Authorization header holds no valid key: {_MAKE}")


def _unauthorized(detail: str) -> RequestProblem:
    return RequestProblem("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def _local(scope: Scope) -> bool:
    """Whether the request came over loopback or a Unix socket, or in process, and not through a proxy that says so.

    Over loopback the Host header must not be a name of the DNS: a web page whose own name was made to point here (DNS
    rebinding) comes from this machine's browser.
    """
    headers = scope["headers"]
    if any(name in _PASSED_ON or name.startswith(b"x-forwarded-") for name, _ in headers):
        return False
    server, client = scope.get("server"), scope.get("client")
    if server is None or (client and _loopback(client[0]) is False):
        return False
    loopback = _loopback(server[0])
    if loopback is None:
        return True
    hosts = [value for name, value in headers if name == b"host"]
    return loopback and len(hosts) == 1 and _OWN_HOST.fullmatch(hosts[0]) is not None


def _loopback(address: str) -> bool | None:
    """None for what is not an IP address."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback
