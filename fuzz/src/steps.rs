//! The steps of a script.

use shokyo::buffer::Cause;
use shokyo::handover::fuzzing::message_type;
use shokyo::handover::{Frame, Source};
use shokyo::types::Role;

use crate::crypto::signature;
use crate::script::Script;
use crate::world::{DOWN, Hop, Link, World, peer_of};

/// Frames of the tape at most; the last ones are kept.
const TAPE: usize = 256;

/// Does the next step, and says whether there was one.
pub fn step(world: &mut World, script: &mut Script<'_>) -> bool {
    let Some(what) = script.byte() else { return false };
    match what % 24 {
        0..=2 => run(world, 1 + script.number() % 48),
        3 => deliver(world, script, |_, _| Some(1)),
        4 => deliver(world, script, |_, _| None),
        5 => deliver(world, script, |_, _| Some(2)),
        6 => deliver(world, script, change),
        7 => deliver(world, script, |hop, script| {
            hop.link =
                [Link::Kiosk(0), Link::Kiosk(1), Link::Kiosk(2), Link::Middle, Link::Issuer][script.number() % 5];
            hop.up = script.number() % 2 == 0;
            Some(1)
        }),
        8 => replay(world, script),
        9 | 10 => persist(world, script, true),
        11 => persist(world, script, false),
        12 => {
            if let Some(time) = world.next_deadline() {
                world.pass(time.since(world.now.monotonic));
            }
        }
        13 => world.pass(script.long() as u64),
        14 => line(world, script, true),
        15 => line(world, script, false),
        16 => kiosk(world, script),
        17 => world.apply(),
        18 => issuer(world, script),
        19 => attach(world, script),
        20 => {
            if let Some(at) = script.pick(world.held.len()) {
                world.sent(at);
            }
        }
        _ => forge(world, script),
    }
    world.collect();
    true
}

/// Lets everybody be honest for a while.
pub fn run(world: &mut World, steps: usize) {
    for _ in 0..steps {
        world.collect();
        while !world.held.is_empty() {
            world.sent(0);
        }
        if !world.persists.is_empty() {
            world.persisted(0, true);
        } else if let Some(session) = world.to_compose.pop() {
            world.compose(session);
        } else if let Some((index, session)) = world.to_attach.pop() {
            let _ = world.relays[index].attach(world.now, session, b"parameters");
        } else if !world.network.is_empty() {
            let hop = world.network.remove(0);
            remember(world, &hop);
            world.deliver(hop);
        } else {
            let now = world.now;
            let mut moved = false;
            for transaction in &mut world.kiosks {
                if transaction.may_print && transaction.machine.delivered(now).is_ok() {
                    transaction.delivered = true;
                    moved = true;
                } else {
                    moved |= transaction.ready && !transaction.may_print && transaction.machine.print(now).is_ok();
                }
            }
            if !moved {
                return;
            }
        }
    }
}

fn remember(world: &mut World, hop: &Hop) {
    if world.tape.len() == TAPE {
        world.tape.remove(0);
    }
    world.tape.push(hop.clone());
}

/// Takes a frame off the network and delivers it as often as is said; `None` loses it.
fn deliver(world: &mut World, script: &mut Script<'_>, how: fn(&mut Hop, &mut Script<'_>) -> Option<usize>) {
    let Some(at) = script.pick(world.network.len()) else { return };
    let mut hop = world.network.remove(at);
    remember(world, &hop);
    for _ in 0..how(&mut hop, script).unwrap_or(0) {
        world.deliver(hop.clone());
    }
}

fn change(hop: &mut Hop, script: &mut Script<'_>) -> Option<usize> {
    let (at, value) = (script.long(), script.number() as u8);
    let length = hop.bytes.len();
    match value {
        0 => hop.bytes.truncate(at % (length + 1)),
        1 => hop.bytes.push(0),
        value => {
            if let Some(byte) = hop.bytes.get_mut(at.checked_rem(length).unwrap_or(0)) {
                *byte ^= value;
            }
        }
    }
    Some(1)
}

fn replay(world: &mut World, script: &mut Script<'_>) {
    if let Some(at) = script.pick(world.tape.len()) {
        let hop = world.tape[at].clone();
        world.deliver(hop);
    }
}

fn persist(world: &mut World, script: &mut Script<'_>, durable: bool) {
    if let Some(at) = script.pick(world.persists.len()) {
        world.persisted(at, durable);
    }
}

/// A line goes, with everything on it, or comes back.
fn line(world: &mut World, script: &mut Script<'_>, lost: bool) {
    let now = world.now;
    let number = script.number();
    let upstream = shokyo::handover::relay::UPSTREAM;
    let [ec, centre] = &mut world.relays;
    let link = match number % 5 {
        3 => Link::Middle,
        4 => Link::Issuer,
        kiosk => Link::Kiosk(kiosk),
    };
    if lost {
        world.network.retain(|hop| hop.link != link);
    }
    match (link, lost) {
        (Link::Issuer, true) => {
            world.issuer.handle_peer_lost(now, DOWN);
            centre.handle_peer_lost(now, upstream);
        }
        (Link::Issuer, false) => {
            world.issuer.handle_peer_back(now, DOWN);
            centre.handle_peer_back(now, upstream);
        }
        (Link::Middle, true) => {
            centre.handle_peer_lost(now, DOWN);
            ec.handle_peer_lost(now, upstream);
        }
        (Link::Middle, false) => {
            centre.handle_peer_back(now, DOWN);
            ec.handle_peer_back(now, upstream);
        }
        (Link::Kiosk(index), lost) => {
            let Some(transaction) = world.kiosks.get_mut(index) else { return };
            if lost {
                ec.handle_peer_lost(now, peer_of(index));
                transaction.machine.handle_peer_lost(now);
            } else {
                ec.handle_peer_back(now, peer_of(index));
                transaction.machine.handle_peer_back(now);
            }
        }
    }
}

/// What a kiosk's host does, when it should and when it should not.
fn kiosk(world: &mut World, script: &mut Script<'_>) {
    let Some(index) = script.pick(world.kiosks.len()) else { return };
    let what = script.number();
    let now = world.now;
    let transaction = &mut world.kiosks[index];
    match what % 4 {
        0 => drop(transaction.machine.print(now)),
        1 => {
            let delivered = transaction.machine.delivered(now).is_ok();
            assert!(!delivered || transaction.may_print, "delivered without having been printed");
            transaction.delivered |= delivered;
        }
        2 => {
            let cause = [Cause::Cancelled, Cause::DeviceFault, Cause::Shutdown, Cause::Requested][what / 4 % 4];
            transaction.machine.cancel(now, cause);
        }
        _ => transaction.machine.abandon(),
    }
}

/// What an issuer's host does.
fn issuer(world: &mut World, script: &mut Script<'_>) {
    let what = script.number();
    let now = world.now;
    if what % 8 == 7 {
        return world.issuer.shutdown(now);
    }
    let Some(at) = script.pick(world.sessions.len()) else { return };
    let session = world.sessions[at];
    match what % 8 {
        0 => world.issuer.cancel(now, session, Cause::Cancelled),
        1 => world.compose(session),
        // Another's row, a row that changed, no document at all: none of them is offered, or none is accepted.
        2 => {
            if world.issuer.document(session, b"v1").is_ok_and(|composing| composing.writer.write(b"another's").is_ok())
            {
                let _ = world.issuer.offer(now, session, &Source { subject: b"another", version: b"v1" });
            }
        }
        3 => {
            if world.issuer.document(session, b"v1").is_ok_and(|composing| composing.writer.write(b"changed").is_ok()) {
                let changed = world.issuer.offer(now, session, &Source { subject: b"holder-0", version: b"v2" });
                assert!(changed.is_err(), "a row that changed meanwhile");
            }
        }
        4 => drop(world.issuer.offer(now, session, &Source { subject: b"holder-0", version: b"" })),
        5 => drop(world.issuer.document(session, b"v1").map(|_| ())),
        _ => drop(world.issuer.application(session).map(|_| ())),
    }
}

fn attach(world: &mut World, script: &mut Script<'_>) {
    let index = script.number() % 2;
    let Some(at) = script.pick(world.sessions.len()) else { return };
    let data = vec![0x5A; script.long() % 5_000];
    let attached = world.relays[index].attach(world.now, world.sessions[at], &data);
    assert!(attached.is_err() || data.len() <= 4_096);
}

/// Somebody changes what a frame says and signs it anew: as any station, on any line. Without that right it is only a changed frame.
fn forge(world: &mut World, script: &mut Script<'_>) {
    let Some(at) = script.pick(world.tape.len()) else { return };
    let hop = world.tape[at].clone();
    let Ok(frame) = Frame::decode(&hop.bytes) else { return };
    let mut body = frame.body.to_vec();
    let mut forged = frame;
    match script.number() % 8 {
        0 => forged.kind = message_type(1 + script.number() as u8 % 13).unwrap_or(frame.kind),
        1 => forged.role = Role::ALL[script.number() % 4],
        2 => forged.previous[0] ^= 1 + script.number() as u8 % 255,
        3 => {
            // The hash, or the session, of another frame.
            if let Some(other) = script.pick(world.tape.len()) {
                let other = &world.tape[other].bytes;
                forged.previous = shokyo::handover::frame_hash(other);
                if let (Ok(other), 0) = (Frame::decode(other), script.number() % 2) {
                    forged.session = other.session;
                }
            }
        }
        4 => body.truncate(script.long() % (body.len() + 1)),
        _ => {
            let (place, value) = (script.long(), script.number() as u8);
            if let Some(place) = place.checked_rem(body.len()) {
                body[place] ^= value;
            }
        }
    }
    forged.body = &body;
    forged.signature = forged.kind.is_signed().then(|| {
        let signer = world.stations.cryptos.iter().find(|station| station_role(station) == forged.role);
        match (signer, world.forging) {
            (Some(signer), true) => signature(&signer.public, &forged.to_be_signed()),
            _ => frame.signature.unwrap_or([0; 64]),
        }
    });
    let bytes = forged.encode();
    world.deliver(Hop { bytes, ..hop });
}

fn station_role(station: &crate::crypto::Station) -> Role {
    use shokyo::handover::Crypto;
    station.station().role
}
