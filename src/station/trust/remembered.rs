//! Signatures under certificates and revocation lists that were found good before, so that the same certificate in the next
//! message costs a hash instead of one or two signature checks.
//!
//! Only the arithmetic is remembered, as the hash of algorithm, key, signed bytes and signature, and only when it came out right.
//! Validity, revocation, names and use are looked at every time: this module must never remember that something was *believed*.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use sha2::{Digest, Sha256};

/// The most signatures that are remembered (32 bytes each): the kiosks of the whole service with their certificates for two uses.
/// Only an authority can add one.
const LIMIT: usize = 1 << 17;

/// What was found good.
#[derive(Default)]
pub(super) struct Remembered(RwLock<HashSet<[u8; 32]>>);

impl Remembered {
    /// Every algorithm that webpki knows, each with this memory before it.
    pub(super) fn algorithms(&self) -> Vec<Remembering<'_>> {
        webpki::ALL_VERIFICATION_ALGS.iter().map(|&algorithm| Remembering { algorithm, found_good: self }).collect()
    }

    fn holds(&self, check: &[u8; 32]) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(check)
    }

    fn add(&self, check: [u8; 32]) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= LIMIT {
            known.clear();
        }
        known.insert(check);
    }
}

/// An algorithm that first looks whether it has seen the very same signature come out right.
pub(super) struct Remembering<'a> {
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    found_good: &'a Remembered,
}

impl SignatureVerificationAlgorithm for Remembering<'_> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key_algorithm = self.algorithm.public_key_alg_id();
        let signature_algorithm = self.algorithm.signature_alg_id();
        let mut hasher = Sha256::new();
        for part in [key_algorithm.as_ref(), signature_algorithm.as_ref(), public_key, message, signature] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let check = hasher.finalize().into();
        if self.found_good.holds(&check) {
            return Ok(());
        }
        self.algorithm.verify_signature(public_key, message, signature)?;
        self.found_good.add(check);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

impl core::fmt::Debug for Remembering<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.algorithm.fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::station::pki::{Authority, Validity};
    use crate::station::profile::{CertificateUse, StationName};
    use crate::types::Role;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, UnixTime};

    const BEGIN: u64 = 1_790_000_000;
    const LENGTH: std::time::Duration = std::time::Duration::from_secs(1000);

    /// Verifies a certificate at a time and says whether it was believed and how much is remembered.
    fn verify(known: &Remembered, authority: &CertificateDer<'_>, certificate: &[u8], at: u64) -> (bool, usize) {
        let algorithms = known.algorithms();
        let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = algorithms.iter().map(|of| of as _).collect();
        let anchor = webpki::anchor_from_trusted_cert(authority).unwrap();
        let der = CertificateDer::from(certificate);
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at));
        let usage = webpki::KeyUsage::required(crate::station::profile::MESSAGE_SIGNING);
        let parsed = webpki::EndEntityCert::try_from(&der);
        let believed = parsed
            .is_ok_and(|parsed| parsed.verify_for_usage(&algorithms, &[anchor], &[], at, usage, None, None).is_ok());
        (believed, known.0.read().unwrap().len())
    }

    #[test]
    fn a_remembered_signature_does_not_outlive_its_certificate_and_vouches_for_no_other() {
        let validity = Validity::starting(BEGIN, LENGTH);
        let authority = Authority::new("operator", validity).unwrap();
        let anchor = CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).unwrap();
        let name = StationName::new(Role::Kiosk, "kiosk", "operator").unwrap();
        let issued = authority.issue(&name, CertificateUse::Messages, validity).unwrap();
        let certificate = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
        let known = Remembered::default();

        assert_eq!(verify(&known, &anchor, &certificate, BEGIN + 10), (true, 1));
        assert_eq!(verify(&known, &anchor, &certificate, BEGIN + 20), (true, 1), "the same again");
        assert!(!verify(&known, &anchor, &certificate, BEGIN + 2000).0, "it has expired meanwhile");

        let stranger = Authority::new("operator", validity).unwrap();
        let strangers = CertificateDer::from_pem_slice(stranger.certificate_pem().as_bytes()).unwrap();
        assert_eq!(verify(&known, &strangers, &certificate, BEGIN + 10), (false, 1), "another authority's key");

        for position in [certificate.len() - 1, certificate.len() / 2] {
            let mut changed = certificate.to_vec();
            changed[position] ^= 1;
            assert_eq!(verify(&known, &anchor, &changed, BEGIN + 10), (false, 1), "changed at {position}");
        }
    }
}
