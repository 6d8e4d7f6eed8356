"""Overlays: what is read in the place of tables below asOf, written only as far as it is asked for."""

from string import Formatter
from typing import TYPE_CHECKING
from uuid import UUID

from domain import overlays
from resolvers.compiler.bindings import Binder, Bindings

if TYPE_CHECKING:
    from resolvers.compiler.writer import Writer


class Overlay:
    """One plan's schedule within one statement."""

    def __init__(self, writer: "Writer", plan: Binder) -> None:
        self.writer = writer
        self.plan = plan
        self.alias = writer.alias()
        self.layers = overlays.layers()
        # An expression may only read what stands before it: all have their places before any level has.
        self.places = {name: writer.reserve() for name in self.layers}
        self.written: set[str] = set()

    def place(self) -> str:
        """The parameter that holds the plan; bound only where it is asked for."""
        return self.writer.bind("uuid", self.plan, name=f"{self.alias}.plan")

    def source(self, table: str) -> str:
        """What a table is read from: its layer, or itself where a plan changes nothing."""
        return self._layer(table) if table in overlays.TABLES else table

    def bound_to(self, bindings: Bindings) -> str:
        """The plan, for what is only good under it."""
        return str(UUID(str(self.plan(bindings))))

    def _layer(self, name: str) -> str:
        named = f"{self.alias}_{name}"
        if name not in self.written:
            self.written.add(name)
            text = self.layers[name]
            words = {"plan": self.place(), "scope": self.writer.scope("plan", "p")}
            for _, word, _, _ in Formatter().parse(text):
                if word is not None and word in self.layers:
                    words[word] = self._layer(word)
            kept = "" if overlays.is_kept(name) else "NOT "
            self.writer.fill(
                self.places[name], f"{named} AS {kept}MATERIALIZED ({text.format_map(words).strip()})"
            )
        return named
