//! What SQLite's failures mean to whoever runs the station. No path and no statement is carried on.

use rusqlite::ErrorCode;

use crate::error::Error;

/// A failure to open the store.
pub(super) fn opening(error: &rusqlite::Error) -> Error {
    known(error).unwrap_or(Error::Store { what: "opening it" })
}

/// A failure to write; nothing of the transaction is kept.
pub(super) fn writing(error: &rusqlite::Error) -> Error {
    known(error).unwrap_or(Error::Store { what: "writing a record" })
}

/// A failure to read: [`Error::Malformed`] when the file was read and has a value that the schema does not allow.
pub(super) fn reading(error: &rusqlite::Error) -> Error {
    use rusqlite::Error as E;
    match error {
        E::InvalidColumnType(..)
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::Utf8Error(..) => Error::Malformed { what: "a value in a row of the store, which no station writes" },
        _ => known(error).unwrap_or(Error::Store { what: "reading records" }),
    }
}

fn known(error: &rusqlite::Error) -> Option<Error> {
    let what = match error.sqlite_error_code()? {
        ErrorCode::DiskFull => "writing, because the disk is full; the record was not kept",
        ErrorCode::ReadOnly => "writing, because the file or its directory is read-only; the record was not kept",
        ErrorCode::SystemIoFailure => "reading or writing the disk; a record that was not confirmed may be missing",
        ErrorCode::CannotOpen => {
            "opening its file: it or its directory is missing, not permitted, or no place for a database"
        }
        ErrorCode::PermissionDenied => "opening its file, which is not permitted",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "waiting for another program that keeps the file locked",
        ErrorCode::NotADatabase => "opening it: the file is no database",
        ErrorCode::DatabaseCorrupt => "reading it: the file is damaged; keep it, and restore from a copy",
        _ => return None,
    };
    Some(Error::Store { what })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_file_are_named() {
        for (code, word) in [
            (rusqlite::ffi::SQLITE_FULL, "disk is full"),
            (rusqlite::ffi::SQLITE_READONLY_DBMOVED, "read-only"),
            (rusqlite::ffi::SQLITE_IOERR_FSYNC, "disk"),
            (rusqlite::ffi::SQLITE_CANTOPEN, "missing"),
        ] {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some("secret detail".into()));
            let text = std::format!("{}", writing(&error));
            assert!(text.contains(word), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
