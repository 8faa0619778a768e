//! Cryptography as symbols: a key is a number, and what is sealed to a key is a text that names it, which nobody opens who does not
//! hold that number. Only receipts are signed for real, because they are verified for real.
//!
//! Nothing here may be cleverer than the real suite: each check that the real one makes by failing to open is made here by
//! comparing, and no other.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use super::digest::hash_secret;
use super::roster;
use crate::buffer::{CopyClass, Erasure};
use crate::error::Error;
use crate::handover::Suite;
use crate::handover::crypto::{Crypto, SealedApplication, Shape, Unlock, WrappedKey};
use crate::handover::message::hash;
use crate::receipt::{Details, Receipt, RelayFigures, StationInfo};
use crate::types::{Binding, KeyId, Protections, SessionId};
use crate::wipe;

/// Bytes of plaintext in a chunk, by name: chunks hold symbols.
const CHUNK: u32 = 16;

/// What kind of secret a station holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Private,
    Subject,
    Application,
    Document,
    /// Sealed chunks: no secret, but to be erased like one.
    Incoming,
}

const KINDS: [Kind; 5] = [Kind::Private, Kind::Subject, Kind::Application, Kind::Document, Kind::Incoming];

/// A secret in a station's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Secret {
    pub(super) kind: Kind,
    pub(super) number: u32,
    pub(super) session: SessionId,
}

impl Secret {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&[self.kind as u8], &self.number.to_le_bytes()[..], &self.session.0].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, session) = rest.split_first_chunk::<4>()?;
        let kind = *KINDS.get(usize::from(*kind))?;
        Some(Self { kind, number: u32::from_le_bytes(*number), session: SessionId(session.try_into().ok()?) })
    }
}

/// A document key sealed to a public key, wherever it stands in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Wrap {
    pub(super) key: u32,
    pub(super) to: u32,
    /// The beginning of the session's identifier.
    pub(super) session: [u8; 8],
}

const WRAP: &[u8; 8] = b"\x01wrapped";
const WRAP_LENGTH: usize = 8 + 4 + 4 + 8;

impl Wrap {
    pub(super) fn all_in(bytes: &[u8]) -> impl Iterator<Item = Self> + '_ {
        bytes.windows(WRAP_LENGTH).filter(|window| window.starts_with(WRAP)).filter_map(|window| {
            let (key, rest) = window[8..].split_first_chunk()?;
            let (to, session) = rest.split_first_chunk()?;
            let session = session.try_into().ok()?;
            Some(Self { key: u32::from_le_bytes(*key), to: u32::from_le_bytes(*to), session })
        })
    }

    fn to_bytes(self) -> Vec<u8> {
        [&WRAP[..], &self.key.to_le_bytes(), &self.to.to_le_bytes(), &self.session].concat()
    }
}

/// The number of a public key, or of the key that something is encapsulated to.
pub(super) fn named_key(bytes: &[u8]) -> Option<u32> {
    let number = bytes.strip_prefix(b"public").or(bytes.strip_prefix(b"encapsulated"))?;
    number.first_chunk().map(|number| u32::from_le_bytes(*number))
}

macro_rules! handles {
    ($($name:ident { $($field:ident: $type:ty),* } is $kind:expr, $number:expr, $session:expr;)*) => {$(
        #[derive(Clone, Debug)]
        pub(super) struct $name { $(pub(super) $field: $type),* }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                let number: fn(&Self) -> u32 = $number;
                let session: fn(&Self) -> SessionId = $session;
                hash_secret(&Secret { kind: $kind, number: number(self), session: session(self) }, state);
                $(self.$field.hash(state);)*
            }
        }
    )*};
}

handles! {
    Private { number: u32 } is Kind::Private, |it| it.number, |_| SessionId::NONE;
    SubjectKey { number: u32, session: SessionId } is Kind::Subject, |it| it.number, |it| it.session;
    Application { subject: Vec<u8>, session: SessionId } is Kind::Application, |_| 0, |it| it.session;
    Writer { key: u32, binding: Binding, content: Option<Content> } is Kind::Document, |it| it.key, |it| it.binding.session;
    Document { key: u32, binding: Binding, content: Content, chunks: Vec<Vec<u8>> }
        is Kind::Document, |it| it.key, |it| it.binding.session;
    Incoming { binding: Binding, chunks: Vec<Vec<u8>> } is Kind::Incoming, |_| 0, |it| it.binding.session;
}

/// What a document says: whose it is, the application that it was written for, and its length in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content {
    pub(super) subject: u8,
    pub(super) session: SessionId,
    pub(super) chunks: u8,
}

/// The cryptography of one station.
#[derive(Debug)]
pub(super) struct Symbolic {
    info: StationInfo,
    certificate: Vec<u8>,
    receipt_certificate: Vec<u8>,
    number: u8,
    /// How often the station was started.
    start: u8,
    /// Numbers given out since then.
    drawn: AtomicU32,
}

impl Clone for Symbolic {
    fn clone(&self) -> Self {
        Self { drawn: AtomicU32::new(self.drawn.load(Ordering::Relaxed)), ..Self::new(self.number, self.start) }
    }
}

impl Hash for Symbolic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.number, self.start, self.drawn.load(Ordering::Relaxed)).hash(state);
    }
}

impl Symbolic {
    pub(super) fn new(number: u8, start: u8) -> Self {
        Self {
            info: roster::info(number),
            certificate: roster::certificate(number, b'm'),
            receipt_certificate: roster::certificate(number, b'r'),
            number,
            start,
            drawn: AtomicU32::new(0),
        }
    }

    /// A number that no other station, start or draw has.
    fn fresh(&self) -> u32 {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        u32::from(self.number) << 24 | u32::from(self.start) << 16 | drawn
    }

    fn wipe_key(&self, number: u32, evidence: &mut Erasure) {
        evidence.record(CopyClass::Key, wipe::wipe_key(&mut [1; 32], self.key_id(number).to_tag()));
    }

    fn wipe_bytes(chunks: Vec<Vec<u8>>, evidence: &mut Erasure) {
        for mut chunk in chunks {
            evidence.record(CopyClass::Ciphertext, wipe::wipe_vec(&mut chunk, 0));
        }
    }

    fn key_id(&self, number: u32) -> KeyId {
        KeyId { vault: u64::from(self.number), cell: number, generation: 1 }
    }

    fn seal_chunk(key: u32, binding: Binding, index: u32, last: bool, content: Content) -> Vec<u8> {
        let (index, last) = (index.to_le_bytes(), [u8::from(last)]);
        let said = [&[content.subject, content.chunks][..], &content.session.0].concat();
        [b"chunk", &key.to_le_bytes()[..], &binding.session.0, &binding.context, &index, &last, &said].concat()
    }

    /// The content of a chunk, if it is sealed under this key, for this binding, at this place.
    fn open_chunk(key: u32, binding: Binding, index: u32, last: bool, chunk: &[u8]) -> Option<Content> {
        let (_, said) = chunk.split_last_chunk::<34>()?;
        let content = Content { subject: said[0], chunks: said[1], session: SessionId(said[2..].try_into().ok()?) };
        (chunk == Self::seal_chunk(key, binding, index, last, content)).then_some(content)
    }

    fn commit(key: u32, context: &[u8; 32]) -> [u8; 32] {
        hash(b"commitment", &[&key.to_le_bytes(), context])
    }

    fn open(incoming: &Incoming, key: &Private, unlock: &Unlock<'_>) -> Result<(u32, Content), Error> {
        let wrap = Wrap::all_in(unlock.wrapped).next().ok_or(Error::NotAuthentic)?;
        let fits = unlock.wrapped == Self::wrapping(wrap, unlock.info, unlock.binding.session);
        if wrap.to != key.number || named_key(unlock.encapsulated) != Some(key.number) || !fits {
            return Err(Error::NotAuthentic);
        }
        if Self::commit(wrap.key, &unlock.binding.context) != *unlock.commitment {
            return Err(Error::Mismatch { what: "the key and its commitment in the offer" });
        }
        let count = incoming.chunks.len();
        let mut contents = incoming.chunks.iter().enumerate().map(|(index, chunk)| {
            Self::open_chunk(wrap.key, incoming.binding, index as u32, index + 1 == count, chunk)
        });
        let first = contents.next().flatten().ok_or(Error::NotAuthentic)?;
        let same = contents.all(|content| content == Some(first));
        if same { Ok((wrap.key, first)) } else { Err(Error::NotAuthentic) }
    }

    fn wrapping(wrap: Wrap, info: &[u8; 32], session: SessionId) -> Vec<u8> {
        [&wrap.to_bytes()[..], &hash(b"wrapping", &[info, &session.0])[..16]].concat()
    }
}

impl Crypto for Symbolic {
    type PrivateKey = Private;
    type SubjectKey = SubjectKey;
    type Application = Application;
    type Writer = Writer;
    type Document = Document;
    type Incoming = Incoming;

    fn station(&self) -> &StationInfo {
        &self.info
    }

    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn receipt_certificate(&self) -> &[u8] {
        &self.receipt_certificate
    }

    fn random(&self) -> Result<[u8; 32], Error> {
        Ok(hash(b"random", &[&self.fresh().to_le_bytes()]))
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(signature(&roster::message_key(self.number), message))
    }

    fn verify(&self, key: &[u8; 32], message: &[u8], found: &[u8; 64]) -> Result<(), Error> {
        if signature(key, message) == *found { Ok(()) } else { Err(Error::BadSignature) }
    }

    fn receipt(&self, erasure: Erasure, details: &Details<'_>) -> Result<Receipt, Error> {
        // Without times, without numbers of ranges and frames beyond one, and without the chain of the station's receipts: they only
        // tell states apart that do the same.
        let one = |number: u64| number.min(1);
        let relay =
            details.relay.map(|relay| RelayFigures { peak_bytes: 0, longest_hold_ms: 0, frames: one(relay.frames) });
        let mut erased = Erasure::new(erasure.session(), erasure.protections());
        if let Some(key) = erasure.key() {
            erased.record(CopyClass::Key, wipe::wipe_key(&mut [1; 32], key.to_tag()));
        }
        for copy in erasure.copies() {
            (0..one(copy.verified)).for_each(|_| erased.record(copy.class, wipe::wipe(&mut [1], 0)));
            (0..one(copy.failed)).for_each(|_| erased.record(copy.class, Err(Error::NotErased { bytes: 1 })));
        }
        let details =
            Details { opened_unix_ms: 0, event_unix_ms: 0, duration_ms: None, previous: None, relay, ..*details };
        Receipt::issue(erased, &details, &self.info, &roster::Signer(self.number))
    }

    fn evidence(&self, session: SessionId) -> Erasure {
        Erasure::new(session, Protections::none())
    }

    fn generate(&self, _: Suite) -> Result<(Private, Vec<u8>), Error> {
        let number = self.fresh();
        Ok((Private { number }, [b"public", &number.to_le_bytes()[..]].concat()))
    }

    fn destroy(&self, key: Private, evidence: &mut Erasure) {
        self.wipe_key(key.number, evidence);
    }

    fn hold(&self, subject: &[u8], _: &[u8]) -> Result<Application, Error> {
        Ok(Application { subject: subject.to_vec(), session: SessionId::NONE })
    }

    fn seal_application(
        &self,
        application: &Application,
        _: Suite,
        to: &[u8],
        info: &[u8; 32],
    ) -> Result<(SealedApplication, [u8; 32]), Error> {
        let to = named_key(to).ok_or(Error::Malformed { what: "a public key" })?;
        let seed = self.fresh();
        let encapsulated = [b"encapsulated", &to.to_le_bytes()[..], &seed.to_le_bytes()].concat();
        let sealed = [b"application", &to.to_le_bytes()[..], &seed.to_le_bytes(), info, &application.subject].concat();
        Ok((SealedApplication { encapsulated, sealed }, tag(seed, &application.subject)))
    }

    fn open_application(
        &self,
        _: Suite,
        key: &Private,
        info: &[u8; 32],
        binding: Binding,
        sealed: &SealedApplication,
    ) -> Result<(Application, SubjectKey), Error> {
        let seed = sealed.encapsulated.strip_prefix(b"encapsulated").and_then(|rest| rest.get(4..8));
        let seed = seed.and_then(|seed| seed.try_into().ok()).map(u32::from_le_bytes).ok_or(Error::NotAuthentic)?;
        let head = [b"application", &key.number.to_le_bytes()[..], &seed.to_le_bytes(), info].concat();
        let subject = sealed.sealed.strip_prefix(&head[..]).ok_or(Error::NotAuthentic)?.to_vec();
        let session = binding.session;
        Ok((Application { subject, session }, SubjectKey { number: seed, session }))
    }

    fn erase_application(&self, _: Application, evidence: &mut Erasure) {
        self.wipe_key(0, evidence);
    }

    fn subject_tag(&self, key: &SubjectKey, subject: &[u8]) -> Result<[u8; 32], Error> {
        Ok(tag(key.number, subject))
    }

    fn destroy_subject_key(&self, key: SubjectKey, evidence: &mut Erasure) {
        self.wipe_key(key.number, evidence);
    }

    fn compose(&self, binding: Binding) -> Result<Writer, Error> {
        Ok(Writer { key: self.fresh(), binding, content: None })
    }

    fn finish(&self, writer: Writer) -> Result<Document, Error> {
        let Writer { key, binding, content } = writer;
        let content = content.ok_or(Error::EmptyDocument)?;
        let count = u32::from(content.chunks);
        let seal = |index| Self::seal_chunk(key, binding, index, index + 1 == count, content);
        Ok(Document { key, binding, content, chunks: (0..count).map(seal).collect() })
    }

    fn erase_writer(&self, writer: Writer, evidence: &mut Erasure) {
        self.wipe_key(writer.key, evidence);
    }

    fn shape(&self, document: &Document) -> Result<Shape, Error> {
        let count = document.chunks.len() as u32;
        let length = u64::from(count) * u64::from(CHUNK);
        Ok(Shape { length, count, chunk_size: CHUNK, binding: document.binding })
    }

    fn chunk<'d>(&self, document: &'d Document, index: u32) -> Result<&'d [u8], Error> {
        let length = document.chunks.len() as u64;
        document.chunks.get(index as usize).map(Vec::as_slice).ok_or(Error::OutOfRange { at: index.into(), length })
    }

    fn commitment(&self, document: &Document) -> Result<[u8; 32], Error> {
        Ok(Self::commit(document.key, &document.binding.context))
    }

    fn wrap(&self, document: &Document, _: Suite, to: &[u8], info: &[u8; 32]) -> Result<WrappedKey, Error> {
        let to = named_key(to).ok_or(Error::Malformed { what: "a public key" })?;
        let session = document.binding.session;
        let mut beginning = [0; 8];
        beginning.copy_from_slice(&session.0[..8]);
        let wrap = Wrap { key: document.key, to, session: beginning };
        Ok(WrappedKey {
            session,
            key: self.key_id(document.key),
            encapsulated: [b"encapsulated", &to.to_le_bytes()[..]].concat(),
            wrapped: Self::wrapping(wrap, info, session),
        })
    }

    fn erase(&self, document: Document, evidence: &mut Erasure) {
        self.wipe_key(document.key, evidence);
        Self::wipe_bytes(document.chunks, evidence);
    }

    fn incoming(&self, binding: Binding, _: u32) -> Result<Incoming, Error> {
        Ok(Incoming { binding, chunks: Vec::new() })
    }

    fn push(&self, incoming: &mut Incoming, chunk: &[u8]) -> Result<(), Error> {
        incoming.chunks.push(chunk.to_vec());
        Ok(())
    }

    fn unlock(
        &self,
        incoming: Incoming,
        key: &Private,
        unlock: &Unlock<'_>,
        evidence: &mut Erasure,
    ) -> Result<Document, Error> {
        match Self::open(&incoming, key, unlock) {
            Ok((key, content)) => Ok(Document { key, binding: incoming.binding, content, chunks: incoming.chunks }),
            Err(error) => {
                Self::wipe_bytes(incoming.chunks, evidence);
                Err(error)
            }
        }
    }

    fn erase_incoming(&self, incoming: Incoming, evidence: &mut Erasure) {
        Self::wipe_bytes(incoming.chunks, evidence);
    }
}

fn tag(key: u32, subject: &[u8]) -> [u8; 32] {
    hash(b"subject tag", &[&key.to_le_bytes(), subject])
}

/// A signature that only the holder of the key makes: no other code of the model calls this.
fn signature(key: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let half = hash(b"signature", &[key, message]);
    let mut whole = [0; 64];
    whole[..32].copy_from_slice(&half);
    whole[32..].copy_from_slice(&half);
    whole
}
