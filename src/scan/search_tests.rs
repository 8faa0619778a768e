//! Against a naive search: nothing that counts is missed, nothing is invented, wherever blocks end.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Blocks as a walk makes them: `step` new bytes each, after the last [`OVERLAP`] bytes of the one before.
fn search(needles: &Needles, baseline: Option<&Baseline>, memory: &[u8], step: usize) -> Vec<Run> {
    const BASE: u64 = 0x7000_0000_0000;
    let mut runs: Vec<Run> = Vec::new();
    let mut search = MemorySearch::new(needles, baseline);
    let mut end = 0;
    while end < memory.len() {
        let start = end.saturating_sub(OVERLAP);
        let next = memory.len().min(end + step);
        search.block(BASE + start as u64, &memory[start..next], end > 0, |run, reported| {
            if reported > 0 {
                let grown = runs
                    .iter_mut()
                    .rev()
                    .find(|known| (known.pattern, known.offset, known.at) == (run.pattern, run.offset, run.at))
                    .unwrap();
                assert_eq!(grown.length, reported);
                *grown = run;
            } else {
                runs.push(run);
            }
        });
        end = next;
    }
    runs.iter_mut().for_each(|run| run.at -= BASE);
    runs
}

fn assert_complete(needles: &Needles, memory: &[u8], runs: &[Run]) {
    for run in runs {
        let text = &needles.patterns[run.pattern].bytes;
        let at = run.at as usize;
        assert_eq!(memory[at..at + run.length], text[run.offset..run.offset + run.length], "invented: {run:?}");
    }
    for pattern in &needles.patterns {
        let pieces: HashSet<&[u8]> =
            pattern.bytes.windows(pattern.piece).filter(|piece| pattern.is_varied(piece)).collect();
        for (at, piece) in memory.windows(pattern.piece).enumerate().filter(|(_, piece)| pieces.contains(piece)) {
            let covers = |run: &Run| run.at <= at as u64 && (at + piece.len()) as u64 <= run.end();
            assert!(runs.iter().any(covers), "missed: {} bytes at {at}", piece.len());
        }
    }
}

/// Documents from random ones to ones that repeat a few letters.
fn documents() -> impl Strategy<Value = Vec<u8>> {
    let repeated =
        (proptest::collection::vec(any::<u8>(), 8..60), 2..30usize).prop_map(|(part, times)| part.repeat(times));
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        proptest::collection::vec(0..10u8, 0..900),
        repeated,
        proptest::collection::vec((proptest::collection::vec(0..12u8, 20), 1..5usize), 1..20)
            .prop_map(|parts| parts.into_iter().flat_map(|(part, times)| part.repeat(times)).collect()),
    ]
}

proptest! {
    #[test]
    fn no_piece_in_memory_is_missed_and_none_invented(
        document in documents(),
        plants in proptest::collection::vec((any::<u16>(), 1..90usize, any::<u16>()), 0..20),
        filler in prop_oneof![Just(None), any::<u64>().prop_map(Some)],
        step in 1..700usize,
    ) {
        let mut state = filler.unwrap_or(0);
        let mut memory: Vec<u8> = (0..3000).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(u64::from(filler.is_some()));
            (state >> 56) as u8
        }).collect();
        for (from, length, to) in plants {
            let from = usize::from(from) % document.len().max(1);
            let piece = &document[from.min(document.len())..document.len().min(from + length)];
            let to = usize::from(to) % (memory.len() - piece.len());
            memory[to..to + piece.len()].copy_from_slice(piece);
        }
        let needles = Needles::of_document(&document);
        assert_complete(&needles, &memory, &search(&needles, None, &memory, step));
        let markers = Needles::marker(&document);
        assert_complete(&markers, &memory, &search(&markers, None, &memory, step));
    }

    #[test]
    fn no_encoded_piece_is_missed_and_none_invented(
        secret in proptest::collection::vec(any::<u8>(), 8..120),
        plants in proptest::collection::vec((any::<u16>(), any::<u16>(), 1..200usize, any::<u16>()), 1..20),
        step in 1..700usize,
        document in any::<bool>(),
    ) {
        let needles = if document { Needles::of_document(&secret) } else { Needles::marker(&secret) }.with_encodings();
        let mut memory = vec![b'.'; 3000];
        for (which, from, length, to) in plants {
            let text = &needles.patterns[usize::from(which) % needles.patterns.len()].bytes;
            let from = usize::from(from) % text.len().max(1);
            let piece = &text[from..text.len().min(from + length)];
            let to = usize::from(to) % (memory.len() - piece.len());
            memory[to..to + piece.len()].copy_from_slice(piece);
        }
        assert_complete(&needles, &memory, &search(&needles, None, &memory, step));
    }
}

#[test]
fn a_long_copy_across_many_blocks_is_one_run() {
    let document: Vec<u8> = (0..20_000u32).flat_map(|number| number.wrapping_mul(0x9e37_79b1).to_be_bytes()).collect();
    let mut memory = vec![0; 1003];
    memory.extend_from_slice(&document);
    memory.extend_from_slice(&[0; 500]);
    let needles = Needles::of_document(&document);
    let runs = search(&needles, None, &memory, 4096);
    assert_eq!(runs, [Run { pattern: 0, offset: 0, at: 1003, length: document.len() }]);
}

#[test]
fn sixteen_bytes_are_found_and_fifteen_are_not() {
    let document: Vec<u8> = (0..200).collect();
    let needles = Needles::of_document(&document);
    for offset in 0..=184 {
        let mut memory = vec![0xEE; 77];
        memory.extend_from_slice(&document[offset..offset + 16]);
        memory.extend_from_slice(&[0xEE; 20]);
        let run = Run { pattern: 0, offset, at: 77, length: 16 };
        assert_eq!(search(&needles, None, &memory, 1000), [run]);
        for broken in [77, 92] {
            let mut shorter = memory.clone();
            shorter[broken] = 0xEE;
            assert_eq!(search(&needles, None, &shorter, 1000), []);
        }
    }
}

#[test]
fn eight_bytes_of_a_document_count_in_registers() {
    let document: Vec<u8> = (0..4000u32).flat_map(|number| number.wrapping_mul(0x9e37_79b1).to_be_bytes()).collect();
    let needles = Needles::of_document(&document);
    let mut set = vec![0u8; 512];
    set[160..176].copy_from_slice(&document[1001..1017]);
    set[300..308].copy_from_slice(&document[2003..2011]);
    let other = vec![0x55u8; 64];
    let runs = in_registers(&[&other, &set], &needles, None);
    let wanted = [(1, 160, 1001, 16), (1, 300, 2003, 8)];
    assert_eq!(runs.iter().map(|(set, run)| (*set, run.at, run.offset, run.length)).collect::<Vec<_>>(), wanted);
}

#[test]
fn every_form_of_derived_key_material_is_found() {
    let key: [u8; 32] = std::array::from_fn(|at| (at as u8).wrapping_mul(37).wrapping_add(11));
    let needles = Needles::of_key(&key);
    for pattern in &needles.patterns {
        for start in (0..pattern.bytes.len()).step_by(16) {
            let mut memory = vec![0u8; 37];
            memory.extend_from_slice(&pattern.bytes[start..start + 8]);
            memory.extend_from_slice(&[0; 37]);
            let runs = search(&needles, None, &memory, 1000);
            assert!(
                runs.iter().any(|run| needles.patterns[run.pattern].kind == pattern.kind),
                "{} {start}",
                pattern.kind
            );
        }
    }
}
