-- The evidence of one station. Made to be read with any SQLite client, by an auditor who has no other tool.
-- It is made to hold no personal data, no document's content, no digest of a document, and no key.
-- Times are milliseconds since 1970-01-01 UTC by the station's own clock.
--
-- Every record is also an entry of a Merkle tree (RFC 9162 section 2.1), whose root the station signs with each batch that it
-- writes. What is written is never changed; it is deleted only when it is older than the configured period, and an entry says so.
-- The triggers at the end refuse anything else: a guard against mistakes. What shows tampering is the tree, and the checkpoints
-- and receipts that others hold.

PRAGMA application_id = 0x73686B79; -- "shky"
PRAGMA user_version = 3;            -- the version of this schema

-- One row per handover that this station took part in. Written before any key of it exists, so that a session that a
-- power cut ended is still found here, without an outcome, when the station starts again.
CREATE TABLE sessions (
    id                    INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they were opened
    session               BLOB    NOT NULL UNIQUE CHECK (typeof(session) = 'blob' AND length(session) = 32),
    kind                  TEXT    NOT NULL,             -- what kind of document, as the operator names it; not whose
    opened_unix_ms        INTEGER NOT NULL,
    print_started_unix_ms INTEGER,                      -- durable before the first byte went to a printer; once only
    ended_unix_ms         INTEGER,
    outcome               INTEGER CHECK (outcome IN (1, 2, 3, 4)), -- 1 complete, 2 ended without delivery, 3 unresolved, 4 lost
    CHECK ((ended_unix_ms IS NULL) = (outcome IS NULL))
) STRICT;

CREATE INDEX sessions_open  ON sessions (opened_unix_ms) WHERE outcome IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_unix_ms)  WHERE outcome IS NOT NULL;

-- Signed receipts, this station's own and those of the others (COSE_Sign1, RFC 9052). The columns beside the receipt repeat
-- what it says, for searching; only the signed bytes are evidence.
CREATE TABLE receipts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order in which they were written
    session        BLOB    NOT NULL CHECK (length(session) = 32),
    own            INTEGER NOT NULL CHECK (own IN (0, 1)), -- 1: made by this station
    event          INTEGER NOT NULL, -- 1 key wiped, 2 closed, 3 erased, 4 relayed and not retained, 5 lost at restart,
                                     -- 6 unresolved, 7 forgotten, 8 not erased
    role           INTEGER NOT NULL, -- 1 issuing system, 2 certificate centre, 3 EC centre, 4 kiosk
    station        TEXT    NOT NULL,
    stored_unix_ms INTEGER NOT NULL,
    hash           BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the receipt, by which the next one names it
    receipt        BLOB    NOT NULL
) STRICT;

CREATE INDEX receipts_by_session ON receipts (session);
CREATE INDEX receipts_by_time    ON receipts (stored_unix_ms);

-- What must be looked at by a person. A later success does not clear an alarm.
CREATE TABLE alarms (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    session        BLOB    NOT NULL CHECK (length(session) = 32),
    what           TEXT    NOT NULL,
    raised_unix_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX alarms_by_session ON alarms (session);
CREATE INDEX alarms_by_time    ON alarms (raised_unix_ms);

-- Certificates of the keys that signed this station's receipts: a receipt's header names its key by `kid`.
CREATE TABLE certificates (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,    -- the order in which they came into use
    kid           BLOB    NOT NULL CHECK (length(kid) = 32), -- SHA-256 of the 32-byte Ed25519 public key
    certificate   BLOB    NOT NULL,                     -- X.509, DER
    since_unix_ms INTEGER NOT NULL,                     -- when the station first started with it
    UNIQUE (kid, certificate)
) STRICT;

-- Work, not evidence: this station's receipts that nobody upstream has acknowledged, to be sent again. A row goes when the session
-- ends acknowledged, or when the issuing system answers for the receipt.
CREATE TABLE outbox (
    receipt INTEGER PRIMARY KEY REFERENCES receipts (id) ON DELETE CASCADE
) STRICT;

-- What was deleted because it was older than the configured period: the sessions that had ended before this time, with all their
-- rows above.
CREATE TABLE expired (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    before_unix_ms INTEGER NOT NULL,
    stored_unix_ms INTEGER NOT NULL,
    sessions       INTEGER NOT NULL,
    receipts       INTEGER NOT NULL,
    alarms         INTEGER NOT NULL
) STRICT;

-- The log: the tree's entries in their order, one for each thing that was recorded.
CREATE TABLE log (
    position INTEGER PRIMARY KEY CHECK (position >= 0), -- 0, 1, 2, ... without a gap
    entry    INTEGER NOT NULL CHECK (entry BETWEEN 1 AND 7),
                               -- 1 opened, 2 own receipt, 3 another's receipt, 4 printing began, 5 alarm, 6 ended, 7 expired
    row      INTEGER,          -- id in sessions (1, 4, 6), receipts (2, 3), alarms (5), expired (7)
    salt     BLOB    CHECK (length(salt) = 32),         -- random, so that the leaf tells nothing of the entry
    leaf     BLOB    NOT NULL CHECK (length(leaf) = 32), -- SHA-256(salt || the entry in CBOR); docs/custody.md
    CHECK ((row IS NULL) = (salt IS NULL)) -- both NULL: expired
) STRICT;

-- The positions whose rows and salts an expired entry deleted, first and last included.
CREATE TABLE expired_positions (
    expired INTEGER NOT NULL REFERENCES expired (id),
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL CHECK (last >= first),
    PRIMARY KEY (first)
) STRICT, WITHOUT ROWID;

CREATE INDEX expired_positions_of ON expired_positions (expired);
CREATE INDEX log_of_row ON log (entry, row) WHERE row IS NOT NULL;

-- The tree's hashes in tiles of height 8 (C2SP tlog-tiles): level 0 the hashes of the leaves, each level above the roots of full
-- tiles below. 32 bytes each, 256 in a full tile.
CREATE TABLE tiles (
    level  INTEGER NOT NULL,
    tile   INTEGER NOT NULL,
    hashes BLOB    NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (level, tile)
) STRICT;

-- Signed checkpoints (C2SP tlog-checkpoint): the newest, and the last of each hour before.
CREATE TABLE checkpoints (
    size           INTEGER PRIMARY KEY,  -- how many entries it covers
    signed_unix_ms INTEGER NOT NULL,
    note           TEXT    NOT NULL
) STRICT;

CREATE TRIGGER sessions_only_go_on BEFORE UPDATE ON sessions
    WHEN NEW.id IS NOT OLD.id OR NEW.session IS NOT OLD.session OR NEW.kind IS NOT OLD.kind
      OR NEW.opened_unix_ms IS NOT OLD.opened_unix_ms
      OR (OLD.print_started_unix_ms IS NOT NULL AND NEW.print_started_unix_ms IS NOT OLD.print_started_unix_ms)
      OR (OLD.outcome IS NOT NULL AND (NEW.outcome IS NOT OLD.outcome OR NEW.ended_unix_ms IS NOT OLD.ended_unix_ms))
    BEGIN SELECT RAISE(ABORT, 'what a session has recorded is never changed'); END;
CREATE TRIGGER receipts_do_not_change BEFORE UPDATE ON receipts BEGIN SELECT RAISE(ABORT, 'receipts are never changed'); END;
CREATE TRIGGER alarms_do_not_change   BEFORE UPDATE ON alarms   BEGIN SELECT RAISE(ABORT, 'alarms are never changed'); END;
CREATE TRIGGER expired_does_not_change BEFORE UPDATE ON expired BEGIN SELECT RAISE(ABORT, 'what expired is never changed'); END;
CREATE TRIGGER expired_positions_do_not_change BEFORE UPDATE ON expired_positions
    BEGIN SELECT RAISE(ABORT, 'what expired is never changed'); END;
CREATE TRIGGER checkpoints_do_not_change BEFORE UPDATE ON checkpoints
    BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER tiles_only_grow BEFORE UPDATE ON tiles
    WHEN NEW.level IS NOT OLD.level OR NEW.tile IS NOT OLD.tile OR length(NEW.hashes) <= length(OLD.hashes)
      OR substr(NEW.hashes, 1, length(OLD.hashes)) IS NOT OLD.hashes
    BEGIN SELECT RAISE(ABORT, 'tiles only grow'); END;
CREATE TRIGGER log_has_no_gap BEFORE INSERT ON log
    WHEN NEW.position IS NOT (SELECT coalesce(max(position) + 1, 0) FROM log)
    BEGIN SELECT RAISE(ABORT, 'the log goes on at its end only'); END;
CREATE TRIGGER log_only_expires BEFORE UPDATE ON log
    WHEN NEW.position IS NOT OLD.position OR NEW.entry IS NOT OLD.entry OR NEW.leaf IS NOT OLD.leaf
      OR NEW.row IS NOT NULL OR NEW.salt IS NOT NULL
      OR NOT EXISTS (SELECT 1 FROM (SELECT last FROM expired_positions WHERE first <= OLD.position ORDER BY first DESC LIMIT 1)
                     WHERE last >= OLD.position)
    BEGIN SELECT RAISE(ABORT, 'the log is never changed'); END;

-- A row goes only after the log's entries of it have expired.
CREATE TRIGGER sessions_stay BEFORE DELETE ON sessions
    WHEN EXISTS (SELECT 1 FROM log WHERE entry IN (1, 4, 6) AND row = OLD.id)
    BEGIN SELECT RAISE(ABORT, 'sessions are never deleted before they expire'); END;
CREATE TRIGGER receipts_stay BEFORE DELETE ON receipts WHEN EXISTS (SELECT 1 FROM log WHERE entry IN (2, 3) AND row = OLD.id)
    BEGIN SELECT RAISE(ABORT, 'receipts are never deleted before they expire'); END;
CREATE TRIGGER alarms_stay BEFORE DELETE ON alarms WHEN EXISTS (SELECT 1 FROM log WHERE entry = 5 AND row = OLD.id)
    BEGIN SELECT RAISE(ABORT, 'alarms are never deleted before they expire'); END;
CREATE TRIGGER log_stays BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is never shortened'); END;
CREATE TRIGGER tiles_stay BEFORE DELETE ON tiles BEGIN SELECT RAISE(ABORT, 'tiles are never deleted'); END;
CREATE TRIGGER expired_stays BEFORE DELETE ON expired BEGIN SELECT RAISE(ABORT, 'what expired stays on record'); END;
CREATE TRIGGER expired_positions_stay BEFORE DELETE ON expired_positions
    BEGIN SELECT RAISE(ABORT, 'what expired stays on record'); END;
CREATE TRIGGER newest_checkpoint_stays BEFORE DELETE ON checkpoints WHEN OLD.size = (SELECT max(size) FROM checkpoints)
    BEGIN SELECT RAISE(ABORT, 'the newest checkpoint is never deleted'); END;
