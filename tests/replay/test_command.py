"""`adl replay` as a process: what it writes, what it refuses, and that nothing is half written."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from tests.processes import ROOT
from tests.replay.tables import CLOSES, GAPS, NAMES, TOTALS, TWO_NEEDS, TWO_WAVES, USERS, WAVES, write
from tests.serving import ADL

Done = tuple[int, str, str]
"""Exit code, stdout, stderr."""


def replay(folder: Path, *options: str) -> Done:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}", "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200"}
    command = [*ADL, "replay", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_it_writes_a_report_and_a_table_and_tells_the_totals(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, *WAVES)
    (tmp_path / "out").mkdir()
    code, out, err = replay(tmp_path, ".", "--output", "out/it.html", "--csv", "out/it.csv")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Autodeleveraging on 1970-01-01, 00:00 to 00:00 UTC: 4 waves",
        "needed 30.30, production 28.05: over by 2.25 in 1 wave, short by 4.50 in 1 wave, net -2.25",
        "written: out/it.html and out/it.csv",
    ]
    assert (tmp_path / "out/it.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "out/it.csv").read_text().startswith("wave,start_ms,")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "two_pass_equity_delta_by_wave.csv"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["it.csv", "it.html"]


def test_it_computes_the_policies_that_were_asked_for_and_names_them_in_the_report(tmp_path: Path) -> None:
    write(tmp_path, CLOSES, *TWO_WAVES)
    write(tmp_path, GAPS, *TWO_NEEDS)
    code, _, err = replay(tmp_path, ".", "--policy", "queue", "--policy", "rap", "--policy", "queue")
    assert (code, err) == (0, "")
    header = (tmp_path / "waves.csv").read_text().splitlines()[0]
    assert [name for name in header.split(",") if name.endswith("_taken")] == ["queue_taken", "rap_taken"]
    assert f"by: adl replay {tmp_path.name} --policy queue --policy rap</p>" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_it_retells_the_sample(tmp_path: Path) -> None:
    code, out, err = replay(tmp_path, "--sample")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "The sample book, retold: 1 wave"
    assert "by: adl replay --sample</p>" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["missing.csv"], 1, "missing.csv: No such file or directory"),
        (["notes.txt"], 1, "notes.txt must be a folder, or end in .csv or .parquet"),
        (["empty"], 1, "empty has no table with waves; one of these is needed, .csv or .parquet: adl_detailed"),
        (["adl_by_user_REALTIME.csv"], 1, "adl_by_user_REALTIME.csv has no table with waves; one of these is needed"),
        (
            ["adl_detailed_analysis_REALTIME.csv"],
            1,
            "adl_detailed_analysis_REALTIME.csv lacks the columns closed_pnl, ",
        ),
        (["mine.csv"], 1, "mine.csv is none of the tables: adl_detailed_analysis_REALTIME needs the column coin;"),
        (["twice"], 1, "twice has policy_per_wave_metrics.csv and policy_per_wave_metrics.parquet: keep one of them"),
        (["ok.csv", "--output", "empty"], 1, "empty is a folder: name a file"),
        (["ok.csv", "--csv", "nowhere/waves.csv"], 1, "nowhere is no folder: write into one that is there"),
        (["ok.csv", "--csv", "ok.csv"], 1, "ok.csv would overwrite a table; write elsewhere"),
        ([".", "--csv", "adl_by_user_REALTIME.csv"], 1, "adl_by_user_REALTIME.csv would overwrite a table"),
        (["ok.csv", "--csv", "report.html"], 2, "must not be the same file as --output"),
        (["ok.csv", "--policy", "cvar"], 2, "must be among pro-rata, capped-pro-rata, queue"),
        (["ok.csv", "--sample"], 2, "give a PATH or --sample, one of them"),
        ([], 2, "give a PATH or --sample, one of them"),
    ],
)
def test_what_is_refused_says_what_to_change_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, TOTALS, *WAVES).rename(tmp_path / "ok.csv")
    write(tmp_path, USERS, "a,1,1,1")
    write(tmp_path, CLOSES).write_text("user,coin,time,adl_notional\n")
    (tmp_path / "mine.csv").write_text("user,time,adl_notional,closed_pnl,account_value_realtime\n")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice").mkdir()
    for ending in (".csv", ".parquet"):
        (tmp_path / f"twice/policy_per_wave_metrics{ending}").write_text("")
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    done = CliRunner().invoke(app, ["replay", *options], env={"COLUMNS": "200"})
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    if code == 1:
        assert done.stderr.count("\n") == 1
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


@pytest.mark.slow
def test_a_table_that_fails_leaves_the_report_of_before(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, *WAVES)
    assert replay(tmp_path, ".")[0] == 0
    before = [(tmp_path / name).read_bytes() for name in ("report.html", "waves.csv")]
    write(tmp_path, TOTALS, *WAVES, "6,1,2,x,1,1")
    code, _, err = replay(tmp_path, ".")
    assert (code, err.count("\n")) == (1, 1)
    assert "line 6: deficit_usd is not a decimal number: 'x'" in err
    assert [(tmp_path / name).read_bytes() for name in ("report.html", "waves.csv")] == before


def test_ctrl_c_ends_it_with_one_line_and_nothing_written(tmp_path: Path) -> None:
    pipe = tmp_path / NAMES[TOTALS]
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [*ADL, "replay", str(pipe)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process, pipe.open("w") as table:  # opens when the command reads
        table.write(f"{TOTALS}\n{WAVES[0]}\n")
        table.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "adl: stopped; nothing was written\n")
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_terminal_sees_how_far_it_is(tmp_path: Path) -> None:
    write(tmp_path, CLOSES, *TWO_WAVES)
    write(tmp_path, GAPS, *TWO_NEEDS)
    terminal, end = os.openpty()
    try:
        done = subprocess.run(
            [*ADL, "replay", "."],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{ROOT}", "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=end,
            text=True,
            timeout=60,
            check=False,
        )
        shown = os.read(terminal, 65_536).decode()
    finally:
        os.close(end)
        os.close(terminal)
    assert done.returncode == 0
    assert "writing" in shown
    assert "\x1b" not in done.stdout


def test_a_terminal_that_is_gone_is_told_in_one_line_with_both_files_there(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, *WAVES)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ADL, "replay", "."],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{ROOT}"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "adl: standard output: No space left on device; both files are written\n"
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "waves.csv").exists()
