#!/usr/bin/env python3
"""Checks a station's evidence with nothing of this project's: pycose and cbor2 for receipts and proofs, SQLite for the store.
`evidence.py FOLDER` checks the material that tests/auditors/main.rs describes; `--control` changes one thing after the other and
demands that each change is noticed.
"""

import base64
import hashlib
import io
import pathlib
import shutil
import sqlite3
import sys
import tempfile

import cbor2
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import CoseMessage, Sign1Message

CWT_CLAIMS, ISSUER, SIZE, VDS, RFC9162_SHA256, VDP, INCLUSION = 15, 1, -65537, 395, 1, 396, -1
OPENED, OWN, PEER, PRINTED, ALARM, ENDED, EXPIRED = range(1, 8)


class Refused(Exception):
    """Something is not what it must be."""


def demand(holds, what):
    if not holds:
        raise Refused(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Material:
    """The files of the folder, one byte of one of them changed."""

    def __init__(self, folder, changed=None, at=0, bit=0, store=None):
        self.folder, self.changed, self.at, self.bit = pathlib.Path(folder), changed, at, bit
        self.store = store or self.folder / "store.db"

    def __getitem__(self, name):
        data = bytearray((self.folder / name).read_bytes())
        if name == self.changed:
            data[self.at] ^= 1 << self.bit
        return bytes(data)

    def names(self, pattern):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob(pattern))


# ---- the tree (RFC 9162)


def node(left, right):
    return sha256(b"\1", left, right)


def root_of_inclusion(leaf, index, size, path):
    """RFC 9162 §2.1.3.2."""
    demand(index < size, "an index beyond the tree")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        demand(sn != 0, "a proof that is too long")
        if fn & 1 or fn == sn:
            r = node(p, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    demand(sn == 0, "a proof that is too short")
    return r


def root_of(hashes):
    """RFC 9162 §2.1.1."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else sha256()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root_of(hashes[:split]), root_of(hashes[split:]))


# ---- COSE


def signed_by(data, public_key, detached=None):
    """A COSE_Sign1 whose signature verifies, and its protected header."""
    stream = io.BytesIO(data)
    tag, (protected, unprotected, payload, signature) = (lambda item: (item.tag, item.value))(cbor2.CBORDecoder(stream).decode())
    demand(tag == 18 and not stream.read(), "not one COSE_Sign1")
    # pycose takes a float or a boolean where an integer of the same value belongs, and over-long encodings.
    demand(cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, payload, signature])) == data, "not deterministic")
    header = cbor2.loads(protected)
    demand(cbor2.dumps(header) == protected, "a header that is not deterministic")
    message = CoseMessage.decode(data)
    demand(isinstance(message, Sign1Message), "not a COSE_Sign1")
    demand(message.phdr[Algorithm] is EdDSA and message.phdr[KID] == sha256(public_key), "another key")
    message.key = OKPKey(crv=Ed25519, x=public_key)
    demand((message.payload is None) == (detached is not None), "attached and detached payloads are mixed up")
    verified = message.verify_signature(detached_payload=detached) if detached else message.verify_signature()
    demand(verified, "the signature")
    structure = cbor2.dumps(["Signature1", protected, b"", payload if detached is None else detached])
    return header, unprotected, payload, structure, signature


def check_receipts(material):
    for name in ("own", "peer"):
        receipt = material[f"receipts/{name}.receipt"]
        header, unprotected, payload, structure, signature = signed_by(receipt, material[f"receipts/{name}.key"])
        demand(set(header) == {1, 4} and unprotected == {}, "headers that no receipt has")
        statement = cbor2.loads(payload)
        demand(cbor2.dumps(statement) == payload and statement[1] == 1, "a statement of another version")
        # What openssl is given is what the receipt says.
        demand(structure == material[f"signed/{name}-receipt.message"], "the exported Sig_structure")
        demand(signature == material[f"signed/{name}-receipt.signature"], "the exported signature")


def vkey(text):
    name, key_id, key = text.decode().split("+", 2)
    key = base64.b64decode(key, validate=True)
    demand(len(key) == 33 and key[0] == 1, "not the verifier key of a log")
    demand(key_id == sha256(name.encode(), b"\n", key)[:4].hex(), "the id of the log's key")
    return name, key[1:]


def head(note):
    """Origin, size and root out of a checkpoint, whose signatures are Go's to check."""
    origin, size, root, empty = note.decode().split("\n")[:4]
    demand(empty == "", "not a checkpoint")
    return origin, int(size), base64.b64decode(root, validate=True)


def disclosed_leaf(material, name):
    """The leaf data of an entry about a receipt, for whoever holds the receipt and not the store."""
    written = material[f"{name}.entry"]
    entry = cbor2.loads(written)
    demand(cbor2.dumps(entry) == written and set(entry) == {1, 2, 3, 4, 6} and entry[2] in (OWN, PEER), "an entry of another kind")
    demand(entry[6] == sha256(material[f"{name}.receipt"]), "the entry of another receipt")
    return sha256(material[f"{name}.salt"], written)


def check_inclusion(material, leaves):
    origin, key = vkey(material["log.vkey"])
    log, size, root = head(material["log/checkpoint"])
    demand(log == origin, "the checkpoint of another log")
    names = material.names("proofs/*.inclusion")
    disclosed = set(material.names("proofs/*.receipt"))
    demand(len(names) >= 10 and len(disclosed) >= 6, "too few proofs")
    for name in names:
        data = material[name]
        [proof] = cbor2.loads(data).value[1][VDP][INCLUSION]
        proven_size, index, path = cbor2.loads(proof)
        demand(cbor2.dumps([proven_size, index, path]) == proof, "a proof that is not deterministic")
        leaf = leaves[index]
        if name.replace(".inclusion", ".receipt") in disclosed:
            leaf = disclosed_leaf(material, name.removesuffix(".inclusion"))
        computed = root_of_inclusion(sha256(b"\0", leaf), index, proven_size, path)
        header, unprotected, _, _, _ = signed_by(data, key, detached=computed)
        demand(header[VDS] == RFC9162_SHA256 and header[CWT_CLAIMS] == {ISSUER: origin, SIZE: proven_size}, "another log or size")
        demand(unprotected == {VDP: {INCLUSION: [proof]}}, "more than one proof")
        demand((proven_size, computed) == (size, root) and name == f"proofs/{index}.inclusion", "not the root of the checkpoint")
    return len(names)


# ---- the store


def entry(database, kind, row):
    """The entry of a row, as docs/log.md gives it."""
    if kind in (OPENED, PRINTED, ENDED):
        session, what, opened, printed, ended, outcome = database.execute(
            "SELECT session, kind, opened_unix_ms, print_started_unix_ms, ended_unix_ms, outcome FROM sessions WHERE id = ?", [row]
        ).fetchone()
        special = {OPENED: (opened, {5: what}), PRINTED: (printed, {}), ENDED: (ended, {8: outcome})}
        time, rest = special[kind]
        return {1: 1, 2: kind, 3: time, 4: session, **rest}
    if kind in (OWN, PEER):
        session, time, receipt, own = database.execute(
            "SELECT session, stored_unix_ms, receipt, own FROM receipts WHERE id = ?", [row]
        ).fetchone()
        demand(own == (kind == OWN), "a receipt of another station")
        return {1: 1, 2: kind, 3: time, 4: session, 6: sha256(receipt)}
    if kind == ALARM:
        session, what, time = database.execute("SELECT session, what, raised_unix_ms FROM alarms WHERE id = ?", [row]).fetchone()
        return {1: 1, 2: kind, 3: time, 4: session, 7: what}
    before, time, *counts = database.execute(
        "SELECT before_unix_ms, stored_unix_ms, sessions, receipts, alarms FROM expired WHERE id = ?", [row]
    ).fetchone()
    ranges = database.execute("SELECT first, last FROM expired_positions WHERE expired = ? ORDER BY first", [row]).fetchall()
    return {1: 1, 2: EXPIRED, 3: time, 9: before, 10: counts, 11: [list(positions) for positions in ranges]}


def check_store(material):
    """Every row that has not expired is in the tree that the log signed. Gives the leaf data."""
    database = sqlite3.connect(f"file:{material.store}?mode=ro", uri=True)
    try:
        [version] = database.execute("PRAGMA user_version").fetchone()
        demand(version == 3, "a schema of another version")
        expired, leaves, seen = [], [], set()
        for start, end in database.execute("SELECT first, last FROM expired_positions"):
            expired.extend(range(start, end + 1))
        expired = set(expired)
        for position, kind, row, salt, leaf in database.execute("SELECT position, entry, row, salt, leaf FROM log ORDER BY position"):
            demand(position == len(leaves), "a gap in the log")
            if salt is None:
                demand(row is None and position in expired, "an entry without its row")
            else:
                demand(sha256(salt, cbor2.dumps(entry(database, kind, row))) == leaf, f"entry {position}")
                seen.add((kind, row))
            leaves.append(leaf)
        # And no row is there that is not in the log.
        rows = {
            OPENED: "SELECT id FROM sessions",
            PRINTED: "SELECT id FROM sessions WHERE print_started_unix_ms IS NOT NULL",
            ENDED: "SELECT id FROM sessions WHERE outcome IS NOT NULL",
            OWN: "SELECT id FROM receipts WHERE own = 1",
            PEER: "SELECT id FROM receipts WHERE own = 0",
            ALARM: "SELECT id FROM alarms",
            EXPIRED: "SELECT id FROM expired",
        }
        there = {(kind, row) for kind, query in rows.items() for (row,) in database.execute(query)}
        demand(there == seen, "rows that are not in the log, or entries whose rows are gone")
        demand(len(seen) + len(expired) == len(leaves) and expired, "positions that expired and did not")
        _, size, root = head(material["log/checkpoint"])
        demand(size == len(leaves) and root_of([sha256(b"\0", leaf) for leaf in leaves]) == root, "the root of the checkpoint")
        return leaves
    except (TypeError, ValueError, sqlite3.Error) as error:
        raise Refused(f"the store cannot be read: {error}") from error
    finally:
        database.close()


# ---- the controls

CHANGES = [
    "UPDATE receipts SET receipt = zeroblob(length(receipt)) WHERE id = (SELECT max(id) FROM receipts)",
    "UPDATE receipts SET stored_unix_ms = stored_unix_ms + 1 WHERE id = (SELECT max(id) FROM receipts)",
    "DELETE FROM receipts WHERE id = (SELECT max(id) FROM receipts)",
    "DELETE FROM sessions WHERE id = (SELECT max(id) FROM sessions)",
    "DELETE FROM alarms WHERE id = (SELECT max(id) FROM alarms)",
    "UPDATE alarms SET what = 'nothing' WHERE id = (SELECT max(id) FROM alarms)",
    "UPDATE sessions SET kind = 'another kind' WHERE id = (SELECT max(id) FROM sessions)",
    "UPDATE sessions SET outcome = 3 WHERE id = (SELECT max(id) FROM sessions)",
    "UPDATE sessions SET print_started_unix_ms = NULL WHERE id = (SELECT max(id) FROM sessions)",
    "INSERT INTO alarms (session, what, raised_unix_ms) VALUES (zeroblob(32), 'invented', 1)",
    "DELETE FROM log WHERE position = (SELECT max(position) FROM log)",
    "DELETE FROM log WHERE position = 100",
    "UPDATE log SET leaf = zeroblob(32) WHERE position = 0",
    "UPDATE log SET salt = zeroblob(32) WHERE position = 100",
    "UPDATE log SET row = NULL, salt = NULL WHERE position = 100",
    "UPDATE expired SET sessions = sessions + 1",
    "DELETE FROM expired_positions",
]


def control(folder, leaves):
    """Every change is noticed."""
    changes = 0

    def noticed(check, material, what):
        nonlocal changes
        changes += 1
        try:
            check(material)
        except Exception:  # whatever a reader does but accept
            return
        raise SystemExit(f"a change was not noticed: {what}")

    material = Material(folder)
    inclusion = lambda changed: check_inclusion(changed, leaves)
    files = [(name, check_receipts) for name in material.names("receipts/*")]
    one = material.names("proofs/*.receipt")[0].removesuffix(".receipt")
    names = [f"{one}.{kind}" for kind in ("inclusion", "receipt", "salt", "entry")]
    files += [(name, inclusion) for name in [*names, "log.vkey"]]
    for name, check in files:
        for at in range(len(material[name])):
            noticed(check, Material(folder, name, at, at % 8), f"{name}, byte {at}")
    noticed(lambda good: check_inclusion(good, [leaves[1], leaves[0], *leaves[2:]]), material, "entries in another order")

    with tempfile.TemporaryDirectory() as place:
        for change in CHANGES:
            copy = pathlib.Path(place) / "store.db"
            shutil.copy(material.store, copy)
            database = sqlite3.connect(copy)
            for (trigger,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {trigger}")
            demand(database.execute(change).rowcount > 0, f"this changes nothing: {change}")
            database.commit()
            database.close()
            noticed(check_store, Material(folder, store=copy), change)
    print(f"Python: {changes} changes, each noticed")


def main(folder, *options):
    material = Material(folder)
    leaves = check_store(material)
    check_receipts(material)
    proofs = check_inclusion(material, leaves)
    print(f"Python: {len(leaves)} entries of the store are in the log; 2 receipts, {proofs} receipts of inclusion")
    if options == ("--control",):
        control(folder, leaves)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as error:
        sys.exit(f"refused: {error}")
