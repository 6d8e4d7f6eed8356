"""The demo's evidence: its pictures are what their rows say, are written once, and open as pictures."""

import hashlib
import struct
import zlib
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from domain.visits import Attachment
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.demo import pictures
from fieldgraph.demo.evidence import hand_in
from fieldgraph.demo.seed import seed
from integrations.files import Store
from tests.conftest import Database
from tests.domain.world import World
from tests.fieldgraph.driven import START, helsinki


async def test_every_seeded_attachment_has_its_bytes_once(database: Database, tmp_path: Path) -> None:
    engine, store = create_async_engine(sqlalchemy_url(database.app_url)), Store(tmp_path)
    first, second = await seed(engine, helsinki(), seed=1, start=START)

    written = await hand_in(engine, first, store, at=START)

    rows = await World(engine, first.id).all(Attachment)
    assert written == len(rows) > 40
    for row in rows:
        with store.open(first.id, row.upload_id) as file:
            content = file.read()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row.bytes, row.sha256)
    assert await hand_in(engine, first, store, at=START) == 0
    assert await hand_in(engine, second, store, at=START) == 0
    await engine.dispose()


def test_a_picture_is_a_png_of_its_size_and_of_its_key() -> None:
    for draw in (pictures.signature, pictures.photo):
        content = draw("a")
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert struct.unpack(">II", content[16:24]) == (pictures.WIDTH, pictures.HEIGHT)
        (length,) = struct.unpack(">I", content[33:37])
        data = zlib.decompress(content[41 : 41 + length])
        assert len(data) == pictures.HEIGHT * (pictures.WIDTH + 1)
        assert len(set(data)) > 1
        assert content == draw("a") != draw("b")
