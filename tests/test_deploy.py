"""What is deployed beside the service: rules that fire and do not, and panels whose every query has an answer."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import httpx2
import pytest
import yaml

from tests.app.requests import ALLOCATIONS, request, send
from tests.app.services import to
from tests.processes import ROOT, answers, free_port, running
from tests.serving import serving, wait_for

DEPLOY = ROOT / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/adl.json").read_bytes())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
RULES = [rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

ANSWERED = {
    "allocations": "five-accounts.json",
    "comparisons": "comparison.json",
    "frontiers": "frontier.json",
    "closures": "closures.json",
    "verifications": "verification.json",
}


# Files --------------------------------------------------------------------------------------------


def test_panels_have_numbers_of_their_own_a_unit_and_queries() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    expected = {"type": source["type"], "uid": source["uid"]}
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == expected
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        for target in panel["targets"]:
            assert target["expr"].strip()
            assert target["datasource"] == expected


def test_panels_do_not_lie_on_each_other() -> None:
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
        assert one["x"] + one["w"] <= 24


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_what_it_means_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_shown_to_fire_and_not_to(name: str) -> None:
    tests = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == name]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


def test_the_composition_publishes_on_this_machine_only_and_provides_no_password() -> None:
    for service in COMPOSE.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert "no-new-privileges:true" in service["security_opt"]
    told = (ROOT / "docker-compose.yml").read_text()
    assert "${ADL_DATABASE_PASSWORD:?" in told
    images = [service["image"] for service in COMPOSE.values() if "image" in service]
    assert len(images) == 3
    assert all(re.search(r":v?\d", image) for image in images)


def test_what_the_composition_mounts_is_there() -> None:
    sources = [
        mount.split(":")[0] for service in COMPOSE.values() for mount in service.get("volumes", ()) if mount[0] == "."
    ]
    assert len(sources) >= 4
    assert all((ROOT / source).exists() for source in sources)


# Prometheus ---------------------------------------------------------------------------------------


@pytest.mark.debian
@pytest.mark.parametrize(
    "command",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")],
)
def test_promtool_accepts_configuration_and_rules(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def drive(address: str, turn: int) -> None:
    """Requests of every kind, answered and refused."""
    with to(address) as client:
        for kind, example in ANSWERED.items():
            answer = send(client, f"/v1/{kind}", (ROOT / "examples" / example).read_bytes())
            assert answer.status_code == 200, answer.text
        key = {"idempotency-key": f"key-{turn}"}
        for body in (request(), request(), request(detail="summary")):
            send(client, ALLOCATIONS, body, **key)
        send(client, ALLOCATIONS, {}, authorization="Bearer nothing")
        statuses = [send(client, ALLOCATIONS, {}).status_code, client.get("/nowhere").status_code]
        statuses += [client.delete(ALLOCATIONS).status_code, client.post(ALLOCATIONS, content=b"x").status_code]
        assert statuses == [422, 404, 405, 415]
        for severity, options in ((1, {}), (0.5, {"time_limit": 1e-6}), (1, {"on_infeasible": "partial"})):
            capped = [{"id": "ann", "cash": 0, "pnl": 8, "max_haircut": 0.1}, {"id": "bob", "cash": -5, "pnl": 0}]
            send(client, ALLOCATIONS, request(capped, **options) | {"shortfall": {"severity": severity}})


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus with our rules, which scrapes a service that had some to do."""
    folder = tmp_path_factory.mktemp("prometheus")
    with serving(folder, "--workers", "2", ADL_SOLVER_PROCESSES="1") as served:
        config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{served.port}"]
        config["rule_files"] = [f"{DEPLOY / 'alerts.yml'}"]
        path = folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        address = f"http://127.0.0.1:{free_port()}"
        command = [
            "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address.removeprefix('http://')}",
        ]  # fmt: skip
        with running(command, ready=lambda: answers(f"{address}/-/ready")):
            for turn in range(2):
                drive(served.address, turn)
                time.sleep(2.5)  # two scrapes see it, so that there is a rate
            wait_for(lambda: result(address, "adl:missed_objective:ratio_rate6h"))
            yield address


def result(address: str, expression: str) -> list[Any]:
    answer = httpx2.get(f"{address}/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", answer
    found: list[Any] = answer["data"]["result"]
    return found


@pytest.mark.debian
@pytest.mark.parametrize("expression", TARGETS)
def test_every_query_of_the_dashboard_has_an_answer(prometheus: str, expression: str) -> None:
    assert result(prometheus, expression.replace("$__rate_interval", "1m").replace("$policy", ".*"))


@pytest.mark.debian
def test_the_dashboard_chooses_among_the_policies_that_were_solved(prometheus: str) -> None:
    (variable,) = DASHBOARD["templating"]["list"]
    assert variable["query"]["query"] == "label_values(adl_solve_duration_seconds_count, policy)"
    policies = httpx2.get(f"{prometheus}/api/v1/label/policy/values").json()["data"]
    assert {"capped-pro-rata", "queue"} <= set(policies)


@pytest.mark.debian
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_rule_is_evaluated(prometheus: str, rule: dict[str, Any]) -> None:
    result(prometheus, rule["expr"])
    groups = httpx2.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"]
    name = rule.get("alert") or rule["record"]
    (evaluated,) = [found for group in groups for found in group["rules"] if found["name"] == name]
    assert (evaluated["health"], evaluated.get("lastError")) == ("ok", None)


@pytest.mark.debian
def test_an_allocation_that_left_a_part_open_is_an_alert_and_a_service_that_is_up_is_none(prometheus: str) -> None:
    firing = {
        alert["labels"]["alertname"]
        for alert in httpx2.get(f"{prometheus}/api/v1/alerts").json()["data"]["alerts"]
        if alert["state"] == "firing"
    }
    assert "AdlUncoveredShortfall" in firing
    assert not firing & {"AdlServiceDown", "AdlStoreDown", "AdlSolverFailures"}
