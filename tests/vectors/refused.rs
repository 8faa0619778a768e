//! Frames that must be refused, made from frames that must not: each with what is wrong about it and where that shows.

use serde_json::{Value, json};
use shokyo::handover::{Frame, MAX_FRAME, MessageType};

use super::session::{Session, hexadecimal};

/// What to read: the bytes in hexadecimal; of a long run of zeros, where it stands and how long it is.
fn written(place: &str, why: &str, bytes: &[u8]) -> Value {
    let longest = bytes.chunk_by(|a, b| a == b).max_by_key(|run| if run[0] == 0 { run.len() } else { 0 });
    let Some(run) = longest.filter(|run| run[0] == 0 && run.len() > 200) else {
        return json!({ "where": place, "why": why, "bytes": hexadecimal(bytes) });
    };
    let at = run.as_ptr() as usize - bytes.as_ptr() as usize;
    let rest = [&bytes[..at], &bytes[at + run.len()..]].concat();
    json!({ "where": place, "why": why, "bytes": hexadecimal(&rest), "at": at, "zeros": run.len() })
}

/// A head of CBOR: the major type and a number, in the shortest form.
fn head(major: u8, number: usize) -> Vec<u8> {
    let major = major << 5;
    match number {
        0..=23 => vec![major | number as u8],
        24..=0xFF => vec![major | 24, number as u8],
        0x100..=0xFFFF => vec![&[major | 25][..], &(number as u16).to_be_bytes()].concat(),
        _ => vec![&[major | 26][..], &(number as u32).to_be_bytes()].concat(),
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}

/// The frame as eight encoded items, to be put together otherwise.
fn parts(frame: &[u8]) -> Vec<Vec<u8>> {
    let read = Frame::decode(frame).unwrap();
    let signature = read.signature.map_or_else(Vec::new, |signature| signature.to_vec());
    let numbers = [1, read.suite as u8, read.kind as u8, read.role as u8].map(|number| vec![number]);
    let rest = [string(&read.session.0), string(&read.previous), string(read.body), string(&signature)];
    numbers.into_iter().chain(rest).collect()
}

fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    [head(4, parts.len()), parts.concat()].concat()
}

fn with(frame: &[u8], position: usize, item: Vec<u8>) -> Vec<u8> {
    let mut parts = parts(frame);
    parts[position] = item;
    joined(&parts)
}

/// The frame with another body under its old signature: the body is refused before anybody asks who signed it.
fn with_body(frame: &[u8], body: &[u8]) -> Vec<u8> {
    with(frame, 6, string(body))
}

/// `where`: `frame`, whoever reads it; `body`, whoever reads the message; `signature`, whoever checks it.
pub fn refused(session: &Session) -> Vec<Value> {
    let find = |kind: MessageType| {
        let found = session.frames.iter().find(|frame| Frame::decode(frame).unwrap().kind == kind);
        found.unwrap_or_else(|| panic!("no {} in the session", kind.name())).clone()
    };
    let body = |kind: MessageType| Frame::decode(&find(kind)).unwrap().body.to_vec();
    let [hello, credit, chunk] = [MessageType::Hello, MessageType::Credit, MessageType::Chunk].map(find);
    let mut list = Vec::new();
    let mut add = |place: &str, why: &str, bytes: Vec<u8>| {
        list.push(written(place, why, &bytes));
    };

    add("frame", "nothing at all", Vec::new());
    add("frame", "cut in the middle of the body", hello[..hello.len() / 2].to_vec());
    add("frame", "cut by its last byte", hello[..hello.len() - 1].to_vec());
    add("frame", "a byte behind the frame", [&hello[..], &[0]].concat());
    add("frame", "a map instead of an array", [&[0xA4][..], &hello[1..]].concat());
    add("frame", "an array without length", [&[0x9F][..], &hello[1..], &[0xFF]].concat());
    add("frame", "a tag before the frame", [&[0xD8, 24][..], &hello].concat());
    add("frame", "the head of the array in two bytes", [&[0x98, 8][..], &hello[1..]].concat());
    add("frame", "seven items", joined(&parts(&hello)[..7]));
    add("frame", "nine items", joined(&[parts(&hello), vec![vec![0]]].concat()));
    for (position, name) in [(0, "version"), (1, "suite"), (2, "type"), (3, "role")] {
        let number = parts(&hello)[position][0];
        add("frame", &format!("the {name} in two bytes"), with(&hello, position, vec![0x18, number]));
        add("frame", &format!("the {name} as text"), with(&hello, position, vec![0x61, b'0' + number]));
        add("frame", &format!("the {name} is 0"), with(&hello, position, vec![0]));
        add("frame", &format!("the {name} is negative"), with(&hello, position, vec![0x20]));
        add("frame", &format!("the {name} is 256 more"), with(&hello, position, vec![0x19, 1, number]));
    }
    for (position, value, why) in [(0, 2, "version 2"), (1, 3, "suite 3"), (2, 15, "type 15"), (3, 5, "role 5")] {
        add("frame", why, with(&hello, position, vec![value]));
    }
    let unknown = "an unknown version, and everything else as a later version might have it";
    add("frame", unknown, [&[0x88, 2][..], &[0xF6; 7]].concat());
    for (position, name) in [(4, "session"), (5, "previous")] {
        add("frame", &format!("{name} of 31 bytes"), with(&hello, position, string(&[7; 31])));
        add("frame", &format!("{name} of 33 bytes"), with(&hello, position, string(&[7; 33])));
        let pieces = [&[0x5F, 0x58, 31][..], &[7; 31], &[0x41, 7, 0xFF]].concat();
        add("frame", &format!("{name} in pieces"), with(&hello, position, pieces));
    }
    let text = [head(3, 1), vec![b'x']].concat();
    add("frame", "the body as text", with(&hello, 6, text));
    let number = body(MessageType::Credit);
    let longer = [&[0x58, number.len() as u8][..], &number].concat();
    add("frame", "the head of a short body in two bytes", with(&credit, 6, longer));
    let longest = [&[0x5B][..], &[0xFF; 8]].concat();
    add("frame", "a body that says it has 2^64 - 1 bytes", [&joined(&parts(&credit)[..6])[1..], &longest].concat());
    add("frame", "a Hello without signature", with(&hello, 7, string(&[])));
    add("frame", "a signature of 63 bytes", with(&hello, 7, string(&[7; 63])));
    add("frame", "a signature of 65 bytes", with(&hello, 7, string(&[7; 65])));
    add("frame", "a Chunk with a signature", with(&chunk, 7, string(&[7; 64])));
    add("frame", "a Credit with a signature", with(&credit, 7, string(&[7; 64])));
    // The largest that fits is read; this one is the same but for its length.
    let fixed = with_body(&chunk, &[0; 0x100]).len() - 0x100;
    assert!(Frame::decode(&with_body(&chunk, &vec![0; MAX_FRAME - fixed])).is_ok());
    let larger = with_body(&chunk, &vec![0; MAX_FRAME - fixed + 1]);
    add("frame", "one byte more than a frame may have", larger);
    bodies(&mut list, &find);
    signatures(&mut list, session);
    list
}

/// Bodies, under frames that are as they should be.
fn bodies(list: &mut Vec<Value>, find: &dyn Fn(MessageType) -> Vec<u8>) {
    use MessageType as M;
    let body = |kind: M| Frame::decode(&find(kind)).unwrap().body.to_vec();
    let mut add = |kind: M, why: &str, body: &[u8]| {
        let bytes = with_body(&find(kind), body);
        list.push(written("body", &format!("{}: {why}", kind.name()), &bytes));
    };
    for kind in [M::Hello, M::Challenge, M::Apply, M::Offer, M::Chunk, M::Credit, M::Received, M::Release, M::Opened]
        .into_iter()
        .chain([M::Erased, M::Complete, M::Attachment])
    {
        let whole = body(kind);
        add(kind, "a byte behind the body", &[&whole[..], &[0]].concat());
        add(kind, "cut by its last byte", &whole[..whole.len() - 1]);
        add(kind, "the head of the array in two bytes", &[&[0x98, whole[0] & 0x1F][..], &whole[1..]].concat());
        add(kind, "one item too many", &[&[whole[0] + 1][..], &whole[1..], &[0]].concat());
        add(kind, "an array without length", &[&[0x9F][..], &whole[1..], &[0xFF]].concat());
    }
    let text = |text: &str| [head(3, text.len()), text.as_bytes().to_vec()].concat();
    let hello = |operator: &str, suites: &[u8], certificate: usize| {
        [vec![0x84], text(operator), text("issuer-1"), string(suites), string(&vec![0; certificate])].concat()
    };
    add(M::Hello, "an operator without name", &hello("", &[1], 5));
    add(M::Hello, "an operator with 65 bytes", &hello(&"x".repeat(65), &[1], 5));
    add(M::Hello, "an operator with a control character", &hello("operator\n", &[1], 5));
    add(M::Hello, "an operator with a control character beyond ASCII", &hello("operator\u{85}", &[1], 5));
    let no_text = [&[0x84, 0x62, 0xC3, 0x28][..], &text("issuer-1"), &string(&[1]), &string(&[1; 5])].concat();
    add(M::Hello, "an operator that is not UTF-8", &no_text);
    add(M::Hello, "seventeen suites", &hello("operator", &[1; 17], 5));
    add(M::Hello, "a certificate of 4,097 bytes", &hello("operator", &[1], 4097));
    let offer = |length: u32, size: u32, hashes: usize| {
        let number = |number: u32| head(0, number as usize);
        [vec![0x85], number(length), number(size), string(&vec![0; hashes]), string(&[2; 32]), string(&[3; 32])]
            .concat()
    };
    add(M::Offer, "fewer hashes than the length needs", &offer(150, 64, 64));
    add(M::Offer, "more hashes than the length needs", &offer(150, 64, 128));
    add(M::Offer, "half a hash", &offer(150, 64, 80));
    add(M::Offer, "no bytes and no hashes", &offer(0, 64, 0));
    add(M::Offer, "no bytes and one hash", &offer(0, 64, 32));
    add(M::Offer, "a chunk size of 0", &offer(150, 0, 96));
    add(M::Offer, "1,537 chunks", &offer(1537, 1, 32 * 1537));
    add(M::Chunk, "the index 1 in two bytes", &[0x82, 0x18, 0x01, 0x41, 0xFF]);
    add(M::Chunk, "an index of 2^32", &[0x82, 0x1B, 0, 0, 0, 1, 0, 0, 0, 0, 0x41, 0xFF]);
    add(M::Chunk, "the length 1 in two bytes", &[0x82, 0x01, 0x58, 0x01, 0xFF]);
    add(M::Credit, "an end of 2^32", &[0x82, 0x00, 0x1B, 0, 0, 0, 1, 0, 0, 0, 0]);
    for outcome in [0, 4] {
        let complete = [&[0x82, outcome][..], &string(&[1; 5])].concat();
        add(M::Complete, &format!("the outcome {outcome}"), &complete);
    }
    add(M::Opened, "a number instead of a truth value", &[0x81, 0x01]);
    add(M::Received, "a hash of 31 bytes", &[&[0x82, 0x03][..], &string(&[7; 31])].concat());
    add(M::Attachment, "4,097 bytes", &[vec![0x82], string(&[0; 4097]), string(&[1; 5])].concat());
}

/// Frames and bodies as they should be, signed by another or for another.
fn signatures(list: &mut Vec<Value>, session: &Session) {
    for bytes in &session.frames {
        let frame = Frame::decode(bytes).unwrap();
        let Some(mut signature) = frame.signature else { continue };
        let mut add = |why: &str, frame: Frame<'_>| {
            list.push(written("signature", &format!("{}: {why}", frame.kind.name()), &frame.encode()));
        };
        match frame.kind {
            MessageType::Hello => {
                add("for another exchange", Frame { session: shokyo::types::SessionId([9; 32]), ..frame })
            }
            MessageType::Challenge => add("another suite", Frame { suite: shokyo::handover::Suite::XWing, ..frame }),
            MessageType::Offer => add("answers another application", Frame { previous: [9; 32], ..frame }),
            MessageType::Received => {
                // S + L: the same point, another number (RFC 8032 §5.1.7).
                add_order(&mut signature);
                add("a malleable signature", Frame { signature: Some(signature), ..frame });
            }
            MessageType::Complete => {
                signature[0] ^= 1;
                add("a changed signature", Frame { signature: Some(signature), ..frame });
            }
            _ => {}
        }
    }
}

/// Adds the order of Ed25519's group to the second half of a signature.
fn add_order(signature: &mut [u8; 64]) {
    const ORDER: [u8; 32] = [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}
