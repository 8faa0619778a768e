//! S8, Takamatsu, 2024-04-04. A program made for one server ran on several; requests that came at nearly the same moment got each
//! other's documents.
//!
//! Here every server is a process of its own: this program again, with the same signing key, as servers of one issuing system have.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use shokyo::buffer::{Vault, VaultOptions};
use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys, split_application};
use shokyo::handover::{
    Application, Identity, Issuer, IssuerEvent, KeyUse, Kiosk, KioskEvent, MessageType, Peer, Policy, Source,
};
use shokyo::receipt::StationInfo;
use shokyo::types::{Now, Role, Time};

use crate::former::Counted;
use crate::town::{Member, Pinned, Pins, document_of, kind_of, read, row_of};

const KEYS: &str = "SHOKYO_INCIDENT_KEYS";
const NOW: Now = Now { monotonic: Time(1_000_000), unix_ms: 1_790_000_000_000 };

/// The issuer's keys for messages and receipts, as files that every server of it has; and the pins of all stations.
fn pins(folder: &Path, kiosks: &mut Vec<Member>) -> Pins {
    let mut pins = Pins::new();
    for number in 0..4 {
        kiosks.push(Member::new(Role::Kiosk, &format!("kiosk-{number}"), "shops A", &mut pins));
    }
    for (key_use, seed) in [(KeyUse::Messages, 11u8), (KeyUse::Receipts, 12)] {
        let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        // PKCS#8 (RFC 8410 §7): the algorithm, and the seed.
        let file = [&unhex("302e020100300506032b657004220420")[..], &[seed; 32]].concat();
        std::fs::write(folder.join(key_use.name()), file).unwrap();
        let (station, operator) = ("issuer-1".into(), "the ward".into());
        let identity = Identity { role: Role::Issuer, station, operator, key: key.verifying_key().to_bytes() };
        pins.insert(key_use.name().as_bytes().to_vec(), (key_use, identity));
    }
    let lines = pins.iter().filter(|(_, (_, identity))| identity.role == Role::Kiosk).map(|(certificate, pinned)| {
        let (key_use, identity) = pinned;
        let certificate = String::from_utf8(certificate.clone()).unwrap();
        format!("{certificate}\t{}\t{}\t{}\n", key_use.name(), identity.station, hex(&identity.key))
    });
    std::fs::write(folder.join("kiosks"), lines.collect::<String>()).unwrap();
    pins
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

// ---- the server's process

#[test]
#[ignore = "run in child processes by the tests of this file"]
fn child_that_serves() {
    let Some(folder) = std::env::var_os(KEYS) else { return };
    let folder = Path::new(&folder);
    let mut options = VaultOptions::default();
    options.agreement = true;
    let (identity, documents) = (Vault::open(options.clone()).unwrap(), Vault::open(options).unwrap());
    let mut trusted = Pins::new();
    for line in std::fs::read_to_string(folder.join("kiosks")).unwrap().lines() {
        let parts: Vec<_> = line.split('\t').collect();
        let key_use = if parts[1] == "messages" { KeyUse::Messages } else { KeyUse::Receipts };
        let (role, key) = (Role::Kiosk, unhex(parts[3]).try_into().unwrap());
        let identity = Identity { role, station: parts[2].into(), operator: "shops A".into(), key };
        trusted.insert(parts[0].as_bytes().to_vec(), (key_use, identity));
    }
    let key =
        |name: &str| SigningKey::from_pkcs8(&identity, &mut std::fs::File::open(folder.join(name)).unwrap()).unwrap();
    let keys = StationKeys {
        info: StationInfo {
            role: Role::Issuer,
            station: "issuer-1".into(),
            operator: "the ward".into(),
            post: "POST-1".into(),
        },
        messages: key("messages"),
        certificate: b"messages".to_vec(),
        receipts: key("receipts"),
        receipt_certificate: b"receipts".to_vec(),
        not_covered: Vec::new(),
    };
    let crypto = StationCrypto::new(documents, Arc::new(keys), None);
    let issuer = Issuer::new(crypto, Pinned(Arc::new(trusted)), Policy::default()).unwrap();
    serve(issuer, &mut std::io::stdin().lock(), &mut std::io::stdout().lock());
}

/// One line in is a neighbour's number and a frame; the lines out are frames and errors, up to a full stop.
fn serve(mut issuer: Issuer<StationCrypto, Pinned>, input: &mut impl BufRead, output: &mut impl Write) {
    writeln!(output, "\nready").unwrap();
    for line in input.lines() {
        let line = line.unwrap();
        let (peer, frame) = line.split_once(' ').unwrap();
        if let Err(error) = issuer.handle_frame(NOW, Peer(peer.parse().unwrap()), &unhex(frame)) {
            writeln!(output, "error {error:?}").unwrap();
        }
        loop {
            let mut moved = false;
            while let Some(persist) = issuer.poll_persist() {
                issuer.handle_persisted(NOW, persist.token);
                moved = true;
            }
            while let Some(event) = issuer.poll_event() {
                moved = true;
                if let IssuerEvent::Application { session, .. } = event {
                    compose(&mut issuer, session);
                }
            }
            while let Some(transmit) = issuer.poll_transmit() {
                moved = true;
                writeln!(output, "{} {}", transmit.peer.0, hex(&transmit.frame)).unwrap();
            }
            if !moved {
                break;
            }
        }
        writeln!(output, ".").unwrap();
        output.flush().unwrap();
    }
}

fn compose(issuer: &mut Issuer<StationCrypto, Pinned>, session: shokyo::types::SessionId) {
    let application = issuer.application(session).unwrap();
    let subject =
        application.read_at(0, |plain| split_application(plain).map(|(subject, _)| subject.to_vec())).unwrap().unwrap();
    let row = row_of(&subject);
    issuer.document(session, &row.read).unwrap().write(&row.document).unwrap();
    let source = Source { subject: &row.subject, version: &row.offered };
    issuer.offer(NOW, session, &source).unwrap();
}

struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "s8_servers::child_that_serves", "--ignored", "--nocapture", "--test-threads=1"])
            .env(KEYS, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != "ready" {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the server did not start");
        }
        Self { process, input, output }
    }

    /// Frames for kiosks, and errors.
    fn ask(&mut self, kiosk: usize, frame: &[u8]) -> (Vec<(usize, Vec<u8>)>, Vec<String>) {
        writeln!(self.input, "{kiosk} {}", hex(frame)).unwrap();
        self.input.flush().unwrap();
        let (mut frames, mut errors, mut line) = (Vec::new(), Vec::new(), String::new());
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server ended");
            match line.trim().split_once(' ') {
                None => return (frames, errors),
                Some(("error", text)) => errors.push(text.into()),
                Some((kiosk, frame)) => frames.push((kiosk.parse().unwrap(), unhex(frame))),
            }
        }
    }

    fn stop(mut self) {
        drop(self.input);
        let mut rest = String::new();
        let _ = self.output.read_to_string(&mut rest);
        assert!(self.process.wait().unwrap().success());
    }
}

type Machine = Kiosk<StationCrypto, Pinned>;

fn apply(kiosk: &Member, trust: &Pinned, subject: &[u8]) -> Machine {
    let application = Application {
        operator: "the ward",
        issuer: "issuer-1",
        kind: "resident-certificate",
        copies: 1,
        subject,
        details: b"",
    };
    Kiosk::apply(NOW, kiosk.crypto.clone(), trust.clone(), Policy::default(), &application).unwrap()
}

/// What the kiosk wants to send now; what it printed, when it did.
fn drive(kiosk: &mut Machine) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
    let (mut frames, mut printed) = (Vec::new(), None);
    while kiosk.has_output() {
        while let Some(persist) = kiosk.poll_persist() {
            kiosk.handle_persisted(NOW, persist.token);
        }
        while let Some(event) = kiosk.poll_event() {
            match event {
                KioskEvent::Ready { .. } => kiosk.print(NOW).unwrap(),
                KioskEvent::MayPrint => {
                    printed = Some(read(kiosk));
                    kiosk.delivered(NOW).unwrap();
                }
                _ => {}
            }
        }
        frames.extend(std::iter::from_fn(|| kiosk.poll_transmit()).map(|transmit| transmit.frame));
    }
    (frames, printed)
}

#[test]
fn s8_servers_of_one_issuer_never_mix_requests_that_come_at_the_same_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut kiosks = Vec::new();
    let trust = Pinned(Arc::new(pins(folder.path(), &mut kiosks)));
    let mut servers: Vec<_> = (0..3).map(|_| Server::start(folder.path())).collect();
    // Twelve requests without any time between them, dealt out in turn.
    let subjects: Vec<_> = (0..12).map(|number| format!("holder-{number}").into_bytes()).collect();
    let mut machines: Vec<_> =
        subjects.iter().enumerate().map(|(at, subject)| apply(&kiosks[at % 4], &trust, subject)).collect();
    let mut printed = BTreeMap::new();
    let mut sessions = BTreeSet::new();
    for _ in 0..200 {
        let mut moved = false;
        for (at, machine) in machines.iter_mut().enumerate() {
            let (frames, paper) = drive(machine);
            printed.extend(paper.map(|paper| (at, paper)));
            for frame in frames {
                moved = true;
                let (answers, errors) = servers[at % 3].ask(at, &frame);
                assert_eq!(errors, [""; 0]);
                for (kiosk, answer) in answers {
                    assert_eq!(kiosk, at, "an answer goes to who asked");
                    machine.handle_frame(NOW, &answer).unwrap();
                }
            }
        }
        if !moved {
            break;
        }
        sessions = machines.iter().map(Kiosk::id).collect();
    }
    assert_eq!(sessions.len(), machines.len(), "no two sessions have one identifier");
    for (at, subject) in subjects.iter().enumerate() {
        assert_eq!(printed.get(&at), Some(&document_of(subject)), "request {at}");
    }
    servers.into_iter().for_each(Server::stop);
}

#[test]
fn s8_a_challenge_of_one_server_is_worth_nothing_at_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut kiosks = Vec::new();
    let trust = Pinned(Arc::new(pins(folder.path(), &mut kiosks)));
    let (mut one, mut two) = (Server::start(folder.path()), Server::start(folder.path()));
    let mut machine = apply(&kiosks[0], &trust, b"holder-1");
    let (hello, _) = drive(&mut machine);
    let (challenges, _) = one.ask(1, &hello[0]);
    assert_eq!(kind_of(&challenges[0].1), Some(MessageType::Challenge));
    machine.handle_frame(NOW, &challenges[0].1).unwrap();
    let (application, _) = drive(&mut machine);
    assert_eq!(two.ask(1, &application[0]).1, ["Replayed"]);
    // The control: the server that gave the challenge takes the same bytes, once; after that it only repeats its answer.
    let (answers, errors) = one.ask(1, &application[0]);
    assert_eq!((errors.len(), kind_of(&answers[0].1)), (0, Some(MessageType::Offer)));
    assert_eq!(one.ask(1, &application[0]), (answers, errors));
    // And after that server started again it is worth nothing either.
    one.stop();
    let mut one = Server::start(folder.path());
    assert_eq!(one.ask(1, &application[0]).1, ["Replayed"]);
    one.stop();
    two.stop();
}

#[test]
fn s8_control_numbers_that_each_server_counts_for_itself_collide() {
    let mut results = BTreeMap::new();
    let (mut one, mut two) = (Counted::default(), Counted::default());
    let (first, second) = (one.number(), two.number());
    results.insert(first, "first applicant's");
    results.insert(second, "second applicant's");
    assert_eq!(results.get(&first), Some(&"second applicant's"), "and the first applicant gets it");
}
