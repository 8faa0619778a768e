//! Four stations that last as long as the process: their vaults, keys and certificates.

use std::collections::BTreeMap;
use std::sync::Arc;

use shokyo::buffer::{Vault, VaultOptions};
use shokyo::error::Error;
use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{Identity, KeyUse, Trust};
use shokyo::receipt::StationInfo;
use shokyo::types::Role;

use crate::crypto::Station;

/// The public half of the key with which the issuer signs receipts here (RFC 8032; its seed is 32 times 7).
pub const RECEIPTS_KEY: [u8; 32] = [
    0xea, 0x4a, 0x6c, 0x63, 0xe2, 0x9c, 0x52, 0x0a, 0xbe, 0xf5, 0x50, 0x7b, 0x13, 0x2e, 0xc5, 0xf9, 0x95, 0x47, 0x76,
    0xae, 0xbe, 0xbe, 0x7b, 0x92, 0x42, 0x1e, 0xea, 0x69, 0x14, 0x46, 0xd2, 0x2c,
];

/// Small chunks make documents of several chunks cheap.
pub const CHUNK: usize = 256;

/// Certificates by pinning.
#[derive(Clone, Debug, Default)]
pub struct Pinned(Arc<BTreeMap<Vec<u8>, (KeyUse, Identity)>>);

impl Trust for Pinned {
    fn identify(&self, certificate: &[u8], key_use: KeyUse, _: u64) -> Result<Identity, Error> {
        match self.0.get(certificate) {
            Some((pinned, identity)) if *pinned == key_use => Ok(identity.clone()),
            _ => Err(Error::Untrusted { what: "a certificate that is not pinned" }),
        }
    }
}

/// Issuer, centre, EC centre and kiosk, in the order of [`Role::ALL`].
#[derive(Clone)]
pub struct Stations {
    pub cryptos: [Station; 4],
    pub trust: Pinned,
}

impl Stations {
    /// The stations of this process.
    #[must_use]
    pub fn get() -> Self {
        thread_local! {
            static STATIONS: Stations = Stations::new();
        }
        STATIONS.with(Clone::clone)
    }

    fn new() -> Self {
        let mut pins = BTreeMap::new();
        let cryptos = Role::ALL.map(|role| station(role, &mut pins));
        Self { cryptos, trust: Pinned(Arc::new(pins)) }
    }
}

fn station(role: Role, pins: &mut BTreeMap<Vec<u8>, (KeyUse, Identity)>) -> Station {
    let mut options = VaultOptions::default();
    options.agreement = true;
    options.chunk_size = CHUNK;
    let identity = Vault::open(options.clone()).expect("a vault");
    let documents = Vault::open(options).expect("a vault");
    // PKCS#8 (RFC 8410 §7) around the seed.
    let pkcs8 = [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &[7; 32]].concat();
    let receipts = SigningKey::from_pkcs8(&identity, &mut &pkcs8[..]).expect("a key");
    assert_eq!(receipts.public(), &RECEIPTS_KEY);
    let name = format!("{}-1", role.name());
    let keys = StationKeys {
        info: StationInfo { role, station: name.clone(), operator: format!("operator-{role}"), post: "POST-1".into() },
        messages: SigningKey::generate(&identity).expect("a key"),
        certificate: format!("certificate of {name} for messages").into_bytes(),
        receipts,
        receipt_certificate: format!("certificate of {name} for receipts").into_bytes(),
        not_covered: Vec::new(),
    };
    // The key of a message is its station's name, so that a script's signatures are the same in every process.
    let mut public = [0; 32];
    public[..name.len().min(32)].copy_from_slice(&name.as_bytes()[..name.len().min(32)]);
    for (key_use, certificate, key) in
        [(KeyUse::Messages, &keys.certificate, public), (KeyUse::Receipts, &keys.receipt_certificate, RECEIPTS_KEY)]
    {
        let identity = Identity { role, station: name.clone(), operator: keys.info.operator.clone(), key };
        pins.insert(certificate.clone(), (key_use, identity));
    }
    Station { real: StationCrypto::new(documents, Arc::new(keys), None), public }
}
