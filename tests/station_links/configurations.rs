//! The configurations that `init` writes, and what is refused.

use std::path::Path;
use std::time::Duration;

use shokyo::Error;
use shokyo::station::config::{Config, MinimumSuite, ProtectionSetting};
use shokyo::station::pki;
use shokyo::types::Role;

use crate::support::Infrastructure;

#[test]
fn every_configuration_of_init_loads_and_names_files_that_exist() {
    let ground = Infrastructure::new();
    for role in Role::ALL {
        let config = ground.config(role);
        assert_eq!(config.role, role);
        assert_eq!(config.listen.is_none(), role == Role::Kiosk);
        assert_eq!(config.upstream.is_none(), role == Role::Issuer);
        assert_eq!(config.minimum_suite, (!role.is_relay()).then_some(MinimumSuite::XWing));
        assert_eq!(config.vault.protection, ProtectionSetting::Strict);
        assert_eq!(config.limits.document_bytes, 24 << 20);
        assert_eq!(config.deadlines.deliver, Duration::from_secs(300));
        for file in [&config.tls.key, &config.messages.key, &config.receipts.key, &config.tls.certificate] {
            assert!(file.is_file(), "{}", file.display());
        }
        assert!(config.trust.revocation.iter().chain(&config.trust.kiosk).all(|file| file.is_file()));
        assert_eq!(config.store.parent(), Some(ground.keys.as_path()));
    }
}

#[test]
fn each_station_connects_to_where_its_upstream_listens() {
    let ground = Infrastructure::new();
    for pair in Role::ALL.windows(2) {
        let (upper, lower) = (ground.config(pair[0]), ground.config(pair[1]));
        let upstream = lower.upstream.unwrap();
        assert_eq!(upstream.address, upper.listen.unwrap().to_string());
        assert_eq!(upstream.station.as_deref(), Some(upper.station.as_str()));
    }
}

#[test]
fn init_never_overwrites_what_is_there() {
    let ground = Infrastructure::new();
    let before = std::fs::read(ground.keys.join("issuer.toml")).unwrap();
    let error = pki::init(&ground.keys).unwrap_err();
    assert!(matches!(&error, Error::Configuration { reason } if reason.contains("not empty")), "{error}");
    assert_eq!(std::fs::read(ground.keys.join("issuer.toml")).unwrap(), before);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert!(matches!(pki::init(&file), Err(Error::Configuration { .. })));
    assert!(matches!(pki::init(folder.path()), Err(Error::Configuration { .. })));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn init_fills_an_empty_folder_and_leaves_no_draft() {
    let above = tempfile::tempdir().unwrap();
    let empty = above.path().join("a/empty");
    std::fs::create_dir_all(&empty).unwrap();
    let summary = pki::init(&empty).unwrap();
    assert_eq!(summary.stations.len(), 4);
    assert!(summary.stations.iter().all(|(name, file)| Config::load(file).unwrap().name().unwrap() == *name));
    assert!(summary.authorities.iter().all(|(_, file)| file.is_file()));
    assert_eq!(std::fs::read_dir(empty.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn private_keys_and_folders_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    fn walk(path: &Path, keys: &mut usize) {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            std::fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), keys));
        } else if path.file_stem().unwrap().to_string_lossy().ends_with("key") {
            assert_eq!(mode, 0o600, "{}", path.display());
            *keys += 1;
        }
    }
    let mut keys = 0;
    walk(&Infrastructure::new().keys, &mut keys);
    assert_eq!(keys, 3 + 4 * 3);
}

#[test]
fn a_wrong_key_is_quoted_and_the_remedy_said() {
    let cases: [(Role, &str, &str, &str); 18] = [
        (Role::Issuer, "windows = 4", "windows = \"four\"", "`windows`"),
        (Role::Issuer, "windows = 4", "windows = 0", "`vault.windows`"),
        (Role::Issuer, "sessions = 64", "sesions = 64", "sesions"),
        (Role::Issuer, "transmit = 60", "transmit = 0", "`transmit`"),
        (Role::Issuer, "transmit = 60", "transmit = -1", "`transmit`"),
        (Role::Issuer, "role = \"issuer\"", "role = \"office\"", "`role`"),
        (Role::Issuer, "listen = ", "#listen = ", "`listen` is missing"),
        (Role::Issuer, "protection = \"strict\"", "protection = \"lax\"", "`best-effort`"),
        (Role::Issuer, "silence = 20", "silence = 6", "`link.silence`"),
        (Role::Issuer, "minimum-suite = \"x-wing\"", "minimum-suite = \"none\"", "`minimum-suite`"),
        (Role::Issuer, "messages-key.der", "receipts-key.der", "`messages.key`"),
        (Role::Issuer, "log-key.der", "receipts-key.der", "`log.key`"),
        (Role::Issuer, "[limits]", "[custody]\nretention-days = 0\n[limits]", "`custody.retention-days`"),
        (Role::Kiosk, "store = ", "listen = \"127.0.0.1:1\"\nstore = ", "`listen` is not for a kiosk"),
        (Role::Kiosk, "[limits]", "[[documents]]\nsubject=\"s\"\nkind=\"k\"\nfile=\"f\"\n[limits]", "`documents`"),
        (Role::EcCentre, "store = ", "minimum-suite = \"x-wing\"\nstore = ", "`minimum-suite`"),
        (Role::EcCentre, "address = \"127.0.0.1:47102\"", "address = \"127.0.0.1:0\"", "`upstream.address`"),
        (Role::EcCentre, "issuer = [\"authorities/municipality/certificate.pem\"]", "issuer = []", "`trust.issuer`"),
    ];
    let ground = Infrastructure::new();
    for (role, from, to, expected) in cases {
        let text = std::fs::read_to_string(ground.keys.join(format!("{role}.toml"))).unwrap();
        assert!(text.contains(from), "{from}");
        let file = ground.keys.join("changed.toml");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        let error = Config::load(&file).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("changed.toml"), "{to}: {error}");
    }
}

#[test]
fn no_error_and_no_debug_output_shows_a_subject() {
    let ground = Infrastructure::new();
    let base = std::fs::read_to_string(ground.keys.join("issuer.toml")).unwrap();
    let file = ground.keys.join("changed.toml");
    let secret = "98765432101";
    for table in [
        format!("subject = {secret}\nkind = \"k\"\nfile = \"f\""),
        format!("subject = \"{secret}\"\nkind = \"K\"\nfile = \"f\""),
        format!("subject = \"{secret}\nkind = \"k\""),
        format!(
            "subject = \"{secret}\"\nkind = \"k\"\nfile = \"f\"\n[[documents]]\nsubject = \"{secret}\"\nkind = \"k\"\nfile = \"g\""
        ),
        format!("subject = \"{}\"\nkind = \"k\"\nfile = \"f\"", secret.repeat(6)),
    ] {
        std::fs::write(&file, format!("{base}\n[[documents]]\n{table}\n")).unwrap();
        let error = Config::load(&file).unwrap_err().to_string();
        assert!(!error.contains(secret), "{error}");
    }
    std::fs::write(&file, format!("{base}\n[[documents]]\nsubject = \"{secret}\"\nkind = \"k\"\nfile = \"f\"\n"))
        .unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!(config.documents[0].subject, secret);
    assert_eq!(config.documents[0].file, ground.keys.join("f"));
    assert!(!format!("{config:?}").contains(secret));
}

#[test]
fn a_missing_and_an_oversized_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("issuer.toml");
    assert!(matches!(Config::load(&file), Err(Error::Configuration { reason }) if reason.contains("issuer.toml")));
    std::fs::write(&file, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(matches!(Config::load(&file), Err(Error::TooLarge { .. })));
}
