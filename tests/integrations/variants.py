"""Every way in which a token is not good, by name: each is refused, whichever door it comes to."""

import json
import time
from collections.abc import Callable, Mapping

import jwt

from tests.integrations.issuers import AUDIENCE, PRIVATE, STRANGER, Issuer, jwk, part, pem

NOW = int(time.time())
HEAD = {"alg": "RS256", "kid": "key-RS256", "typ": "JWT"}
CLAIMS: Mapping[str, Mapping[str, object]] = {
    "another audience": {"aud": "other"},
    "audiences without ours": {"aud": ["other", "third"]},
    "an audience among numbers": {"aud": [AUDIENCE, 3]},
    "a longer audience": {"aud": f"{AUDIENCE}-2"},
    "no audience": {"aud": ...},
    "another issuer": {"iss": "https://login.example"},
    "no issuer": {"iss": ...},
    "an issuer in a list": {"iss": ["http://127.0.0.1"]},
    "expired": {"exp": NOW - 1},
    "expired long ago": {"exp": 1},
    "never expires": {"exp": ...},
    "expires in words": {"exp": "tomorrow"},
    "expires at a fraction": {"exp": NOW + 600.5},
    "expires when true": {"exp": True},
    "expires beyond time": {"exp": 10**30},
    "expires before time": {"exp": -5},
    "not good yet": {"nbf": NOW + 3600},
    "good from a word on": {"nbf": "now"},
    "good from null on": {"nbf": None},
    "issued in the future": {"iat": NOW + 3600},
    "issued at no time": {"iat": ...},
    "issued in words": {"iat": "now"},
    "nobody": {"sub": ...},
    "an empty subject": {"sub": ""},
    "a subject of another type": {"sub": 3},
    "subjects": {"sub": ["auth|mira"]},
    "a subject beyond measure": {"sub": "x" * 300},
    "a subject with NUL": {"sub": "auth|mira\0"},
    "an organization of another type": {"fieldgraph_organization": 3},
    "an organization that is none": {"fieldgraph_organization": "north"},
}
HEADERS: Mapping[str, Mapping[str, object]] = {
    "an unknown key": {"kid": "key-X"},
    "no key": {"kid": None},
    "a key that is a number": {"kid": 1},
    "a key that is a path": {"kid": "../../../../dev/null"},
    "a key that is SQL": {"kid": "x' UNION SELECT 'k"},
    "a key that is an address": {"kid": "http://127.0.0.1/keys"},
    "a key without end": {"kid": "k" * 2000},
    "the key of another algorithm": {"kid": "key-ES256"},
    "an algorithm of its own": {"alg": "RS257"},
    "an algorithm in small letters": {"alg": "rs256"},
    "an algorithm that is a list": {"alg": ["RS256"]},
    "no algorithm": {"alg": None},
    "none": {"alg": "none"},
    "None": {"alg": "None"},
    "the key's other algorithm": {"alg": "PS256"},
    "critical extensions": {"crit": ["exp"], "exp": NOW},
    "no critical extensions": {"crit": []},
    "a payload that is not encoded": {"b64": False, "crit": ["b64"]},
    "compressed": {"zip": "DEF"},
    "encrypted": {"enc": "A128GCM"},
    "a token within the token": {"cty": "JWT"},
    "another type": {"typ": "logout+jwt"},
    "a type that is a number": {"typ": 1},
}


def _tampered(place: int) -> Callable[[Issuer], str]:
    def spoil(issuer: Issuer) -> str:
        parts = issuer.token().split(".")
        middle = len(parts[place]) // 2
        letter = "A" if parts[place][middle] != "A" else "B"
        parts[place] = parts[place][:middle] + letter + parts[place][middle + 1 :]
        return ".".join(parts)

    return spoil


def _last_letter(issuer: Issuer) -> str:
    """Only spare bits differ: a lenient reader would take it for the same token."""
    token = issuer.token()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]


def _other_payload(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{part(issuer.claims(sub='auth|admin'))}.{signature}"


def _confused(issuer: Issuer) -> str:
    """HMAC with the public key, which everybody has, as its secret."""
    head = part({"alg": "HS256", "typ": "JWT", "kid": "key-RS256"})
    text = f"{head}.{part(issuer.claims())}"
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{text}.{part(signer.sign(text.encode(), pem(PRIVATE['RS256'])))}"


def _stranger(**header: object) -> Callable[[Issuer], str]:
    return lambda issuer: issuer.raw({**HEAD, **header}, private=STRANGER)


def _own_key(issuer: Issuer) -> str:
    """The forger's key comes with the token."""

    return issuer.raw({**HEAD, "kid": "mine", "jwk": jwk("RS256", STRANGER, "mine")}, private=STRANGER)


def _twice(issuer: Issuer) -> str:
    payload = json.dumps(issuer.claims())[:-1] + ', "sub": "auth|admin"}'
    return issuer.signed(payload.encode())


def _nested(issuer: Issuer) -> str:
    return issuer.signed(issuer.token().encode())


SHAPES: Mapping[str, Callable[[Issuer], str]] = {
    "a changed header": _tampered(0),
    "a changed payload": _tampered(1),
    "a changed signature": _tampered(2),
    "another last letter": _last_letter,
    "another payload": _other_payload,
    "the public key for a secret": _confused,
    "a stranger's signature": _stranger(),
    "a stranger's jku": _stranger(jku="http://127.0.0.1:9/keys", kid="mine"),
    "a stranger's x5u": _stranger(x5u="http://127.0.0.1:9/cert"),
    "a stranger's x5c": _stranger(x5c=["MIIB"]),
    "a stranger's jwk": _own_key,
    "a name twice": _twice,
    "a token for a payload": _nested,
    "a list for a payload": lambda issuer: issuer.signed(b"[]"),
    "no JSON for a payload": lambda issuer: issuer.signed(b"{"),
    "NaN for a payload": lambda issuer: issuer.signed(b'{"exp": NaN}'),
    "no UTF-8 for a payload": lambda issuer: issuer.signed(b'{"sub": "\xff"}'),
    "depth for a payload": lambda issuer: issuer.signed(b"[" * 1500),
    "no signature": lambda issuer: issuer.token().rsplit(".", 1)[0] + ".",
    "two parts": lambda issuer: issuer.token().rsplit(".", 1)[0],
    "four parts": lambda issuer: issuer.token() + ".e30",
    "five parts": lambda issuer: "e30." + issuer.token() + ".e30",
    "an empty part": lambda issuer: issuer.token().replace(".", "..", 1),
    "padding": lambda issuer: issuer.token() + "=",
    "standard base64": lambda issuer: issuer.token()[:-2] + "+/",
    "a space within": lambda issuer: issuer.token().replace(".", ". ", 1),
    "another token behind": lambda issuer: f"{issuer.token()} {issuer.token()}",
    "letters of another script": lambda issuer: issuer.token()[:-1] + "\u0430",
    "beyond measure": lambda issuer: issuer.token(note="x" * 5000),
    "a secret's start": lambda _issuer: "key_" + "x" * 42,
    "a link that nobody has": lambda _issuer: "trk_" + "x" * 43,
    "a key that nobody has": lambda _issuer: "key_" + "x" * 43,
    "a user's token that nobody has": lambda _issuer: "usr_" + "x" * 43,
    "a secret of another kind": lambda _issuer: "adm_" + "x" * 43,
    "a secret with a dot": lambda _issuer: "key_" + "x" * 20 + "." + "x" * 22,
}


def variants() -> Mapping[str, Callable[[Issuer], str]]:
    """All of them."""

    def claimed(changed: Mapping[str, object]) -> Callable[[Issuer], str]:
        return lambda issuer: issuer.token("RS256", **changed)

    def headed(changed: Mapping[str, object]) -> Callable[[Issuer], str]:
        header = {name: value for name, value in {**HEAD, **changed}.items() if value is not None}
        return lambda issuer: issuer.raw(header)

    return {
        **{name: claimed(changed) for name, changed in CLAIMS.items()},
        **{name: headed(changed) for name, changed in HEADERS.items()},
        **SHAPES,
    }
