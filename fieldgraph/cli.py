"""The command line: serve, worker, demo, found, admit, import, migrate, verify-audit, sdl, solve, bench."""

import asyncio
import gc
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import typer

from domain.errors import FieldgraphError
from fieldgraph import lifelines, logs
from fieldgraph.addresses import APP_ROLE
from fieldgraph.settings import CHECKOUT, Settings

program = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
SDL_FILE = CHECKOUT / "schema" / "schema.graphql"
RELEASED_FILE = CHECKOUT / "schema" / "released.graphql"


def main() -> None:
    program()


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database named: the given one, or the embedded one of the data folder."""
    if not settings.embedded:
        yield settings
        return
    from fieldgraph.postgres import EmbeddedPostgres  # noqa: PLC0415  # only who needs it starts it

    with EmbeddedPostgres(settings.postgres_folder) as server:
        named = {"database_url": server.url(), "app_database_url": server.url(user=APP_ROLE)}
        yield settings.model_copy(update=named)


def migrated(settings: Settings) -> None:
    """By a process of its own where there is something to do, so that an API process never loads Alembic."""
    from fieldgraph.grounds import prepared  # noqa: PLC0415  # only who migrates loads it

    if settings.database_url and asyncio.run(prepared(settings.database_url, settings.app_database_url)):
        return
    command = [sys.executable, "-m", "fieldgraph.cli", "migrate"]
    subprocess.run(command, check=True, env=os.environ | settings.environment())  # noqa: S603  # our own module


@program.command()
def serve(
    host: Annotated[Optional[str], typer.Option(help="The address to listen on.")] = None,
    port: Annotated[Optional[int], typer.Option(help="The port; 0 takes any free one.")] = None,
) -> None:
    """One API process: HTTP, WebSocket, pages. Migrates first, unless FIELDGRAPH_MIGRATES is off."""
    gc.disable()  # until the server stands: what is made before stays, and would be looked at often
    from fieldgraph.app import App  # noqa: PLC0415  # each verb loads only what it needs
    from fieldgraph.serving import Server  # noqa: PLC0415  # as above

    lifelines.hold()
    given = {"host": host, "port": port}
    settings = Settings().model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    logs.set_up(settings.log_level, as_json=settings.log_json)
    with with_database(settings) as named:
        if named.migrates:
            migrated(named)
        Server(App(named)).run()


@program.command()
def worker() -> None:
    """One worker process: the optimizer's plans, and the geofences' silence rules."""
    from fieldgraph.working import work  # noqa: PLC0415  # loads the kernels

    lifelines.hold()
    settings = Settings()
    logs.set_up(settings.log_level, as_json=settings.log_json)
    with with_database(settings) as named:
        asyncio.run(work(named))


@program.command(name="import")
def bring_in(
    kind: Annotated[str, typer.Argument(help="CUSTOMERS, SITES, ASSETS, PARTS or TECHNICIANS.")],
    file: Annotated[Path, typer.Argument(help="A CSV file; domain/README.md lists the columns.")],
    organization: Annotated[str, typer.Option(help="The id of the organization.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
) -> None:
    """Bring the rows of a file in, by the same verbs as importRows; tells which lines were refused."""
    from domain.sheets import ImportKind  # noqa: PLC0415  # each verb loads only what it needs
    from fieldgraph.bringing import Wanted, bring  # noqa: PLC0415  # as above

    lifelines.hold()
    settings = Settings()
    logs.set_up("warning", as_json=settings.log_json)
    try:
        wanted = Wanted(ImportKind(kind.upper()), file, UUID(organization[-36:]), dry_run=dry_run)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with with_database(settings) as named:
        if not asyncio.run(bring(named, wanted, tell=typer.echo)):
            raise typer.Exit(1)


@program.command()
def found(
    name: Annotated[str, typer.Argument(help="Of the company.")],
    admin: Annotated[str, typer.Option(help="The name of its first ADMIN.")],
    email: Annotated[Optional[str], typer.Option(help="Theirs.")] = None,
    time_zone: Annotated[str, typer.Option(help="In the IANA database, such as Europe/Helsinki.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "EUR",
) -> None:
    """Make an organization with its first ADMIN, and print the ADMIN's token."""
    from fieldgraph.founding import Company, Person  # noqa: PLC0415  # each verb loads only what it needs
    from fieldgraph.founding import found as begin  # noqa: PLC0415  # as above

    company, person = Company(name, time_zone, currency), Person(admin, email)
    with with_database(Settings()) as named:
        if named.migrates:
            migrated(named)
        _refusing(begin(named, company, person, tell=typer.echo))


@program.command()
def admit(
    organization: Annotated[str, typer.Argument(help="The id of the organization.")],
    admin: Annotated[str, typer.Option(help="The name of the ADMIN.")],
    email: Annotated[Optional[str], typer.Option(help="Theirs.")] = None,
) -> None:
    """Let one more ADMIN in, where nobody can through the graph, and print their token."""
    from domain import ids  # noqa: PLC0415  # each verb loads only what it needs
    from fieldgraph.founding import Person  # noqa: PLC0415  # as above
    from fieldgraph.founding import admit as let_in  # noqa: PLC0415  # as above

    try:
        key = ids.decode("org", organization)
    except FieldgraphError as error:
        raise typer.BadParameter(str(error)) from error
    with with_database(Settings()) as named:
        if named.migrates:
            migrated(named)
        _refusing(let_in(named, key, Person(admin, email), tell=typer.echo))


def _refusing(work: Coroutine[Any, Any, None]) -> None:
    """Does it; what is refused is told like a wrong argument."""
    try:
        asyncio.run(work)
    except FieldgraphError as error:
        raise typer.BadParameter(str(error)) from error


@program.command()
def migrate() -> None:
    """Bring the database up to this release; waits for whoever does it at the same time."""
    from fieldgraph.migrations import migrate as upgrade  # noqa: PLC0415  # loads Alembic

    settings = Settings()
    logs.set_up("warning", as_json=settings.log_json)
    with with_database(settings) as named:
        if named.database_url is None:
            raise typer.BadParameter("No database is named.")
        asyncio.run(upgrade(named.database_url, named.app_database_url))


@program.command()
def verify_audit(
    organization: Annotated[Optional[str], typer.Option(help="One organization's id; all if unsaid.")] = None,
    head: Annotated[
        Optional[str],
        typer.Option(help="SEQ:HASH, as an earlier run told it of that organization and somebody kept it."),
    ] = None,
) -> None:
    """Walk every chain of the audit; a row that is not as it was sealed is told, and ends it with 1."""
    from fieldgraph.auditing import verify  # noqa: PLC0415  # each verb loads only what it needs
    from fieldgraph.databases import Addresses  # noqa: PLC0415  # as above

    with with_database(Settings()) as named:
        try:
            whole = asyncio.run(verify(Addresses.of(named).app, organization, head, tell=typer.echo))
        except (ValueError, FieldgraphError) as error:
            raise typer.BadParameter(str(error)) from error
    if not whole:
        raise typer.Exit(1)


@program.command()
def sdl(
    check: Annotated[bool, typer.Option("--check", help="Compare with the committed files instead.")] = False,
    release: Annotated[
        bool, typer.Option("--release", help="Make it what the last release promised.")
    ] = False,
) -> None:
    """Write schema/schema.graphql: the published contract, sorted; a break with the last release fails."""
    from fieldgraph.contract import published  # noqa: PLC0415  # each verb loads only what it needs

    text = published()
    if not check:
        SDL_FILE.write_text(text)
        typer.echo(f"{SDL_FILE.relative_to(CHECKOUT)}: {len(text.splitlines())} lines")
    elif not SDL_FILE.exists() or SDL_FILE.read_text() != text:
        typer.echo(
            "schema/schema.graphql is not what is served: python3 run.py sdl, then look at the difference."
        )
        raise typer.Exit(1)
    if check or release:
        _compare(text)
    if release:
        RELEASED_FILE.write_text(text)
        typer.echo(f"{RELEASED_FILE.relative_to(CHECKOUT)}: this is now what was promised")


def _compare(text: str) -> None:
    """Tell what differs from the last release; a breaking difference ends it."""
    from fieldgraph.contract import differences  # noqa: PLC0415  # as above

    today = datetime.now(UTC).date()
    breaking, dangerous = differences(RELEASED_FILE.read_text(), text, today)
    for line in dangerous:
        typer.echo(f"since the last release, allowed: {line}")
    for line in breaking:
        typer.echo(f"breaks clients of the last release: {line}")
    if breaking:
        typer.echo("Deprecate first, with “removal YYYY-MM” in the reason; it may go from that month on.")
        raise typer.Exit(1)


@program.command()
def demo(
    *,
    port: Annotated[int, typer.Option(help="The port.")] = 8000,
    speed: Annotated[float, typer.Option(help="Business seconds per real second.")] = 1.0,
    headless: Annotated[bool, typer.Option("--headless", help="Say only when it is ready.")] = False,
    access: Annotated[Optional[Path], typer.Option(help="Write tokens and addresses to this file.")] = None,
    osm: Annotated[Optional[Path], typer.Option(help="Another OpenStreetMap extract (.osm.pbf).")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget today's demo of before.")] = False,
    time_zone: Annotated[str, typer.Option(help="The zone of the extract's city.")] = "Europe/Helsinki",
) -> None:
    """A whole company on real streets, planned, driven and live."""
    from fieldgraph.demo.show import Options, show  # noqa: PLC0415  # as above

    lifelines.hold()
    show(
        Options(
            port=port,
            speed=speed,
            headless=headless,
            access=access,
            osm=osm,
            fresh=fresh,
            time_zone=time_zone,
        )
    )


@program.command()
def solve(
    file: Annotated[Path, typer.Argument(help="Solomon, VRPLIB, TRSP, STRSP's tasks, a Problem's JSON.")],
    *,
    seconds: Annotated[Optional[float], typer.Option(min=0, help="Budget; 10 if neither is said.")] = None,
    iterations: Annotated[Optional[int], typer.Option(min=1, help="Alone: equal plans every time.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the search.")] = 1,
    out: Annotated[Optional[Path], typer.Option(help="Written anew at each improvement (JSON).")] = None,
    dynamic: Annotated[Optional[Path], typer.Option(help="TRSP's release dates.")] = None,
    technicians: Annotated[
        Optional[Path], typer.Option(help="STRSP's other file; else found beside.")
    ] = None,
    objective: Annotated[
        Optional[Literal["duration", "distance"]], typer.Option(help="TRSP: duration unless said.")
    ] = None,
    warm: Annotated[Optional[Path], typer.Option(help="An earlier answer to start from.")] = None,
    engine: Annotated[Literal["own", "ortools"], typer.Option(help="Who searches.")] = "own",
    chains: Annotated[int, typer.Option(min=1, max=2, help="The own engine's, one a core.")] = 1,
    why: Annotated[Optional[list[str]], typer.Option(help="VISIT[:TECHNICIAN] to explain.")] = None,
    prove: Annotated[Optional[float], typer.Option(min=1, help="Seconds for a small day's proof.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer.")] = False,
) -> None:
    """Solve a file; interrupted it ends well, with the best plan so far."""
    from fieldgraph.solving import Wanted, refused, solve  # noqa: PLC0415  # loads numpy
    from fieldgraph.telling import summary  # noqa: PLC0415  # as above

    wanted = Wanted(
        file=file,
        seconds=10.0 if seconds is None and iterations is None else seconds,
        iterations=iterations,
        seed=seed,
        out=out,
        dynamic=dynamic,
        technicians=technicians,
        objective=objective,
        warm=warm,
        engine=engine,
        chains=chains,
        why=tuple(why or ()),
        prove_seconds=prove,
    )
    tell = partial(typer.echo, err=True) if sys.stderr.isatty() else None
    try:
        said = solve(wanted, tell=tell)
    except (ValueError, OSError) as error:
        typer.echo(f"solve: {refused(error)}", err=True)
        raise typer.Exit(2) from error
    for line in [json.dumps(said, ensure_ascii=False)] if as_json else summary(said):
        typer.echo(line)
    if said["violations"]:
        raise typer.Exit(1)


@program.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context, name: Annotated[str, typer.Argument(help="Which, such as reads.")]) -> None:
    """Run a benchmark of tests/benchmarks and print its table."""
    file = CHECKOUT / "tests" / "benchmarks" / f"{name}.py"
    if not name.isidentifier() or not file.exists():
        known = sorted(path.stem for path in file.parent.glob("*.py") if path.stem != "__init__")
        raise typer.BadParameter(f"There is no such benchmark; there are: {', '.join(known) or 'none yet'}.")
    sys.argv = [str(file), *context.args]
    runpy.run_path(str(file), run_name="__main__")


if __name__ == "__main__":
    main()
