//! Lengths and counts that lie: nothing is allocated for them, nothing panics, and nothing is opened.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use shokyo::error::Error;
use shokyo::handover::{Frame, MAX_FRAME, MessageType, Policy};
use shokyo::types::Role;

use crate::ends::nothing_is_left;
use crate::forge::{Item, body, items, resigned};
use crate::town::{Hop, Town};

/// Counts what each thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn count(size: usize) {
    // A thread that ends has no place to count in any more.
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + size as u64));
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: passed on to the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: passed on to the caller.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: passed on to the caller.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a call asked for: the largest piece, and all together.
fn asked(call: impl FnOnce()) -> (usize, u64) {
    LARGEST.set(0);
    let before = ASKED.get();
    call();
    (LARGEST.get(), ASKED.get() - before)
}

/// Heads that promise what is not there: strings and arrays of 2^64 − 1, of 2^32 − 1, without an end, and numbers.
const HEADS: [&[u8]; 10] = [
    &[0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x7B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0xBB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x1B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x5A, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x9A, 0x7F, 0xFF, 0xFF, 0xFF],
    &[0x5F],
    &[0x9F],
    &[0xDB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
];

const ALL: [MessageType; 12] = [
    MessageType::Hello,
    MessageType::Challenge,
    MessageType::Apply,
    MessageType::Offer,
    MessageType::Chunk,
    MessageType::Credit,
    MessageType::Received,
    MessageType::Release,
    MessageType::Opened,
    MessageType::Erased,
    MessageType::Complete,
    MessageType::Cancel,
];

/// A town in the moment before a frame of this type arrives anywhere, and that frame.
fn before(kind: MessageType) -> Option<(Town, Hop)> {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    town.apply(&kiosk, b"holder-1");
    loop {
        while town.collect() {}
        let next = town.network.front()?.clone();
        if next.kind() == Some(kind) {
            return Some((town, next));
        }
        town.deliver_one();
    }
}

#[test]
fn no_length_or_count_in_any_message_makes_a_station_allocate_for_it() {
    for kind in ALL {
        let Some((mut town, first)) = before(kind) else {
            assert_eq!(kind, MessageType::Cancel, "every other type is in a session");
            continue;
        };
        // At its receiver and at both relays.
        let places = first.bytes.len().min(160);
        for place in 0..places {
            for head in [HEADS[place % HEADS.len()], HEADS[(place * 7 + 3) % HEADS.len()]] {
                let mut bytes = first.bytes.clone();
                bytes.truncate(place);
                bytes.extend_from_slice(head);
                bytes.extend_from_slice(first.bytes.get(place + head.len()..).unwrap_or_default());
                if bytes == first.bytes {
                    // By chance the byte was this one.
                    continue;
                }
                for link in 0..3 {
                    let hop = Hop { link, bytes: bytes.clone(), ..first.clone() };
                    let mut answer = Ok(());
                    let (largest, all) = asked(|| answer = town.deliver(hop));
                    assert!(largest <= 2 * MAX_FRAME, "{kind:?} at {place}: {largest} bytes at once");
                    assert!(all <= 8 * MAX_FRAME as u64, "{kind:?} at {place}: {all} bytes");
                    // Relays pass on what only the ends can judge.
                    let judges = (link, first.up) == (0, false) || (link, first.up) == (2, true);
                    assert!(answer.is_err() || !kind.is_signed() || !judges, "{kind:?} at {place}");
                }
            }
        }
        nothing_is_left(&mut town);
    }
}

#[test]
fn the_counting_counts() {
    let (largest, all) = asked(|| drop(std::hint::black_box(vec![0u8; 1 << 20])));
    assert!(largest >= 1 << 20 && all >= 1 << 20);
}

#[test]
fn a_frame_above_the_bound_is_refused_by_its_length_alone() {
    let (mut town, first) = before(MessageType::Hello).unwrap();
    for link in 0..3 {
        let bytes = vec![0x88; MAX_FRAME + 1];
        let (role, error) = town.deliver(Hop { link, bytes, ..first.clone() }).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit, .. } if limit == MAX_FRAME as u64), "{role}: {error}");
    }
}

#[test]
fn a_signed_offer_whose_numbers_do_not_fit_each_other_opens_nothing() {
    type Change = fn(&mut Vec<Item>);
    let changes: [(&str, Change); 8] = [
        ("an immense length", |offer| offer[0] = Item::Number(u64::MAX)),
        ("an immense length of one-byte chunks", |offer| {
            offer[0] = Item::Number(1536);
            offer[1] = Item::Number(1);
            offer[2] = Item::Bytes(vec![1; 1536 * 32]);
        }),
        ("no length", |offer| offer[0] = Item::Number(0)),
        ("no chunk size", |offer| offer[1] = Item::Number(0)),
        ("the largest chunk size", |offer| {
            offer[0] = Item::Number(u64::from(u32::MAX));
            offer[1] = Item::Number(u64::from(u32::MAX));
            offer[2] = Item::Bytes(vec![1; 32]);
        }),
        ("one hash too many", |offer| offer[2] = Item::Bytes(vec![1; 4 * 32])),
        ("more hashes than a message may have", |offer| {
            offer[0] = Item::Number(1537 * 16384);
            offer[2] = Item::Bytes(vec![1; 1537 * 32]);
        }),
        ("half a hash", |offer| offer[2] = Item::Bytes(vec![1; 3 * 32 - 16])),
    ];
    for (name, change) in changes {
        let (mut town, _, kiosk) = Town::usual(Policy::default());
        town.apply(&kiosk, b"holder-1");
        assert!(town.run_until(|town| town.saw(1, MessageType::Offer)));
        let issuer = town.servers[0].member.clone();
        town.collect();
        let offer = town.network.iter().find(|hop| hop.link == 0 && hop.kind() == Some(MessageType::Offer)).unwrap();
        let frame = Frame::decode(&offer.bytes).unwrap();
        let mut offer_items = items(frame.body);
        change(&mut offer_items);
        let changed = body(&offer_items);
        // A hostile issuing system: it signs what it likes.
        let bytes = resigned(&issuer, &Frame { body: &changed, ..frame }.encode());
        let hop = Hop { bytes, ..offer.clone() };
        let mut answer = Ok(());
        let (largest, _) = asked(|| answer = town.deliver(hop));
        assert!(matches!(answer, Err((Role::Kiosk, _))), "{name}");
        assert!(largest <= 2 * MAX_FRAME, "{name}: {largest} bytes at once");
        assert!(town.counters[0].machine.document().is_err());
        town.network.clear();
        nothing_is_left(&mut town);
        assert_eq!(town.counters[0].printed, None, "{name}");
    }
}
