"""Frames and bodies of docs/protocol.md: what is not in the one deterministic encoding, or beyond its bounds, is refused."""

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ISSUER, CENTRE, EC_CENTRE, KIOSK = 1, 2, 3, 4
HELLO, CHALLENGE, APPLY, OFFER, CHUNK, CREDIT, RECEIVED, RELEASE, OPENED, ERASED, COMPLETE, CANCEL = range(1, 13)
ATTACHMENT, RECORDED = 13, 14
NAMES = "Hello Challenge Apply Offer Chunk Credit Received Release Opened Erased Complete Cancel Attachment Recorded".split()
ROLES = ["issuer", "certificate-centre", "ec-centre", "kiosk"]
ZEROS = bytes(32)


class Refused(Exception):
    """What was read is not as docs/protocol.md says."""


def demand(holds, what):
    if not holds:
        raise Refused(what)


def canonical(data):
    """The value of the one deterministic encoding (RFC 8949 §4.2.1) of an item, and nothing behind it."""
    try:
        value = cbor2.loads(data)
        demand(cbor2.dumps(value, canonical=True) == data, "not the deterministic encoding")
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"no CBOR: {error}") from error
    return value


def number(limit=2**64 - 1):
    return lambda value: type(value) is int and 0 <= value <= limit


def string(most, least=0):
    return lambda value: type(value) is bytes and least <= len(value) <= most


def name(value):
    control = lambda letter: ord(letter) < 32 or 127 <= ord(letter) < 160
    return type(value) is str and 1 <= len(value.encode()) <= 64 and not any(map(control, value))


digest, certificate, public_key, index = string(32, 32), string(4096), string(2048), number(2**32 - 1)
HEADER = [digest, string(16, 16), name, name, name, number(255), public_key, certificate]
BODIES = {
    HELLO: [name, name, string(16), certificate],
    CHALLENGE: [digest, string(16, 16), public_key, number(), certificate],
    APPLY: [string(2048 + 4096 + 512), public_key, string(8192)],
    OFFER: [number(), index, string(32 * 1536, 32), digest, digest],
    CHUNK: [index, string(61440)],
    CREDIT: [index, index],
    RECEIVED: [index, digest],
    RELEASE: [public_key, string(64), string(8192), certificate],
    OPENED: [lambda value: type(value) is bool],
    ERASED: [string(8192), certificate, certificate],
    COMPLETE: [lambda value: type(value) is int and 1 <= value <= 3, certificate],
    CANCEL: [lambda value: type(value) is int and 1 <= value <= 10, certificate],
    ATTACHMENT: [string(4096), certificate],
    RECORDED: [lambda value: type(value) is bool, certificate],
}


def items(data, shape):
    values = canonical(data)
    demand(type(values) is list and len(values) == len(shape), "the number of items")
    demand(all(fits(value) for fits, value in zip(shape, values)), "an item of a body")
    return values


class Frame:
    def __init__(self, data):
        demand(len(data) <= 61440, "a frame is too large")
        demand(data[:1] == b"\x88", "an array of eight")
        # A later version may have anything behind its number.
        demand(data[1:2] == b"\x01", "version 1, in its shortest form")
        values = canonical(data)
        demand(type(values) is list and len(values) == 8, "eight items")
        self.data, (version, self.suite, self.type, self.role, self.session, self.previous, self.body, self.signature) = data, values
        for value, most in [(version, 1), (self.suite, 2), (self.type, 14), (self.role, 4)]:
            demand(type(value) is int and 1 <= value <= most, "version, suite, type or role")
        demand(digest(self.session) and digest(self.previous) and type(self.body) is bytes, "session, previous or body")
        size = 0 if self.type in (CHUNK, CREDIT) else 64
        demand(type(self.signature) is bytes and len(self.signature) == size, "a signature where there must be one")

    def read(self):
        values = items(self.body, BODIES[self.type])
        if self.type == OFFER:
            length, size, hashed = values[:3]
            demand(len(hashed) % 32 == 0 and length > 0 and size > 0, "the shape of a document")
            demand(-(-length // size) == len(hashed) // 32, "as many hashes as the length needs")
        if self.type == APPLY:
            items(values[0], HEADER)
        return values

    def verify(self, key):
        signed = b"shokyo message v1" + cbor2.dumps(cbor2.loads(self.data)[:7], canonical=True)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(self.signature, signed)
        except InvalidSignature as error:
            raise Refused("a signature") from error
