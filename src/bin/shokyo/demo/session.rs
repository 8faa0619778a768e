//! One issuance: the kiosk is told to apply, and every station is waited for until it has nothing open.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::document::Document;
use super::processes::{Stations, is, text};
use super::{KIND, SUBJECT, Stop};
use crate::hexadecimal;

/// A document that went through.
pub(crate) struct Issued {
    pub(crate) session: String,
    /// The kiosk's proof over the delivered bytes is the one that the original gives.
    pub(crate) proof_is_right: bool,
    /// What each station said of its erasure.
    erased: [bool; 4],
}

impl Issued {
    pub(crate) fn is_erased(&self) -> bool {
        self.erased.iter().all(|erased| *erased)
    }
}

pub(crate) fn issue(stations: &mut Stations, document: &Document, out: Option<&Path>) -> Result<Issued, Stop> {
    let mut challenge = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut challenge)
        .map_err(|_| Stop::Failed("the operating system's random generator failed".into()))?;
    let first = stations.notices.len();
    let out = out.map(|out| std::path::absolute(out).unwrap_or_else(|_| out.to_path_buf()));
    stations.tell(
        "kiosk",
        &json!({
            "command": "apply", "operator": "municipality", "issuer": "issuer-1", "kind": KIND, "subject": SUBJECT,
            "challenge": hexadecimal::encode(&challenge), "out": out,
        }),
    )?;
    let seen = |stations: &Stations, role: &str, event: &str| {
        stations.notices.get(first..).unwrap_or_default().iter().any(|notice| is(notice, role, event))
    };
    let known: Vec<String> = stations.notices.iter().map(|notice| text(notice, "session")).collect();
    let opened = stations
        .wait_for("applying", |notice| is(notice, "kiosk", "opened") && !known.contains(&text(notice, "session")))?;
    let session = text(&opened, "session");
    for role in ["kiosk", "issuer", "ec-centre", "certificate-centre"] {
        let of_this = |notice: &Value| is(notice, role, "finished") && notice["session"] == session.as_str();
        stations.wait_for("issuing", of_this)?;
    }
    let find = |role: &str, event: &str| {
        let of_this = |notice: &&Value| is(notice, role, event) && notice["session"] == session.as_str();
        stations.notices.iter().find(of_this)
    };
    let proof = find("kiosk", "proved").map(|notice| text(notice, "proof")).unwrap_or_default();
    let complete = |role: &str| find(role, "finished").is_some_and(|notice| notice["outcome"] == "complete");
    let erased = [
        complete("issuer") && seen(stations, "issuer", "released") && seen(stations, "issuer", "closed"),
        complete("certificate-centre") && seen(stations, "certificate-centre", "not-retained"),
        complete("ec-centre") && seen(stations, "ec-centre", "not-retained"),
        complete("kiosk") && find("kiosk", "erased").is_some_and(|notice| notice["verified"] == true),
    ];
    Ok(Issued { proof_is_right: proof == expected(&challenge, &document.bytes), session, erased })
}

/// HMAC-SHA256 over the original, as the kiosk makes it over what it delivered.
fn expected(challenge: &[u8; 32], document: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(challenge) else { return String::from("no proof") };
    mac.update(document);
    hexadecimal::encode(&mac.finalize().into_bytes())
}
