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
 * No core dump is made, and nobody of the same user can trace the process or read its memory. The process itself loses the files
 * under /proc/self that belong to root then. A program that it starts is dumpable again.
 */
#define SHOKYO_HARDENING_NOT_DUMPABLE 1

/**
 * The limit on core files is 0, for the process and what it starts.
 */
#define SHOKYO_HARDENING_NO_CORE_FILE 2

/**
 * No process is excepted from the rule that only an ancestor may trace (Yama). What was allowed before cannot be restored.
 */
#define SHOKYO_HARDENING_NO_TRACER_EXCEPTION 4

/**
 * Equal pages are not merged with those of other processes, which would let these find out what is in them.
 */
#define SHOKYO_HARDENING_NO_PAGE_MERGING 8

/**
 * Programs that are started gain no privileges by their files. For the calling thread and what it starts from then on, so to be asked
 * for before there are other threads. Cannot be undone.
 */
#define SHOKYO_HARDENING_NO_NEW_PRIVILEGES 16

/**
 * How many steps a shokyo_hardened has room for.
 */
#define SHOKYO_HARDENING_STEPS 16

/**
 * A call did not succeed: status says why. Not for CAPACITY_TOO_SMALL, with which lengths are asked for, nor for FORKED_CHILD.
 */
#define SHOKYO_LOG_CALL_FAILED 1

/**
 * A fault inside the library was caught, and every key of the vault that it concerns is destroyed: report it.
 */
#define SHOKYO_LOG_FAULT 2

/**
 * Memory could not be shown to be erased, and is quarantined: stop the process and report it. number: how many copies or keys.
 */
#define SHOKYO_LOG_NOT_ERASED 3

/**
 * Something that no later success clears is on record, such as a deadline that passed. session: which.
 */
#define SHOKYO_LOG_ALARM 4

/**
 * Sessions that a process left open when it ended were recorded as lost. number: how many.
 */
#define SHOKYO_LOG_LOST 5

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
 * The issuing system wiped its document key and ciphertext and verified both, before it released the wrapped key.
 */
#define SHOKYO_RECEIPT_EVENT_KEY_WIPED 1

/**
 * The issuing system heard that the document was opened, and wiped the wrapped key too.
 */
#define SHOKYO_RECEIPT_EVENT_CLOSED 2

/**
 * Every copy that the station tracked was overwritten and read back.
 */
#define SHOKYO_RECEIPT_EVENT_ERASED 3

/**
 * A relay passed sealed frames on, wiped each, and keeps none.
 */
#define SHOKYO_RECEIPT_EVENT_RELAYED_NOT_RETAINED 4

/**
 * The process ended with the session open; nothing was verified.
 */
#define SHOKYO_RECEIPT_EVENT_LOST_AT_RESTART 5

/**
 * The key was handed over and the end was never heard.
 */
#define SHOKYO_RECEIPT_EVENT_UNRESOLVED 6

/**
 * A printed document was left behind at the kiosk.
 */
#define SHOKYO_RECEIPT_EVENT_FORGOTTEN 7

/**
 * At least one copy could not be verified as erased.
 */
#define SHOKYO_RECEIPT_EVENT_NOT_ERASED 8

/**
 * The owner asked for it.
 */
#define SHOKYO_CAUSE_REQUESTED 1

/**
 * The document was handed over.
 */
#define SHOKYO_CAUSE_HANDED_OVER 2

/**
 * The document was delivered.
 */
#define SHOKYO_CAUSE_DELIVERED 3

/**
 * A deadline passed.
 */
#define SHOKYO_CAUSE_DEADLINE 4

/**
 * A party cancelled.
 */
#define SHOKYO_CAUSE_CANCELLED 5

/**
 * A party refused or a message was wrong.
 */
#define SHOKYO_CAUSE_REFUSED 6

/**
 * A neighbour was lost.
 */
#define SHOKYO_CAUSE_PEER_LOST 7

/**
 * The process ends, or everything was erased at once.
 */
#define SHOKYO_CAUSE_SHUTDOWN 8

/**
 * The device failed: jam, door, paper.
 */
#define SHOKYO_CAUSE_DEVICE_FAULT 9

/**
 * A limit is reached; later it may go.
 */
#define SHOKYO_CAUSE_BUSY 10

/**
 * Someone who can read this process's memory while a window is open.
 */
#define SHOKYO_NOT_COVERED_PRIVILEGED_OBSERVER 1

/**
 * Devices that read memory directly, and memory modules read shortly after power is cut.
 */
#define SHOKYO_NOT_COVERED_PHYSICAL_ACCESS 2

/**
 * Copies that existed before the data entered the library.
 */
#define SHOKYO_NOT_COVERED_EARLIER_COPIES 3

/**
 * What the host's own code copied out of a window.
 */
#define SHOKYO_NOT_COVERED_HOST_CODE 4

/**
 * Buffers of the operating system's network stack, which hold ciphertext alone.
 */
#define SHOKYO_NOT_COVERED_KERNEL_BUFFERS 5

/**
 * Swap and hibernation images of memory that is not locked.
 */
#define SHOKYO_NOT_COVERED_UNLOCKED_MEMORY 6

/**
 * The printer's own memory, and the paper.
 */
#define SHOKYO_NOT_COVERED_PRINTER 7

/**
 * Journals, snapshots and flash cells below the layer of files.
 */
#define SHOKYO_NOT_COVERED_STORAGE_BELOW_FILES 8

/**
 * Memory of a process that ended before it could erase.
 */
#define SHOKYO_NOT_COVERED_ENDED_PROCESS 9

/**
 * Buffers of the TLS library, which hold sealed frames alone.
 */
#define SHOKYO_NOT_COVERED_TRANSPORT_BUFFERS 10

/**
 * Swap, which is in use on this host.
 */
#define SHOKYO_NOT_COVERED_SWAP 11

/**
 * A hibernation image, which this host can make.
 */
#define SHOKYO_NOT_COVERED_HIBERNATION 12

/**
 * The kernel maps the pages of the keys, too: this host gave no secret memory.
 */
#define SHOKYO_NOT_COVERED_KERNEL_MAPPING 13

/**
 * Whether this host swaps or hibernates could not be found out.
 */
#define SHOKYO_NOT_COVERED_UNKNOWN_HOST 14

/**
 * The receipt as it came: one COSE_Sign1 (RFC 9052), at most 4,096 bytes. For shokyo_receipt_export.
 */
#define SHOKYO_RECEIPT_COSE 1

/**
 * The bytes over which the signature is, the Sig_structure of RFC 9052 section 4.4. For shokyo_receipt_export.
 */
#define SHOKYO_RECEIPT_SIGNED_BYTES 2

/**
 * The Ed25519 signature (RFC 8032), 64 bytes. For shokyo_receipt_export.
 */
#define SHOKYO_RECEIPT_SIGNATURE 3

/**
 * The name of the station that speaks. For shokyo_receipt_text.
 */
#define SHOKYO_RECEIPT_STATION 1

/**
 * Who runs the station. For shokyo_receipt_text.
 */
#define SHOKYO_RECEIPT_OPERATOR 2

/**
 * The code of the responsible post; not a person. For shokyo_receipt_text.
 */
#define SHOKYO_RECEIPT_POST 3

/**
 * What kind of document, as the operator names it; not whose. For shokyo_receipt_text.
 */
#define SHOKYO_RECEIPT_KIND 4

/**
 * The version of the software that signed. For shokyo_receipt_text.
 */
#define SHOKYO_RECEIPT_SOFTWARE 5

/**
 * The build of the software that signed. For shokyo_receipt_text.
 */
#define SHOKYO_RECEIPT_BUILD 6

/**
 * The whole receipt in plain English, in lines. For shokyo_receipt_text.
 */
#define SHOKYO_RECEIPT_PLAIN 7

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
     * The place for an output is too small: nothing was taken or lost, and the call's length says how many bytes are needed.
     */
    SHOKYO_STATUS_CAPACITY_TOO_SMALL = 1008,
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
 * A receipt that was read: a station's signed statement of what was overwritten, where, and what is unknown. A handle, not an
 * address.
 */
typedef struct shokyo_receipt shokyo_receipt;

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
 * What shokyo_harden_process is asked for. All 0, or no options at all: every step but SHOKYO_HARDENING_NO_NEW_PRIVILEGES, strictly.
 */
typedef struct shokyo_hardening_options {
    /**
     * sizeof(shokyo_hardening_options).
     */
    uint32_t struct_size;
    /**
     * The steps, as SHOKYO_HARDENING_ flags. 0: every one but SHOKYO_HARDENING_NO_NEW_PRIVILEGES.
     */
    uint32_t steps;
    /**
     * 0: a step that fails makes the call fail, and what can be undone is undone. 1: the others are taken all the same.
     */
    uint32_t best_effort;
} shokyo_hardening_options;

/**
 * What became of each step. A step is in one of the three sets, or was not asked for.
 */
typedef struct shokyo_hardened {
    /**
     * sizeof(shokyo_hardened), set by the caller.
     */
    uint32_t struct_size;
    /**
     * Steps that were done, and reading them back says so, as SHOKYO_HARDENING_ flags.
     */
    uint32_t achieved;
    /**
     * Steps for which there was nothing to do: the system does not have what they would switch off.
     */
    uint32_t nothing_to_do;
    /**
     * Steps that failed.
     */
    uint32_t failed;
    /**
     * For the step with the flag 1 << n, at n: the operating system's error number if it failed; 0 when it could be done and reads
     * back as it was before.
     */
    int32_t os_error[SHOKYO_HARDENING_STEPS];
} shokyo_hardened;

/**
 * One event. Later versions add fields at the end, and kinds: ignore what you do not know.
 */
typedef struct shokyo_log_event {
    /**
     * sizeof(shokyo_log_event), set by the library.
     */
    uint32_t struct_size;
    /**
     * What kind of event, one of SHOKYO_LOG_.
     */
    uint32_t kind;
    /**
     * The status of the call that failed; otherwise SHOKYO_STATUS_OK.
     */
    int32_t status;
    /**
     * 1 when session is given; otherwise 0.
     */
    uint32_t has_session;
    /**
     * The session that it is about.
     */
    uint8_t session[32];
    /**
     * A number whose meaning the kind says; otherwise 0.
     */
    uint64_t number;
    /**
     * What happened, a static, null-terminated text in English.
     */
    const char *text;
} shokyo_log_event;

/**
 * Takes one event. user_data: what was given with the callback. event: valid until the callback returns.
 * It runs in the thread whose call the event is about, before that call returns, with no lock of the library held; so several may run at
 * once. It may call the library: what fails inside it is not told to it again, and does not change what shokyo_detail says of the call
 * that the event is about, which it says inside the callback, too. It must return: no longjmp, no exception, no thread exit.
 */
typedef void (*shokyo_logger)(void *user_data, const struct shokyo_log_event *event);

/**
 * Ends user data that was given with a callback: called exactly once, in whichever thread used it last, when the callback will not be
 * called again. May be NULL.
 */
typedef void (*shokyo_destroy)(void *user_data);

/**
 * What a receipt says. Times are in milliseconds since 1970-01-01 UTC by the clock of the station that signed.
 */
typedef struct shokyo_receipt_info {
    /**
     * sizeof(shokyo_receipt_info), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 1 when the signature was verified with the key that the caller gave; 0: nobody vouches for any of this yet.
     */
    uint32_t authenticated;
    /**
     * The receipt's identifier: SHA-256 over the signing key's id and everything else in the statement.
     */
    uint8_t receipt_id[32];
    /**
     * SHA-256 of the receipt's bytes, by which the station's next one names it.
     */
    uint8_t hash[32];
    /**
     * SHA-256 of the 32-byte Ed25519 public key that signed, or is said to have.
     */
    uint8_t key_id[32];
    /**
     * The session it is about.
     */
    uint8_t session[32];
    /**
     * The hash of the station's previous receipt, if has_previous is 1.
     */
    uint8_t previous[32];
    /**
     * What kind of station speaks, one of SHOKYO_ROLE_.
     */
    uint32_t role;
    /**
     * What happened, one of SHOKYO_RECEIPT_EVENT_.
     */
    uint32_t event;
    /**
     * What was to happen when the event is SHOKYO_RECEIPT_EVENT_NOT_ERASED in its place; otherwise 0.
     */
    uint32_t attempted;
    /**
     * Why, one of SHOKYO_CAUSE_.
     */
    uint32_t cause;
    /**
     * How copies were erased: 1 overwritten with zeros, then every byte read back; 0 when nothing was overwritten.
     */
    uint32_t method;
    /**
     * Protections that the memory had, as SHOKYO_PROTECTION_ flags; ignore those you do not know.
     */
    uint32_t protections;
    /**
     * 1 when something was overwritten and all that was to be was read back as zeros; otherwise 0.
     */
    uint32_t verified;
    /**
     * How many classes of copies shokyo_receipt_copy_at tells.
     */
    uint32_t copy_count;
    /**
     * How many copies shokyo_receipt_retained_at tells: what the station still holds.
     */
    uint32_t retained_count;
    /**
     * How many numbers shokyo_receipt_not_covered_at tells.
     */
    uint32_t not_covered_count;
    /**
     * 1 when previous is given; otherwise 0.
     */
    uint32_t has_previous;
    /**
     * 1 when duration_ms is given; otherwise 0, as across a restart.
     */
    uint32_t has_duration;
    /**
     * 1 when the three figures of a relay are given; otherwise 0.
     */
    uint32_t has_relay;
    /**
     * 1 when window_lent_until_unix_ms is given; otherwise 0.
     */
    uint32_t has_window_lent;
    /**
     * When the station opened the session.
     */
    uint64_t opened_unix_ms;
    /**
     * When the event happened.
     */
    uint64_t event_unix_ms;
    /**
     * From opening to the event in milliseconds, on a clock that counts suspended time.
     */
    uint64_t duration_ms;
    /**
     * The most bytes that a relay held at one moment, rounded up to a power of two.
     */
    uint64_t relay_peak_bytes;
    /**
     * The longest time for which a relay held any byte, in milliseconds.
     */
    uint64_t relay_longest_hold_ms;
    /**
     * How many frames a relay passed on, rounded up to a power of two.
     */
    uint64_t relay_frames;
    /**
     * When a window came back that was lent as the deadline passed.
     */
    uint64_t window_lent_until_unix_ms;
} shokyo_receipt_info;

/**
 * A copy that the station still holds.
 */
typedef struct shokyo_retained_copy {
    /**
     * sizeof(shokyo_retained_copy), set by the caller.
     */
    uint32_t struct_size;
    /**
     * The class, one of SHOKYO_COPY_.
     */
    uint32_t copy_class;
    /**
     * When it is erased at the latest, in milliseconds since 1970-01-01 UTC.
     */
    uint64_t until_unix_ms;
} shokyo_retained_copy;

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
 * Hardens the whole process: no core dumps, no debuggers of the same user, no merging of pages. Never done unasked, because it changes
 * how the host can be debugged. It stays for the life of the process.
 *
 * options: NULL for the defaults; read during the call. hardened: with its struct_size set; receives what became of each step. Every
 * step is read back.
 * Threads: for the whole process, except SHOKYO_HARDENING_NO_NEW_PRIVILEGES; to be called once, early, before other threads start.
 * Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT; PROTECTION_UNAVAILABLE (without best_effort), whose detail names the first step that failed; SYSTEM.
 */
shokyo_status shokyo_harden_process(const struct shokyo_hardening_options *options,
                                    struct shokyo_hardened *hardened);

/**
 * Has events told to a callback from now on: failed calls, faults, failed erasures, alarms. Never documents, keys, paths or names.
 *
 * logger: NULL: nothing is told any more. user_data: passed to it as it is, may be NULL. destroy: called once with user_data when another
 * call of this function has replaced the callback and its last call has returned; NULL: never. A call that fails calls neither.
 * Threads: any; after it returns, calls of the callback before may still be under way in other threads. Signals: not safe in a signal
 * handler.
 * Errors: INVALID_ARGUMENT for a destroy without a logger.
 */
shokyo_status shokyo_log_to(shokyo_logger logger,
                            void *user_data,
                            shokyo_destroy destroy);

/**
 * The name of a station's role, such as "ec-centre".
 *
 * role: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_role_name(uint32_t role);

/**
 * The name of a class of copies, such as "wrapped-key".
 *
 * copy_class: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_copy_class_name(uint32_t copy_class);

/**
 * The name of a receipt's event, such as "key-wiped".
 *
 * event: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_receipt_event_name(uint32_t event);

/**
 * What a receipt's event claims, in a sentence of English: no more than was done.
 *
 * event: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_receipt_event_text(uint32_t event);

/**
 * The name of why something was erased or ended, such as "peer-lost".
 *
 * cause: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_cause_name(uint32_t cause);

/**
 * What a receipt says nothing about, in a phrase of English.
 *
 * not_covered: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
 * Threads: any. Signals: safe in a signal handler.
 */
const char *shokyo_not_covered_text(uint32_t not_covered);

/**
 * Checks a receipt against the Ed25519 public key that is supposed to have signed it, and reads it. Strict: one encoding only, and a
 * statement that claims more than it shows is refused although it is signed. Whether the key belongs to the station that the receipt
 * names is the caller's to know.
 *
 * bytes, length: the receipt, at most 4,096 bytes, copied. public_key, key_length: the raw key (RFC 8032), 32 bytes. receipt: receives
 * the handle, which the caller owns and gives to shokyo_receipt_free.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT; TOO_LARGE, MALFORMED, UNSUPPORTED_VERSION; MISMATCH when the receipt names another key; BAD_SIGNATURE;
 * WRONG_STATE for a claim without its evidence; HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_receipt_verify(const void *bytes,
                                    size_t length,
                                    const void *public_key,
                                    size_t key_length,
                                    struct shokyo_receipt **receipt);

/**
 * Reads a receipt WITHOUT checking its signature, to find out whose key to check it with: key_id of shokyo_receipt_describe. Anybody
 * could have written what it says.
 *
 * bytes, length: the receipt, at most 4,096 bytes, copied. receipt: receives the handle, which the caller owns and gives to
 * shokyo_receipt_free.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT; TOO_LARGE, MALFORMED, UNSUPPORTED_VERSION; WRONG_STATE for a claim without its evidence; MISMATCH when its
 * identifier is not its own; HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_receipt_read_unverified(const void *bytes,
                                             size_t length,
                                             struct shokyo_receipt **receipt);

/**
 * Tells what the receipt says, in numbers.
 *
 * receipt: stays the caller's. info: with its struct_size set; receives the answer. Look at its field authenticated first.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_receipt_describe(const struct shokyo_receipt *receipt,
                                      struct shokyo_receipt_info *info);

/**
 * Copies one of the receipt's texts out.
 *
 * receipt: stays the caller's. which: one of SHOKYO_RECEIPT_STATION, _OPERATOR, _POST, _KIND, _SOFTWARE, _BUILD (at most 64 bytes
 * each) and _PLAIN. text: where to write it in UTF-8, null-terminated and cut to fit; may be NULL when size is 0. size: bytes at text.
 * length: receives the length in bytes of the whole text without its null, so that a place of length + 1 holds it all.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_receipt_text(const struct shokyo_receipt *receipt,
                                  uint32_t which,
                                  char *text,
                                  size_t size,
                                  size_t *length);

/**
 * Tells what was overwritten in one class of copies. Bytes, and the numbers of ranges in every class but the keys, are rounded up to
 * powers of two.
 *
 * receipt: stays the caller's. index: below copy_count; classes come in the order of their numbers. copy: with its struct_size set;
 * receives the answer.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
 */
shokyo_status shokyo_receipt_copy_at(const struct shokyo_receipt *receipt,
                                     size_t index,
                                     struct shokyo_erased_copy *copy);

/**
 * Tells one of the copies that the station still held when it signed.
 *
 * receipt: stays the caller's. index: below retained_count. copy: with its struct_size set; receives the answer.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
 */
shokyo_status shokyo_receipt_retained_at(const struct shokyo_receipt *receipt,
                                         size_t index,
                                         struct shokyo_retained_copy *copy);

/**
 * Tells one thing that the receipt says nothing about and that is therefore unknown.
 *
 * receipt: stays the caller's. index: below not_covered_count. not_covered: receives one of SHOKYO_NOT_COVERED_; numbers come in
 * ascending order.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
 */
shokyo_status shokyo_receipt_not_covered_at(const struct shokyo_receipt *receipt,
                                            size_t index,
                                            uint32_t *not_covered);

/**
 * Copies the receipt out, or what a tool needs that knows Ed25519 and not COSE: with SHOKYO_RECEIPT_SIGNED_BYTES and
 * SHOKYO_RECEIPT_SIGNATURE in two files, `openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in SIGNED -sigfile SIGNATURE` verifies
 * it. Nothing is verified by this call.
 *
 * receipt: stays the caller's. which: one of SHOKYO_RECEIPT_COSE, _SIGNED_BYTES and _SIGNATURE. bytes: where to write, may be NULL when
 * capacity is 0. capacity: bytes at bytes. length: receives how many there are, also when they do not fit.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE; CAPACITY_TOO_SMALL: nothing but length was written.
 */
shokyo_status shokyo_receipt_export(const struct shokyo_receipt *receipt,
                                    uint32_t which,
                                    void *bytes,
                                    size_t capacity,
                                    size_t *length);

/**
 * Gives up what was read.
 *
 * receipt: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a receipt that was freed before.
 */
shokyo_status shokyo_receipt_free(struct shokyo_receipt *receipt);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SHOKYO_H */
