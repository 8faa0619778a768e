//! The certificates of the keys that signed this station's receipts, by the identifier that each receipt names: an auditor finds the
//! key of an old receipt after the station has gone over to a new one.

use alloc::vec::Vec;

use rusqlite::OptionalExtension;

use super::failure::{reading, writing};
use super::store::Store;
use crate::error::Error;

/// A certificate that this station's receipts were signed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    /// SHA-256 of the 32-byte Ed25519 public key: `kid` in a receipt's header.
    pub key_id: [u8; 32],
    /// X.509, DER.
    pub certificate: Vec<u8>,
    /// When the station first started with it, in milliseconds since 1970-01-01 UTC.
    pub since_unix_ms: u64,
}

impl Store {
    /// Keeps the certificate that receipts are signed under from now on. A renewed certificate of the same key is kept beside the
    /// old one.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::TooLarge`] for a time beyond 2^63.
    pub fn keep_certificate(&mut self, key_id: &[u8; 32], certificate: &[u8], unix_ms: u64) -> Result<(), Error> {
        let time = i64::try_from(unix_ms)
            .map_err(|_| Error::TooLarge { what: "a certificate's time", limit: i64::MAX as u64 })?;
        const KEEP: &str = "INSERT INTO certificates (kid, certificate, since_unix_ms) VALUES (?1, ?2, ?3) \
                            ON CONFLICT DO NOTHING";
        self.connection().execute(KEEP, (key_id, certificate, time)).map(|_| ()).map_err(|error| writing(&error))
    }

    /// The newest certificate of a key that signed receipts here.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn certificate(&self, key_id: &[u8; 32]) -> Result<Option<Vec<u8>>, Error> {
        const QUERY: &str = "SELECT certificate FROM certificates WHERE kid = ?1 ORDER BY id DESC LIMIT 1";
        self.connection().query_row(QUERY, [key_id], |row| row.get(0)).optional().map_err(|error| reading(&error))
    }

    /// Every certificate that receipts were signed under here, in the order in which they came into use.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn certificates(&self) -> Result<Vec<StoredCertificate>, Error> {
        self.rows("SELECT kid, certificate, since_unix_ms FROM certificates ORDER BY id", [], |row| {
            Ok(StoredCertificate {
                key_id: row.get(0)?,
                certificate: row.get(1)?,
                since_unix_ms: row.get::<_, i64>(2)?.unsigned_abs(),
            })
        })
    }
}
