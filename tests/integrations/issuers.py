"""An identity provider of our own: real keys, discovery and JWKS on a loopback port, tokens of any kind."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

AUDIENCE = "fieldgraph-test"
SUBJECT = "auth|mira"
PRIVATE: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "PS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
STRANGER = rsa.generate_private_key(65537, 2048)


def jwk(algorithm: str, private: Any, key_id: str, **more: object) -> dict[str, Any]:
    """The public half as a provider publishes it."""
    made = get_default_algorithms()[algorithm].to_jwk(private.public_key(), as_dict=True)
    return {**made, "kid": key_id, "use": "sig", **more}


def pem(private: Any) -> bytes:
    """The public half as text: what a confused verifier would take for a secret."""
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    found: bytes = private.public_key().public_bytes(serialization.Encoding.PEM, shape)
    return found


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


class Issuer:
    """Answers over HTTP; `asked` has the paths, `down` answers 503, `body` is told instead of all else."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.down = False
        self.body: bytes | None = None
        self.names: str | None = None
        self.keys = [jwk(algorithm, key, f"key-{algorithm}") for algorithm, key in PRIVATE.items()]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def claims(self, **changed: object) -> dict[str, Any]:
        """Good ones; `...` leaves one out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 600}
        return {name: value for name, value in {**good, **changed}.items() if value is not ...}

    def token(self, algorithm: str = "RS256", **changed: object) -> str:
        return self.signed(json.dumps(self.claims(**changed)).encode(), algorithm)

    def signed(
        self,
        payload: bytes,
        algorithm: str = "RS256",
        *,
        key: Any = None,
        header: dict[str, Any] | None = None,
    ) -> str:
        """Any payload under any header."""
        head = {"typ": "JWT", "kid": f"key-{algorithm}", **(header or {})}
        return jwt.PyJWS().encode(payload, key or PRIVATE[algorithm], algorithm=algorithm, headers=head)

    def raw(self, header: object, payload: object = None, *, private: Any = None) -> str:
        """A header that no library would write, signed by RS256 all the same."""
        text = f"{part(header)}.{part(self.claims() if payload is None else payload)}"
        signer = get_default_algorithms()["RS256"]
        return f"{text}.{part(signer.sign(text.encode(), private or PRIVATE['RS256']))}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")
        self.asked.append(line[1])
        document = {"issuer": self.names or self.url, "jwks_uri": f"{self.url}/keys"}
        found = document if line[1].startswith("/.well-known") else {"keys": self.keys}
        body = self.body if self.body is not None else json.dumps(found).encode()
        status = "503 Down" if self.down else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield issuer
