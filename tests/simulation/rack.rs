//! The stations' vaults and keys. Opening a vault takes a millisecond, a session five: one rack serves all worlds of a thread, each
//! of which must leave it without a single live key.

use std::collections::BTreeMap;
use std::sync::Arc;

use shokyo::buffer::{Vault, VaultOptions};
use shokyo::error::Error;
use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{Identity, KeyUse, Trust};
use shokyo::receipt::StationInfo;
use shokyo::types::Role;

/// How many stations of a role a rack has: two servers of one issuer, and so on.
pub const PLACES: [(Role, usize); 4] =
    [(Role::Issuer, 2), (Role::CertificateCentre, 2), (Role::EcCentre, 3), (Role::Kiosk, 8)];

/// The issuer that all kiosks ask.
pub const ISSUER: (&str, &str) = ("municipality", "issuer-1");

/// Certificates by pinning: the bytes are looked up.
#[derive(Clone, Debug)]
pub struct Pinned(Arc<BTreeMap<Vec<u8>, (KeyUse, Identity)>>);

impl Trust for Pinned {
    fn identify(&self, certificate: &[u8], key_use: KeyUse, _: u64) -> Result<Identity, Error> {
        match self.0.get(certificate) {
            Some((pinned, identity)) if *pinned == key_use => Ok(identity.clone()),
            _ => Err(Error::Untrusted { what: "a certificate that is not pinned" }),
        }
    }
}

/// One station's memory and keys.
pub struct Place {
    pub role: Role,
    pub documents: Vault,
    pub keys: Arc<StationKeys>,
}

impl Place {
    pub fn crypto(&self) -> StationCrypto {
        StationCrypto::new(self.documents.clone(), Arc::clone(&self.keys), None)
    }
}

/// Stations of all roles.
pub struct Rack {
    pub chunk: usize,
    places: Vec<Place>,
    pub trust: Pinned,
}

impl Rack {
    pub fn new(chunk: usize) -> Self {
        let mut options = VaultOptions::new();
        options.agreement = true;
        options.windows = 1;
        let identity = Vault::open(options.clone()).unwrap();
        options.chunk_size = chunk;
        let mut pins = BTreeMap::new();
        let mut places = Vec::new();
        for (role, count) in PLACES {
            for number in 0..count {
                let documents = Vault::open(options.clone()).unwrap();
                places.push(Place { role, documents, keys: Arc::new(keys(role, number, &identity, &mut pins)) });
            }
        }
        Self { chunk, places, trust: Pinned(Arc::new(pins)) }
    }

    /// The station of this role with this number.
    pub fn place(&self, role: Role, number: usize) -> &Place {
        self.places.iter().filter(|place| place.role == role).nth(number).unwrap()
    }
}

/// Both servers of the issuer have its name, and each its own keys.
fn keys(role: Role, number: usize, vault: &Vault, pins: &mut BTreeMap<Vec<u8>, (KeyUse, Identity)>) -> StationKeys {
    let (operator, station) = match role {
        Role::Issuer => (ISSUER.0.to_owned(), ISSUER.1.to_owned()),
        role => (format!("operator of {role}"), format!("{role}-{number}")),
    };
    let keys = StationKeys {
        info: StationInfo { role, station: station.clone(), operator: operator.clone(), post: "POST-1".into() },
        messages: SigningKey::generate(vault).unwrap(),
        certificate: format!("certificate of {role} {number} for messages").into_bytes(),
        receipts: SigningKey::generate(vault).unwrap(),
        receipt_certificate: format!("certificate of {role} {number} for receipts").into_bytes(),
        not_covered: Vec::new(),
    };
    for (key_use, certificate, key) in [
        (KeyUse::Messages, &keys.certificate, keys.messages.public()),
        (KeyUse::Receipts, &keys.receipt_certificate, keys.receipts.public()),
    ] {
        let identity = Identity { role, station: station.clone(), operator: operator.clone(), key: *key };
        pins.insert(certificate.clone(), (key_use, identity));
    }
    keys
}
