//! Everything that docs/protocol.md says of a session, worked out again from its frames and secrets with published libraries:
//! nothing of the project's own but the envelope's decoder, whose answers are compared, and the receipts'.

use ed25519_dalek::{Signature, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem, OpModeR, Serializable, setup_receiver};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shokyo::handover::{Frame, MessageType, Suite};
use shokyo::receipt::{Event, Statement, verify};
use shokyo::types::Role;

use super::cbor::{Item, items};
use super::session::{Session, hexadecimal};

pub type Checked<T> = Result<T, String>;

pub fn demand(holds: bool, what: &str) -> Checked<()> {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// `H(label, parts…)`.
pub fn hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

pub fn frame_hash(frame: &[u8]) -> [u8; 32] {
    hash("shokyo frame v1", &[frame])
}

/// The sender's key and what it signed: the frame as an array of seven, behind a label.
pub fn check_signature(bytes: &[u8], key: &[u8; 32]) -> Checked<()> {
    let (rest, signature) = bytes.split_last_chunk::<64>().ok_or("a frame is longer than its signature")?;
    // The head of the array, and of the signature.
    let signed = [b"shokyo message v1\x87", &rest[1..rest.len() - 2]].concat();
    demand(bytes[0] == 0x88 && rest.ends_with(&[0x58, 64]), "where a signature stands")?;
    let key = VerifyingKey::from_bytes(key).map_err(|error| error.to_string())?;
    key.verify_strict(&signed, &Signature::from_bytes(signature)).map_err(|error| error.to_string())
}

/// What HPKE (RFC 9180) opens with a private key: the plaintext and the exported secret.
pub fn hpke_open(
    suite: Suite,
    private: &[u8],
    encapsulated: &[u8],
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Checked<(Vec<u8>, Vec<u8>)> {
    fn open<K: Kem>(
        private: &[u8],
        encapsulated: &[u8],
        info: &[u8],
        aad: &[u8],
        sealed: &[u8],
    ) -> Checked<(Vec<u8>, Vec<u8>)> {
        let wrong = |error: hpke::HpkeError| error.to_string();
        let private = K::PrivateKey::from_bytes(private).map_err(wrong)?;
        let encapsulated = K::EncappedKey::from_bytes(encapsulated).map_err(wrong)?;
        let mut context =
            setup_receiver::<AesGcm256, HkdfSha256, K>(&OpModeR::Base, &private, &encapsulated, info).map_err(wrong)?;
        let plain = context.open(sealed, aad).map_err(wrong)?;
        let mut exported = vec![0; 32];
        context.export(b"subject", &mut exported).map_err(wrong)?;
        Ok((plain, exported))
    }
    match suite {
        Suite::XWing => open::<XWing>(private, encapsulated, info, aad, sealed),
        Suite::X25519 => open::<X25519HkdfSha256>(private, encapsulated, info, aad, sealed),
    }
}

pub fn public_key(suite: Suite, private: &[u8]) -> Checked<Vec<u8>> {
    fn public<K: Kem>(private: &[u8]) -> Checked<Vec<u8>> {
        let private = K::PrivateKey::from_bytes(private).map_err(|error| error.to_string())?;
        Ok(K::sk_to_pk(&private).to_bytes().to_vec())
    }
    match suite {
        Suite::XWing => public::<XWing>(private),
        Suite::X25519 => public::<X25519HkdfSha256>(private),
    }
}

pub fn commitment(key: &[u8], context: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(Some(b"shokyo commit"), key).expand(context, &mut out).unwrap();
    out
}

pub fn subject_tag(key: &[u8], subject: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(b"shokyo subject v1");
    mac.update(subject);
    mac.finalize().into_bytes().into()
}

/// One document's chunks opened: nonce, associated data and plaintext of each.
fn open_chunks(key: &[u8], session: &[u8], context: &[u8], chunks: &[Vec<u8>]) -> Checked<(Vec<Value>, Vec<u8>)> {
    use aes_gcm::aead::AeadInOut;
    use aes_gcm::{Aes256Gcm, KeyInit};
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|error| error.to_string())?;
    let (mut described, mut document) = (Vec::new(), Vec::new());
    for (index, sealed) in chunks.iter().enumerate() {
        let last = [u8::from(index + 1 == chunks.len())];
        let index = (index as u64).to_be_bytes();
        let nonce = [&[0; 3][..], &index, &last].concat();
        let aad = [b"shokyo chunk v1", session, context, &index, &last].concat();
        let place: &[u8; 12] = nonce.as_slice().try_into().map_err(|_| "a nonce has twelve bytes")?;
        let (body, tag) = sealed.split_last_chunk::<16>().ok_or("a chunk has a tag")?;
        let mut plain = body.to_vec();
        let opened = cipher.decrypt_inout_detached(place.into(), &aad, plain.as_mut_slice().into(), tag.into());
        opened.map_err(|error| format!("chunk: {error}"))?;
        described
            .push(json!({ "nonce": hexadecimal(&nonce), "aad": hexadecimal(&aad), "plaintext": hexadecimal(&plain) }));
        document.extend_from_slice(&plain);
    }
    Ok((described, document))
}

/// The shape of the document that was offered.
#[derive(Clone)]
struct Offered {
    length: u64,
    chunk_size: u64,
    hashes: Vec<[u8; 32]>,
}

/// A session that is being read, with what the frames so far said.
struct Reader<'s> {
    session: &'s Session,
    suite: Suite,
    /// The frames by type and sender, each the last of its kind.
    hashes: std::collections::BTreeMap<(MessageType, Role), [u8; 32]>,
    id: [u8; 32],
    derived: serde_json::Map<String, Value>,
    attachments: Vec<u8>,
    attached: Vec<(u8, [u8; 32])>,
    granted: u64,
    offer: Option<Offered>,
    chunks: Vec<Vec<u8>>,
}

/// Checks every frame of a session and gives the values in between.
pub fn check(session: &Session) -> Checked<Value> {
    let mut reader = Reader {
        session,
        suite: Suite::XWing,
        hashes: Default::default(),
        id: [0; 32],
        derived: Default::default(),
        attachments: Vec::new(),
        attached: Vec::new(),
        granted: 0,
        offer: None,
        chunks: Vec::new(),
    };
    for (position, bytes) in session.frames.iter().enumerate() {
        reader.frame(bytes).map_err(|error| format!("{}, frame {position}: {error}", session.title))?;
    }
    Ok(Value::Object(reader.derived))
}

impl Reader<'_> {
    fn secret(&self, name: &str) -> Checked<&[u8]> {
        Ok(self.session.secrets.get(name).ok_or(format!("there is no secret {name}"))?)
    }

    fn previous(&self, kind: MessageType, role: Role) -> Checked<[u8; 32]> {
        self.hashes.get(&(kind, role)).copied().ok_or(format!("{} comes too early", kind.name()))
    }

    fn certificate_of(&self, role: Role, certificate: &Item) -> Checked<()> {
        let station = self.session.stations.get(&(role as u8)).ok_or("an unknown station")?;
        demand(certificate.bytes()? == station.certificate, "a certificate of another station")
    }

    fn note(&mut self, name: &str, value: &[u8]) {
        self.derived.insert(name.into(), json!(hexadecimal(value)));
    }

    fn frame(&mut self, bytes: &[u8]) -> Checked<()> {
        use MessageType as M;
        let frame = Frame::decode(bytes).map_err(|error| error.to_string())?;
        demand(frame.encode() == bytes, "one frame has one encoding")?;
        demand(shokyo::handover::frame_hash(bytes) == frame_hash(bytes), "the hash of a frame")?;
        let station = self.session.stations.get(&(frame.role as u8)).ok_or("an unknown station")?;
        if frame.kind.is_signed() {
            check_signature(bytes, &station.messages)?;
        }
        let role = frame.role;
        let from = |expected: Role| demand(role == expected, "who sends this message");
        match frame.kind {
            M::Hello => self.hello(&frame)?,
            M::Challenge => self.challenge(&frame)?,
            M::Apply => self.apply(&frame, bytes)?,
            _ => {
                demand(frame.session.0 == self.id, "the session of a frame")?;
                demand(frame.suite == self.suite, "the suite of a session")?;
            }
        }
        let kiosk = Role::Kiosk;
        let zeros = [0; 32];
        let previous = match frame.kind {
            M::Hello | M::Complete | M::Cancel => zeros,
            M::Challenge => self.previous(M::Hello, kiosk)?,
            M::Apply => self.previous(M::Challenge, Role::Issuer)?,
            M::Offer => self.previous(M::Apply, kiosk)?,
            M::Chunk | M::Credit | M::Received | M::Attachment => self.previous(M::Offer, Role::Issuer)?,
            M::Release => self.previous(M::Received, kiosk)?,
            M::Opened => self.previous(M::Release, Role::Issuer)?,
            M::Erased if role == kiosk => self.hashes.get(&(M::Release, Role::Issuer)).copied().unwrap_or(zeros),
            M::Erased => zeros,
            M::Recorded => *self.hashes.get(&(M::Erased, kiosk)).ok_or("a receipt before its answer")?,
        };
        demand(frame.previous == previous, "what a frame answers")?;
        match frame.kind {
            M::Hello | M::Challenge | M::Apply => {}
            M::Offer => from(Role::Issuer).and_then(|()| self.offer(&frame))?,
            M::Chunk => from(Role::Issuer).and_then(|()| self.chunk(&frame))?,
            M::Credit => from(kiosk).and_then(|()| self.credit(&frame))?,
            M::Attachment => self.attachment(&frame, bytes)?,
            M::Received => from(kiosk).and_then(|()| self.received(&frame, bytes))?,
            M::Release => from(Role::Issuer).and_then(|()| self.release(&frame))?,
            M::Opened => {
                from(kiosk)?;
                let [verified] = items(frame.body)?;
                demand(verified.truth()?, "the document opened")?;
            }
            M::Erased => self.erased(&frame)?,
            M::Complete => {
                from(Role::Issuer)?;
                let [outcome, certificate] = items(frame.body)?;
                demand((1..=3).contains(&outcome.number()?), "an outcome")?;
                self.certificate_of(role, &certificate)?;
            }
            M::Recorded => {
                from(Role::Issuer)?;
                let [kept, certificate] = items(frame.body)?;
                kept.truth()?;
                self.certificate_of(role, &certificate)?;
            }
            M::Cancel => {
                let [cause, certificate] = items(frame.body)?;
                demand((1..=10).contains(&cause.number()?), "a cause")?;
                self.certificate_of(role, &certificate)?;
            }
        }
        self.hashes.insert((frame.kind, role), frame_hash(bytes));
        Ok(())
    }

    fn hello(&mut self, frame: &Frame<'_>) -> Checked<()> {
        let [operator, issuer, suites, certificate] = items(frame.body)?;
        let asked = self.session.stations.get(&1).ok_or("there is an issuer")?;
        demand(operator.text()? == asked.operator && issuer.text()? == asked.station, "the issuer that is asked")?;
        demand(
            suites.bytes()?.first() == Some(&(frame.suite as u8)),
            "the frame of a greeting has the first suite of its list",
        )?;
        demand(frame.role == Role::Kiosk, "who greets")?;
        self.id = frame.session.0;
        self.note("exchange", &frame.session.0);
        self.certificate_of(frame.role, &certificate)
    }

    fn challenge(&mut self, frame: &Frame<'_>) -> Checked<()> {
        let [nonce, epoch, key, valid, certificate] = items(frame.body)?;
        demand(frame.session.0 == self.id && frame.role == Role::Issuer, "the exchange of a challenge")?;
        demand(
            epoch.bytes()?.len() == 16 && nonce.bytes()?.len() == 32 && valid.number()? > 0,
            "the shape of a challenge",
        )?;
        self.suite = frame.suite;
        demand(key.bytes()? == public_key(self.suite, self.secret("challenge_private")?)?, "the key of a challenge")?;
        self.certificate_of(frame.role, &certificate)
    }

    fn apply(&mut self, frame: &Frame<'_>, bytes: &[u8]) -> Checked<()> {
        let [header, encapsulated, sealed] = items(frame.body)?;
        let [nonce, _epoch, operator, issuer, _kind, copies, reply, certificate] = items(header.bytes()?)?;
        let (asked, kiosk) = (&self.session.stations[&1], &self.session.stations[&4]);
        demand(operator.text()? == asked.operator && issuer.text()? == asked.station, "the issuer that is asked")?;
        demand(copies.number()? > 0 && frame.role == Role::Kiosk && frame.suite == self.suite, "who applies")?;
        demand(reply.bytes()? == public_key(self.suite, self.secret("reply_private")?)?, "the reply key")?;
        let parts = [nonce.bytes()?, kiosk.operator.as_bytes(), kiosk.station.as_bytes(), reply.bytes()?];
        self.id = hash("shokyo session v1", &parts);
        demand(frame.session.0 == self.id, "the session of an application")?;
        self.certificate_of(frame.role, &certificate)?;
        let info = hash("shokyo application v1", &[header.bytes()?]);
        let private = self.secret("challenge_private")?;
        let (plain, key) =
            hpke_open(self.suite, private, encapsulated.bytes()?, &info, b"application", sealed.bytes()?)?;
        let length = usize::from(u16::from_be_bytes(*plain.first_chunk().ok_or("an application has a length")?));
        let subject = plain.get(2..2 + length).ok_or("an application is as long as it says")?;
        demand(key == self.secret("subject_key")?, "the subject key")?;
        let tag = subject_tag(&key, subject);
        let (id, context) = (self.id, frame_hash(bytes));
        for (name, value) in [
            ("session", &id[..]),
            ("application_info", &info),
            ("application_hash", &context),
            ("application_plaintext", &plain),
            ("subject_tag", &tag),
        ] {
            self.note(name, value);
        }
        Ok(())
    }

    fn offer(&mut self, frame: &Frame<'_>) -> Checked<()> {
        let [length, size, hashes, committed, tag] = items(frame.body)?;
        let (hashes, rest) = hashes.bytes()?.as_chunks::<32>();
        let (length, size) = (length.number()?, size.number()?);
        demand(rest.is_empty() && size > 0 && length.div_ceil(size) == hashes.len() as u64, "the shape of an offer")?;
        demand(self.derived["subject_tag"] == json!(hexadecimal(tag.bytes()?)), "the subject of an offer")?;
        let context = self.previous(MessageType::Apply, Role::Kiosk)?;
        demand(committed.hash()? == commitment(self.secret("document_key")?, &context), "the commitment")?;
        self.note("commitment", committed.bytes()?);
        self.offer = Some(Offered { length, chunk_size: size, hashes: hashes.to_vec() });
        Ok(())
    }

    fn credit(&mut self, frame: &Frame<'_>) -> Checked<()> {
        let [from, until] = items(frame.body)?;
        let (from, until) = (from.number()?, until.number()?);
        let count = self.offer.as_ref().ok_or("an offer comes before credit")?.hashes.len() as u64;
        demand(from == self.granted && from < until && until <= count, "credit follows credit")?;
        self.granted = until;
        Ok(())
    }

    fn chunk(&mut self, frame: &Frame<'_>) -> Checked<()> {
        let [index, sealed] = items(frame.body)?;
        let hashes = &self.offer.as_ref().ok_or("an offer comes before chunks")?.hashes;
        demand(
            index.number()? == self.chunks.len() as u64 && index.number()? < self.granted,
            "chunks in order, on credit",
        )?;
        let expected = hashes.get(self.chunks.len()).ok_or("more chunks than were offered")?;
        demand(hash("shokyo chunk hash v1", &[sealed.bytes()?]) == *expected, "the hash of a chunk")?;
        self.chunks.push(sealed.bytes()?.to_vec());
        Ok(())
    }

    fn attachment(&mut self, frame: &Frame<'_>, bytes: &[u8]) -> Checked<()> {
        let [data, certificate] = items(frame.body)?;
        demand(frame.role.is_relay() && data.bytes()?.len() <= 4096, "an attachment")?;
        self.attached.push((frame.role as u8, frame_hash(bytes)));
        self.certificate_of(frame.role, &certificate)
    }

    fn received(&mut self, frame: &Frame<'_>, bytes: &[u8]) -> Checked<()> {
        let [count, attachments] = items(frame.body)?;
        self.attached.sort_unstable();
        let parts: Vec<Vec<u8>> = self.attached.iter().map(|(role, hash)| [&[*role][..], hash].concat()).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        self.attachments = hash("shokyo attachments v1", &parts).to_vec();
        demand(attachments.bytes()? == self.attachments, "the hash of the attachments")?;
        let Offered { length, chunk_size, hashes } = self.offer.clone().ok_or("an offer comes first")?;
        let context = self.previous(MessageType::Apply, Role::Kiosk)?;
        demand(count.number()? == hashes.len() as u64 && self.chunks.len() == hashes.len(), "every chunk")?;
        let (described, document) = open_chunks(self.secret("document_key")?, &self.id, &context, &self.chunks)?;
        demand(document.len() as u64 == length, "the length of the document")?;
        let whole = self.chunks.iter().rev().skip(1).all(|chunk| chunk.len() as u64 == chunk_size + 16);
        demand(whole, "every chunk but the last is whole")?;
        self.derived.insert("chunks".into(), json!(described));
        let (attachments, info) = (self.attachments.clone(), frame_hash(bytes));
        self.note("attachments_hash", &attachments);
        self.note("wrap_info", &info);
        Ok(())
    }

    fn release(&mut self, frame: &Frame<'_>) -> Checked<()> {
        let [encapsulated, wrapped, receipt, certificate] = items(frame.body)?;
        let info = self.previous(MessageType::Received, Role::Kiosk)?;
        let private = self.secret("reply_private")?;
        let (key, _) = hpke_open(self.suite, private, encapsulated.bytes()?, &info, &self.id, wrapped.bytes()?)?;
        demand(key == self.secret("document_key")?, "the wrapped key")?;
        let statement = self.receipt(frame.role, receipt.bytes()?, &certificate)?;
        demand(statement.event == Event::KeyWiped, "the receipt in a release")
    }

    fn erased(&mut self, frame: &Frame<'_>) -> Checked<()> {
        let [receipt, receipt_certificate, certificate] = items(frame.body)?;
        self.certificate_of(frame.role, &certificate)?;
        let statement = self.receipt(frame.role, receipt.bytes()?, &receipt_certificate)?;
        match frame.role {
            Role::Issuer => Err("an issuer sends no Erased".into()),
            Role::Kiosk => demand(statement.event == Event::Erased, "the kiosk's receipt"),
            _ => demand(statement.event == Event::RelayedNotRetained, "a relay's receipt"),
        }
    }

    fn receipt(&self, role: Role, receipt: &[u8], certificate: &Item) -> Checked<Statement> {
        let station = &self.session.stations[&(role as u8)];
        demand(certificate.bytes()? == station.receipt_certificate, "a certificate for receipts")?;
        let statement = verify(receipt, &station.receipts).map_err(|error| error.to_string())?;
        demand(statement.session.0 == self.id && statement.role == role, "whose receipt it is")?;
        demand(statement.station == station.station && statement.operator == station.operator, "whose receipt it is")?;
        Ok(statement)
    }
}
