//! The machines under scripts: all four with honest ends and a hostile network, and each alone against neighbours that sign what they like.

use crate::script::Script;
use crate::steps::{run, step};
use crate::world::World;

/// Steps of one script at most.
const STEPS: usize = 96;

/// All four; nobody can sign but they.
pub fn world(data: &[u8]) {
    play(data, false, 0);
}

/// From the moment an application is on its way to the issuer, somebody signs for everybody.
pub fn issuer(data: &[u8]) {
    play(data, true, 10);
}

/// From the moment a session passes through the relays.
pub fn relay(data: &[u8]) {
    play(data, true, 20);
}

/// From the moment a document is on its way to the kiosk.
pub fn kiosk(data: &[u8]) {
    play(data, true, 34);
}

fn play(data: &[u8], forging: bool, honest: usize) {
    let mut script = Script(data);
    let mut world = World::new(&mut script, forging);
    run(&mut world, honest);
    for _ in 0..STEPS {
        let frames = world.network.len();
        if !step(&mut world, &mut script) {
            break;
        }
        world.check(frames);
    }
    world.end();
}
