//! Stations with their keys in the hands of the test, and the trust among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use shokyo::buffer::{Vault, VaultOptions};
use shokyo::error::Error;
use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{Identity, KeyUse, Trust};
use shokyo::receipt::StationInfo;
use shokyo::types::Role;

pub type Pins = BTreeMap<Vec<u8>, (KeyUse, Identity)>;

/// Certificates by pinning: the bytes are looked up.
#[derive(Clone, Debug, Default)]
pub struct Pinned(pub Arc<Pins>);

impl Trust for Pinned {
    fn identify(&self, certificate: &[u8], key_use: KeyUse, _: u64) -> Result<Identity, Error> {
        match self.0.get(certificate) {
            Some((pinned, identity)) if *pinned == key_use => Ok(identity.clone()),
            _ => Err(Error::Untrusted { what: "a certificate that is not pinned" }),
        }
    }
}

/// A station with its keys, in the hands of the test: an honest machine may run on it, or a forger.
#[derive(Clone)]
pub struct Member {
    pub crypto: StationCrypto,
    pub keys: Arc<StationKeys>,
}

impl Member {
    pub fn new(role: Role, station: &str, operator: &str, pins: &mut Pins) -> Self {
        let mut options = VaultOptions::default();
        options.agreement = true;
        let identity = Vault::open(options.clone()).unwrap();
        let documents = Vault::open(options).unwrap();
        let info = StationInfo { role, station: station.into(), operator: operator.into(), post: "POST-1".into() };
        let keys = StationKeys {
            messages: SigningKey::generate(&identity).unwrap(),
            certificate: format!("{station} of {operator}, {role}, for messages").into_bytes(),
            receipts: SigningKey::generate(&identity).unwrap(),
            receipt_certificate: format!("{station} of {operator}, {role}, for receipts").into_bytes(),
            not_covered: Vec::new(),
            info,
        };
        for (key_use, certificate, key) in [
            (KeyUse::Messages, &keys.certificate, keys.messages.public()),
            (KeyUse::Receipts, &keys.receipt_certificate, keys.receipts.public()),
        ] {
            let identity = Identity { role, station: station.into(), operator: operator.into(), key: *key };
            pins.insert(certificate.clone(), (key_use, identity));
        }
        let keys = Arc::new(keys);
        Self { crypto: StationCrypto::new(documents, keys.clone(), None), keys }
    }
}
