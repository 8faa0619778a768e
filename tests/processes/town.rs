//! Issuer, two relays and two kiosks of two operators, all on loopback, with a bad connection between each two of them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use shokyo::custody::Store;
use shokyo::station::pki::{Authority, Validity};
use shokyo::station::profile::{CertificateUse, StationName};
use shokyo::types::Role;

use crate::proxy::Proxy;
use crate::station::{PATIENCE, PROGRAM, Start, Station};

pub(crate) const ISSUER: usize = 0;
pub(crate) const CENTRE: usize = 1;
pub(crate) const EC: usize = 2;
pub(crate) const KIOSK: usize = 3;
pub(crate) const OTHER_KIOSK: usize = 4;
pub(crate) const ALL: [usize; 5] = [ISSUER, CENTRE, EC, KIOSK, OTHER_KIOSK];
/// Configuration, station, role.
const STATIONS: [(&str, &str, Role); 5] = [
    ("issuer", "issuer-1", Role::Issuer),
    ("certificate-centre", "centre-1", Role::CertificateCentre),
    ("ec-centre", "ec-1", Role::EcCentre),
    ("kiosk", "kiosk-1", Role::Kiosk),
    ("other-kiosk", "kiosk-2", Role::Kiosk),
];

/// The folder, the processes and the connections.
pub(crate) struct Town {
    folder: tempfile::TempDir,
    pub(crate) starts: Vec<Start>,
    pub(crate) stations: Vec<Option<Station>>,
    /// `proxies[i]` stands between station `i` and its upstream neighbour; the issuer's is not used.
    pub(crate) proxies: Vec<Option<Proxy>>,
}

/// A session that was begun at a kiosk.
pub(crate) struct Begun {
    pub(crate) kiosk: usize,
    pub(crate) session: Value,
}

impl Town {
    /// The shortest deadlines, for what ends rather than completes.
    pub(crate) fn hasty() -> Self {
        Self::with(
            &[
                ("transmit = 6", "transmit = 3"),
                ("release = 4", "release = 2"),
                ("deliver = 4", "deliver = 2"),
                ("receipt = 3", "receipt = 2"),
            ],
            &[],
        )
    }

    /// Deadlines of a few seconds, so that what cannot go on ends within a test.
    pub(crate) fn new() -> Self {
        Self::with(&[], &[])
    }

    /// With other words in every configuration, and variables in the environment of every station.
    pub(crate) fn with(changes: &[(&str, &str)], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stations");
        let made = Command::new(PROGRAM).args(["keys", "init"]).arg(&path).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        add_kiosk_of_another_operator(&path);
        let mut table = std::fs::OpenOptions::new().append(true).open(path.join("issuer.toml")).unwrap();
        for (kind, length) in [("small", 100_000u32), ("large", 2_000_000)] {
            let document = path.join(format!("{kind}.pdf"));
            let bytes: Vec<u8> = (0..length / 4).flat_map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
            std::fs::write(&document, bytes).unwrap();
            writeln!(table, "\n[[documents]]\nsubject = \"S-1\"\nkind = \"{kind}\"\nfile = {}", json!(document))
                .unwrap();
        }
        for (name, ..) in STATIONS {
            edit(
                &path,
                name,
                &[
                    ("transmit = 60", "transmit = 6"),
                    ("release = 30", "release = 4"),
                    ("deliver = 300", "deliver = 4"),
                    ("receipt = 120", "receipt = 3"),
                    ("reconnect = 10", "reconnect = 5"),
                    ("keep-alive = 5", "keep-alive = 1"),
                    ("silence = 20", "silence = 2"),
                    ("per-kiosk = 4", "per-kiosk = 16"),
                ],
            );
            edit(&path, name, changes);
        }
        let mut town = Self { folder, starts: Vec::new(), stations: Vec::new(), proxies: Vec::new() };
        let environment: Vec<_> = environment.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        for (index, (name, _, role)) in STATIONS.into_iter().enumerate() {
            let proxy = (index != ISSUER).then(|| Proxy::new(&town.address(upstream_of(index))));
            let kind = match role {
                Role::Issuer => "issuer",
                Role::Kiosk => "kiosk",
                _ => "relay",
            };
            let config = path.join(format!("{name}.toml"));
            let upstream = proxy.as_ref().map(|proxy| proxy.address.clone());
            town.starts.push(Start { kind, config, upstream, environment: environment.clone() });
            town.proxies.push(proxy);
            town.stations.push(None);
            town.start(index);
        }
        town
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("stations")
    }

    pub(crate) fn store_file(&self, index: usize) -> PathBuf {
        self.path().join(format!("{}.sqlite3", STATIONS[index].1))
    }

    pub(crate) fn store(&self, index: usize) -> Store {
        Store::open_read_only(&self.store_file(index)).unwrap()
    }

    pub(crate) fn station(&mut self, index: usize) -> &mut Station {
        self.stations[index].as_mut().unwrap()
    }

    pub(crate) fn proxy(&self, index: usize) -> &Proxy {
        self.proxies[index].as_ref().unwrap()
    }

    fn address(&mut self, index: usize) -> String {
        self.station(index).wait_for("listening")["address"].as_str().unwrap().to_owned()
    }

    /// Starts a station, the first time or again, and waits until it takes part.
    pub(crate) fn start(&mut self, index: usize) {
        self.stations[index] = Some(self.starts[index].start());
        if index < KIOSK {
            let address = self.address(index);
            // The connections of whoever was there before end with it.
            for proxy in ALL.into_iter().filter(|of| *of != ISSUER && upstream_of(*of) == index) {
                if let Some(Some(proxy)) = self.proxies.get(proxy) {
                    proxy.retarget(&address);
                }
            }
        }
        if index != ISSUER {
            let role = STATIONS[upstream_of(index)].2.name();
            let station = self.station(index);
            station.wait_from(0, "connection upstream", PATIENCE, |notice| {
                notice["event"] == "connected" && notice["neighbour"] == role
            });
        }
    }

    /// Kills a station as a power cut does and gives the sessions that its store has no end of.
    pub(crate) fn kill(&mut self, index: usize) -> Vec<shokyo::types::SessionId> {
        self.station(index).kill();
        self.stations[index] = None;
        self.store(index).open_sessions().unwrap().iter().map(|open| open.session).collect()
    }

    /// Tells a kiosk to apply; the fee is not waited for.
    pub(crate) fn apply(&mut self, kiosk: usize, kind: &str) -> Begun {
        self.apply_and(kiosk, kind, false)
    }

    pub(crate) fn apply_and(&mut self, kiosk: usize, kind: &str, wait_for_payment: bool) -> Begun {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let station = self.station(kiosk);
            station.listen();
            let first = station.seen.len();
            station.tell(&json!({
                "command": "apply", "operator": "municipality", "issuer": "issuer-1", "kind": kind, "subject": "S-1",
                "challenge": "00".repeat(32), "wait_for_payment": wait_for_payment,
            }));
            // A greeting ends with its connection, and no session with it: then once more.
            let known: Vec<Value> = station.sessions().collect();
            let answer = station.wait_from(first, "opened", PATIENCE, |notice| {
                notice["event"] == "opened" || (notice["event"] == "finished" && !known.contains(&notice["session"]))
            });
            if answer["event"] == "opened" {
                return Begun { kiosk, session: answer["session"].clone() };
            }
            assert!(std::time::Instant::now() < end, "no application gets through: {:#?}", self.station(kiosk).seen);
        }
    }

    /// Applies until the service is whole again and a document goes through, within the patience of a test.
    pub(crate) fn issue(&mut self, kiosk: usize) {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let station = self.station(kiosk);
            station.listen();
            let first = station.seen.len();
            station.tell(&json!({
                "command": "apply", "operator": "municipality", "issuer": "issuer-1", "kind": "small", "subject": "S-1",
                "challenge": "00".repeat(32),
            }));
            let finished = station.wait_from(first, "end", PATIENCE, |notice| notice["event"] == "finished");
            if finished["outcome"] == "complete" {
                return;
            }
            assert!(std::time::Instant::now() < end, "nothing goes through any more: {:#?}", self.station(kiosk).seen);
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// The outcome at the kiosk.
    pub(crate) fn outcome(&mut self, begun: &Begun) -> String {
        let finished = self.station(begun.kiosk).wait_of(&begun.session, "finished");
        finished["outcome"].as_str().unwrap().to_owned()
    }

    pub(crate) fn complete(&mut self, begun: &Begun) {
        let outcome = self.outcome(begun);
        assert_eq!(outcome, "complete", "{:#?}", self.station(begun.kiosk).seen);
    }

    /// Stops every station in order, from the kiosks to the issuer.
    pub(crate) fn stop(&mut self) {
        for index in ALL.into_iter().rev() {
            if let Some(station) = self.stations[index].take() {
                station.stop();
            }
        }
    }
}

pub(crate) fn upstream_of(index: usize) -> usize {
    match index {
        OTHER_KIOSK => EC,
        index => index - 1,
    }
}

/// Replaces texts of a configuration, all of which must be there.
pub(crate) fn edit(path: &Path, name: &str, changes: &[(&str, &str)]) {
    let file = path.join(format!("{name}.toml"));
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(file, text).unwrap();
}

/// A kiosk of a second operator, whose authority every station believes for kiosks.
fn add_kiosk_of_another_operator(path: &Path) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let validity = Validity::starting(now.as_secs(), std::time::Duration::from_secs(366 * 86_400));
    let authority = Authority::new("shops", validity).unwrap();
    let folder = path.join("authorities/shops");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("certificate.pem"), authority.certificate_pem()).unwrap();
    std::fs::write(folder.join("revocation.pem"), authority.revocation_list(&[], validity).unwrap()).unwrap();
    let name = StationName::new(Role::Kiosk, "kiosk-2", "shops").unwrap();
    let folder = path.join("stations/kiosk-2");
    std::fs::create_dir_all(&folder).unwrap();
    for certificate_use in CertificateUse::ALL {
        let issued = authority.issue(&name, certificate_use, validity).unwrap();
        let (stem, end) = (certificate_use.name(), if certificate_use == CertificateUse::Tls { "pem" } else { "der" });
        std::fs::write(folder.join(format!("{stem}-certificate.pem")), &issued.certificate_pem).unwrap();
        let key = folder.join(format!("{stem}-key.{end}"));
        std::fs::write(&key, &issued.key[..]).unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    std::fs::copy(path.join("kiosk.toml"), path.join("other-kiosk.toml")).unwrap();
    edit(path, "other-kiosk", &[("kiosk-1", "kiosk-2"), ("operator = \"convenience\"", "operator = \"shops\"")]);
    for (file, ..) in STATIONS {
        edit(
            path,
            file,
            &[
                (
                    "kiosk = [\"authorities/convenience/certificate.pem\"]",
                    "kiosk = [\"authorities/convenience/certificate.pem\", \"authorities/shops/certificate.pem\"]",
                ),
                ("revocation = [", "revocation = [\n    \"authorities/shops/revocation.pem\","),
            ],
        );
    }
}
