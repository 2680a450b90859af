"""`skingpt dermcot certify`: the page on which dermatologists certify narratives, and what comes out of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from skingpt_r1.cli.words import complain
from skingpt_r1.records import SkinGPTError

if TYPE_CHECKING:
    from skingpt_r1.dermeval.agreement import Estimate
    from skingpt_r1.serve.certify.agreement import Agreement
    from skingpt_r1.serve.certify.store import Store
    from skingpt_r1.serve.certify.tables import Role

app = typer.Typer(help="A page on which dermatologists score and certify narratives.", no_args_is_help=True)
_DATABASE = "sqlite:///certify.db"
Database = Annotated[
    str, typer.Option("--database", metavar="URL", help="sqlite:///file.db or postgresql://user:password@host/name.")
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]
PublicUrl = Annotated[
    str | None,
    typer.Option("--public-url", metavar="URL", help="Where browsers find it, if not here: https://certify.example."),
]


@app.command()
def serve(
    corpus: Annotated[Path, typer.Argument(help="Folder of a finished build; new entries join the queue.")],
    database: Database = _DATABASE,
    host: Host = "127.0.0.1",
    port: Port = 8601,
    public_url: PublicUrl = None,
) -> None:
    """Start the page over a corpus. Invite people with `skingpt dermcot certify invite`."""
    _address(host, port, public_url)
    store = _store(database)
    from skingpt_r1.serve.certify.intake import load

    added = load(store, corpus)
    Console(stderr=True).print(f"{added:,} new cases in the queue", highlight=False)
    _listen(store, host, port, public_url)


@app.command()
def invite(
    role: Annotated[str, typer.Option(metavar="ROLE", help="rater, adjudicator or admin.")],
    database: Database = _DATABASE,
    public_url: Annotated[
        str, typer.Option("--public-url", metavar="URL", help="Where browsers find the page.")
    ] = "http://127.0.0.1:8601",
    days: Annotated[int, typer.Option(min=1, max=365, help="How long the link works.")] = 14,
) -> None:
    """Print a link with which one person makes an account. It works once."""
    store = _store(database)
    typer.echo(_link(store, _role(role), public_url, dt.timedelta(days=days)))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's pictures and database live.")] = Path("certify-demo"),
    pictures: Annotated[Path, typer.Option(help="Folder of the example photos.")] = Path("examples"),
    cases: Annotated[int, typer.Option(min=1, max=200, help="How many cases.")] = 12,
    database: Annotated[str | None, typer.Option("--database", metavar="URL", help="Default: in the folder.")] = None,
    host: Host = "127.0.0.1",
    port: Port = 8601,
    public_url: PublicUrl = None,
) -> None:
    """Try it: a queue of example photos, and ready links for two raters, an adjudicator and an admin."""
    base = _address(host, port, public_url)
    store = _store(database or f"sqlite:///{folder / 'certify.db'}")
    from skingpt_r1.serve.certify.demo import make
    from skingpt_r1.serve.certify.intake import load
    from skingpt_r1.serve.certify.tables import Role

    if not (folder / "corpus.jsonl").exists():
        make(folder, pictures, cases)
    load(store, folder)
    typer.echo("Open each link in a browser (or a private window) of its own; it works once.")
    for who, role in (
        ("rater A", Role.RATER),
        ("rater B", Role.RATER),
        ("adjudicator", Role.ADJUDICATOR),
        ("admin", Role.ADMIN),
    ):
        typer.echo(f"{who + ':':13}{_link(store, role, base, dt.timedelta(days=1))}")
    sys.stdout.flush()
    _listen(store, host, port, public_url)


@app.command()
def agreement(
    database: Database = _DATABASE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell how far blind raters agree: alpha and ICC with 95 % intervals, and who is strict."""
    store = _store(database)
    from skingpt_r1.serve.certify.agreement import agreement as agree
    from skingpt_r1.serve.certify.overview import pairs

    with store.begin() as session:
        told = agree(pairs(session))
    if as_json:
        sys.stdout.write(json.dumps(dataclasses.asdict(told)) + "\n")
        return
    _print_agreement(told)


@app.command()
def export(
    out: Annotated[
        Path, typer.Option("--out", help="New folder for `skingpt dermcot export`, or a file that ends in .jsonl.")
    ],
    database: Database = _DATABASE,
) -> None:
    """Write the certified cases, each line chained to the one before by SHA-256. Keep the head that is printed."""
    store = _store(database)
    from skingpt_r1.serve.certify.export import export as write

    chain = write(store, out)
    typer.echo(f"{out}: {chain.lines:,} certified cases, head {chain.head}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="corpus.jsonl or rejected.jsonl of an export.")],
    head: Annotated[str | None, typer.Option(help="The head that the export printed.")] = None,
) -> None:
    """Check that no line of an export was changed, removed or added; names the first broken one. Exit code 1 if so."""
    from skingpt_r1.serve.certify.chain import verify_chain

    try:
        chain = verify_chain(file, head)
    except SkinGPTError as error:
        complain(str(error))
        raise typer.Exit(1) from None
    known = "as given" if head else "compare it with the one that the export printed"
    typer.echo(f"{file}: whole, {chain.lines:,} lines, head {chain.head} ({known})")


def _store(database: str) -> Store:
    try:
        import argon2  # noqa: F401
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401

        from skingpt_r1.serve.certify.store import Store
    except ImportError as error:
        raise SkinGPTError(
            f"certification needs more packages ({error.name} is missing): pip install 'skingpt-r1[serve]'."
        ) from error
    return Store(database)


def _role(name: str) -> Role:
    from skingpt_r1.serve.certify.tables import Role

    if name not in tuple(Role):
        raise SkinGPTError(f"--role {name!r}: use {', '.join(Role)}.")
    return Role(name)


def _link(store: Store, role: Role, base: str, lasts: dt.timedelta) -> str:
    from skingpt_r1.serve.certify.accounts import invite as invited
    from skingpt_r1.serve.certify.security import site

    return f"{site(base).url}/invitation/{invited(store, role, lasts=lasts)}"


def _address(host: str, port: int, public_url: str | None) -> str:
    if public_url is not None:
        return public_url
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise SkinGPTError(
            f"--host {host}: beyond this machine passwords need https; put a proxy in front and name it: "
            "--public-url https://certify.example."
        )
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _listen(store: Store, host: str, port: int, public_url: str | None) -> None:
    import uvicorn

    from skingpt_r1.serve.certify.app import create_app
    from skingpt_r1.serve.certify.security import site

    address = site(_address(host, port, public_url))
    Console(stderr=True).print(f"Research and education only. Listening: {address.url}", highlight=False)
    settings: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False}
    uvicorn.run(create_app(store, address), host=host, port=port, **settings)


def _print_agreement(told: Agreement) -> None:
    table = Table(title=f"{told.n:,} cases with two blind answers; 95 % bootstrap intervals")
    for heading in ("dimension", "Krippendorff's alpha", "ICC(1,1)", "at most 1 apart"):
        table.add_column(heading, justify="left" if heading == "dimension" else "right")
    for row in told.dimensions:
        near = "" if row.within is None else f"{row.within:.0%}"
        table.add_row(row.name, _figure(row.alpha), _figure(row.icc), near)
    Console().print(table)
    table = Table(title="how much higher a rater scores than whoever rated the same case")
    for heading in ("rater", "cases", "points"):
        table.add_column(heading, justify="left" if heading == "rater" else "right")
    for bias in told.biases:
        table.add_row(bias.rater, f"{bias.n:,}", _figure(bias.overall, "+z.2f"))
    Console().print(table)


def _figure(found: Estimate, form: str = "z.2f") -> str:
    return found.told(form, unknown="not known")
