"""The only map from a policy's name to its function, class, parameters and axioms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from solvers.allocation import Allocation
from solvers.pro_rata import CappedProRata, ProRata, capped_pro_rata, certify, pro_rata
from solvers.problem import HaircutProblem
from solvers.queue import Queue, queue
from solvers.verify import Optimality
from solvers.weighted import (
    ContractsProRata,
    LeverageProRata,
    Rap,
    contracts_pro_rata,
    leverage_pro_rata,
    rap,
)

PolicyClass = Literal["fairness-baseline", "fairness-optimal", "production-baseline", "robustness-heuristic"]
AxiomName = Literal["order-preserving", "scale-invariant", "sybil-proof"]
Objective = Callable[[HaircutProblem, Allocation, Any], Optimality | None]


@dataclass(frozen=True)
class Axiom:
    """Whether a policy keeps an axiom, up to one unit an account from rounding, and under which condition."""

    name: AxiomName
    holds: bool
    condition: str | None = None


@dataclass(frozen=True)
class Policy:
    """One policy. `parameters` is a frozen dataclass with defaults; `optimality` exists where it minimises."""

    name: str
    policy_class: PolicyClass
    summary: str
    solve: Callable[[HaircutProblem, Any], Allocation]
    parameters: type
    axioms: tuple[Axiom, ...]
    cost: str
    optimality: Objective | None = None


_EQUAL_CAPS = "among accounts of equal cap fractions"
_SAME_PIECES = "for splits into pieces with the same sign of pnl and the same cap fraction"
_SCALE = Axiom("scale-invariant", True)
_FAIR = (Axiom("order-preserving", True, _EQUAL_CAPS), _SCALE, Axiom("sybil-proof", True, _SAME_PIECES))
_ONLY_SCALE = (Axiom("order-preserving", False), _SCALE, Axiom("sybil-proof", False))
_QUEUE = (
    Axiom("order-preserving", False),
    Axiom("scale-invariant", True, "every score but binance and aevo, whose max(1, cash) has a currency"),
    Axiom("sybil-proof", False),
)
_LINEAR = "linear in accounts: a few passes over the book"
_SORT = "one sort of the winners"

POLICIES = {
    policy.name: policy
    for policy in (
        Policy(
            "pro-rata",
            "fairness-baseline",
            "Everybody loses the same fraction of their endowment, B / U. The plainest rule there is, and the "
            "yardstick for fairness; refused, naming the accounts, when that fraction passes anybody's cap.",
            pro_rata,
            ProRata,
            _FAIR,
            _LINEAR,
        ),
        Policy(
            "capped-pro-rata",
            "fairness-optimal",
            "Everybody loses the same fraction eta, or their cap where that is less. It minimises every strictly "
            "convex measure of unfairness at once, so no allocation of the same budget has a smaller worst "
            "haircut or a more equal Lorenz curve. It looks at neither leverage nor fees.",
            capped_pro_rata,
            CappedProRata,
            _FAIR,
            f"{_LINEAR}; with method convex or lp seconds for 20 thousand winners",
            certify,
        ),
        Policy(
            "queue",
            "production-baseline",
            "Rank the winners by a score and close them out whole, up to their caps, until the budget is met: "
            "what venues do today. A few accounts bear everything; the rest keep everything.",
            queue,
            Queue,
            _QUEUE,
            _SORT,
        ),
        Policy(
            "contracts-pro-rata",
            "production-baseline",
            "The same dollars for each contract held, up to the cap. Blind to how much profit a contract carries.",
            contracts_pro_rata,
            ContractsProRata,
            _ONLY_SCALE,
            _LINEAR,
        ),
        Policy(
            "leverage-pro-rata",
            "production-baseline",
            "Haircuts in proportion to effective leverage, notional over equity, up to the cap. Levered winners "
            "pay first; an account without positions pays only when they cannot.",
            leverage_pro_rata,
            LeverageProRata,
            _ONLY_SCALE,
            _LINEAR,
        ),
        Policy(
            "rap",
            "robustness-heuristic",
            "Risk-aware pro-rata: haircuts in proportion to leverage times a risk weight of leverage (`linear`, "
            "`power`, `cvar`, which spares accounts below a threshold, or `optimal`, the expected loss at the next "
            "shock, which needs options.shock), up to the cap. It shrinks the positions most likely to fail at the "
            "next shock, at the expense of fairness.",
            rap,
            Rap,
            _ONLY_SCALE,
            _LINEAR,
        ),
    )
}
