-- The evidence of one station. Made to be read with any SQLite client, by an auditor who has no other tool.
-- Nothing here is personal data, a document's content, a digest of a document, or a key.
-- Times are milliseconds since 1970-01-01 UTC by the station's own clock. What is written is never changed or deleted:
-- the triggers below refuse it.

PRAGMA application_id = 0x73686B79; -- "shky"
PRAGMA user_version = 1;            -- the version of this schema

-- One row per handover that this station took part in. Written before any key of it exists, so that a session that a
-- power cut ended is still found here, without an outcome, when the station starts again.
CREATE TABLE sessions (
    session               BLOB    NOT NULL PRIMARY KEY CHECK (typeof(session) = 'blob' AND length(session) = 32),
    kind                  TEXT    NOT NULL,             -- what kind of document, as the operator names it; not whose
    opened_unix_ms        INTEGER NOT NULL,
    print_started_unix_ms INTEGER,                      -- durable before the first byte went to a printer; once only
    ended_unix_ms         INTEGER,
    outcome               INTEGER CHECK (outcome IN (1, 2, 3, 4)), -- 1 complete, 2 ended without delivery, 3 unresolved, 4 lost
    CHECK ((ended_unix_ms IS NULL) = (outcome IS NULL))
) STRICT;

CREATE INDEX sessions_open ON sessions (opened_unix_ms) WHERE outcome IS NULL;

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

-- What must be looked at by a person. A later success does not clear an alarm.
CREATE TABLE alarms (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    session        BLOB    NOT NULL CHECK (length(session) = 32),
    what           TEXT    NOT NULL,
    raised_unix_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX alarms_by_session ON alarms (session);

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
    receipt INTEGER PRIMARY KEY                         -- receipts.id
) STRICT;

CREATE TRIGGER alarms_stay          BEFORE DELETE ON alarms   BEGIN SELECT RAISE(ABORT, 'alarms are never deleted'); END;
CREATE TRIGGER alarms_do_not_change BEFORE UPDATE ON alarms   BEGIN SELECT RAISE(ABORT, 'alarms are never changed'); END;
CREATE TRIGGER receipts_stay        BEFORE DELETE ON receipts BEGIN SELECT RAISE(ABORT, 'receipts are never deleted'); END;
CREATE TRIGGER receipts_do_not_change BEFORE UPDATE ON receipts BEGIN SELECT RAISE(ABORT, 'receipts are never changed'); END;
CREATE TRIGGER sessions_stay        BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'sessions are never deleted'); END;
CREATE TRIGGER sessions_only_go_on  BEFORE UPDATE ON sessions
    WHEN NEW.session IS NOT OLD.session OR NEW.kind IS NOT OLD.kind OR NEW.opened_unix_ms IS NOT OLD.opened_unix_ms
      OR (OLD.print_started_unix_ms IS NOT NULL AND NEW.print_started_unix_ms IS NOT OLD.print_started_unix_ms)
      OR (OLD.outcome IS NOT NULL AND (NEW.outcome IS NOT OLD.outcome OR NEW.ended_unix_ms IS NOT OLD.ended_unix_ms))
    BEGIN SELECT RAISE(ABORT, 'what a session has recorded is never changed'); END;
