//! Who is who in the model: station 0 is the issuer, 1 the certificate centre, 2 the EC centre, the rest are kiosks.

use std::sync::OnceLock;

use ed25519_dalek::{Signer as _, SigningKey};

use crate::error::Error;
use crate::handover::{Identity, KeyUse, Trust};
use crate::receipt::{self, ReceiptSigner, StationInfo};
use crate::types::Role;

pub(super) const ISSUER: u8 = 0;
pub(super) const CENTRE: u8 = 1;
pub(super) const EC: u8 = 2;
/// The first kiosk's number.
pub(super) const KIOSKS: u8 = 3;
const MOST: usize = 8;

pub(super) const fn role(number: u8) -> Role {
    match number {
        ISSUER => Role::Issuer,
        CENTRE => Role::CertificateCentre,
        EC => Role::EcCentre,
        _ => Role::Kiosk,
    }
}

pub(super) fn info(number: u8) -> StationInfo {
    let (station, operator) = (format!("s{number}"), format!("o{number}"));
    StationInfo { role: role(number), station, operator, post: "P".into() }
}

pub(super) fn certificate(number: u8, key_use: u8) -> Vec<u8> {
    vec![b'c', key_use, number]
}

/// The public key for messages; signing with it is a symbol as well.
pub(super) fn message_key(number: u8) -> [u8; 32] {
    [number + 1; 32]
}

fn receipt_key(number: u8) -> &'static SigningKey {
    static KEYS: OnceLock<Vec<SigningKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| (0..MOST as u8).map(|number| SigningKey::from_bytes(&[number + 100; 32])).collect());
    &keys[usize::from(number)]
}

/// The public key that checks a station's receipts.
pub(super) fn receipt_public(number: u8) -> [u8; 32] {
    static KEYS: OnceLock<Vec<[u8; 32]>> = OnceLock::new();
    let public = |number| receipt_key(number).verifying_key().to_bytes();
    KEYS.get_or_init(|| (0..MOST as u8).map(public).collect())[usize::from(number)]
}

/// A station's real key for receipts.
pub(super) struct Signer(pub(super) u8);

impl ReceiptSigner for Signer {
    fn key_id(&self) -> [u8; 32] {
        receipt::key_id(&receipt_public(self.0))
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(receipt_key(self.0).sign(message).to_bytes())
    }
}

/// Believes the certificates above, and no others.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Roster;

impl Trust for Roster {
    fn identify(&self, certificate: &[u8], key_use: KeyUse, _: u64) -> Result<Identity, Error> {
        let unknown = Error::Untrusted { what: "an unknown certificate" };
        let (wanted, key): (u8, fn(u8) -> [u8; 32]) = match key_use {
            KeyUse::Messages => (b'm', message_key),
            KeyUse::Receipts => (b'r', receipt_public),
            // No machine asks about a log.
            KeyUse::Log => return Err(Error::Untrusted { what: "a certificate for a log" }),
        };
        match *certificate {
            [b'c', found, number] if found == wanted && usize::from(number) < MOST => {
                let StationInfo { role, station, operator, .. } = info(number);
                Ok(Identity { role, station, operator, key: key(number) })
            }
            _ => Err(unknown),
        }
    }
}
