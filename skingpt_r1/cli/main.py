"""`skingpt`: the commands, and the one place where an error becomes a line on stderr and an exit status."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from skingpt_r1 import __version__
from skingpt_r1.cli import ablate, bench, data, dermcot, dermeval, diagnose, doctor, knowledge, measure, train, trust
from skingpt_r1.cli.words import complain
from skingpt_r1.records import SkinGPTError

app = typer.Typer(
    name="skingpt",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Step-by-step, verified reasoning over photos of skin lesions. For research and education only.",
)
app.command("diagnose")(diagnose.diagnose)
app.command("measure")(measure.measure)
app.command("doctor")(doctor.doctor)
app.command("ablate")(ablate.ablate)
app.add_typer(train.app, name="train", help="Train the teacher, the witnesses and the adapters.")
app.add_typer(data.app, name="data", help="Look at, check and split image folders.")
app.add_typer(knowledge.app, name="knowledge", help="Diagnoses: look up, compare, read out of texts by others.")
app.add_typer(dermcot.app, name="dermcot", help="Check narratives that a model should learn from.")
app.add_typer(dermeval.app, name="dermeval", help="Judge narratives by their pictures: six scores and a critique.")
app.add_typer(bench.app, name="bench", help="Compare systems: suites, runs, judges, leaderboard.")
app.add_typer(trust.app, name="trust", help="May one believe it: confidence, abstaining, scope, reasoning, robustness.")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what is being done.")] = False,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def main() -> None:
    """Entry point of the `skingpt` command."""
    try:
        app()
    except SkinGPTError as error:
        complain(str(error))
        sys.exit(2)
    except BrokenPipeError:  # the reader of a pipe has had enough
        sys.stderr.close()
        sys.exit(141)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
