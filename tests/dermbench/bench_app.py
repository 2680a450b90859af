"""The judging commands as one application, as `skingpt bench` has them."""

from __future__ import annotations

import typer

from skingpt_r1.cli import bench_judging

app = typer.Typer(pretty_exceptions_enable=False)
app.command("judge-check")(bench_judging.judge_check)
app.command("leaderboard")(bench_judging.leaderboard)
app.command("compare")(bench_judging.compare)
