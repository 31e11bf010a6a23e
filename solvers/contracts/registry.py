"""The only map from a closing policy's name to its function, class and parameters."""

from collections.abc import Callable
from dataclasses import dataclass

from solvers.contracts.baselines import ClosingQueue, ContractsProRata, closing_queue, contracts_pro_rata
from solvers.contracts.certificate import fairness_optimality, worst_haircut_optimality
from solvers.contracts.closing import Closing, Plan
from solvers.contracts.fairest import Lexicographic, MinMax, lexicographic, min_max
from solvers.contracts.fees import Revenue, revenue, revenue_optimality
from solvers.contracts.leverage.policy import LeverageDraining, draining_optimality, leverage_draining
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.scenarios.policies import (
    ClosingCVar,
    ClosingExpectedDeficit,
    closing_cvar,
    closing_expected_deficit,
    scenario_optimality,
)
from solvers.registry import PolicyClass
from solvers.verify import Optimality

Proof = Callable[[ClosureProblem, Plan], Optimality]


@dataclass(frozen=True)
class ClosingPolicy:
    """One policy of contract space. `parameters` is a frozen dataclass with defaults.

    optimality   proves the real-valued plan of a policy that minimises something
    searched     whether `exact` may go on from it: what it minimises is the worst haircut, or begins with that
    timed        its `solve` also takes a Deadline, since it may need long
    """

    name: str
    policy_class: PolicyClass
    summary: str
    solve: Callable[..., Closing]
    parameters: type
    cost: str
    optimality: Proof | None = None
    searched: bool = False
    timed: bool = False


CLOSING_POLICIES = {
    policy.name: policy
    for policy in (
        ClosingPolicy(
            "lexicographic",
            "fairness-optimal",
            "Aim: the fairest closing of all markets together. Before whole lots the worst haircut is as small as "
            "it can be, then the next, and so on: the one vector of payments that minimises sum w phi(x / w) for "
            "every convex phi among those that close every market. Holders of scarce positions pay more, since nobody "
            "else can; with one market it is capped-pro-rata. Use it when the burden must be defended before those "
            "who bear it. "
            "It costs robustness: it looks at profit, not at leverage, and closes hedges like anything else.",
            lexicographic,
            Lexicographic,
            "at most two maximum flows a market side, a handful in practice: a second for 20 thousand accounts",
            fairness_optimality,
            searched=True,
        ),
        ClosingPolicy(
            "min-max",
            "fairness-optimal",
            "Aim: the least worst haircut, and nothing else. Nobody pays a larger share than the scarcest market "
            "forces somebody to pay; below that level who pays is whatever a flow found. Use it for the level "
            "itself, or where lots are coarse and options.integer is exact. It costs fairness below the worst "
            "haircut, which lexicographic keeps.",
            min_max,
            MinMax,
            "three to six maximum flows",
            worst_haircut_optimality,
            searched=True,
        ),
        ClosingPolicy(
            "revenue",
            "revenue-optimal",
            "Aim: keep the customers whose fees are worth most, max sum of fees x r(x / w), r the chance to stay after "
            "a haircut (options.retention, linear or power; exponential is refused), among closings of every market. "
            "Who pays least in fees for each dollar of profit is closed first, as far as its positions reach. Use it "
            "when the venue must live off the survivors. It costs fairness: accounts without fees pay first and "
            "everything, and it looks at leverage no more than lexicographic does.",
            revenue,
            Revenue,
            "at most two maximum flows a market side, as lexicographic",
            revenue_optimality,
        ),
        ClosingPolicy(
            "leverage-draining",
            "robustness-optimal",
            "Aim: the least shortfall to expect at the next move of prices, min sum_i E[max(-(e_i + (q_i - x_i)' dP), "
            "0)], dP normal with `covariance`. Who is likely to fail next, and by much, is closed first, whatever its "
            "profit; a hedge is kept, since closing it would add risk. For one side of one market no covariance is "
            "needed: leverage q p / e is lowered from above to one level, which is optimal for every convex measure "
            "of leverage. Use it where the next move may be as large as the last. It costs fairness: haircuts follow "
            "leverage, and a few accounts may pay up to their caps.",
            leverage_draining,
            LeverageDraining,
            "one market: a sort; many: an interior point method, seconds for 20 thousand accounts in 160 markets",
            draining_optimality,
            timed=True,
        ),
        ClosingPolicy(
            "expected-deficit",
            "robustness-optimal",
            "Aim: the least mean loss of the venue over scenarios of prices (options.shock), a move for each market: "
            "min sum_s p_s sum_i max(-(e_i - x_i + (q_i - k_i)' dp_s), 0). As leverage-draining, with your own "
            "scenarios for the normal law, and with the money that closing takes counted. Use it where the risk desk "
            "has scenarios. It costs fairness, and what is in no scenario is not protected.",
            closing_expected_deficit,
            ClosingExpectedDeficit,
            "an interior point method over accounts and scenarios: half a minute for 20 thousand accounts, 160 markets "
            "and 500 scenarios",
            scenario_optimality,
            timed=True,
        ),
        ClosingPolicy(
            "cvar",
            "robustness-optimal",
            "Aim: the least mean loss of the venue in the worst 1 - level of the scenarios (options.shock), a move "
            "for each market. Use it where only the tail can hurt. It costs what expected-deficit costs, and is blind "
            "to all scenarios but the worst.",
            closing_cvar,
            ClosingCVar,
            "as expected-deficit",
            scenario_optimality,
            timed=True,
        ),
        ClosingPolicy(
            "contracts-pro-rata",
            "production-baseline",
            "Aim: equal treatment of contracts. In every market the same share of each opposite position, up to "
            "what its holder can pay, markets in the order of their symbols. Use it as a baseline for engines that "
            "spread closes by size. It is blind to how much profit a contract carries, so late entrants lose all of"
            " theirs first, and those who hold several of the markets pay in each.",
            contracts_pro_rata,
            ContractsProRata,
            "linear in positions: a few passes",
        ),
        ClosingPolicy(
            "queue",
            "production-baseline",
            "Aim: none; it is what venues do today. In every market rank the opposite positions by a score and "
            "close them whole in that order until the need is met; the last one whole too, unless partial_close is "
            "set, so that more is closed than was needed. Use it to see what an engine with that score would have "
            "done. A few accounts bear everything, and what is closed beyond the need is taken for nothing.",
            closing_queue,
            ClosingQueue,
            "one sort a market side",
        ),
    )
}
