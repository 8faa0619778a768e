//! A kiosk whose software is replaced: it has a certificate and real cryptography, and says what it likes.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub, missing_docs, reason = "each program uses a part of it")]

use shokyo::buffer::KeyCell;
use shokyo::handover::{Crypto, Frame, MessageType, Suite, frame_hash};
use shokyo::types::{Role, SessionId};

use super::forge::{Item, body, bytes_of, certificate, hash, items, signed};
use super::town::{Hop, Member, Town};

/// A challenge that a rogue kiosk holds.
pub struct Challenged {
    pub member: Member,
    pub peer: usize,
    pub nonce: Vec<u8>,
    pub epoch: Vec<u8>,
    pub public_key: Vec<u8>,
    pub challenge_hash: [u8; 32],
}

/// A session of a rogue kiosk.
pub struct Rogue {
    pub member: Member,
    pub peer: usize,
    pub session: SessionId,
    pub private: KeyCell,
    pub apply_hash: [u8; 32],
}

impl Challenged {
    /// Greets the first issuer of a town and waits for its challenge.
    pub fn by(town: &mut Town, member: &Member) -> Self {
        let peer = town.neighbour(member);
        let exchange = SessionId(member.crypto.random().unwrap());
        let issuer = &town.servers[0].member.keys.info;
        let hello = hello(member, &issuer.operator, &issuer.station);
        let hello = signed(member, MessageType::Hello, exchange, [0; 32], &hello);
        town.network.push_back(Hop { link: 0, up: true, end: peer, bytes: hello });
        let is_answer =
            |hop: &&Hop| hop.link == 0 && hop.kind() == Some(MessageType::Challenge) && hop.session() == exchange;
        assert!(town.run_until(|town| town.tape.iter().any(|hop| is_answer(&hop))));
        let challenge = town.tape.iter().find(is_answer).unwrap().bytes.clone();
        let challenge_items = items(Frame::decode(&challenge).unwrap().body);
        let item = |place: usize| bytes_of(&challenge_items[place]).to_vec();
        Self {
            member: member.clone(),
            peer,
            nonce: item(0),
            epoch: item(1),
            public_key: item(2),
            challenge_hash: frame_hash(&challenge),
        }
    }

    /// The header of an application under this challenge, with this reply key.
    pub fn header(&self, town: &Town, reply_key: &[u8]) -> Vec<u8> {
        let issuer = &town.servers[0].member.keys.info;
        body(&[
            Item::Bytes(self.nonce.clone()),
            Item::Bytes(self.epoch.clone()),
            Item::Text(issuer.operator.clone()),
            Item::Text(issuer.station.clone()),
            Item::Text("resident-certificate".into()),
            Item::Number(1),
            Item::Bytes(reply_key.to_vec()),
            certificate(&self.member),
        ])
    }

    pub fn session(&self, reply_key: &[u8]) -> SessionId {
        let info = &self.member.keys.info;
        let parts = [&self.nonce[..], info.operator.as_bytes(), info.station.as_bytes(), reply_key];
        SessionId(hash("shokyo session v1", &parts))
    }

    /// An Apply with a sealed part that someone else made.
    pub fn apply_with(&self, town: &Town, reply_key: &[u8], encapsulated: &[u8], sealed: &[u8]) -> Vec<u8> {
        let header = Item::Bytes(self.header(town, reply_key));
        let apply = body(&[header, Item::Bytes(encapsulated.to_vec()), Item::Bytes(sealed.to_vec())]);
        signed(&self.member, MessageType::Apply, self.session(reply_key), self.challenge_hash, &apply)
    }

    /// Applies in its own right, for this subject, and waits for the offer.
    pub fn apply(self, town: &mut Town, subject: &[u8]) -> Rogue {
        let crypto = &self.member.crypto;
        let (private, reply_key) = crypto.generate(Suite::XWing).unwrap();
        let info = hash("shokyo application v1", &[&self.header(town, &reply_key)]);
        let held = crypto.hold(subject, b"").unwrap();
        let (sealed, _) = crypto.seal_application(&held, Suite::XWing, &self.public_key, &info).unwrap();
        let frame = self.apply_with(town, &reply_key, &sealed.encapsulated, &sealed.sealed);
        let (session, apply_hash) = (self.session(&reply_key), frame_hash(&frame));
        let rogue = Rogue { member: self.member.clone(), peer: self.peer, session, private, apply_hash };
        rogue.send(town, frame);
        rogue
    }
}

impl Rogue {
    /// Greets, applies, and waits for the offer.
    pub fn new(town: &mut Town, member: &Member, subject: &[u8]) -> Self {
        let rogue = Challenged::by(town, member).apply(town, subject);
        assert!(rogue.answer(town, MessageType::Offer).is_some(), "a kiosk with a certificate is served");
        rogue
    }

    pub fn send(&self, town: &mut Town, frame: Vec<u8>) {
        town.network.push_back(Hop { link: 0, up: true, end: self.peer, bytes: frame });
        town.run();
    }

    pub fn say(&self, town: &mut Town, kind: MessageType, previous: [u8; 32], body: &[u8]) {
        self.send(town, signed(&self.member, kind, self.session, previous, body));
    }

    /// The last frame of a type that came here for this session.
    pub fn answer(&self, town: &Town, kind: MessageType) -> Option<Vec<u8>> {
        let mine = |hop: &&Hop| hop.link == 0 && !hop.up && hop.kind() == Some(kind) && hop.session() == self.session;
        town.tape.iter().rev().find(mine).map(|hop| hop.bytes.clone())
    }

    pub fn offer_hash(&self, town: &Town) -> [u8; 32] {
        frame_hash(&self.answer(town, MessageType::Offer).unwrap())
    }

    /// Asks for these chunks.
    pub fn credit(&self, town: &mut Town, from: u32, until: u32) {
        self.send(town, credit(self.session, self.offer_hash(town), from, until));
    }

    /// How many chunks came here for this session.
    pub fn chunks(&self, town: &Town) -> usize {
        let mine =
            |hop: &&Hop| hop.link == 0 && hop.kind() == Some(MessageType::Chunk) && hop.session() == self.session;
        town.tape.iter().filter(mine).count()
    }

    pub fn received(&self, town: &mut Town, count: u64) {
        self.say(town, MessageType::Received, self.offer_hash(town), &received(count));
    }

    pub fn opened(&self, town: &mut Town, verified: bool) {
        let release = frame_hash(&self.answer(town, MessageType::Release).unwrap());
        self.say(town, MessageType::Opened, release, &body(&[Item::Flag(verified)]));
    }
}

fn hello(member: &Member, operator: &str, issuer: &str) -> Vec<u8> {
    let suites = Item::Bytes(vec![Suite::XWing as u8]);
    body(&[Item::Text(operator.into()), Item::Text(issuer.into()), suites, certificate(member)])
}

/// Credit carries no signature: anyone on the way can make it.
pub fn credit(session: SessionId, offer_hash: [u8; 32], from: u32, until: u32) -> Vec<u8> {
    let (role, kind) = (Role::Kiosk, MessageType::Credit);
    let body = body(&[Item::Number(from.into()), Item::Number(until.into())]);
    let suite = Suite::XWing;
    Frame { suite, kind, role, session, previous: offer_hash, body: &body, signature: None }.encode()
}

/// Received, without attachments.
pub fn received(count: u64) -> Vec<u8> {
    body(&[Item::Number(count), Item::Bytes(hash("shokyo attachments v1", &[]).to_vec())])
}
