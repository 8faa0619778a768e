//! From the file's text to the structures, with errors that quote the key but no value that could name a person.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::{Config, TrustFiles};
use crate::custody::log::VerifierKey;
use crate::error::Error;
use crate::station::profile;
use crate::types::Role;

const LARGEST_FILE: u64 = 1 << 20;

/// The file's text, bounded before it is read.
pub(super) fn text(path: &Path) -> Result<String, Error> {
    let file = std::fs::File::open(path).map_err(|error| {
        super::in_file(path, &format!("cannot be opened ({}); check the path and its permissions", error.kind()))
    })?;
    let mut text = String::new();
    file.take(LARGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| super::in_file(path, &format!("cannot be read as UTF-8 text ({})", error.kind())))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(Error::TooLarge { what: "the configuration file, in bytes,", limit: LARGEST_FILE });
    }
    Ok(text)
}

/// The structures; on failure the line, the key and what was expected. The source line itself is never quoted.
pub(super) fn parse(text: &str) -> Result<Config, String> {
    structure(text)
}

/// The table `[trust]` alone; what else is in the file is not looked at.
pub(super) fn parse_trust(text: &str) -> Result<TrustFiles, String> {
    #[derive(Deserialize)]
    struct Trusting {
        trust: TrustFiles,
    }
    structure::<Trusting>(text).map(|file| file.trust)
}

fn structure<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.as_bytes().get(..start).unwrap_or_default();
        let number = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let key = text.lines().nth(number - 1).and_then(key_of_line);
        let quoted = key.map(|key| format!(", `{key}`")).unwrap_or_default();
        format!("line {number}{quoted}: {}; correct or remove it", error.message().trim_end())
    })
}

/// Makes every path relative to the file's folder.
pub(super) fn resolve_paths(config: &mut Config, folder: &Path) {
    let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
    resolve(&mut config.store);
    for credential in [&mut config.tls, &mut config.messages, &mut config.receipts, &mut config.log] {
        resolve(&mut credential.certificate);
        resolve(&mut credential.key);
    }
    resolve_trust(&mut config.trust, folder);
    config.relay.attachment.iter_mut().for_each(resolve);
    config.documents.iter_mut().for_each(|document| resolve(&mut document.file));
}

/// Makes the paths of the table `[trust]` relative to the file's folder.
pub(super) fn resolve_trust(trust: &mut TrustFiles, folder: &Path) {
    for files in [
        &mut trust.issuer,
        &mut trust.certificate_centre,
        &mut trust.ec_centre,
        &mut trust.kiosk,
        &mut trust.revocation,
    ] {
        files.iter_mut().for_each(|path| *path = folder.join(&*path));
    }
}

pub(super) fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let name = String::deserialize(deserializer)?;
    profile::role_named(&name).ok_or_else(|| {
        serde::de::Error::custom("must be \"issuer\", \"certificate-centre\", \"ec-centre\" or \"kiosk\"")
    })
}

pub(super) fn verifier_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<VerifierKey>, D::Error> {
    let keys = Vec::<String>::deserialize(deserializer)?;
    keys.iter().map(|key| VerifierKey::parse(key)).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = u64::deserialize(deserializer)?;
    if !(1..=86_400).contains(&seconds) {
        return Err(serde::de::Error::custom("must be 1 to 86400 whole seconds"));
    }
    Ok(Duration::from_secs(seconds))
}

pub(super) fn seconds_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = u64::deserialize(deserializer)?;
    if seconds > 86_400 {
        return Err(serde::de::Error::custom("must be 0 to 86400 whole seconds"));
    }
    Ok(Duration::from_secs(seconds))
}

pub(super) fn relays<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let relay = |name: &String| profile::role_named(name).filter(|role| role.is_relay());
    names
        .iter()
        .map(relay)
        .collect::<Option<_>>()
        .ok_or_else(|| serde::de::Error::custom("must be a list of \"certificate-centre\" and \"ec-centre\""))
}

/// A text whose value no error may repeat.
pub(super) fn subject<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match toml::Value::deserialize(deserializer) {
        Ok(toml::Value::String(subject)) => Ok(subject),
        _ => Err(serde::de::Error::custom("`subject` must be a text in quotation marks")),
    }
}

fn key_of_line(line: &str) -> Option<&str> {
    let line = line.trim();
    let key = line.split_once('=').map_or_else(|| line.trim_matches(['[', ']']), |(key, _)| key.trim());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!key.is_empty() && key.len() <= 64 && key.bytes().all(plain)).then_some(key)
}
