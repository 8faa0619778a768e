#!/usr/bin/env python3
"""Reads the test vectors of docs/protocol.md with nothing of this project's: cbor2 for the encoding, pycose for receipts, pyhpke
and cryptography for everything else. `decode.py` checks every frame, hash, signature, receipt, key and chunk, and that what must
be refused is refused; `decode.py --control` changes one byte after the other and demands that each change is noticed.
"""

import copy
import hashlib
import hmac
import json
import pathlib
import sys

import cbor2
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import CoseMessage, Sign1Message
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from wire import (
    APPLY, ATTACHMENT, CANCEL, CHALLENGE, CHUNK, COMPLETE, CREDIT, ERASED, HELLO, ISSUER, KIOSK, NAMES, OFFER, OPENED, RECEIVED,
    RECORDED, RELEASE, ROLES, ZEROS, Frame, Refused, canonical, demand,
)

HERE = pathlib.Path(__file__).parent
SESSIONS = ["session-x-wing.json", "session-x25519.json", "session-cancelled.json"]


# ---- cryptography


def H(label, *parts):
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in (label.encode(), *parts))).digest()


class XWing:
    """X-Wing (draft-connolly-cfrg-xwing-kem) as pyhpke wants it, of ML-KEM-768, X25519, SHAKE256 and SHA3-256."""

    LABEL = rb"\.//^" + b"\\"

    class id:
        value = 0x647A

    @staticmethod
    def keys(seed):
        expanded = hashlib.shake_256(seed).digest(96)
        return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])

    def public(self, seed):
        post, classical = self.keys(seed)
        return post.public_key().public_bytes_raw() + classical.public_key().public_bytes_raw()

    def decap(self, encapsulated, seed, _=None):
        post, classical = self.keys(seed)
        shared = post.decapsulate(encapsulated[:1088])
        agreed = classical.exchange(X25519PublicKey.from_public_bytes(encapsulated[1088:]))
        mine = classical.public_key().public_bytes_raw()
        return hashlib.sha3_256(shared + agreed + encapsulated[1088:] + mine + self.LABEL).digest()


PLAIN = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
HYBRID = CipherSuite(XWing(), PLAIN._kdf, PLAIN._aead)


def public_of(suite, private):
    if suite == 1:
        return XWing().public(private)
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def hpke_open(suite, private, encapsulated, info, aad, sealed):
    """Plaintext and exported secret, by pyhpke; and the plaintext once more by cryptography, which has X-Wing of its own."""
    try:
        if suite == 1:
            keys = hpke.MLKEM768X25519PrivateKey(*XWing.keys(private))
            context = HYBRID.create_recipient_context(encapsulated, private, info)
        else:
            keys = X25519PrivateKey.from_private_bytes(private)
            context = PLAIN.create_recipient_context(encapsulated, PLAIN.kem.deserialize_private_key(private), info)
        plain = context.open(sealed, aad)
        kem = hpke.KEM.MLKEM768_X25519 if suite == 1 else hpke.KEM.X25519
        whole = hpke.Suite(kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
        again = openssl.hpke._decrypt_with_aad(whole, encapsulated + sealed, keys, info, aad)
    except Exception as error:
        raise Refused(f"HPKE: {error!r}") from error
    demand(bytes(again) == plain, "two implementations of HPKE")
    return plain, context.export(b"subject", 32)


def commitment(key, context):
    return HKDF(hashes.SHA256(), 32, b"shokyo commit", context).derive(key)


def open_receipt(data, key):
    """The statement of a receipt: COSE_Sign1, tagged, EdDSA, by the station's key for receipts."""
    try:
        canonical(data)
        message = CoseMessage.decode(data)
        demand(type(message) is Sign1Message and message.uhdr == {}, "the envelope of a receipt")
        kid = hashlib.sha256(key).digest()
        demand(canonical(cbor2.loads(data).value[0]) == {1: -8, 4: kid}, "the header of a receipt")
        message.key = OKPKey(crv=Ed25519, x=key)
        demand(message.verify_signature(), "the signature of a receipt")
        statement = canonical(message.payload)
        rest = {label: value for label, value in statement.items() if label != 2}
        identifier = hashlib.sha256(b"shokyo receipt id 1" + kid + cbor2.dumps(rest, canonical=True)).digest()
        demand(statement[1] == 1 and statement[2] == identifier, "the identifier of a receipt")
        return statement
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"no receipt: {error!r}") from error


# ---- a session


def check(vector):
    """Everything in a session, in its order; gives what it worked out."""
    stations = {s["role"]: {k: unhex(v) if "_" in k else v for k, v in s.items()} for s in vector["stations"]}
    secret = {name: unhex(value) for name, value in vector["secrets"].items()}
    for role, station in stations.items():
        for use in ("messages", "receipts"):
            seed = Ed25519PrivateKey.from_private_bytes(secret[f"station_{role}_{use}_seed"])
            demand(seed.public_key().public_bytes_raw() == station[f"{use}_public"], "a signing key")
    seen, derived, attached, chunks, granted = {}, {}, {}, [], 0
    session = suite = offer = None

    def before(kind, role):
        demand((kind, role) in seen, f"{NAMES[kind - 1]} is missing")
        return seen[kind, role]

    def receipt(role, data, certificate):
        demand(certificate == stations[role]["receipts_certificate"], "a certificate for receipts")
        statement = open_receipt(data, stations[role]["receipts_public"])
        said = [statement[label] for label in (3, 4, 5, 6)]
        demand(said == [session, role, stations[role]["station"], stations[role]["operator"]], "whose receipt it is")
        return statement[9]

    for entry in vector["frames"]:
        data = unhex(entry["bytes"])
        frame = Frame(data)
        kind, role, this = frame.type, frame.role, H("shokyo frame v1", data)
        demand([entry["message"], entry["from"], entry["hash"]] == [NAMES[kind - 1], ROLES[role - 1], this.hex()], "the description")
        values = frame.read()
        senders = dict.fromkeys([CHALLENGE, OFFER, CHUNK, RELEASE, COMPLETE, RECORDED], [1]) | {ERASED: [2, 3, 4], ATTACHMENT: [2, 3]}
        demand(role in senders.get(kind, [1, 2, 3, 4] if kind == CANCEL else [4]), "who sends it")
        if frame.signature:
            frame.verify(stations[role]["messages_public"])
        if kind in (HELLO, CHALLENGE, ERASED, COMPLETE, CANCEL, ATTACHMENT, RECORDED):
            demand(values[-1] == stations[role]["messages_certificate"], "the certificate of the sender")
        previous = {CHALLENGE: (HELLO, 4), APPLY: (CHALLENGE, 1), OFFER: (APPLY, 4), RELEASE: (RECEIVED, 4), OPENED: (RELEASE, 1)}
        previous[RECORDED] = (ERASED, 4)
        previous |= dict.fromkeys([CHUNK, CREDIT, RECEIVED, ATTACHMENT], (OFFER, 1))
        answers = before(*previous[kind]) if kind in previous else ZEROS
        if kind == ERASED and role == KIOSK:
            answers = seen.get((RELEASE, ISSUER), ZEROS)
        demand(frame.previous == answers, "what it answers")

        if kind == HELLO:
            demand(values[:2] == [stations[1]["operator"], stations[1]["station"]], "the issuer that is asked")
            demand(values[2][0] == frame.suite, "the first suite of the list")
            session, offered = frame.session, values[2]
            derived["exchange"] = session.hex()
        elif kind == CHALLENGE:
            suite = frame.suite
            demand(frame.session == session and suite in offered, "the exchange, and a suite that was offered")
            demand(values[2] == public_of(suite, secret["challenge_private"]), "the challenge's key")
            nonce, epoch = values[:2]
        elif kind == APPLY:
            header = canonical(values[0])
            demand(header[:2] == [nonce, epoch], "the challenge of an application")
            demand(header[2:4] == [stations[1]["operator"], stations[1]["station"]] and header[5] > 0, "what is applied for")
            demand(header[6] == public_of(suite, secret["reply_private"]), "the reply key")
            demand(header[7] == stations[4]["messages_certificate"], "the kiosk's certificate")
            kiosk = [stations[4][key].encode() for key in ("operator", "station")]
            session, context = H("shokyo session v1", nonce, *kiosk, header[6]), this
            info = H("shokyo application v1", values[0])
            plain, key = hpke_open(suite, secret["challenge_private"], values[1], info, b"application", values[2])
            demand(key == secret["subject_key"], "the subject key")
            subject = plain[2 : 2 + int.from_bytes(plain[:2], "big")]
            tag = hmac.digest(key, b"shokyo subject v1" + subject, "sha256")
            derived |= dict(session=session.hex(), application_info=info.hex(), application_hash=context.hex())
            derived |= dict(application_plaintext=plain.hex(), subject_tag=tag.hex())
        if kind > CHALLENGE:
            demand(frame.session == session and frame.suite == suite, "session and suite")
        if kind == OFFER:
            offer = values
            demand(hmac.compare_digest(values[4], tag), "the subject of the document")
            demand(values[3] == commitment(secret["document_key"], context), "the commitment")
            hashed = [values[2][at : at + 32] for at in range(0, len(values[2]), 32)]
            derived["commitment"] = values[3].hex()
        elif kind == CREDIT:
            demand(values[0] == granted < values[1] <= len(hashed), "credit")
            granted = values[1]
        elif kind == CHUNK:
            demand(values[0] == len(chunks) < granted, "chunks in order, on credit")
            demand(H("shokyo chunk hash v1", values[1]) == hashed[len(chunks)], "the hash of a chunk")
            chunks.append(values[1])
        elif kind == ATTACHMENT:
            attached[role] = this
        elif kind == RECEIVED:
            all_attached = H("shokyo attachments v1", *(bytes([role]) + attached[role] for role in sorted(attached)))
            demand(values == [len(hashed), all_attached] and len(chunks) == len(hashed), "everything was received")
            derived |= dict(attachments_hash=all_attached.hex(), wrap_info=this.hex(), chunks=[])
            length = 0
            for at, sealed in enumerate(chunks):
                tail = at.to_bytes(8, "big") + bytes([at + 1 == len(chunks)])
                chunk_nonce, aad = bytes(3) + tail, b"shokyo chunk v1" + session + context + tail
                try:
                    plain = AESGCM(secret["document_key"]).decrypt(chunk_nonce, sealed, aad)
                except Exception as error:
                    raise Refused("a chunk's tag") from error
                demand(at + 1 == len(chunks) or len(plain) == offer[1], "whole chunks but the last")
                derived["chunks"].append(dict(nonce=chunk_nonce.hex(), aad=aad.hex(), plaintext=plain.hex()))
                length += len(plain)
            demand(length == offer[0], "the length of the document")
        elif kind == RELEASE:
            received = before(RECEIVED, KIOSK)
            key, _ = hpke_open(suite, secret["reply_private"], values[0], received, session, values[1])
            demand(key == secret["document_key"], "the wrapped key")
            demand(receipt(role, values[2], values[3]) == 1, "the receipt says key-wiped")
        elif kind == OPENED:
            demand(values == [True], "the document opened")
        elif kind == ERASED:
            demand(receipt(role, *values[:2]) == (3 if role == KIOSK else 4), "the receipt says erased, or not retained")
        seen[kind, role] = this
    demand(derived == vector["derived"], "the derived values")
    return len(vector["frames"])


def unhex(text):
    return bytes.fromhex(text)


def check_refused(vectors, stations):
    """How many frames, bodies and signatures are refused where they must be, and not before."""
    counts = {"frame": 0, "body": 0, "signature": 0}
    for vector in vectors:
        data = unhex(vector["bytes"])
        data = data[: vector.get("at", 0)] + bytes(vector.get("zeros", 0)) + data[vector.get("at", 0) :]
        reached = "frame"
        try:
            frame = Frame(data)
            reached = "body"
            frame.read()
            reached = "signature"
            frame.verify(stations[frame.role])
            reached = "the end"
        except Refused:
            pass
        demand(reached == vector["where"], f"refused at {reached}, not {vector['where']}: {vector['why']}")
        counts[reached] += 1
    return counts


def control(vector):
    """One byte after the other in every field of every frame is changed, and every secret: none may pass."""
    check(vector)
    changes = 0
    for position, entry in enumerate(vector["frames"]):
        data = unhex(entry["bytes"])
        for at in sorted({*range(5), 7, 42, 76, 78, 82, len(data) // 2, len(data) - 1, *range(90, len(data), 97)} & {*range(len(data))}):
            if entry["message"] == "Credit" and at > 73 and not any(e["message"] == "Received" for e in vector["frames"]):
                # Unsigned, and it only sets the pace: without what follows there is nothing that it contradicts.
                continue
            changed = copy.deepcopy(vector)
            flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            # The description follows, so that it is not what notices.
            changed["frames"][position] |= dict(bytes=flipped.hex(), hash=H("shokyo frame v1", flipped).hex())
            must_fail(changed, f"{entry['message']}, byte {at}")
            changes += 1
    for field in ("secrets", "derived"):
        for key, value in vector[field].items():
            if key.endswith("randomness") or not isinstance(value, str):
                continue
            changed = copy.deepcopy(vector)
            changed[field][key] = bytes([unhex(value)[0] ^ 8, *unhex(value)[1:]]).hex()
            must_fail(changed, f"{field}, {key}")
            changes += 1
    return changes


def must_fail(vector, what):
    try:
        check(vector)
    except Refused:
        return
    sys.exit(f"a change was not noticed: {what}")


def main():
    vectors = {name: json.loads((HERE / name).read_text()) for name in [*SESSIONS, "refused.json"]}
    if sys.argv[1:] == ["--control"]:
        for name in SESSIONS:
            print(f"{name}: {control(vectors[name])} changes, each noticed")
        return
    for name in SESSIONS:
        print(f"{name}: {check(vectors[name])} frames hold")
    stations = {s["role"]: unhex(s["messages_public"]) for s in vectors["session-x25519.json"]["stations"]}
    print("refused.json:", check_refused(vectors["refused.json"], stations))


if __name__ == "__main__":
    try:
        main()
    except Refused as error:
        sys.exit(f"refused: {error}")
