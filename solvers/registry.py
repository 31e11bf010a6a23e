"""The only map from a policy's name to its function, class, parameters and axioms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from solvers.allocation import Allocation
from solvers.blend import Blend, blend, certify_blend
from solvers.pro_rata import CappedProRata, ProRata, capped_pro_rata, certify, pro_rata
from solvers.problem import HaircutProblem
from solvers.queue import Queue, queue
from solvers.revenue.certificate import certify_revenue
from solvers.revenue.revenue import Revenue, revenue
from solvers.robustness.cvar import CVar, certify_cvar, cvar
from solvers.robustness.expected_deficit import ExpectedDeficit, certify_expected_deficit, expected_deficit
from solvers.verify import Optimality
from solvers.weighted import (
    ContractsProRata,
    LeverageProRata,
    Rap,
    contracts_pro_rata,
    leverage_pro_rata,
    rap,
)

PolicyClass = Literal[
    "fairness-baseline",
    "fairness-optimal",
    "production-baseline",
    "robustness-heuristic",
    "robustness-optimal",
    "revenue-optimal",
    "blend",
]
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
    """One policy. `parameters` is a frozen dataclass with defaults; `optimality` exists where it minimises.

    `timed`: its `solve` also takes a Deadline, since a generic solver or a search may need any time.
    `heavy`: whether with these parameters it is no closed form, so that it should not share a process with those.
    """

    name: str
    policy_class: PolicyClass
    summary: str
    solve: Callable[..., Allocation]
    parameters: type
    axioms: tuple[Axiom, ...]
    cost: str
    optimality: Objective | None = None
    timed: bool = False
    heavy: Callable[[Any], bool] = lambda _: False


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

_NOBODY_EQUAL = (Axiom("order-preserving", False), _SCALE, Axiom("sybil-proof", False))

POLICIES = {
    policy.name: policy
    for policy in (
        Policy(
            "pro-rata",
            "fairness-baseline",
            "Aim: the plainest fair rule. Everybody loses the same fraction of their endowment, h = B / U. Use it "
            "where no account has a cap of its own and the rule must fit in a sentence; it is refused, naming the "
            "accounts, when that fraction passes anybody's cap. It looks at neither leverage nor fees: positions "
            "that fail at the next shock stay as large as all others, and the best customers pay like everybody.",
            pro_rata,
            ProRata,
            _FAIR,
            _LINEAR,
        ),
        Policy(
            "capped-pro-rata",
            "fairness-optimal",
            "Aim: fairness under caps. Everybody loses the same fraction eta, or their cap where that is less: h = "
            "min(eta, cap / w). It minimises every strictly convex measure of unfairness at once, so no allocation "
            "of the same budget has a smaller worst haircut or a more equal Lorenz curve. Use it when the burden "
            "must be defended before those who bear it. It costs robustness and revenue, since it looks at neither "
            "leverage nor fees.",
            capped_pro_rata,
            CappedProRata,
            _FAIR,
            f"{_LINEAR}; with method convex or lp seconds for 20 thousand winners",
            certify,
            timed=True,
            heavy=lambda parameters: parameters.method != "closed-form",
        ),
        Policy(
            "queue",
            "production-baseline",
            "Aim: none; it is what venues do today. Rank the winners by a score and close them out whole, up to "
            "their caps, until the budget is met. Use it to see what an engine with that score would have done. A "
            "few accounts bear everything and the rest keep everything: the least fair of the rules, and robust only"
            " as far as the score happens to find the positions at risk.",
            queue,
            Queue,
            _QUEUE,
            _SORT,
        ),
        Policy(
            "contracts-pro-rata",
            "production-baseline",
            "Aim: equal treatment of contracts. The same dollars for each contract held, up to the cap: x = min(cap,"
            " t contracts). Use it as a baseline for engines that spread closes by size. It is blind to how much "
            "profit a contract carries, so that late entrants lose all of theirs first.",
            contracts_pro_rata,
            ContractsProRata,
            _ONLY_SCALE,
            _LINEAR,
        ),
        Policy(
            "leverage-pro-rata",
            "production-baseline",
            "Aim: less leverage. Haircuts in proportion to effective leverage, h = min(cap / w, tau n / e). Use it "
            "as a baseline for engines that rank by leverage, without the cliff of a queue. Levered winners pay "
            "first, an account without positions pays only when they cannot; fairness and fees are not looked at.",
            leverage_pro_rata,
            LeverageProRata,
            _ONLY_SCALE,
            _LINEAR,
        ),
        Policy(
            "rap",
            "robustness-heuristic",
            "Aim: robustness to the next shock, by rule of thumb. Haircuts in proportion to leverage times a risk "
            "weight of leverage, h = min(cap / w, tau l g(l)): `linear`, `power`, `cvar`, which spares accounts "
            "below a threshold, or `optimal`, the expected loss at the next shock, which needs options.shock. Use it"
            " where nobody wants to defend a solver's corner solution. It gives up fairness and, against expected-"
            "deficit, some robustness: diagnostics.robustness.expected_deficit_regret says how much.",
            rap,
            Rap,
            _ONLY_SCALE,
            _LINEAR,
        ),
        Policy(
            "expected-deficit",
            "robustness-optimal",
            "Aim: the least expected loss of the venue at the next shock, sum of (1 - h) n psi(e / n) under the "
            "exposure model `deleverage`: those with the most expected loss for each dollar of endowment are taken "
            "to their caps, so that few accounts bear everything, as in a queue. `cash` (money is taken, positions "
            "stay) takes from the safest instead and can only raise the loss, `both` (that share of the position is "
            "closed too) lies between: these two spread the burden until a dollar costs the same from anybody below "
            "their cap. Choose the model by what your engine does. Use it with a shock law you believe in, when a "
            "second wave would be worse than the first was unfair. It costs fairness, and fees, which are not looked "
            "at. Needs options.shock.",
            expected_deficit,
            ExpectedDeficit,
            _NOBODY_EQUAL,
            f"{_LINEAR} under deleverage; a search for one price otherwise",
            certify_expected_deficit,
            heavy=lambda parameters: parameters.exposure_model != "deleverage",
        ),
        Policy(
            "cvar",
            "robustness-optimal",
            "Aim: the least mean loss of the venue in the worst 1 - level of all cases, min z + E[max(L - z, 0)] / "
            "(1 - level), L the total loss after the haircuts. Use it when the mean hides the tail: it looks at "
            "accounts that fail together and passes over those that fail in mild cases. What it takes from accounts "
            "that matter in no bad case is spread capped-pro-rata. It leaves at least the expected deficit that "
            "expected-deficit leaves, and costs fairness and fees, neither of which is looked at: more or less than "
            "expected-deficit does, as the book has it. Needs options.shock; with the laws of one factor all "
            "accounts fail together, and it is a closed form.",
            cvar,
            CVar,
            _NOBODY_EQUAL,
            "by scenarios a linear program over the worst of them: seconds for 20 thousand accounts x 1 thousand",
            certify_cvar,
            timed=True,
            heavy=lambda _: True,
        ),
        Policy(
            "revenue",
            "revenue-optimal",
            "Aim: keep the customers whose fees are worth most, max sum of fees x r(h), r the chance to stay after a"
            " haircut h (options.retention). `linear` takes from the least fees for each dollar first, `power` "
            "forgives small haircuts and spreads them, `exponential` never forgives, so few are taken to their caps;"
            " its optimum is a corner that greed nearly finds and `exact` searches. Use it when the venue must live "
            "off the survivors. Accounts without fees pay first and everything, levered ones are not looked at.",
            revenue,
            Revenue,
            _NOBODY_EQUAL,
            f"{_LINEAR}; `exact` a bounded search, for some thousands of accounts",
            certify_revenue,
            timed=True,
            heavy=lambda parameters: parameters.exact,
        ),
        Policy(
            "blend",
            "blend",
            "Aim: a chosen mix. Minimise fairness x sum of w h^2 / 2 + robustness x the expected deficit under "
            "`deleverage` + revenue x the fees lost, all in currency, with a limit on what each group may lose "
            "together. A weight that is left out is 0, but fairness 1. Use it when no single aim may win, or when "
            "market makers must be protected as a group; POST /v1/frontiers sweeps its weights. Each aim it is given "
            "costs the others: the diagnostics' regrets say how much. Robustness needs options.shock, revenue a "
            "linear or power options.retention.",
            blend,
            Blend,
            _NOBODY_EQUAL,
            "one price by Newton's method; group limits by a convex program, a second for 20 thousand accounts",
            certify_blend,
            heavy=lambda parameters: bool(parameters.group_limits),
        ),
    )
}
