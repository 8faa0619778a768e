/*
 * shokyo: documents that may exist only for minutes. The C interface.
 *
 * A vault owns locked memory. A writer seals a document as it is written and becomes a buffer, which lends its plaintext to a
 * callback, one chunk at a time. Erasing a buffer gives evidence of what was overwritten and read back.
 *
 * Rules that hold everywhere:
 * - Every call gives a status, 0 for success; shokyo_detail has the words. Outputs are written only on success. Where a function
 *   lists its errors, they stand without SHOKYO_STATUS_; any call may also end with FORKED_CHILD or PANIC.
 * - A handle is a number in the form of a pointer and is never followed: one that was freed, consumed or never given answers
 *   SHOKYO_STATUS_INVALID_HANDLE, and so does one of another kind. Handle values do not come back in the life of a process.
 * - A call that fails consumes nothing; the exception is shokyo_writer_finish, which says so.
 * - Every public struct begins with struct_size, to be set to its sizeof, and the rest to 0 where nothing else is wished: fields that
 *   a library does not know must be 0, fields that a caller does not know are taken as 0.
 * - Lengths and offsets are in bytes. A NULL pointer with length 0 is an empty piece. Other pointers must be valid for the call.
 * - Calls may come from all threads at once. No call is safe in a signal handler but those that say so.
 * - A thread that is cancelled is cancelled only after the call. Asynchronous cancellation is not supported.
 * - After fork, the child gets SHOKYO_STATUS_FORKED_CHILD from every call on a handle and must start another program first.
 *
 * This file is generated from src/ffi by `cargo xtask header`; changes belong there.
 */

#ifndef SHOKYO_H
#define SHOKYO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of this interface. It is raised when a function, struct, number or rule of the header changes or goes; what is only
 * added does not raise it.
 */
#define SHOKYO_ABI_VERSION 1

/**
 * Pages are locked in memory and are not written to swap.
 */
#define SHOKYO_PROTECTION_LOCKED 1

/**
 * Pages cannot be moved, nor read through the kernel's own mapping (secret memory).
 */
#define SHOKYO_PROTECTION_FRAME_PINNED 2

/**
 * Inaccessible pages stand on both sides of every region.
 */
#define SHOKYO_PROTECTION_GUARDED 4

/**
 * Pages are left out of core dumps.
 */
#define SHOKYO_PROTECTION_NO_DUMP 8

/**
 * A forked child sees zeros or nothing.
 */
#define SHOKYO_PROTECTION_NOT_INHERITED 16

/**
 * Canaries beside regions are checked when memory is given back.
 */
#define SHOKYO_PROTECTION_CANARY 32

/**
 * Operations on keys and plaintext run on a locked stack, which is wiped afterwards.
 */
#define SHOKYO_PROTECTION_CLEAN_ROOM 64

/**
 * Every register that can hold data is cleared after each operation on secrets.
 */
#define SHOKYO_PROTECTION_REGISTERS_SCRUBBED 128

/**
 * Alternate signal stacks are scrubbed as well.
 */
#define SHOKYO_PROTECTION_ALTSTACK_COVERED 256

/**
 * A 32-byte key in a key cell.
 */
#define SHOKYO_COPY_KEY 1

/**
 * A document key wrapped to another's public key.
 */
#define SHOKYO_COPY_WRAPPED_KEY 2

/**
 * Sealed chunks, unreadable without the key.
 */
#define SHOKYO_COPY_CIPHERTEXT 3

/**
 * A window that showed plaintext.
 */
#define SHOKYO_COPY_WINDOW 4

/**
 * A spool file or its memory.
 */
#define SHOKYO_COPY_SPOOL 5

/**
 * Something made from the document, such as a rendered page.
 */
#define SHOKYO_COPY_DERIVATIVE 6

/**
 * Signals of a process that did something it must not: SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV.
 */
#define SHOKYO_SIGNALS_FAULTS 1

/**
 * Signals of a process that is told to end: SIGHUP, SIGINT, SIGQUIT, SIGTERM.
 */
#define SHOKYO_SIGNALS_ENDS 2

/**
 * The automatic issuing system of a municipality.
 */
#define SHOKYO_ROLE_ISSUER 1

/**
 * The certificate centre, a relay.
 */
#define SHOKYO_ROLE_CERTIFICATE_CENTRE 2

/**
 * The convenience operator's data centre, a relay.
 */
#define SHOKYO_ROLE_EC_CENTRE 3

/**
 * The kiosk in the shop.
 */
#define SHOKYO_ROLE_KIOSK 4

/**
 * The outcome of a call. 0 is success. A number keeps its meaning for ever; later versions add numbers, so treat an unknown one as
 * a failure.
 */
enum shokyo_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Success; outputs are written only then.
     */
    SHOKYO_STATUS_OK = 0,
    /**
     * No locked memory or no key cell is left: raise RLIMIT_MEMLOCK, free documents, or open the vault with fewer windows.
     */
    SHOKYO_STATUS_LOCKED_MEMORY_EXHAUSTED = 1,
    /**
     * The operating system gave no memory.
     */
    SHOKYO_STATUS_OUT_OF_MEMORY = 2,
    /**
     * A protection that a strict vault demands could not be had.
     */
    SHOKYO_STATUS_PROTECTION_UNAVAILABLE = 3,
    /**
     * The operating system's random generator failed.
     */
    SHOKYO_STATUS_RANDOMNESS_UNAVAILABLE = 4,
    /**
     * A call of the operating system failed.
     */
    SHOKYO_STATUS_SYSTEM = 5,
    /**
     * The key was destroyed: by its owner, a deadline, or an erase-everything.
     */
    SHOKYO_STATUS_ERASED = 6,
    /**
     * The deadline passed; everything was erased.
     */
    SHOKYO_STATUS_EXPIRED = 7,
    /**
     * This thread already looks at a document of this vault through a window.
     */
    SHOKYO_STATUS_WINDOW_IN_USE = 8,
    /**
     * No window became free in time.
     */
    SHOKYO_STATUS_WINDOW_TIMEOUT = 9,
    /**
     * Memory could not be shown to be erased. It is quarantined: stop the process and report it.
     */
    SHOKYO_STATUS_NOT_ERASED = 10,
    /**
     * The document is altered, misplaced or another session's.
     */
    SHOKYO_STATUS_NOT_AUTHENTIC = 11,
    /**
     * An offset or index lies outside.
     */
    SHOKYO_STATUS_OUT_OF_RANGE = 12,
    /**
     * Input is larger than the limit.
     */
    SHOKYO_STATUS_TOO_LARGE = 13,
    /**
     * The document has no bytes.
     */
    SHOKYO_STATUS_EMPTY_DOCUMENT = 14,
    /**
     * A document that is still being written was used as a finished one, or the other way round.
     */
    SHOKYO_STATUS_UNFINISHED = 15,
    /**
     * Bytes do not have the form that the format demands.
     */
    SHOKYO_STATUS_MALFORMED = 16,
    /**
     * A version that this build does not know.
     */
    SHOKYO_STATUS_UNSUPPORTED_VERSION = 17,
    /**
     * A cryptographic suite below the pinned minimum, or an unknown one.
     */
    SHOKYO_STATUS_UNSUPPORTED_SUITE = 18,
    /**
     * A signature does not verify.
     */
    SHOKYO_STATUS_BAD_SIGNATURE = 19,
    /**
     * A certificate or identity is not trusted.
     */
    SHOKYO_STATUS_UNTRUSTED = 20,
    /**
     * Something belongs to another session, document or key.
     */
    SHOKYO_STATUS_MISMATCH = 21,
    /**
     * A message came that is not expected now; nothing was changed.
     */
    SHOKYO_STATUS_UNEXPECTED_MESSAGE = 22,
    /**
     * A command is not possible now.
     */
    SHOKYO_STATUS_WRONG_STATE = 23,
    /**
     * A one-use value was used before.
     */
    SHOKYO_STATUS_REPLAYED = 24,
    /**
     * A limit on concurrent work was reached; try again later.
     */
    SHOKYO_STATUS_BUSY = 25,
    /**
     * The other side ended the session.
     */
    SHOKYO_STATUS_CANCELLED = 26,
    /**
     * The call was made in a forked child: documents stay with the parent; start another program before using the library.
     */
    SHOKYO_STATUS_FORKED_CHILD = 27,
    /**
     * The operation needs more locked stack than the vault set aside.
     */
    SHOKYO_STATUS_ROOM_TOO_SMALL = 28,
    /**
     * Memory beside locked pages was overwritten: stop the process.
     */
    SHOKYO_STATUS_MEMORY_CORRUPTED = 29,
    /**
     * The platform has no way to do this.
     */
    SHOKYO_STATUS_UNSUPPORTED = 30,
    /**
     * Reading or writing failed.
     */
    SHOKYO_STATUS_IO = 31,
    /**
     * The evidence store refused.
     */
    SHOKYO_STATUS_STORE = 32,
    /**
     * The options or the configuration make no sense.
     */
    SHOKYO_STATUS_CONFIGURATION = 33,
    /**
     * An argument is not what the function asks for: a null pointer, a length, a struct_size, a reserved value.
     */
    SHOKYO_STATUS_INVALID_ARGUMENT = 1001,
    /**
     * The handle was freed, consumed, never given, or belongs to another kind of object.
     */
    SHOKYO_STATUS_INVALID_HANDLE = 1002,
    /**
     * Another call is using the object, so it cannot be consumed or written to now; nothing was changed.
     */
    SHOKYO_STATUS_HANDLE_IN_USE = 1003,
    /**
     * No more handles can be given in this process.
     */
    SHOKYO_STATUS_HANDLES_EXHAUSTED = 1004,
    /**
     * The callback returned something other than 0.
     */
    SHOKYO_STATUS_CALLBACK_STOPPED = 1005,
    /**
     * A fault inside the library was caught. Every key of the vault that it touched is destroyed, and that vault is poisoned.
     */
    SHOKYO_STATUS_PANIC = 1006,
    /**
     * An earlier call on this vault ended with SHOKYO_STATUS_PANIC: erase and free what is left of it, and open another.
     */
    SHOKYO_STATUS_VAULT_POISONED = 1007,
    /**
     * What was asked for does not fit into the buffer: its length, which is written, tells how much is needed. Nothing is lost.
     */
    SHOKYO_STATUS_BUFFER_TOO_SMALL = 1008,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum shokyo_status shokyo_status;
#else
typedef int32_t shokyo_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A finished, sealed document. A handle, not an address.
 */
typedef struct shokyo_buffer shokyo_buffer;

/**
 * Evidence of an erasure: what was overwritten and read back. A handle, not an address.
 */
typedef struct shokyo_erasure shokyo_erasure;

/**
 * A station: its configuration, keys, authorities, memory for documents, and store. A handle, not an address.
 */
typedef struct shokyo_station shokyo_station;

/**
 * A vault: owner of locked memory for keys and windows. A handle, not an address.
 */
typedef struct shokyo_vault shokyo_vault;

/**
 * A document being written. A handle, not an address.
 */
typedef struct shokyo_writer shokyo_writer;

/**
 * How a vault is opened. 0 in a field stands for its default.
 */
typedef struct shokyo_vault_options {
    /**
     * sizeof(shokyo_vault_options).
     */
    uint32_t struct_size;
    /**
     * 0: a protection that cannot be had is an error. 1: the vault opens without it, and shokyo_vault_protections says so.
     */
    uint32_t best_effort;
    /**
     * Bytes of plaintext in a chunk, and so in a window: a multiple of 16 from 64 to 1048576. Default: 16384.
     */
    uint32_t chunk_size;
    /**
     * Windows, each locked: how many threads can look at plaintext at once. Default: 4.
     */
    uint32_t windows;
    /**
     * Clean rooms, each locked. Default, and least: as many as windows.
     */
    uint32_t rooms;
    /**
     * Bytes of stack in a clean room. Default: what a self-test finds to be needed.
     */
    uint32_t room_size;
    /**
     * How many keys of 32 bytes fit in, rounded up to whole pages, less two. A document needs one, and two while it is being written.
     * Default: 1024.
     */
    uint32_t key_cells;
    /**
     * Large clean rooms for key agreement and signatures. Default: none.
     */
    uint32_t agreement_rooms;
    /**
     * Bytes of stack in a large clean room. Default: what a self-test finds to be needed.
     */
    uint32_t agreement_room_size;
    /**
     * Milliseconds to wait for a window or a room, and for calls in progress when everything is erased. Default: 5000.
     */
    uint32_t patience;
    /**
     * The longest document, in bytes. Default: 268435456.
     */
    uint64_t max_document;
    /**
     * Secret memory (Linux 5.14 and later) for keys and plaintext, which not even the kernel can read. 0: where it can be had, else locked
     * memory; SHOKYO_PROTECTION_FRAME_PINNED tells which. 1: a protection like the others, see best_effort. 2: never, as for a process that
     * is scanned for residue. A machine cannot hibernate while such memory is in use.
     */
    uint32_t secret_memory;
    /**
     * How many keys at most: when all cells are in use, as many again are locked, up to this number or to the operating system's limit.
     * Default: 1048576. To have no growth, give the same number as for key_cells.
     */
    uint32_t max_key_cells;
    /**
     * Milliseconds that a key lives at most, whatever its owner does; the clock counts suspended time. What needs the key answers
     * EXPIRED afterwards. Default: no limit.
     */
    uint32_t lifetime;
    /**
     * 0: the alternate signal stack of a thread is scrubbed after each of its operations, which costs a system call. What is set with
     * sigaltstack must be that thread's own until another is set, and no handler on it may be suspended while the thread goes on
     * elsewhere, as in runtimes that turn faults into exceptions. 1: it is not scrubbed.
     */
    uint32_t leave_alternate_stacks;
} shokyo_vault_options;

/**
 * What shokyo_vault_erase_all did.
 */
typedef struct shokyo_erase_all_outcome {
    /**
     * sizeof(shokyo_erase_all_outcome), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Keys that were live and are destroyed.
     */
    uint64_t destroyed;
    /**
     * How many of them were read back as zero.
     */
    uint64_t verified;
    /**
     * How many could not be shown to be erased: stop the process and report it.
     */
    uint64_t failed;
    /**
     * Rooms and windows that were still in use when waiting ended, the window of a callback that makes the call included: their copies
     * are wiped when they are left.
     */
    uint64_t in_flight;
} shokyo_erase_all_outcome;

/**
 * What every chunk of a document is bound to: authenticated with each, never stored with it. All fields must be given.
 */
typedef struct shokyo_binding {
    /**
     * sizeof(shokyo_binding).
     */
    uint32_t struct_size;
    /**
     * The session that the document belongs to.
     */
    uint8_t session[32];
    /**
     * A hash of everything else that it belongs to: in a handover, of the whole signed application.
     */
    uint8_t context[32];
} shokyo_binding;

/**
 * Looks at a piece of a document's plaintext, which lies in locked memory and is wiped as soon as the callback returns.
 *
 * user_data: what the caller gave. offset: where the piece begins in the document, in bytes. plain, length: the piece; it must not be
 * changed, nor kept, nor looked at after the return. length is 0 only for an empty document, and plain is never NULL.
 * Gives 0 to go on; anything else stops, and the call gives SHOKYO_STATUS_CALLBACK_STOPPED.
 * It runs in the calling thread, with no lock of the library held and cancellation disabled. It may call the library, and may free the very
 * document, which is then erased when it returns. It must return, on the stack on which it was called and before anything else runs there:
 * no longjmp, no thread exit, no exception, no switch to another context or fiber. If an exception leaves it all the same, the window is wiped
 * before the process is stopped; if longjmp does, at the next call of this thread that lends a window from the same depth or above.
 */
typedef int32_t (*shokyo_reader)(void *user_data, uint64_t offset, const uint8_t *plain, size_t length);

/**
 * What an erasure is evidence of.
 */
typedef struct shokyo_erasure_info {
    /**
     * sizeof(shokyo_erasure_info), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 1 when everything that was to be erased was read back as erased and there was something; otherwise 0.
     */
    uint32_t verified;
    /**
     * The session whose copies were erased.
     */
    uint8_t session[32];
    /**
     * The protections that the memory had, as SHOKYO_PROTECTION_ flags.
     */
    uint32_t protections;
    /**
     * 1 when a key was destroyed, which the next three fields then name; otherwise 0.
     */
    uint32_t has_key;
    /**
     * The vault's random number.
     */
    uint64_t key_vault;
    /**
     * The key cell's place in the vault.
     */
    uint32_t key_cell;
    /**
     * How often the cell had been filled.
     */
    uint32_t key_generation;
    /**
     * How many classes of copies there are.
     */
    uint64_t copy_count;
} shokyo_erasure_info;

/**
 * What was overwritten in one class of copies.
 */
typedef struct shokyo_erased_copy {
    /**
     * sizeof(shokyo_erased_copy), set by the caller.
     */
    uint32_t struct_size;
    /**
     * The class, one of SHOKYO_COPY_.
     */
    uint32_t copy_class;
    /**
     * How many ranges were overwritten and read back as zero.
     */
    uint64_t verified;
    /**
     * How many ranges could not be verified; their memory is quarantined.
     */
    uint64_t failed;
    /**
     * Bytes over all ranges.
     */
    uint64_t bytes;
} shokyo_erased_copy;

/**
 * One reading of two clocks, given with every input of a session: shokyo_clock reads them. All inputs of one station must come from
 * the same clocks.
 */
typedef struct shokyo_now {
    /**
     * sizeof(shokyo_now).
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * For deadlines: milliseconds on a clock that never goes back and counts the time in which the machine is suspended.
     */
    uint64_t monotonic_ms;
    /**
     * For records: milliseconds since 1970-01-01 UTC.
     */
    uint64_t unix_ms;
} shokyo_now;

/**
 * What a station's host decides beside the configuration. 0 in a field stands for its default.
 */
typedef struct shokyo_station_options {
    /**
     * sizeof(shokyo_station_options).
     */
    uint32_t struct_size;
    /**
     * As in shokyo_vault_options: 1 for hosts whose runtime handles faults on alternate signal stacks.
     */
    uint32_t leave_alternate_stacks;
    /**
     * Milliseconds to wait for a window or a room. Default: 5000.
     */
    uint32_t patience;
} shokyo_station_options;

/**
 * What a station is.
 */
typedef struct shokyo_station_info {
    /**
     * sizeof(shokyo_station_info), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SHOKYO_ROLE_.
     */
    uint32_t role;
    /**
     * The protections that the memory for keys and documents has, as SHOKYO_PROTECTION_ flags.
     */
    uint32_t protections;
    /**
     * How many sessions an earlier process had left open: see shokyo_station_lost_at.
     */
    uint32_t lost_sessions;
    /**
     * The station's name, null-terminated: at most 63 of a-z, 0-9 and inner hyphens.
     */
    char station[64];
    /**
     * Who runs it, null-terminated, of the same form.
     */
    char operator_name[64];
} shokyo_station_info;

/**
 * A session that an earlier process of a station had left open.
 */
typedef struct shokyo_lost_session {
    /**
     * sizeof(shokyo_lost_session), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 1 when printing had begun: the document may be printed, in part or whole, and must not be printed again; otherwise 0.
     */
    uint32_t print_started;
    /**
     * The session.
     */
    uint8_t session[32];
    /**
     * When it was opened, in milliseconds since 1970-01-01 UTC.
     */
    uint64_t opened_unix_ms;
    /**
     * What kind of document, null-terminated.
     */
    char kind[72];
} shokyo_lost_session;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The `libc` crate does not have it.
 */
extern int pthread_setcancelstate(int state, int *previous);

/**
 * The version of the interface in the library that is loaded, to be compared with SHOKYO_ABI_VERSION of the header.
 *
 * Threads: any. Signals: safe in a signal handler.
 */
uint32_t shokyo_abi_version(void);

/**
 * The version of the library, as in "1.2.3": a static, null-terminated text that the caller must not free.
 *
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_version(void);

/**
 * What a status means and what to do next, in English.
 *
 * status: any number. Gives a static, null-terminated text, never NULL; the caller must not free it.
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_status_text(int32_t status);

/**
 * The detail of the last call in this thread that did not succeed: what exactly, with its numbers. Never contains document data.
 *
 * text: where to write it in UTF-8, null-terminated and cut to fit; may be NULL when size is 0. size: bytes at text.
 * Gives the length in bytes of the whole text without its null; 0 when no call has failed in this thread. So a buffer of that
 * length + 1 holds it all. A successful call does not change it.
 * Threads: each has its own text. Signals: not safe in a signal handler.
 */
size_t shokyo_detail(char *text,
                     size_t size);

/**
 * Opens a vault: maps, locks and protects its memory, and tests that its clean rooms are large enough.
 *
 * options: NULL for the defaults. vault: receives the handle, which the caller owns and gives to shokyo_vault_free.
 * Threads: any; the vault may be used by all threads at once. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT; CONFIGURATION for values that make no vault; LOCKED_MEMORY_EXHAUSTED, PROTECTION_UNAVAILABLE (without
 * best_effort), ROOM_TOO_SMALL, OUT_OF_MEMORY, RANDOMNESS_UNAVAILABLE, HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_vault_open(const struct shokyo_vault_options *options,
                                struct shokyo_vault **vault);

/**
 * Tells which protections are active on all locked memory of the vault, as SHOKYO_PROTECTION_ flags.
 *
 * vault: stays the caller's. protections: receives the flags; ignore those you do not know.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_vault_protections(const struct shokyo_vault *vault, uint32_t *protections);

/**
 * Destroys every key of the vault now, then waits for calls in progress, up to the vault's patience for each kind. Every document
 * of the vault answers SHOKYO_STATUS_ERASED from then on; new ones can be written. Plaintext that a callback is looking at stays
 * until that callback returns.
 *
 * vault: stays the caller's. outcome: with its struct_size set; receives what was done. Look at its field failed: success of the
 * call says that everything was overwritten, not that every read-back agreed.
 * Threads: any, also inside a callback. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE; nothing was erased then.
 */
shokyo_status shokyo_vault_erase_all(struct shokyo_vault *vault,
                                     struct shokyo_erase_all_outcome *outcome);

/**
 * Gives up the handle. Writers and documents of the vault live on; its memory goes back to the system with the last of them, except
 * pages that could not be shown to be erased.
 *
 * vault: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any, also inside a callback. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a vault that was freed before.
 */
shokyo_status shokyo_vault_free(struct shokyo_vault *vault);

/**
 * Begins a document under a fresh key.
 *
 * vault: stays the caller's, and may be freed before the writer. binding: read during the call. writer: receives the handle, which
 * the caller owns until shokyo_writer_finish or shokyo_writer_erase succeeds; otherwise it goes to shokyo_writer_free.
 * Threads: any; one writer is for one thread at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED, LOCKED_MEMORY_EXHAUSTED when all keys of the vault are in use,
 * RANDOMNESS_UNAVAILABLE, BUSY, HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_writer_new(const struct shokyo_vault *vault,
                                const struct shokyo_binding *binding,
                                struct shokyo_writer **writer);

/**
 * Appends bytes, sealing every full chunk.
 *
 * writer: stays the caller's. data, length: the bytes, not changed and not kept; NULL with length 0 is nothing. The caller's own copy
 * stays the caller's to wipe.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, TOO_LARGE beyond the vault's max_document,
 * WINDOW_IN_USE inside a callback that looks at a document of the same vault, WINDOW_TIMEOUT: nothing was changed. After any other,
 * such as ERASED, the document is lost: erase or free the writer.
 */
shokyo_status shokyo_writer_write(struct shokyo_writer *writer,
                                  const void *data,
                                  size_t length);

/**
 * Ends the document, which can be read from then on. A document of 0 bytes is allowed.
 *
 * writer: no longer valid after success. buffer: receives the document's handle, which the caller owns until shokyo_buffer_erase
 * succeeds; otherwise it goes to shokyo_buffer_free.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, HANDLES_EXHAUSTED: nothing was changed. After any
 * other, such as ERASED, WINDOW_IN_USE or WINDOW_TIMEOUT, what was written is erased, and the writer can only be freed.
 */
shokyo_status shokyo_writer_finish(struct shokyo_writer *writer,
                                   struct shokyo_buffer **buffer);

/**
 * Erases what was written, and gives the evidence.
 *
 * writer: no longer valid after success. erasure: receives the evidence's handle, which the caller owns and gives to
 * shokyo_erasure_free.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, HANDLES_EXHAUSTED; ERASED after shokyo_writer_finish has failed and erased
 * everything: nothing was changed.
 */
shokyo_status shokyo_writer_erase(struct shokyo_writer *writer,
                                  struct shokyo_erasure **erasure);

/**
 * Gives up the handle and erases what was written, without evidence. If a call in another thread is using it, that call's end erases.
 *
 * writer: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a writer that was freed or finished before.
 */
shokyo_status shokyo_writer_free(struct shokyo_writer *writer);

/**
 * Tells the length of the document's plaintext in bytes.
 *
 * buffer: stays the caller's. length: receives the number.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_buffer_length(const struct shokyo_buffer *buffer, uint64_t *length);

/**
 * Lends the plaintext from an offset to the end of its chunk to a callback, which is called at most once.
 *
 * buffer: stays the caller's. offset: in bytes; the next piece begins at offset + length of this one. reader: the callback.
 * user_data: passed to it as it is, may be NULL.
 * Threads: any, several at once, each with a window of its own. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; OUT_OF_RANGE at or beyond the end (an empty document can be read at 0);
 * NOT_AUTHENTIC; WINDOW_IN_USE inside another such callback of the same vault; WINDOW_TIMEOUT, BUSY: the callback was not called.
 * CALLBACK_STOPPED. ERASED when the key was destroyed before or meanwhile: the callback saw whole, authentic plaintext or was not
 * called. NOT_ERASED when the window could not be shown to be wiped.
 */
shokyo_status shokyo_buffer_read_at(const struct shokyo_buffer *buffer,
                                    uint64_t offset,
                                    shokyo_reader reader,
                                    void *user_data);

/**
 * Lends the whole document to a callback, one chunk after the other.
 *
 * buffer: stays the caller's. reader: the callback, called in the order of the document. user_data: passed to it as it is, may be NULL.
 * Threads: any, several at once, each with a window of its own. Signals: not safe in a signal handler.
 * Errors: as shokyo_buffer_read_at; the callback may have seen a part of the document.
 */
shokyo_status shokyo_buffer_for_each_window(const struct shokyo_buffer *buffer,
                                            shokyo_reader reader,
                                            void *user_data);

/**
 * Destroys the key, then wipes the ciphertext, reads both back, and gives the evidence, which counts every window that was lent.
 *
 * buffer: no longer valid after success, also when the read-back failed: shokyo_erasure_verified tells. erasure: receives the
 * evidence's handle, which the caller owns and gives to shokyo_erasure_free.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLES_EXHAUSTED; HANDLE_IN_USE while a call is using the document, also inside its own
 * callback: nothing was changed (shokyo_vault_erase_all destroys keys that are in use).
 */
shokyo_status shokyo_buffer_erase(struct shokyo_buffer *buffer,
                                  struct shokyo_erasure **erasure);

/**
 * Gives up the handle and erases the document, without evidence. If calls are using it, the end of the last of them erases.
 *
 * buffer: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any, also inside its own callback. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a document that was freed or erased before.
 */
shokyo_status shokyo_buffer_free(struct shokyo_buffer *buffer);

/**
 * Tells whether everything that was to be erased was read back as erased, and there was something.
 *
 * erasure: stays the caller's. verified: receives the answer. If it is false, stop the process and report it.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_erasure_verified(const struct shokyo_erasure *erasure, bool *verified);

/**
 * Tells what the erasure is evidence of.
 *
 * erasure: stays the caller's. info: with its struct_size set; receives the answer.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_erasure_describe(const struct shokyo_erasure *erasure, struct shokyo_erasure_info *info);

/**
 * Tells in how many classes of copies something was erased.
 *
 * erasure: stays the caller's. count: receives the number.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_erasure_copy_count(const struct shokyo_erasure *erasure, size_t *count);

/**
 * Tells what was erased in one class of copies.
 *
 * erasure: stays the caller's. index: below the number that shokyo_erasure_copy_count gives; classes come in the order of their
 * numbers. copy: with its struct_size set; receives the answer.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
 */
shokyo_status shokyo_erasure_copy_at(const struct shokyo_erasure *erasure,
                                     size_t index,
                                     struct shokyo_erased_copy *copy);

/**
 * Gives up the evidence.
 *
 * erasure: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for evidence that was freed before.
 */
shokyo_status shokyo_erasure_free(struct shokyo_erasure *erasure);

/**
 * Destroys every key of every vault of this process now, reads them back, and waits for nothing. Windows and rooms in use are not
 * touched: in_flight counts them; their copies are wiped when they are left, if the process lives so long. Every document answers
 * SHOKYO_STATUS_ERASED from then on; new ones can be written. In a forked child nothing is done.
 *
 * outcome: NULL, or with its struct_size set; receives what was done.
 * Threads: any. Signals: SAFE in a signal handler: takes no lock, allocates nothing, keeps errno, and leaves no detail text.
 * Errors: INVALID_ARGUMENT for an outcome whose struct_size is impossible; the keys are destroyed all the same.
 */
shokyo_status shokyo_erase_now(struct shokyo_erase_all_outcome *outcome);

/**
 * Has shokyo_erase_now called when the process ends by exit or by returning from main. Functions that were registered with atexit
 * before this call run after it. Doing this twice is once.
 *
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: SYSTEM when the C library has no room for another function.
 */
shokyo_status shokyo_erase_on_exit(void);

/**
 * Has shokyo_erase_now called first when one of the signals arrives. Then what was set for the signal before happens: the host's
 * handler, or the default, so that the process still ends, and with the same status. An ignored signal stays ignored. Doing this twice
 * is once. Handlers that are installed later replace this one unless they call it.
 *
 * signals: SHOKYO_SIGNALS_FAULTS, SHOKYO_SIGNALS_ENDS, or both together (with |).
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT for other signals; SYSTEM.
 */
shokyo_status shokyo_erase_on_signals(uint32_t signals);

/**
 * Reads the clocks of this machine. The first counts suspended time; if it cannot be read, it shows the end of time, past which
 * everything is erased rather than kept.
 *
 * now: with its struct_size set; receives the reading.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT.
 */
shokyo_status shokyo_clock(struct shokyo_now *now);

/**
 * Opens a station: reads its configuration, certificates and authorities, reads its keys into locked memory, opens the memory for its
 * documents and its store, and writes down as lost, before anything else, what an earlier process had left open. A process has one
 * station as a rule. Nothing is connected and nothing runs by itself, but for one thread that writes the store.
 *
 * path: the configuration file (TOML), null-terminated, in UTF-8; paths inside are relative to it. options: NULL for the defaults.
 * station: receives the handle, which the caller owns and gives to shokyo_station_free.
 * Threads: any; the station may be used by all threads at once. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT; CONFIGURATION, of which shokyo_detail names the file, the key and the remedy; IO; UNTRUSTED for a
 * certificate of its own that its authorities do not vouch for; STORE, for instance while another process writes it; MISMATCH when the
 * store is another station's; LOCKED_MEMORY_EXHAUSTED, PROTECTION_UNAVAILABLE, ROOM_TOO_SMALL, OUT_OF_MEMORY, RANDOMNESS_UNAVAILABLE,
 * HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_station_open(const char *path,
                                  const struct shokyo_station_options *options,
                                  struct shokyo_station **station);

/**
 * Tells what a station is.
 *
 * station: stays the caller's. info: with its struct_size set; receives the answer.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_station_describe(const struct shokyo_station *station, struct shokyo_station_info *info);

/**
 * Tells of a session that an earlier process had left open. It is on record as lost, with an alarm and a receipt that says so.
 *
 * station: stays the caller's. index: below lost_sessions of shokyo_station_describe; the oldest session comes first. lost: with its
 * struct_size set; receives the answer.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
 */
shokyo_status shokyo_station_lost_at(const struct shokyo_station *station,
                                     size_t index,
                                     struct shokyo_lost_session *lost);

/**
 * Gives the vault that holds the station's documents, to be asked what protects it, and to erase all its documents at once with
 * shokyo_vault_erase_all. Its sessions then end as they meet the loss of their keys; the station's own keys lie elsewhere, so that receipts
 * can still be signed.
 *
 * station: stays the caller's. vault: receives a handle, which the caller owns and gives to shokyo_vault_free.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_station_vault(const struct shokyo_station *station,
                                   struct shokyo_vault **vault);

/**
 * Reads the revocation lists again that the configuration names: to be called every minute or so. Stations that a new list names are
 * refused from then on; if a list cannot be read, those that are known stay in force.
 *
 * station: stays the caller's.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE; CONFIGURATION, IO, UNTRUSTED for a list that cannot be used, of which shokyo_detail names the file.
 */
shokyo_status shokyo_station_reload_revocation(const struct shokyo_station *station);

/**
 * Gives up the handle. What was begun in the station's name lives on; memory, keys and store are closed with the last of it, when
 * every record is written.
 *
 * station: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a station that was freed before.
 */
shokyo_status shokyo_station_free(struct shokyo_station *station);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SHOKYO_H */
