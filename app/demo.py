"""``python -m app.demo`` (``make run``): start the service, put a crash before it, print its answer, stay up.

With ``--once`` it stops after printing. ``ADL_PORT`` chooses the port (default 8000).
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from http import HTTPStatus
from textwrap import shorten
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from app.sample import comparison, venue

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 60
STOP_SECONDS: Final = 15
ANSWER_SECONDS: Final = 120
HTTP: Final = build_opener(ProxyHandler({}))  # a proxy of the environment must not stand before this machine
HEADINGS: Final = (
    "policy",
    "worst haircut",
    "top winner keeps",
    "PTSR",
    "Gini",
    "next deficit",
    "fees kept",
    "status",
    "gap",
)
MODEL: Final = "deleverage"
RULE: Final = "{:<30}{:>14}{:>18}{:>9}{:>9}{:>16}{:>11}  {:<9}{:>9}"


class DemoError(Exception):
    """The demonstration cannot go on; the message is one line for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.demo", description="Start the service and show it.")
    parser.add_argument("--once", action="store_true", help="stop after printing the summary")
    once = parser.parse_args(arguments).once
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        run(free_port(os.environ.get("ADL_PORT", "8000")), once)
    except KeyboardInterrupt:
        say("", "Stopped.")
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(port: int, once: bool) -> None:
    base = f"http://{HOST}:{port}"
    with service(port) as child:
        wait_until_ready(child, base)
        request = comparison(venue())
        say(*event(request), *answer(request, post(base + "/v1/comparisons", request)))
        if not once:
            say(*addresses(base))
            raise DemoError(f"the service stopped by itself with code {child.wait()}")


def free_port(value: str) -> int:
    """The port that ``value`` names, if nobody listens on it."""
    if not value.isdecimal() or not 0 < int(value) < 65_536:
        raise DemoError(f"ADL_PORT is {value!r}: give a port from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does
        try:
            probe.bind((HOST, int(value)))
        except OSError as error:
            raise DemoError(
                f"port {value} cannot be used ({error.strerror}): choose another with ADL_PORT=8001"
            ) from error
    return int(value)


@contextmanager
def service(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The service as a child process, stopped on the way out whatever happened."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--host", HOST]
    command += ["--port", str(port), "--log-level", "warning"]
    child = subprocess.Popen(command)  # noqa: S603 - no part of it comes from a user
    try:
        yield child
    finally:
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, signal.SIG_IGN)  # a second Ctrl-C must not leave the child behind
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_until_ready(child: subprocess.Popen[bytes], base: str) -> None:
    """Return when /readyz says yes; give up when the child has ended or time is over."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if child.poll() is not None:
            raise DemoError(f"the service did not start: it ended with code {child.returncode}")
        try:
            with HTTP.open(base + "/readyz", timeout=5) as response:
                if response.status == HTTPStatus.OK:
                    return
        except OSError:  # refused, reset, timed out, or 503: not yet
            pass
        time.sleep(0.1)
    raise DemoError(f"the service was not ready within {START_SECONDS} seconds")


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    try:
        with HTTP.open(request, timeout=ANSWER_SECONDS) as response:
            return dict(json.load(response))
    except HTTPError as error:
        text = error.read().decode(errors="replace")
        raise DemoError(f"{url} answered {error.code}: {shorten(text, 500)}") from error
    except (URLError, OSError) as error:
        raise DemoError(f"{url} did not answer: {error}") from error


def event(request: dict[str, Any]) -> list[str]:
    """What happened, in words, from the request alone."""
    accounts = request["snapshot"]["accounts"]
    pairs = list(zip(accounts["cash"], accounts["pnl"], strict=True))
    profits = [pnl for cash, pnl in pairs if pnl > 0 and cash + pnl > 0]
    underwater = sum(cash + pnl < 0 for cash, pnl in pairs)
    return [
        "",
        f"A crash at an invented venue: {len(pairs):,} accounts, {len(profits):,} of them winners.",
        f"The winners are {money(sum(profits))} USD ahead, the largest {money(max(profits))};"
        f" {underwater:,} accounts owe more than they have.",
    ]


def answer(request: dict[str, Any], response: dict[str, Any]) -> list[str]:
    """The budget in words, and a row for each policy."""
    results = response["results"]
    solved = [result for result in results if "problem" not in result]
    if not solved:
        raise DemoError(f"no policy could be solved: {shorten(json.dumps(results), 500)}")
    figures, robustness = (solved[0]["diagnostics"][part] for part in ("solvency", "robustness"))
    fund = request["shortfall"]["insurance_fund"]
    return [
        f"They owe {money(figures['deficit'])} (deficit); the insurance fund of {money(fund)} pays"
        f" {money(figures['insurance_used'])}.",
        f"At severity {figures['severity']:g} the winners are to pay {money(figures['budget'])} (budget).",
        f"Their profits come to {money(figures['capacity'])} (capacity),"
        f" {money(figures['reachable_capacity'])} within their caps. Regime: {figures['regime']}.",
        f"The next shock: {words(request['options']['shock'])}. If nothing were taken it would cost the venue"
        f" {money(robustness['expected_deficit_before'])} on average.",
        f"Accounts that are haircut may leave: {words(request['options']['retention'])}.",
        "",
        RULE.format(*HEADINGS),
        "-" * len(RULE.format(*HEADINGS)),
        *(row(policy, result) for policy, result in zip(request["policies"], results, strict=True)),
        "",
        "PTSR: the largest profit left to anybody, over the budget. Gini: 0 is the same haircut for all.",
        f"Next deficit: the venue's mean loss at the next shock, by the exposure model {MODEL} in every row (a haircut",
        "shrinks equity and position alike), whichever a policy looks at. Fees kept: the share of all expected fees.",
        "A blend's numbers are its weights of fairness/robustness/revenue.",
        "Optimal: the gap proves it, by the policy's own objective. Feasible: the rules are kept; either nothing is",
        "minimised, and there is no gap, or the gap is not closed.",
    ]


def row(policy: dict[str, Any], result: dict[str, Any]) -> str:
    """One line of the table; a policy that found no allocation says why instead."""
    name = title(policy)
    if "problem" in result:
        problem = result["problem"]
        return f"{name:<30}  {problem['code']}: {shorten(problem['detail'], 100)}"
    fairness = result["diagnostics"]["fairness"]
    return RULE.format(
        name,
        share(fairness["max_haircut"]),
        share(fairness["top_winner_survival"]),
        "-" if fairness["ptsr"] is None else f"{fairness['ptsr']:.3f}",
        "-" if fairness["gini"] is None else f"{fairness['gini']:.4f}",
        money(next_deficit(result["diagnostics"]["robustness"])),
        share(result["diagnostics"]["revenue"]["share_kept"]),
        result["status"],
        "-" if (gap := result["certificate"]["relative_gap"]) is None else f"{gap:.1e}",
    )


def words(parameters: dict[str, Any]) -> str:
    """A law or a curve."""
    return ", ".join(f"{name} {value}" for name, value in parameters.items())


def next_deficit(robustness: dict[str, Any]) -> str:
    """After the allocation, by the one model that all rows share."""
    models = {model["exposure_model"]: model for model in robustness["models"]}
    return str(models[MODEL]["expected_deficit_after"])


def title(policy: dict[str, Any]) -> str:
    """The policy and its parameters in a few words."""
    return " ".join(
        "/".join(f"{share:g}" for share in value.values()) if isinstance(value, dict) else str(value)
        for value in policy.values()
    )


def addresses(base: str) -> list[str]:
    return [
        "",
        f"The service is up:    {base}/   {base}/docs   {base}/metrics",
        f"Ask it yourself:      curl -s {base}/v1/allocations -H 'Content-Type: application/json'"
        " -d @examples/five-accounts.json",
        "Ctrl-C stops it.",
    ]


def money(amount: str | float) -> str:
    return f"{Decimal(str(amount)):,.2f}"


def share(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.4%}"


def say(*lines: str) -> None:
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
