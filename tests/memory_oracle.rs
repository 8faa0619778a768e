//! Documents against a naive oracle: whatever is done to them in whatever order, they answer like a vector of bytes, until they are
//! erased, and then they answer nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseResult, TestRng, TestRunner};
use shokyo::buffer::CopyClass;
use shokyo::types::{Binding, KeyId, SessionId};
use shokyo::{EphemeralBuffer, Error, Vault, VaultOptions, Writer};

/// The longest document of a run.
const LONGEST: usize = 100_000;

/// One thing done to one of two documents. Lengths and offsets are turned into what lies around the edges of chunks.
#[derive(Clone, Debug)]
enum Step {
    Write(Length),
    WriteAll(Length),
    CopyFrom(Vec<Length>),
    Flush,
    FinishWith(Length),
    ReadAt(Length),
    Windows,
    Whole,
    Equal(Length, Difference),
    Hmac(u8),
    Sealed(u64),
    Erase,
    EraseAll,
}

/// `chunks` chunks and `more` bytes, which may be less than nothing.
#[derive(Clone, Copy, Debug)]
struct Length {
    chunks: usize,
    more: isize,
}

impl Length {
    fn bytes(self, chunk: usize) -> usize {
        (self.chunks * chunk).saturating_add_signed(self.more)
    }
}

#[derive(Clone, Copy, Debug)]
enum Difference {
    None,
    OneBit,
    Shorter,
    Longer,
}

fn lengths() -> impl Strategy<Value = Length> {
    let edge = prop_oneof![-1isize..=1, -17isize..=17, 0isize..200];
    (prop_oneof![4 => 0usize..3, 1 => 60usize..70], edge).prop_map(|(chunks, more)| Length { chunks, more })
}

fn steps() -> impl Strategy<Value = (bool, Step)> {
    let difference = prop_oneof![
        Just(Difference::None),
        Just(Difference::OneBit),
        Just(Difference::Shorter),
        Just(Difference::Longer)
    ];
    let step = prop_oneof![
        6 => lengths().prop_map(Step::Write),
        3 => lengths().prop_map(Step::WriteAll),
        4 => proptest::collection::vec(lengths(), 0..4).prop_map(Step::CopyFrom),
        2 => Just(Step::Flush),
        4 => lengths().prop_map(Step::FinishWith),
        6 => lengths().prop_map(Step::ReadAt),
        1 => Just(Step::Windows),
        3 => Just(Step::Whole),
        4 => (lengths(), difference).prop_map(|(place, difference)| Step::Equal(place, difference)),
        2 => any::<u8>().prop_map(Step::Hmac),
        2 => (0u64..5).prop_map(Step::Sealed),
        2 => Just(Step::Erase),
        1 => Just(Step::EraseAll),
    ];
    (any::<bool>(), step)
}

/// A document in one of its states, and what it must contain.
struct Pair {
    binding: Binding,
    /// Always there between steps.
    state: Option<State>,
    plain: Vec<u8>,
    /// Whether everything was erased since the document was begun.
    erased: bool,
    lent: u64,
}

enum State {
    Writing(Writer),
    Finished(EphemeralBuffer),
}

impl Pair {
    fn new(vault: &Vault, number: u8) -> Self {
        let binding = Binding { session: SessionId([number; 32]), context: [number ^ 0xFF; 32] };
        let state = Some(State::Writing(vault.writer(binding).unwrap()));
        Self { binding, state, plain: Vec::new(), erased: false, lent: 0 }
    }

    /// What a call may answer: `expected`, or that everything was erased.
    fn answer<T: PartialEq + std::fmt::Debug>(&self, got: Result<T, Error>, expected: T) -> TestCaseResult {
        prop_assert_eq!(got, if self.erased { Err(Error::Erased) } else { Ok(expected) });
        Ok(())
    }

    fn do_step(&mut self, vault: &Vault, step: &Step, keys: &mut BTreeSet<KeyId>) -> TestCaseResult {
        let chunk = vault.chunk_size();
        if matches!(step, Step::Erase) {
            return self.erase(vault);
        }
        match self.state.take().unwrap() {
            State::Writing(mut writer) => {
                if let Step::FinishWith(length) = step {
                    let new = fresh(&self.plain, length.bytes(chunk));
                    match writer.finish_with(&new) {
                        Ok(buffer) => {
                            prop_assert!(!self.erased, "an erased document was finished");
                            self.plain.extend_from_slice(&new);
                            prop_assert!(keys.insert(buffer.key_id()), "no key is used twice");
                            self.state = Some(State::Finished(buffer));
                        }
                        Err(error) => {
                            prop_assert!(self.erased && error == Error::Erased, "{:?}", error);
                            *self = Self::new(vault, self.binding.session.0[0].wrapping_add(2));
                        }
                    }
                    return Ok(());
                }
                let outcome = self.write(&mut writer, step, chunk);
                self.state = Some(State::Writing(writer));
                outcome
            }
            State::Finished(buffer) => {
                let outcome = self.read(&buffer, step, chunk);
                self.state = Some(State::Finished(buffer));
                outcome
            }
        }
    }

    fn write(&mut self, writer: &mut Writer, step: &Step, chunk: usize) -> TestCaseResult {
        let before = writer.len();
        let (got, new) = match step {
            Step::Write(length) => {
                let new = fresh(&self.plain, length.bytes(chunk));
                (writer.write(&new), new)
            }
            Step::WriteAll(length) => {
                let new = fresh(&self.plain, length.bytes(chunk));
                (writer.write_all(&new).map_err(into_own), new)
            }
            Step::CopyFrom(pieces) => {
                let new = fresh(&self.plain, pieces.iter().map(|piece| piece.bytes(chunk)).sum());
                let mut reader = Pieces { rest: &new, pieces: pieces.iter().map(|piece| piece.bytes(chunk)) };
                let mut told = 0;
                let copied = writer.copy_from_with(&mut reader, |so_far| {
                    assert!(so_far > told);
                    told = so_far;
                });
                if let Ok(copied) = copied {
                    prop_assert_eq!((copied, told), (new.len() as u64, new.len() as u64));
                }
                (copied.map(drop), new)
            }
            Step::Flush => (writer.flush().map_err(into_own), Vec::new()),
            _ => return Ok(()),
        };
        // A writer finds out that it was erased only when it needs a key.
        match got {
            Ok(()) => self.plain.extend_from_slice(&new),
            Err(error) => prop_assert!(self.erased && error == Error::Erased, "{:?}", error),
        }
        prop_assert_eq!(writer.len(), if self.erased { before.max(writer.len()) } else { self.plain.len() as u64 });
        let length = writer.len();
        prop_assert_eq!(writer.is_empty(), length == 0);
        Ok(())
    }

    fn read(&mut self, buffer: &EphemeralBuffer, step: &Step, chunk: usize) -> TestCaseResult {
        let (length, plain) = (self.plain.len() as u64, &self.plain);
        let count = length.div_ceil(chunk as u64).max(1);
        prop_assert_eq!((buffer.len(), buffer.chunk_count(), buffer.binding()), (length, count, self.binding));
        match step {
            Step::ReadAt(offset) => {
                let offset = offset.bytes(chunk);
                let got = buffer.read_at(offset as u64, <[u8]>::to_vec);
                if offset >= plain.len() && offset > 0 {
                    prop_assert_eq!(got, Err(Error::OutOfRange { at: offset as u64, length }));
                } else {
                    let end = ((offset / chunk + 1) * chunk).min(plain.len());
                    self.answer(got, plain[offset..end].to_vec())?;
                    self.lent += 1;
                }
            }
            Step::Windows => {
                let mut whole = Vec::new();
                let got = buffer.for_each_window(|offset, part| {
                    assert_eq!(offset, whole.len() as u64);
                    whole.extend_from_slice(part);
                    Ok(())
                });
                self.answer(got.map(|()| whole), plain.clone())?;
                self.lent += if self.erased { 1 } else { count };
            }
            Step::Whole => {
                self.answer(buffer.with_whole(<[u8]>::to_vec), plain.clone())?;
                self.lent += u64::from(!self.erased);
            }
            Step::Equal(place, difference) => {
                let mut other = plain.clone();
                let place = place.bytes(chunk).min(other.len().saturating_sub(1));
                let equal = match difference {
                    Difference::None => true,
                    Difference::OneBit => other.get_mut(place).map(|byte| *byte ^= 1 << (place % 8)).is_none(),
                    Difference::Shorter => other.pop().is_none(),
                    Difference::Longer => {
                        other.push(0);
                        false
                    }
                };
                self.lent += u64::from(other.len() == plain.len());
                self.answer(buffer.ct_eq(&other), equal)?;
            }
            Step::Hmac(key) => {
                let mut expected = Hmac::<sha2::Sha256>::new_from_slice(&[*key; 20]).unwrap();
                expected.update(plain);
                self.answer(buffer.hmac_sha256(&[*key; 20]), expected.finalize().into_bytes().into())?;
                self.lent += 1;
            }
            Step::Sealed(index) => {
                let end = ((*index as usize + 1) * chunk).min(plain.len());
                let start = (*index as usize * chunk).min(end);
                match buffer.sealed_chunk(*index) {
                    Ok(sealed) => {
                        prop_assert!(*index < count);
                        prop_assert_eq!(sealed.len(), end - start + 16);
                        prop_assert!(
                            end - start < 8 || sealed[..end - start] != plain[start..end],
                            "ciphertext is not plaintext"
                        );
                    }
                    Err(error) => prop_assert_eq!(error, Error::OutOfRange { at: *index, length: count }),
                }
            }
            _ => {}
        }
        prop_assert_eq!(buffer.windows_lent(), self.lent);
        Ok(())
    }

    /// Erases the document, looks at the evidence, and begins another.
    fn erase(&mut self, vault: &Vault) -> TestCaseResult {
        let next = Self::new(vault, self.binding.session.0[0].wrapping_add(2));
        let ended = std::mem::replace(self, next);
        let (id, evidence, chunks) = match ended.state.unwrap() {
            State::Writing(writer) => (None, writer.erase(), None),
            State::Finished(buffer) => {
                let (id, chunks) = (buffer.key_id(), buffer.chunk_count());
                (Some(id), buffer.erase(), Some((chunks, ended.plain.len() as u64 + 16 * chunks)))
            }
        };
        prop_assert!(evidence.is_verified());
        prop_assert_eq!(evidence.session(), ended.binding.session);
        prop_assert_eq!(evidence.key().is_some(), true);
        if let Some((chunks, bytes)) = chunks {
            prop_assert_eq!(evidence.key(), id);
            let ciphertext = evidence.copies().find(|copy| copy.class == CopyClass::Ciphertext).unwrap();
            prop_assert_eq!((ciphertext.verified, ciphertext.bytes), (chunks, bytes));
            let windows =
                evidence.copies().find(|copy| copy.class == CopyClass::Window).map_or(0, |copy| copy.verified);
            prop_assert!(
                windows > ended.lent,
                "every window, and one at least for sealing: {} of {}",
                windows,
                ended.lent
            );
        }
        Ok(())
    }
}

/// Bytes to append, other ones each time.
fn fresh(before: &[u8], length: usize) -> Vec<u8> {
    let length = length.min(LONGEST.saturating_sub(before.len()));
    (before.len()..before.len() + length).map(|index| (index.wrapping_mul(0x9E37_79B1) >> 11) as u8).collect()
}

/// A reader that gives pieces of these lengths, and then whatever is asked for.
struct Pieces<'a, I> {
    rest: &'a [u8],
    pieces: I,
}

impl<I: Iterator<Item = usize>> std::io::Read for Pieces<'_, I> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let wanted = self.pieces.next().filter(|length| *length > 0).unwrap_or(out.len());
        let (now, later) = self.rest.split_at(wanted.min(out.len()).min(self.rest.len()));
        out[..now.len()].copy_from_slice(now);
        self.rest = later;
        Ok(now.len())
    }
}

/// The library's error inside a standard one.
fn into_own(error: std::io::Error) -> Error {
    error.into_inner().and_then(|inner| inner.downcast::<Error>().ok()).map_or(Error::Cancelled, |own| *own)
}

fn run(seed: u8, chunk_size: usize, cases: u32) {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let vault = {
        let mut options = VaultOptions::new();
        (options.chunk_size, options.windows, options.key_cells) = (chunk_size, 1, 32);
        Vault::open(options).unwrap()
    };
    let capacity = vault.key_capacity();
    let outcome = runner.run(&proptest::collection::vec(steps(), 1..40), |steps| {
        let mut pairs = [Pair::new(&vault, 1), Pair::new(&vault, 2)];
        let mut keys = BTreeSet::new();
        for (second, step) in &steps {
            if matches!(step, Step::EraseAll) {
                let done = vault.erase_all();
                prop_assert!(done.destroyed == done.verified && done.failed + done.in_flight == 0, "{:?}", done);
                pairs.iter_mut().for_each(|pair| pair.erased = true);
                continue;
            }
            pairs[usize::from(*second)].do_step(&vault, step, &mut keys)?;
        }
        pairs[0].erase(&vault)?;
        pairs[1].erase(&vault)
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let all: Vec<_> = (0..capacity).map(|_| vault.new_key().unwrap()).collect();
    assert_eq!(all.len(), capacity, "every key came back");
}

#[test]
fn documents_answer_like_a_vector_with_chunks_of_64_bytes() {
    run(1, 64, 500);
}

#[test]
fn documents_answer_like_a_vector_with_chunks_of_80_bytes() {
    run(2, 80, 500);
}

#[test]
fn documents_answer_like_a_vector_with_chunks_of_16_kibibytes() {
    run(3, 16 * 1024, 150);
}

/// Several threads look at the same documents in every way there is, while another erases everything, again and again.
#[test]
fn a_reader_sees_right_and_whole_bytes_or_that_the_document_was_erased() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let mut options = VaultOptions::new();
    (options.chunk_size, options.windows) = (256, 3);
    let vault = Vault::open(options).unwrap();
    let plain: Vec<u8> = (0..20_000u32).map(|index| (index.wrapping_mul(0x9E37_79B1) >> 11) as u8).collect();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"salt").unwrap();
    mac.update(&plain);
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let (until, right, rounds) = (Instant::now() + Duration::from_secs(3), AtomicUsize::new(0), AtomicUsize::new(0));
    let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    while Instant::now() < until {
        let buffer = vault.seal(binding, &plain).unwrap();
        std::thread::scope(|scope| {
            for number in 0..4usize {
                let (buffer, plain, right, digest) = (&buffer, &plain, &right, &digest);
                scope.spawn(move || {
                    // Bounded by the eraser, which comes within a fraction of a second.
                    for turn in number.. {
                        let same = match turn % 5 {
                            0 | 1 => {
                                let offset = turn * 997 % plain.len();
                                let end = ((offset / 256 + 1) * 256).min(plain.len());
                                buffer.read_at(offset as u64, |seen| seen == &plain[offset..end])
                            }
                            2 => buffer.with_whole(|seen| seen == plain),
                            3 => buffer.ct_eq(plain),
                            _ => buffer.hmac_sha256(b"salt").map(|seen| seen == *digest),
                        };
                        match same {
                            Ok(same) => assert!(same, "torn or wrong bytes in turn {turn}"),
                            Err(error) => {
                                assert_eq!(error, Error::Erased);
                                break;
                            }
                        }
                        right.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let round = rounds.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(round as u64 * 131 % 4000));
            let done = vault.erase_all();
            assert_eq!((done.destroyed, done.verified, done.failed), (1, 1, 0));
        });
        assert!(buffer.erase().is_verified());
    }
    let (right, rounds) = (right.into_inner(), rounds.into_inner());
    println!("{right} answers in {rounds} rounds");
    assert!(rounds >= 20 && right >= rounds, "{right} answers in {rounds} rounds");
}
