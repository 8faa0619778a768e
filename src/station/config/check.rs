//! What the file's structure cannot say: which keys a role has, and which values make sense. Every reason quotes its key.

use super::{Config, MinimumSuite, downstream_of, upstream_of};
use crate::station::profile::is_label;
use crate::types::Role;

/// Checks everything; fills in the suite of an end that names none.
pub(super) fn all(config: &mut Config) -> Result<(), String> {
    names(config)?;
    neighbours(config)?;
    trust(config)?;
    numbers(config)?;
    ends(config)
}

fn names(config: &Config) -> Result<(), String> {
    label("station", &config.station)?;
    label("operator", &config.operator)?;
    let post = &config.responsible_post;
    if !(1..=64).contains(&post.len()) || !post.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("`responsible-post` must be a post code of 1 to 64 printable ASCII characters without spaces, \
                    for example REGISTRY-01; name a post, not a person"
            .to_owned());
    }
    if config.store.as_os_str().is_empty() {
        return Err("`store` is empty; give the evidence store's file".to_owned());
    }
    for (key, credential) in
        [("tls", &config.tls), ("messages", &config.messages), ("receipts", &config.receipts), ("log", &config.log)]
    {
        for (part, path) in [("certificate", &credential.certificate), ("key", &credential.key)] {
            if path.as_os_str().is_empty() {
                return Err(format!("`{key}.{part}` is empty; give a file"));
            }
        }
    }
    let keys = [&config.tls.key, &config.messages.key, &config.receipts.key, &config.log.key];
    if keys.iter().enumerate().any(|(index, key)| keys[..index].contains(key)) {
        return Err(
            "`tls.key`, `messages.key`, `receipts.key` and `log.key` must be four files: one key never serves two \
                    uses"
                .to_owned(),
        );
    }
    Ok(())
}

fn neighbours(config: &Config) -> Result<(), String> {
    match (config.listen, downstream_of(config.role)) {
        (None, Some(role)) => {
            return Err(format!("`listen` is missing; give the address that the {role} connects to, as 127.0.0.1:0"));
        }
        (Some(_), None) => return Err("`listen` is not for a kiosk, to which nobody connects; remove it".to_owned()),
        _ => {}
    }
    let upstream = match (&config.upstream, upstream_of(config.role)) {
        (None, None) => return Ok(()),
        (None, Some(role)) => {
            return Err(format!("`upstream.address` is missing; give the address of the {role} as host:port"));
        }
        (Some(_), None) => {
            return Err("`upstream` is not for an issuer, which connects to nobody; remove it".to_owned());
        }
        (Some(upstream), Some(_)) => upstream,
    };
    let port = upstream.address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse());
    match port {
        Some(Ok(1..=u16::MAX)) => {}
        _ => return Err("`upstream.address` must be host:port with a port from 1 to 65535".to_owned()),
    }
    upstream.station.as_ref().map_or(Ok(()), |station| label("upstream.station", station))
}

fn trust(config: &Config) -> Result<(), String> {
    for role in Role::ALL {
        if config.trust.of(role).is_empty() {
            return Err(format!("`trust.{role}` lists no authority; name at least one certificate file"));
        }
    }
    Ok(())
}

fn numbers(config: &Config) -> Result<(), String> {
    let (limits, vault) = (&config.limits, &config.vault);
    for (key, value, largest) in [
        ("limits.document-bytes", limits.document_bytes, 4 << 30),
        ("limits.sessions", u64::from(limits.sessions), 65_536),
        ("limits.per-neighbour", u64::from(limits.per_neighbour.unwrap_or(limits.sessions)), 65_536),
        ("limits.per-kiosk", u64::from(limits.per_kiosk), 65_536),
        ("limits.credit-chunks", u64::from(limits.credit_chunks), 3),
        ("vault.windows", u64::from(vault.windows), 1024),
        ("vault.key-cells", u64::from(vault.key_cells), 1 << 20),
        ("custody.retention-days", u64::from(config.custody.retention_days.unwrap_or(1)), 36_500),
    ] {
        if value == 0 || value > largest {
            return Err(format!("`{key}` is {value}; it must be 1 to {largest}"));
        }
    }
    if config.link.silence < config.link.keep_alive * 2 {
        return Err(
            "`link.silence` must be at least twice `link.keep-alive`, or one late ping ends the link".to_owned()
        );
    }
    Ok(())
}

fn ends(config: &mut Config) -> Result<(), String> {
    if config.role.is_relay() {
        if config.minimum_suite.is_some() {
            return Err("`minimum-suite` is for issuer and kiosk, a relay has no key to agree on; remove it".to_owned());
        }
    } else {
        config.minimum_suite.get_or_insert(MinimumSuite::XWing);
    }
    if !config.role.is_relay() && config.relay.attachment.is_some() {
        return Err("`relay.attachment` is for a relay, no other station attaches anything; remove it".to_owned());
    }
    if config.role != Role::Kiosk && !config.kiosk.attachments.is_empty() {
        return Err("`kiosk.attachments` is for a kiosk, which checks them; remove it".to_owned());
    }
    if config.role != Role::Issuer && !config.documents.is_empty() {
        return Err("`documents` is for an issuer, no other station composes documents; remove it".to_owned());
    }
    for (index, document) in config.documents.iter().enumerate() {
        if !(1..=64).contains(&document.subject.len()) {
            return Err(format!("`documents[{index}].subject` must have 1 to 64 bytes"));
        }
        label(&format!("documents[{index}].kind"), &document.kind)?;
        if document.file.as_os_str().is_empty() {
            return Err(format!("`documents[{index}].file` is empty; give the document's file"));
        }
        let earlier = config.documents.iter().take(index);
        if earlier.into_iter().any(|other| other.subject == document.subject && other.kind == document.kind) {
            return Err(format!("`documents[{index}]` repeats the subject and kind of an earlier entry; remove one"));
        }
    }
    Ok(())
}

fn label(key: &str, value: &str) -> Result<(), String> {
    if is_label(value) {
        return Ok(());
    }
    Err(format!("`{key}` must be 1 to 63 of a-z, 0-9 and inner hyphens, for example kiosk-1"))
}
