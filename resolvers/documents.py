"""Documents: trusted ones known from the start, others accepted once and kept while they are in use."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple
from uuid import UUID

from graphql import DocumentNode, FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode

from domain.viewers import Role
from resolvers.kept import Kept
from resolvers.limits import Limits
from resolvers.query_costs import Cost
from resolvers.queues import Queues
from resolvers.refusals import Refusal
from resolvers.validation import validated
from resolvers.variables import Variables

MOST_BYTES = 32 * 1024 * 1024
MOST_REGISTERED_BYTES = 8 * 1024 * 1024
REGISTERED_BYTES = 300
"""About how many bytes a digest and its entry take beside the text."""
DOCUMENT_BYTES = 6_000
TREE_BYTES = 95
"""About how many bytes a document takes, and how many more each byte of its text: its syntax tree."""
SHA256 = re.compile(r"[0-9a-f]{64}")


class DocumentRef(NamedTuple):
    """What a request names its document by: its text, its id in the manifest, the SHA-256 of its text."""

    query: str | None
    document_id: str | None = None
    digest: str | None = None


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of one accepted document. `forbidden` is what was found out about it, by role."""

    node: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    document: DocumentNode
    variables: Variables
    size: int
    """About how many bytes its document takes."""
    cost: Cost
    trusted: bool = False
    """Whether it is of a manifest: somebody has looked at it before it was shipped."""
    document_id: str | None = None
    """By which the manifest names its document first."""
    forbidden: dict[Role, Any] = field(default_factory=dict)

    @cached_property
    def kind(self) -> Literal["query", "mutation", "subscription"]:
        return self.node.operation.value

    @cached_property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None

    @cached_property
    def is_streamed(self) -> bool:
        """Whether it has several results, one after the other."""
        return self.kind == "subscription" or self.is_live

    @cached_property
    def is_live(self) -> bool:
        """Whether it is a query that is answered anew whenever its result changes."""
        return any(one.name.value == "live" for one in self.node.directives or ())


Operations = dict[str | None, Operation]


class Policy(NamedTuple):
    """Which documents are taken: the `trusted` by id, others unless `strict`, by hash if it `registers`."""

    trusted: Mapping[str, str] = {}
    strict: bool = False
    registers: bool = False


@dataclass(slots=True)
class Counts:
    """How often documents were asked for: of the manifest, kept from before, or not known; and looked at."""

    trusted: int = 0
    kept: int = 0
    new: int = 0
    looks: int = 0


class Documents:
    """The accepted documents of one schema; of those that are not trusted, the least used go first.

    A refused document is kept by nothing. Who asks for a text that their organization has looked at waits for
    that look; another organization's stands in another queue.
    """

    def __init__(
        self, executable: GraphQLSchema, policy: Policy | None = None, *, most_bytes: int = MOST_BYTES
    ) -> None:
        self.limits = Limits(executable)
        self.policy = policy or Policy()
        self.kept: Kept[str, Operations] = Kept(most_bytes)
        self.registered: Kept[str, str] = Kept(MOST_REGISTERED_BYTES)
        self.queues = Queues()
        self.counts = Counts()
        self._looks: dict[tuple[UUID, str], asyncio.Task[Operations]] = {}
        self._by_id: dict[str, Operations] = {}
        self._by_text: dict[str, Operations] = {}
        for key, text in self.policy.trusted.items():
            self._trust(key, text)

    async def operation(self, ref: DocumentRef, name: str | None, *, organization_id: UUID) -> Operation:
        """Raises Refusal for what is not known, parsed, valid, within the limits, or not one operation.

        What is known is answered without a suspension.
        """
        query = ref.query
        if query is None:
            found = self._identified(ref)
            if isinstance(found, dict):
                self.counts.trusted += 1
                return _chosen(found, name)
            query = found
        elif ref.digest is not None:
            _check_digest(query, ref.digest)
        operations = self._by_text.get(query)
        if operations is not None:
            self.counts.trusted += 1
        else:
            if self.policy.strict:
                raise Refusal.of("FORBIDDEN", "Only trusted documents are answered here.")
            operations = self.kept.get(query)
            if operations is None:
                self.counts.new += 1
                operations = await self._looked_at(query, organization_id)
            else:
                self.counts.kept += 1
        if self.policy.registers and ref.digest is not None and SHA256.fullmatch(ref.digest):
            self.registered.put(ref.digest, query, size=REGISTERED_BYTES + len(query))
        return _chosen(operations, name)

    def _identified(self, ref: DocumentRef) -> Operations | str:
        """The document that an id or a digest stands for: trusted, or a text that was registered."""
        for key in (ref.document_id, ref.digest):
            if key is not None and key in self._by_id:
                return self._by_id[key]
        text = self.registered.get(ref.digest) if ref.digest is not None else None
        # These messages are what clients of automatic persisted queries look for.
        if text is None and ref.document_id is None and not self.policy.registers:
            raise Refusal.of("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
        if text is None:
            raise Refusal.of("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        return text

    async def _looked_at(self, query: str, organization_id: UUID) -> Operations:
        """A task of its own, since whoever asked first may leave while others wait for the same text."""
        key = (organization_id, query)
        look = self._looks.get(key)
        if look is None:
            look = asyncio.get_running_loop().create_task(self._look(query, organization_id))
            self._looks[key] = look
            look.add_done_callback(lambda _: self._looks.pop(key))
        return await asyncio.shield(look)

    async def _look(self, query: str, organization_id: UUID) -> Operations:
        self.counts.looks += 1
        found = await self.queues.run(organization_id, lambda: self._accept(query))
        sooner = self.kept.get(query)  # another organization's look may have ended in the meantime
        if sooner is not None:
            return sooner
        self.kept.put(query, found, size=_size(query))
        return found

    def _accept(self, query: str, *, trusted_as: str | None = None) -> Operations:
        document, costs = validated(self.limits, query)
        fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        return {
            node.name.value if node.name else None: Operation(
                node,
                fragments,
                document,
                Variables(self.limits.executable, node),
                _size(query),
                costs[node],
                trusted_as is not None,
                trusted_as,
            )
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        }

    def _trust(self, key: str, text: str) -> None:
        """Raises ValueError for a document of the manifest that could not be answered."""
        try:
            operations = self._by_text.get(text) or self._accept(text, trusted_as=key)
        except Refusal as refusal:
            raise ValueError(f"The trusted document “{key}” is refused: {refusal}") from refusal
        self._by_text[text] = operations
        digest = hashlib.sha256(text.encode()).hexdigest()
        # Some build tools write `sha256:` before a digest and some clients send it, not always the same ones.
        bare = key.removeprefix("sha256:")
        for name in {key, bare, f"sha256:{bare}", digest, f"sha256:{digest}"}:
            if self._by_id.setdefault(name, operations) is not operations:
                raise ValueError(f"The trusted document “{key}” is there twice, with two texts")


def _chosen(operations: Operations, name: str | None) -> Operation:
    if name is None and len(operations) == 1:
        return next(iter(operations.values()))
    if name is None:
        raise Refusal.of("BAD_REQUEST", "The document has several operations: say operationName.")
    if name not in operations:
        raise Refusal.of("BAD_REQUEST", f"The document has no operation “{name[:60]}”.")
    return operations[name]


def _check_digest(query: str, digest: str) -> None:
    """An id of another kind says nothing of the text; a hash does, and it must be this text's."""
    if SHA256.fullmatch(digest) and hashlib.sha256(query.encode()).hexdigest() != digest:
        raise Refusal.of("BAD_USER_INPUT", "provided sha does not match query")


def _size(query: str) -> int:
    return DOCUMENT_BYTES + len(query) * TREE_BYTES
