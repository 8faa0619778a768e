//! Every public call of vaults and buffers, each followed at once by standing still.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use shokyo::{EphemeralBuffer, Error, Vault};

use super::{BINDING, Bench, DOCUMENT, Source, handover};

/// What the same call leaves when nothing is wiped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwiped {
    /// Something: the negative control must find it.
    Something,
    /// Nothing, or nothing certain.
    Nothing,
}
use Unwiped::{Nothing, Something};

pub(crate) type Call = (&'static str, Unwiped, fn(&Bench));

pub(crate) const CALLS: &[Call] = &[
    ("vault.open", Nothing, |bench| {
        let vault = bench.vault();
        bench.halt(0);
        drop(vault);
    }),
    // Its keys are drawn with the first bytes.
    ("vault.writer", Nothing, |bench| {
        let vault = bench.vault();
        let writer = vault.writer(BINDING);
        bench.halt(0);
        drop(writer);
    }),
    ("vault.seal", Something, |bench| {
        let vault = bench.vault();
        let buffer = vault.seal(BINDING, &bench.source[..DOCUMENT]);
        bench.halt(1);
        assert_eq!(buffer.unwrap().len(), DOCUMENT as u64);
    }),
    ("vault.new_key", Something, |bench| {
        let vault = bench.vault();
        let key = vault.new_key();
        bench.halt(1);
        drop(key);
    }),
    ("vault.erase_all", Something, |bench| {
        let vault = bench.vault();
        let (buffer, key) = (bench.document(&vault), vault.new_key().unwrap());
        let done = vault.erase_all();
        bench.halt(0);
        assert_eq!((done.destroyed, done.verified), (2, 2));
        drop((buffer, key));
    }),
    ("vault.drop", Something, |bench| {
        let vault = bench.vault();
        drop(bench.document(&vault));
        drop(vault);
        bench.halt(0);
    }),
    ("key.erase", Something, |bench| {
        let vault = bench.vault();
        let wiped = vault.new_key().unwrap().erase();
        bench.halt(0);
        assert_eq!(wiped.unwrap().bytes(), 32);
    }),
    ("writer.write, a tail", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        let outcome = writer.write(&bench.source[..100]);
        bench.halt(1);
        outcome.unwrap();
    }),
    ("writer.write, chunks", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        writer.write(&bench.source[..1000]).unwrap();
        let outcome = writer.write(&bench.source[1000..DOCUMENT]);
        bench.halt(2);
        outcome.unwrap();
    }),
    ("writer.write, as std::io::Write", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        let outcome = std::io::Write::write_all(&mut writer, &bench.source[..20_000]);
        bench.halt(2);
        outcome.unwrap();
    }),
    ("writer.copy_from", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        let outcome = writer.copy_from(&mut bench.reader(DOCUMENT));
        bench.halt(2);
        assert_eq!(outcome, Ok(DOCUMENT as u64));
    }),
    ("writer.finish", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        writer.copy_from(&mut bench.reader(DOCUMENT)).unwrap();
        let buffer = writer.finish();
        bench.halt(1);
        drop(buffer.unwrap());
    }),
    ("writer.finish_with", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        writer.write(&bench.source[..333]).unwrap();
        let buffer = writer.finish_with(&bench.source[333..20_000]);
        bench.halt(1);
        drop(buffer.unwrap());
    }),
    ("writer.erase", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        writer.write(&bench.source[..20_000]).unwrap();
        let evidence = writer.erase();
        bench.halt(0);
        assert!(evidence.is_verified());
    }),
    ("writer.drop", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        writer.write(&bench.source[..20_000]).unwrap();
        drop(writer);
        bench.halt(0);
    }),
    ("buffer.read_at", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        let outcome = buffer.read_at(17_000, |plain| plain == &bench.source[17_000..32_768]);
        bench.halt(1);
        assert_eq!(outcome, Ok(true));
    }),
    ("buffer.for_each_window", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        let outcome = buffer.for_each_window(|offset, plain| {
            assert!(plain == &bench.source[offset as usize..][..plain.len()]);
            Ok(())
        });
        bench.halt(1);
        outcome.unwrap();
    }),
    ("buffer.authenticate", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        let outcome = buffer.authenticate();
        bench.halt(1);
        outcome.unwrap();
    }),
    ("buffer.hmac_sha256", Something, |bench| {
        let vault = bench.vault_with(|options| options.chunk_size = 4096 + 16);
        let buffer = bench.document(&vault);
        let outcome = buffer.hmac_sha256(b"the key of whoever asks");
        bench.halt(1);
        outcome.unwrap();
    }),
    ("buffer.sealed_chunk", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        let copy = buffer.sealed_chunk(1).map(<[u8]>::to_vec);
        bench.halt(1);
        drop(copy);
    }),
    ("buffer.erase", Something, |bench| {
        let vault = bench.vault();
        let evidence = bench.document(&vault).erase();
        bench.halt(0);
        assert!(evidence.is_verified());
    }),
    ("buffer.drop", Something, |bench| {
        let vault = bench.vault();
        drop(bench.document(&vault));
        bench.halt(0);
    }),
    ("on a thread that ends", Something, |bench| {
        let vault = bench.vault();
        std::thread::scope(|scope| {
            scope.spawn(|| bench.document(&vault).read_at(0, <[u8]>::len)).join().unwrap().unwrap();
        });
        bench.halt(0);
    }),
];

/// Calls that fail, or that a panic leaves.
pub(crate) const FAILURES: &[Call] = &[
    ("incoming.attach, the wrong key", Something, |bench| {
        let vault = bench.vault();
        let (incoming, length) = received(bench, &vault);
        let outcome = incoming.attach(vault.new_key().unwrap(), length);
        bench.halt(0);
        assert_eq!(outcome.unwrap_err().0, Error::NotAuthentic);
    }),
    ("incoming.attach, the wrong length", Something, |bench| {
        let vault = bench.vault();
        let (incoming, length) = received(bench, &vault);
        let outcome = incoming.attach(vault.new_key().unwrap(), length + 1);
        bench.halt(0);
        assert!(outcome.is_err());
    }),
    ("incoming.drop", Something, |bench| {
        let vault = bench.vault();
        drop(received(bench, &vault));
        bench.halt(0);
    }),
    ("buffer.read_at, erased", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        vault.erase_all();
        let outcome = buffer.read_at(0, <[u8]>::len);
        bench.halt(0);
        assert_eq!(outcome, Err(Error::Erased));
    }),
    ("buffer.read_at, erased meanwhile", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        let outcome = buffer.read_at(0, |plain| {
            vault.erase_all();
            plain[0] == bench.source[0]
        });
        bench.halt(0);
        assert_eq!(outcome, Err(Error::Erased));
    }),
    ("writer.write, erased", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        writer.write(&bench.source[..20_000]).unwrap();
        vault.erase_all();
        let outcome = writer.write(&bench.source[..20_000]);
        bench.halt(0);
        assert_eq!(outcome, Err(Error::Erased));
    }),
    ("writer.finish, erased", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        writer.write(&bench.source[..20_000]).unwrap();
        vault.erase_all();
        let outcome = writer.finish();
        bench.halt(0);
        assert!(outcome.is_err());
    }),
    ("writer.write, too large", Something, |bench| {
        let vault = bench.vault_with(|options| options.max_document = 30_000);
        let mut writer = vault.writer(BINDING).unwrap();
        writer.write(&bench.source[..20_000]).unwrap();
        let outcome = writer.write(&bench.source[..20_000]);
        bench.halt(2);
        assert!(matches!(outcome, Err(Error::TooLarge { .. })));
    }),
    ("writer.copy_from, too large", Something, |bench| {
        let vault = bench.vault_with(|options| options.max_document = 30_000);
        let mut writer = vault.writer(BINDING).unwrap();
        let outcome = writer.copy_from(&mut bench.reader(DOCUMENT));
        bench.halt(1);
        assert!(matches!(outcome, Err(Error::TooLarge { .. })));
    }),
    ("buffer.read_at, no window in time", Something, |bench| {
        let vault = bench.vault_with(|options| {
            options.windows = 1;
            options.patience = Duration::from_millis(20);
        });
        let (buffer, other) = (bench.document(&vault), vault.seal(BINDING, &[0; 100]).unwrap());
        other
            .read_at(0, |_| {
                std::thread::scope(|scope| {
                    let waiting = scope.spawn(|| {
                        let outcome = buffer.read_at(0, <[u8]>::len);
                        bench.halt(2);
                        outcome
                    });
                    assert_eq!(waiting.join().unwrap(), Err(Error::WindowTimeout));
                });
            })
            .unwrap();
    }),
    ("writer.write, a window in use", Something, |bench| {
        let vault = bench.vault();
        let other = vault.seal(BINDING, &[0; 100]).unwrap();
        let mut writer = vault.writer(BINDING).unwrap();
        other
            .read_at(0, |_| {
                let outcome = writer.write(&bench.source[..100]);
                bench.halt(1);
                assert_eq!(outcome, Err(Error::WindowInUse));
            })
            .unwrap();
    }),
    ("buffer.read_at, a panic", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        let outcome = panicking(|| {
            let _ = buffer.read_at(0, |plain| assert!(plain[..64] != bench.source[..64], "the reader fails"));
        });
        bench.halt(1);
        assert!(outcome);
    }),
    ("buffer.for_each_window, a panic", Something, |bench| {
        let vault = bench.vault();
        let buffer = bench.document(&vault);
        let outcome = panicking(|| {
            let _ = buffer.for_each_window(|offset, plain| {
                assert!(plain[..64] != bench.source[16_384..][..64] || offset == 0, "the reader fails");
                Ok(())
            });
        });
        bench.halt(1);
        assert!(outcome);
    }),
    ("writer.copy_from, a panic", Something, |bench| {
        let vault = bench.vault();
        let mut writer = vault.writer(BINDING).unwrap();
        let outcome = panicking(|| {
            let _ = writer.copy_from(&mut Source { rest: &bench.source[..DOCUMENT], panics_at: Some(3_000) });
        });
        bench.halt(1);
        assert!(outcome);
        assert!(writer.finish().is_err());
    }),
    ("a document that a panic drops", Something, |bench| {
        let vault = bench.vault();
        let outcome = panicking(|| {
            let buffer = bench.document(&vault);
            assert!(buffer.is_empty(), "the owner fails");
        });
        bench.halt(0);
        assert!(outcome);
    }),
    ("a writer on a thread that panics", Something, |bench| {
        let vault = bench.vault();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let mut writer = vault.writer(BINDING).unwrap();
                writer.copy_from(&mut bench.reader(DOCUMENT)).unwrap();
                assert!(writer.is_empty(), "the owner fails");
            });
            assert!(thread.join().is_err());
        });
        bench.halt(0);
    }),
];

/// All tables together.
pub(crate) fn all() -> impl Iterator<Item = &'static Call> {
    CALLS.iter().chain(FAILURES).chain(handover::CALLS)
}

pub(crate) fn run(name: &str) {
    let bench = Bench::ready();
    let (_, _, call) = all().find(|(known, _, _)| *known == name).expect("a call of this name");
    call(&bench);
}

fn panicking(work: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_err()
}

/// The document, come from elsewhere.
fn received(bench: &Bench, vault: &Vault) -> (shokyo::Incoming, u64) {
    let sealed: EphemeralBuffer = bench.document(vault);
    let mut incoming = vault.incoming(BINDING).unwrap();
    for index in 0..sealed.chunk_count() {
        incoming.push(sealed.sealed_chunk(index).unwrap()).unwrap();
    }
    (incoming, sealed.len())
}
