//! What the handover believes about certificates.

use std::path::Path;
use std::process::Command;

use shokyo::Error;
use shokyo::handover::{KeyUse, Trust};
use shokyo::station::pki::{Authority, PRIVATE_KEY_LENGTH, SEED_OFFSET, read_private_key};
use shokyo::station::profile::{CertificateUse, StationName};
use shokyo::station::trust::{Authorities, own_certificate};
use shokyo::types::Role;

use crate::support::{DAY, Infrastructure, certificate, issue, issuer_name, last_year, now, this_year};

#[test]
fn every_stations_signing_certificates_are_believed_by_every_station() {
    let ground = Infrastructure::new();
    for reader in Role::ALL {
        let authorities = ground.authorities(reader);
        for role in Role::ALL {
            let config = ground.config(role);
            for (key_use, file, key) in [
                (KeyUse::Messages, &config.messages.certificate, &config.messages.key),
                (KeyUse::Receipts, &config.receipts.certificate, &config.receipts.key),
                (KeyUse::Log, &config.log.certificate, &config.log.key),
            ] {
                let identity = authorities.identify(&certificate(file), key_use, now() * 1000).unwrap();
                assert_eq!(
                    (identity.role, &identity.station, &identity.operator),
                    (role, &config.station, &config.operator)
                );
                let mut private = [0; PRIVATE_KEY_LENGTH];
                read_private_key(key, &mut private).unwrap();
                let seed: [u8; 32] = private[SEED_OFFSET..].try_into().unwrap();
                assert_eq!(ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes(), identity.key);
            }
        }
    }
}

#[test]
fn a_certificate_for_one_use_is_refused_for_the_others() {
    let ground = Infrastructure::new();
    let authorities = ground.authorities(Role::Kiosk);
    let config = ground.config(Role::Issuer);
    let untrusted = |file: &Path, key_use| authorities.identify(&certificate(file), key_use, now() * 1000).unwrap_err();
    let other_use = Error::Untrusted { what: "a certificate for another use" };
    assert_eq!(untrusted(&config.tls.certificate, KeyUse::Messages), other_use);
    assert_eq!(untrusted(&config.tls.certificate, KeyUse::Receipts), other_use);
    assert_eq!(untrusted(&config.messages.certificate, KeyUse::Receipts), other_use);
    assert_eq!(untrusted(&config.receipts.certificate, KeyUse::Messages), other_use);
    assert_eq!(untrusted(&config.receipts.certificate, KeyUse::Log), other_use);
    assert_eq!(untrusted(&config.log.certificate, KeyUse::Receipts), other_use);
    assert_eq!(untrusted(&config.log.certificate, KeyUse::Messages), other_use);
}

#[test]
fn a_foreign_authority_of_the_same_name_is_refused() {
    let (ground, foreign) = (Infrastructure::new(), Infrastructure::new());
    let authorities = ground.authorities(Role::Kiosk);
    let theirs = certificate(&foreign.config(Role::Issuer).messages.certificate);
    let error = authorities.identify(&theirs, KeyUse::Messages, now() * 1000).unwrap_err();
    assert_eq!(error, Error::Untrusted { what: "a certificate that its authority did not sign" });
    // The control: its own infrastructure believes it.
    foreign.authorities(Role::Kiosk).identify(&theirs, KeyUse::Messages, now() * 1000).unwrap();
}

#[test]
fn an_authority_cannot_speak_for_another_role_or_operator() {
    let ground = Infrastructure::new();
    let authority = Authority::new("municipality", this_year()).unwrap();
    let config = ground.with_own_authority(Role::Kiosk, &authority);
    let authorities = Authorities::load(&config.trust).unwrap();
    let identify = |role, operator: &str| {
        let name = StationName::new(role, "station-1", operator).unwrap();
        let issued = authority.issue(&name, CertificateUse::Messages, this_year()).unwrap();
        authorities.identify(&issued.certificate_der, KeyUse::Messages, now() * 1000)
    };
    assert_eq!(identify(Role::Issuer, "municipality").unwrap().role, Role::Issuer);
    let what = "a certificate of an authority that is not configured for its role";
    assert_eq!(identify(Role::Kiosk, "municipality").unwrap_err(), Error::Untrusted { what });
    let what = "a certificate that names another operator than its authority speaks for";
    assert_eq!(identify(Role::Issuer, "centre").unwrap_err(), Error::Untrusted { what });
}

#[test]
fn a_certificate_is_believed_in_its_time_only() {
    let ground = Infrastructure::new();
    let authority = Authority::new("municipality", last_year()).unwrap();
    let config = ground.with_own_authority(Role::Kiosk, &authority);
    let authorities = Authorities::load(&config.trust).unwrap();
    let issued = authority.issue(&issuer_name(), CertificateUse::Receipts, last_year()).unwrap();
    let at = |unix| authorities.identify(&issued.certificate_der, KeyUse::Receipts, unix * 1000);
    assert!(at(now() - 500 * DAY).is_ok());
    assert_eq!(at(now()).unwrap_err(), Error::Untrusted { what: "an expired certificate" });
    assert_eq!(at(now() - 800 * DAY).unwrap_err(), Error::Untrusted { what: "a certificate that is not valid yet" });
}

#[test]
fn a_revoked_certificate_is_refused_and_so_is_an_outdated_list() {
    let ground = Infrastructure::new();
    let authority = Authority::new("municipality", this_year()).unwrap();
    let mut config = ground.with_own_authority(Role::Kiosk, &authority);
    let good = authority.issue(&issuer_name(), CertificateUse::Messages, this_year()).unwrap();
    let bad = authority.issue(&issuer_name(), CertificateUse::Messages, this_year()).unwrap();
    let file = ground.keys.join("list.pem");
    config.trust.revocation = vec![file.clone()];

    std::fs::write(&file, authority.revocation_list(&[], this_year()).unwrap()).unwrap();
    let authorities = Authorities::load(&config.trust).unwrap();
    let identify = |der: &[u8]| authorities.identify(der, KeyUse::Messages, now() * 1000);
    assert!(identify(&good.certificate_der).is_ok() && identify(&bad.certificate_der).is_ok());

    std::fs::write(&file, authority.revocation_list(&[bad.serial], this_year()).unwrap()).unwrap();
    authorities.reload_revocation(&config.trust).unwrap();
    assert!(identify(&good.certificate_der).is_ok());
    assert_eq!(identify(&bad.certificate_der).unwrap_err(), Error::Untrusted { what: "a revoked certificate" });

    std::fs::write(&file, authority.revocation_list(&[], last_year()).unwrap()).unwrap();
    authorities.reload_revocation(&config.trust).unwrap();
    let what = "a certificate without a revocation list that is up to date";
    assert_eq!(identify(&good.certificate_der).unwrap_err(), Error::Untrusted { what });

    std::fs::write(&file, "no list").unwrap();
    assert!(matches!(authorities.reload_revocation(&config.trust), Err(Error::Configuration { .. })));
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let ground = Infrastructure::new();
    let authorities = ground.authorities(Role::Kiosk);
    let whole = certificate(&ground.config(Role::Issuer).messages.certificate);
    for length in [0, 1, 20, whole.len() - 1] {
        let error = authorities.identify(&whole[..length], KeyUse::Messages, now() * 1000).unwrap_err();
        assert_eq!(error, Error::Untrusted { what: "a malformed certificate" });
    }
    for position in (0..whole.len()).step_by(7) {
        let mut altered = whole.to_vec();
        altered[position] ^= 1;
        assert!(authorities.identify(&altered, KeyUse::Messages, now() * 1000).is_err(), "byte {position}");
    }
}

#[test]
fn a_station_finds_a_wrong_certificate_of_its_own_before_it_starts() {
    let ground = Infrastructure::new();
    let mut config = ground.config(Role::Kiosk);
    let authorities = ground.authorities(Role::Kiosk);
    for used in CertificateUse::ALL {
        own_certificate(&config, &authorities, used).unwrap();
    }
    config.messages.certificate = config.receipts.certificate.clone();
    let error = own_certificate(&config, &authorities, CertificateUse::Messages).unwrap_err().to_string();
    assert!(error.contains("`messages.certificate`") && error.contains("another use"), "{error}");
    config.messages.certificate = ground.config(Role::EcCentre).messages.certificate;
    let error = own_certificate(&config, &authorities, CertificateUse::Messages).unwrap_err().to_string();
    assert!(error.contains("ec-centre ec-1 of convenience"), "{error}");
    let authority = Authority::new("municipality", this_year()).unwrap();
    let mut config = ground.with_own_authority(Role::Issuer, &authority);
    config.messages = issue(&ground.keys, &authority, &issuer_name(), CertificateUse::Messages, last_year());
    let authorities = Authorities::load(&config.trust).unwrap();
    let error = own_certificate(&config, &authorities, CertificateUse::Messages).unwrap_err().to_string();
    assert!(error.contains("expired"), "{error}");
}

#[test]
fn a_private_key_that_others_may_read_or_of_another_form_is_refused_and_the_place_wiped() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Infrastructure::new();
    let config = ground.config(Role::Kiosk);
    let mut place = [0xAA; PRIVATE_KEY_LENGTH];
    let error = read_private_key(&config.tls.key, &mut place).unwrap_err().to_string();
    assert!(error.contains("Ed25519"), "{error}");
    assert_eq!(place, [0; PRIVATE_KEY_LENGTH]);
    let longer = ground.keys.join("longer.der");
    std::fs::write(&longer, [std::fs::read(&config.messages.key).unwrap(), vec![0]].concat()).unwrap();
    std::fs::set_permissions(&longer, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(read_private_key(&longer, &mut place).is_err());
    assert_eq!(place, [0; PRIVATE_KEY_LENGTH]);
    std::fs::set_permissions(&config.messages.key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = read_private_key(&config.messages.key, &mut place).unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn openssl_accepts_certificates_keys_and_revocation_lists() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    let ground = Infrastructure::new();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    };
    for role in Role::ALL {
        let config = ground.config(role);
        let folder = ground.keys.join("authorities").join(&config.operator);
        let (authority, list) = (folder.join("certificate.pem"), folder.join("revocation.pem"));
        let (authority, list) = (authority.to_str().unwrap(), list.to_str().unwrap());
        for (credential, purpose) in
            [(&config.tls, &["-purpose", "sslserver"][..]), (&config.messages, &[]), (&config.receipts, &[])]
        {
            let file = credential.certificate.to_str().unwrap();
            let check = ["verify", "-x509_strict", "-crl_check", "-CRLfile", list, "-CAfile", authority];
            let (good, text) = openssl(&[&check[..], purpose, &[file]].concat());
            assert!(good, "{text}");
            let (good, public) = openssl(&["pkey", "-in", credential.key.to_str().unwrap(), "-pubout"]);
            assert!(good, "{public}");
            let (_, certified) = openssl(&["x509", "-in", file, "-noout", "-pubkey"]);
            assert_eq!(public, certified);
        }
        // The control: a key for messages is not one for TLS to openssl either.
        let file = config.messages.certificate.to_str().unwrap();
        assert!(!openssl(&["verify", "-CAfile", authority, "-purpose", "sslserver", file]).0);
    }
}
