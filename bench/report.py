"""The table of docs/benchmarks.md, from the last run's results."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- written by make bench -->", "<!-- end -->"


def write() -> None:
    """Put the results between the page's marks; the rest of the page stays."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{_table(results)}\n{END}{after}", encoding="utf-8")


def _table(results: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    rows = [
        f"Python {results['python']}, {versions}, {results['machine']}, {results['cores']} cores.",
        "",
        "| what | size | ours, ms | against | theirs, ms | ratio, median and range | wanted |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for line in results["lines"]:
        wanted = "" if line["at_most"] is None else f"at most {line['at_most']:g}"
        against = f"{line['theirs']}; {line['note']}" if line["note"] else line["theirs"]
        rows.append(
            f"| {line['name']} | {line['size']:,} | {line['ours_ms']:.4g} | {against} | {line['theirs_ms']:.4g} "
            f"| {line['ratio']:.3g} ({line['lowest']:.3g} to {line['highest']:.3g}) | {wanted} |"
        )
    rows.extend(("", *(f"- {fact}" for fact in results["facts"])))
    return "\n".join(rows)
