"""The house rules that no linter knows, each a function from one source file to its violations.

A line is exempt where it, or the one above it, says so with its reason: `# house: <rule>: <why>`.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOMS = ("fieldgraph", "resolvers", "schema", "realtime", "integrations", "domain", "optimizer")
PLACES = (*ROOMS, "tests", "benchmarks")
FROZEN = "domain/migrations/versions/"
EMPTY_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "service", "handler", "impl", "misc"}
FUNCTION_LINES = 50
FILE_LINES = 400
PARAMETERS = 5
CLOCK_FUNCTIONS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
}
REAL_TIME = {
    "domain/clock.py",
    "domain/ids.py",
}  # what the Clock runs on; an id must be new in every universe
SQL_CLOCK = re.compile(
    r"\bnow\s*\(\s*\)|\bcurrent_(timestamp|date|time)\b|"
    r"\b(local|clock_|statement_|transaction_)timestamp\b",
    re.IGNORECASE,
)
STARTERS = {
    "run",
    "connect",
    "open",
    "create_engine",
    "create_async_engine",
    "create_pool",
    "EmbeddedPostgres",
}
STARTERS |= {"get_event_loop", "new_event_loop", "Lock", "Event", "Queue", "Semaphore"}
STARTERS |= {"Settings", "Broadcast", "Starlette"}
CONTAINERS = {"dict", "list", "set", "defaultdict", "deque", "Counter", "OrderedDict", "WeakValueDictionary"}
SYNONYMS = {"Job", "Client", "Worker", "WorkItem", "Engineer", "Workman"}
# The brackets keep this file from breaking its own rule.
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
SOMEWHERE = re.compile(
    r"(?<![\w.])/(work|root|opt|mnt)/[\w.]|(?<![\w.}])/home/[a-z]|/Use[r]s/|fil[e]:///|pyp[i]\.org|"
    r"pythonhoste[d]|npmj[s]\.|artifactor[y]|--(extra-)?index-ur[l]|--find-link[s]"
)


@dataclass(frozen=True)
class Source:
    """One file of the tree: where it lies (posix, from the checkout) and what it says."""

    path: str
    text: str
    in_package: bool = True

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).stem

    @property
    def place(self) -> str:
        return self.path.split("/")[0]

    @property
    def frozen(self) -> bool:
        return self.path.startswith(FROZEN)

    @cached_property
    def docstrings(self) -> set[int]:
        """The first lines of all docstrings, which are words and not code."""
        owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        bodies = [node.body for node in ast.walk(self.tree) if isinstance(node, owners)]
        return {body[0].lineno for body in bodies if body and isinstance(body[0], ast.Expr)}


Found = Iterator[tuple[int, str]]
Rule = Callable[[Source], Found]


def tracked(root: Path) -> list[Source]:
    """Every file that git has or would take; all but hidden folders where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607  # git of the user
            cwd=root, capture_output=True, text=True, check=True,
        ).stdout.split("\0")  # fmt: skip  # one call, one glance
    except (OSError, subprocess.CalledProcessError):
        walked = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        listed = [path.as_posix() for path in walked if not _generated(path)]
    files = sorted({name for name in listed if name and (root / name).is_file()})
    return [
        Source(
            name, (root / name).read_text(errors="replace"), (root / name).with_name("__init__.py").exists()
        )
        for name in files
    ]


def violations(sources: list[Source], rule: Rule) -> list[str]:
    """`file:line sentence` for each place that breaks the rule and does not say why it may."""
    name = rule.__name__
    found = []
    for source in sources:
        for line, sentence in rule(source):
            around = "\n".join(source.lines[max(line - 2, 0) : line])
            if not re.search(rf"# house: {name}: \S+", around):
                found.append(f"{source.path}:{line} {sentence}")
    return found


def module_says_what_it_is(source: Source) -> Found:
    if source.is_python and source.name != "__init__" and not ast.get_docstring(source.tree):
        yield 1, "has no docstring that says what it is"


def init_is_empty(source: Source) -> Found:
    if source.is_python and source.name == "__init__" and source.text.strip():
        yield 1, "an __init__.py says nothing"


def module_has_a_name(source: Source) -> Found:
    if source.is_python and source.name in EMPTY_NAMES:
        yield 1, f"`{source.name}` names nothing"


def module_has_a_room(source: Source) -> Found:
    if source.is_python and source.path != "run.py" and source.place not in PLACES:
        yield 1, "lies in no room"


def every_test_folder_is_a_package(source: Source) -> Found:
    """Without it `tests/domain` shadows `domain`."""
    if source.is_python and source.place == "tests" and not source.in_package:
        yield 1, "its folder has no __init__.py"


def sizes_are_bound(source: Source) -> Found:
    if not source.is_python or source.frozen:
        return
    if len(source.lines) > FILE_LINES:
        yield 1, f"has {len(source.lines)} lines, {FILE_LINES} at most"
    for function in _functions(source.tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES:
            yield function.lineno, f"{function.name} has {lines} lines, {FUNCTION_LINES} at most"


def parameters_are_few(source: Source) -> Found:
    if not source.is_python:
        return
    for function in _functions(source.tree):
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > PARAMETERS:
            yield (
                function.lineno,
                f"{function.name} takes {count} positional parameters, {PARAMETERS} at most",
            )


def one_place_commits(source: Source) -> Found:
    if source.place not in ROOMS or source.path == "domain/unit_of_work.py" or not source.is_python:
        return
    for call in _calls(source.tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "commit":
            yield call.lineno, "commits outside the unit of work"


def reads_are_declared(source: Source) -> Found:
    allowed = source.path.startswith(("domain/", "resolvers/compiler"))
    if source.place not in ROOMS or allowed or not source.is_python:
        return
    for call in _calls(source.tree):
        if _dotted(call.func) in {"select", "sqlalchemy.select", "sqlmodel.select", "sa.select"}:
            yield call.lineno, "selects outside domain/ and the compiler"


def business_time_comes_from_the_clock(source: Source) -> Found:
    if not source.is_python or source.frozen or source.path in REAL_TIME:
        return
    for node in ast.walk(source.tree):
        if source.place == "domain":
            if isinstance(node, ast.Call) and _reads_time(node):
                yield node.lineno, "reads the time; verbs take `at`"
            if SQL_CLOCK.search(_words(node, source)):
                yield getattr(node, "lineno", 1), "lets the database read the time; bind $now"
        elif isinstance(node, ast.Call) and _dotted(node.func).split(".")[-1] == "sql":
            for text in ast.walk(node):
                if SQL_CLOCK.search(_words(text, source)):
                    yield node.lineno, "a sql() field reads the time; bind $now"


def enums_are_text(source: Source) -> Found:
    """A native enum's operators are not leakproof, so they use no index under a policy."""
    if not source.is_python or source.place not in ROOMS:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            if {"Enum", "ENUM"} & {alias.name for alias in node.names}:
                yield node.lineno, "takes a native enum from SQLAlchemy"
        elif isinstance(node, ast.Call) and _dotted(node.func) in {
            "sa.Enum",
            "sqlalchemy.Enum",
            "postgresql.ENUM",
        }:
            yield node.lineno, "makes a native enum"
        elif re.search(r"\bAS\s+ENUM\b", _words(node, source), re.IGNORECASE):
            yield getattr(node, "lineno", 1), "creates a native enum"


def words_are_the_glossarys(source: Source) -> Found:
    if not source.is_python or source.place not in {"domain", "schema", "resolvers"}:
        return
    for node in ast.walk(source.tree):
        queued = source.path == "domain/jobs.py"  # a job of the worker processes, no WorkOrder
        if isinstance(node, ast.ClassDef) and node.name in SYNONYMS and not queued:
            yield node.lineno, f"{node.name} is another word for one of GLOSSARY.md"
        names = [getattr(node, part, None) for part in ("name", "id", "arg", "attr")]
        if any(isinstance(name, str) and "appointment" in name.lower() for name in names):
            yield getattr(node, "lineno", 1), "an appointment is a Visit"


def rooms_own_their_names(source: Source) -> Found:
    if not source.is_python or source.frozen:
        return
    for node in ast.walk(source.tree):
        stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id
        named = stored or (isinstance(node, ast.arg) and node.arg)
        if named in {"schema", "domain"}:
            yield getattr(node, "lineno", 1), f"a variable called {named}; the folder owns the word"


def nothing_runs_on_import(source: Source) -> Found:
    if (
        not source.is_python or source.path == "domain/migrations/env.py"
    ):  # Alembic runs that file as a script
        return
    for statement in source.tree.body:
        value = getattr(statement, "value", None)
        spoken = isinstance(statement, ast.Expr) and not isinstance(value, ast.Constant)
        if spoken or isinstance(statement, (ast.For, ast.While, ast.With, ast.Try)):
            yield statement.lineno, "runs on import"
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and value is not None:
            if _fillable(value):
                yield statement.lineno, "an empty container at module level is global state"
            started = {_dotted(call.func).split(".")[-1] for call in _calls(value)} & STARTERS
            if started:
                yield statement.lineno, f"{started.pop()} is built on import; build it in fieldgraph/app.py"


def exemptions_have_reasons(source: Source) -> Found:
    if not source.is_python or source.frozen:
        return
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT or not re.search(r"#\s*(noqa|type:\s*ignore)", token.string):
            continue
        coded = re.search(r"noqa: [A-Z]+\d|type: ignore\[", token.string)
        rest = re.sub(r"#\s*(noqa(:\s*[A-Z0-9, ]+)?|type:\s*ignore(\[[^]]*\])?)", "", token.string)
        if not coded or not re.search(r"[a-z]{2}", rest):
            yield token.start[0], "an exemption without its code and reason"


def work_is_finished(source: Source) -> Found:
    for number, line in enumerate(source.lines, 1):
        if UNFINISHED.search(line):
            yield number, "promises work instead of doing it"


def no_machine_is_named(source: Source) -> Found:
    if PurePosixPath(source.path).name in {"uv.lock", "pylock.toml"}:
        yield 1, "records where packages were downloaded from"
    for number, line in enumerate(source.lines, 1):
        if SOMEWHERE.search(line):
            yield number, "names a machine's path or a registry"


def migrations_wait_briefly(source: Source) -> Found:
    """Who waits for a busy table makes everybody wait behind it."""
    if not source.is_python or not source.frozen or source.name == "__init__":
        return
    for function in _functions(source.tree):
        first = ast.unparse(function.body[0])
        if function.name == "upgrade" and not re.search(
            r"SET LOCAL lock_timeout = ''?\d", first.replace("\\", "'")
        ):
            yield function.lineno, "does not begin with SET LOCAL lock_timeout"


RULES: tuple[Rule, ...] = (
    module_says_what_it_is,
    init_is_empty,
    module_has_a_name,
    module_has_a_room,
    every_test_folder_is_a_package,
    sizes_are_bound,
    parameters_are_few,
    one_place_commits,
    reads_are_declared,
    business_time_comes_from_the_clock,
    enums_are_text,
    words_are_the_glossarys,
    rooms_own_their_names,
    nothing_runs_on_import,
    exemptions_have_reasons,
    work_is_finished,
    migrations_wait_briefly,
    no_machine_is_named,
)


def _generated(path: Path) -> bool:
    hidden = {".git", ".venv", ".fieldgraph", "__pycache__"}
    return any(part in hidden or part.endswith("_cache") for part in path.parts)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of an expression, as far as it consists of names."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _reads_time(call: ast.Call) -> bool:
    name = ".".join(_dotted(call.func).split(".")[-2:])
    return name in CLOCK_FUNCTIONS or name in {"func.now", "func.current_timestamp"}


def _words(node: ast.AST, source: Source) -> str:
    """The text of a literal that is no docstring, else nothing."""
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.lineno not in source.docstrings
    ):
        return node.value
    return ""


def _fillable(value: ast.expr) -> bool:
    if isinstance(value, (ast.Dict, ast.List)):
        return not (value.keys if isinstance(value, ast.Dict) else value.elts)
    return isinstance(value, ast.Call) and _dotted(value.func).split(".")[-1] in CONTAINERS and not value.args
