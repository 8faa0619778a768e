//! The four configuration files of the development infrastructure: short, commented, and meant to be edited.

use std::fmt::Write;

use super::{AUTHORITIES, CENTRE, CONVENIENCE, MUNICIPALITY, STATIONS, STATIONS_OF_INIT};
use crate::station::config::{downstream_of, upstream_of};
use crate::station::profile::{CertificateUse, StationName};
use crate::types::Role;

/// The end of a private key's file name: PEM for TLS, DER for the keys that are read into locked memory.
pub(super) const fn key_extension(certificate_use: CertificateUse) -> &'static str {
    match certificate_use {
        CertificateUse::Tls => "pem",
        CertificateUse::Messages | CertificateUse::Receipts | CertificateUse::Log => "der",
    }
}

/// A station's configuration.
pub(super) fn text(name: &StationName) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _infallible = write(&mut text, name);
    text
}

fn write(text: &mut String, name: &StationName) -> std::fmt::Result {
    let role = name.role;
    writeln!(text, "# A station of the development infrastructure. Paths are relative to this file.")?;
    writeln!(text, "role = \"{role}\"")?;
    writeln!(text, "station = \"{}\"", name.station)?;
    writeln!(text, "operator = \"{}\"", name.operator)?;
    writeln!(
        text,
        "# The post that answers for this station: a code, never a person's name. It stands in every receipt."
    )?;
    writeln!(text, "responsible-post = \"{}\"", post(role))?;
    if downstream_of(role).is_some() {
        writeln!(text, "# Port 0 lets the operating system choose.")?;
        writeln!(text, "listen = \"127.0.0.1:{}\"", port(role))?;
    }
    writeln!(text, "store = \"{}.sqlite3\"", name.station)?;
    if !role.is_relay() {
        writeln!(text, "# The weakest suite that is accepted: x-wing (X25519 with ML-KEM-768) or x25519.")?;
        writeln!(text, "minimum-suite = \"x-wing\"")?;
    }
    if let Some(upstream) = upstream_of(role) {
        writeln!(text, "\n[upstream]")?;
        writeln!(text, "address = \"127.0.0.1:{}\"", port(upstream))?;
        for (_, station, _) in STATIONS_OF_INIT.into_iter().filter(|(of, _, _)| *of == upstream) {
            writeln!(text, "station = \"{station}\"")?;
        }
    }
    writeln!(text, "\n# The authorities that may vouch for stations of each role.\n[trust]")?;
    for (of, _, operator) in STATIONS_OF_INIT {
        writeln!(text, "{of} = [\"{AUTHORITIES}/{operator}/certificate.pem\"]")?;
    }
    writeln!(text, "revocation = [")?;
    for operator in [MUNICIPALITY, CENTRE, CONVENIENCE] {
        writeln!(text, "    \"{AUTHORITIES}/{operator}/revocation.pem\",")?;
    }
    writeln!(text, "]")?;
    for certificate_use in CertificateUse::ALL {
        let (used, extension) = (certificate_use.name(), key_extension(certificate_use));
        writeln!(text, "\n[{used}]")?;
        writeln!(text, "certificate = \"{STATIONS}/{}/{used}-certificate.pem\"", name.station)?;
        writeln!(text, "key = \"{STATIONS}/{}/{used}-key.{extension}\"", name.station)?;
    }
    text.push_str(COMMON);
    match role {
        Role::CertificateCentre => text.push_str(ATTACHMENT),
        Role::Kiosk => text.push_str(REQUIRED),
        Role::Issuer | Role::EcCentre => {}
    }
    if role == Role::Issuer {
        text.push_str(DOCUMENTS);
    }
    Ok(())
}

const COMMON: &str = r#"
[limits]
document-bytes = 25165824
sessions = 64
per-neighbour = 64
per-kiosk = 4
credit-chunks = 3

# Seconds. "Promptly" is these numbers; passing one erases, and is recorded.
[deadlines]
transmit = 60
release = 30
deliver = 300
receipt = 120
# How long a session outlives the connection that it runs over; 0: it ends with it.
reconnect = 10

# Seconds.
[link]
keep-alive = 5
silence = 20

# protection: strict or best-effort.
# secret-memory: auto, require or off. The machine cannot hibernate while it is in use; a scan for residue cannot see into it.
[vault]
protection = "strict"
secret-memory = "auto"
windows = 4
key-cells = 1024

# How long the records of a finished session are kept; the log says what was deleted. Without it they are kept for good.
# [custody]
# retention-days = 1825
# After a change of the log's key, until the new one has signed: the verifier key of the old one.
# previous-log-keys = ["NAME+ID+KEY"]
"#;

const ATTACHMENT: &str = r#"
# What this centre attaches, signed, to every offer: its parameters against forgery, at most 4,096 bytes.
# [relay]
# attachment = "parameters.bin"
"#;

const REQUIRED: &str = r#"
# The relays whose attachment must be there before a document is acknowledged.
# [kiosk]
# attachments = ["certificate-centre"]
"#;

const DOCUMENTS: &str = r#"
# What this issuer can compose, one table for each subject and kind:
# [[documents]]
# subject = "the register's identifier of the card holder"
# kind = "resident-certificate"
# file = "documents/one.pdf"
"#;

const fn post(role: Role) -> &'static str {
    match role {
        Role::Issuer => "REGISTRY-01",
        Role::CertificateCentre => "CENTRE-OPERATIONS-01",
        Role::EcCentre => "DATA-CENTRE-OPERATIONS-01",
        Role::Kiosk => "SHOP-0001",
    }
}

const fn port(role: Role) -> u16 {
    match role {
        Role::Issuer => 47_101,
        Role::CertificateCentre => 47_102,
        Role::EcCentre => 47_103,
        Role::Kiosk => 0,
    }
}
