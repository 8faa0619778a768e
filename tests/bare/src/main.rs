//! Runs what the core promises where there is no standard library, no C library and no allocator, and prints each claim.
//!
//! Exit code 0: all hold. 1: some do not. With any argument it seals a document and panics on purpose: 0 if the panic handler
//! then found nothing of it in memory. With `--cfg shokyo_faults` nothing is wiped, and both must end with 1.
#![no_std]
#![no_main]

mod claims;
mod marker;
mod memory;
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "arm", path = "arm.rs")]
mod system;

use core::panic::PanicInfo;

/// Where `_start` comes to, on the program's own stack, with the number of arguments.
///
/// # Safety
/// Called once, by `_start`.
#[unsafe(no_mangle)]
unsafe extern "C" fn entered(arguments: usize) -> ! {
    if arguments > 1 {
        claims::panic_with_a_document();
    }
    let mut failed = 0;
    for (name, claim) in claims::ALL {
        let held = claim();
        print(if held { "held   " } else { "FAILED " });
        print(name);
        print("\n");
        failed |= i32::from(!held);
    }
    system::exit(failed)
}

fn print(text: &str) {
    system::write(text.as_bytes());
}

fn print_number(mut number: usize) {
    let (mut digits, mut at) = ([b'0'; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 || at == 0 {
            break;
        }
    }
    system::write(&digits[at..]);
}

/// A panic here unwinds nothing, so no destructor runs: the handler wipes what it knows, and looks whether that was enough.
#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    print("panic in line ");
    print_number(info.location().map_or(0, |place| place.line() as usize));
    let wiped = memory::wipe_secret();
    shokyo::wipe::scrub_stack(1024);
    let found = marker::search();
    print(if wiped && found == marker::Found::default() {
        "; nothing of the document is found\n"
    } else {
        "; RESIDUE\n"
    });
    // A panic that was not asked for never counts as success.
    system::exit(if claims::panics_on_purpose() && wiped && found == marker::Found::default() { 0 } else { 1 })
}
