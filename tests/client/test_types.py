"""What a type checker tells who uses the client."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

PROGRAM = """
from app.client import AsyncClient, Client

def use(client: Client) -> None:
    answer = client.allocate(accounts=[], policy={"name": "queue"})
    reveal_type(answer.data["diagnostics"]["solvency"]["budget"])  # str
    reveal_type(answer.data["certificate"]["bound"])  # float | None
    reveal_type(client.close({}).data["markets"][0]["side"])  # Literal['long'] | Literal['short']
    reveal_type(client.closures.explain("id", "ann")["closes"][0]["cost"])  # str
    reveal_type([record["id"] for record in client.frontiers.list(venue="v")])  # list[str]
    reveal_type(client.verify({}).data["violations"][0]["account"])  # str | None
    answer.data["budgets"]  # error
    client.allocate(policies=[])  # error
    client.frontiers.explain("id", "ann")  # error
    result = client.compare({}).data["results"][0]
    result["diagnostics"]  # error
    if "problem" in result:
        reveal_type(result["problem"]["code"])  # str
    else:
        reveal_type(result["budget"])  # str

async def wait(client: AsyncClient) -> None:
    answer = await client.frontier(accounts={}, measures=["gini", "cvar"])
    reveal_type(answer.data["points"][0]["relative_gap"])  # float | None
    async for record in client.allocations.list():
        reveal_type(record["stored_bytes"])  # int
    client.allocate({}).data  # error
"""


@pytest.mark.slow
def test_a_type_checker_knows_every_answer(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", f"{tmp_path}/cache", f"{tmp_path}/program.py"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    lines = re.findall(r"(?m)program\.py:(\d+): (error|note: Revealed type is)(.*)", told)
    found = {int(n): kind if kind == "error" else rest[2:-1].replace("builtins.", "") for n, kind, rest in lines}
    wanted = {n: line.rpartition("  # ")[2] for n, line in enumerate(PROGRAM.splitlines(), 1) if "  # " in line}
    assert found == wanted, told
