/**
 * @file shokyo.h
 * shokyo: documents that may exist only for minutes. The C interface.
 *
 * A vault owns locked memory. A writer seals a document as it is written and becomes a buffer, which lends its plaintext to a
 * callback, one chunk at a time. Erasing a buffer gives evidence of what was overwritten and read back.
 *
 * A station takes part in handovers, in the role that its configuration file gives it: shokyo_station_open. Its objects wait for nothing,
 * have no socket and read no clock; the host's loop drives each of them (a link, a transaction of the kiosk, a customer, an outbox, an
 * issuer, a relay) in the same order:
 *   1. an input: bytes or a frame that came, a deadline that has passed, a connection that was lost or is back, a command; each with the
 *      time, which shokyo_clock reads;
 *   2. _store_records, which waits for the disk: what must be on record first is neither sent nor printed before;
 *   3. _poll_event until there is none; acting on one is an input again;
 *   4. _poll_frame until there is none, for shokyo_link_send_frame, and shokyo_link_poll_bytes for the socket;
 *   5. wait for a socket, a device, or the earliest time that a _next_deadline tells, for _handle_timeout.
 * A call that fails has not undone anything: whatever the status, go on with 2.
 *
 * Rules that hold everywhere:
 * - Every call gives a status, 0 for success; shokyo_detail has the words. Outputs are written only on success. Where a function
 *   lists its errors, they stand without SHOKYO_STATUS_; any call may also end with FORKED_CHILD or PANIC.
 * - A handle is a number in the form of a pointer and is never followed: one that was freed, consumed or never given answers
 *   SHOKYO_STATUS_INVALID_HANDLE, and so does one of another kind. Handle values do not come back in the life of a process.
 * - A call that fails consumes nothing; the exceptions are shokyo_writer_finish and shokyo_copy_erase, which say so.
 * - An output that does not fit answers SHOKYO_STATUS_CAPACITY_TOO_SMALL, is not lost, and its length is written as the only output.
 * - Objects that say "one at a time" are for one thread at a time: another call meanwhile, also from inside a callback of the same
 *   object, answers SHOKYO_STATUS_HANDLE_IN_USE at once. shokyo_kiosk_cancel is always taken.
 * - After SHOKYO_STATUS_PANIC in the name of a station all its documents are erased, and its objects can only be freed.
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
 * A session raised an alarm, which no later success clears, such as a deadline that passed. session: which.
 */
#define SHOKYO_LOG_ALARM 4

/**
 * Sessions that a process left open when it ended were recorded as lost. number: how many.
 */
#define SHOKYO_LOG_LOST 5

/**
 * The handshake, until the side that listens has accepted the other's certificate and said so.
 */
#define SHOKYO_LINK_HANDSHAKE 1

/**
 * Frames go both ways.
 */
#define SHOKYO_LINK_OPEN 2

/**
 * This side has ended it in order; what the neighbour sent before its own end can still be polled.
 */
#define SHOKYO_LINK_CLOSING 3

/**
 * Both sides have ended it in order. What waits to be sent is to be sent before the socket is closed.
 */
#define SHOKYO_LINK_CLOSED 4

/**
 * It is over otherwise. What waits to be sent, such as an alert that tells the neighbour why, is to be sent before the socket is closed.
 */
#define SHOKYO_LINK_FAILED 5

/**
 * The address to connect to, "host:port": the configuration's upstream.address. For shokyo_station_address.
 */
#define SHOKYO_ADDRESS_UPSTREAM 1

/**
 * The address to listen on: the configuration's listen; port 0 lets the system choose. For shokyo_station_address.
 */
#define SHOKYO_ADDRESS_LISTEN 2

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
 * The largest frame, in bytes.
 */
#define SHOKYO_MAX_FRAME 61440

/**
 * The neighbour towards the issuing system, of a kiosk or a relay. Neighbours towards the kiosks have other numbers, which the host gives.
 */
#define SHOKYO_UPSTREAM 0

/**
 * No event waits.
 */
#define SHOKYO_EVENT_NONE 0

/**
 * Kiosk: the session has its identifier, and the application is on its way.
 */
#define SHOKYO_EVENT_APPLIED 1

/**
 * Kiosk: a document of length bytes is offered, and its ciphertext comes. Issuing system: it is offered, and its ciphertext moves.
 * Relay: it passes; now something may be attached, see shokyo_relay_attach.
 */
#define SHOKYO_EVENT_OFFERED 2

/**
 * Kiosk: the relay in role attached length bytes for the printing, see shokyo_kiosk_attachment.
 */
#define SHOKYO_EVENT_ATTACHED 3

/**
 * Kiosk: every chunk of the ciphertext is here; the key is not.
 */
#define SHOKYO_EVENT_RECEIVED 4

/**
 * Kiosk: the document of length bytes can be read. Show the price, then call shokyo_kiosk_print.
 */
#define SHOKYO_EVENT_READY 5

/**
 * Kiosk: that printing begins is on record; print, once.
 */
#define SHOKYO_EVENT_MAY_PRINT 6

/**
 * The deadline passed. It is on record, whatever comes later. For SHOKYO_DEADLINE_CHALLENGE at the issuing system, session is not one but the
 * random identifier of an exchange.
 */
#define SHOKYO_EVENT_DEADLINE_EXCEEDED 7

/**
 * Kiosk: everything here is erased. Issuing system: the session ended before its time, and what could be erased is. cause tells why, verified
 * whether every range was read back as erased.
 */
#define SHOKYO_EVENT_ERASED 8

/**
 * Nothing of the session is open any more; outcome tells how it ended.
 */
#define SHOKYO_EVENT_FINISHED 9

/**
 * Issuing system: an application of the kiosk for so many copies of document_kind is open: compose, then call shokyo_issuer_offer.
 */
#define SHOKYO_EVENT_APPLICATION 10

/**
 * Issuing system: key and ciphertext are wiped and read back, and the receipt is durable; the wrapped key is sent.
 */
#define SHOKYO_EVENT_RELEASED 11

/**
 * Issuing system: the kiosk answered, and the wrapped key is wiped too. verified tells whether the kiosk could open the document.
 */
#define SHOKYO_EVENT_CLOSED 12

/**
 * Relay: a session passes through here.
 */
#define SHOKYO_EVENT_OPENED 13

/**
 * Relay: every frame of the session is wiped and the receipt is made, with peak_bytes, longest_hold_ms and frames.
 */
#define SHOKYO_EVENT_NOT_RETAINED 14

/**
 * From a challenge to the application that answers it.
 */
#define SHOKYO_DEADLINE_CHALLENGE 1

/**
 * From the application until every chunk is with the kiosk, composing included.
 */
#define SHOKYO_DEADLINE_TRANSMIT 2

/**
 * From the last chunk until the key is with the kiosk and opened.
 */
#define SHOKYO_DEADLINE_RELEASE 3

/**
 * From opening until the document is delivered and erased.
 */
#define SHOKYO_DEADLINE_DELIVER 4

/**
 * From the end of the work until every receipt is there.
 */
#define SHOKYO_DEADLINE_RECEIPT 5

/**
 * How long a session outlives the connection that it runs over.
 */
#define SHOKYO_DEADLINE_RECONNECT 6

/**
 * Everything that this station had to do and to hear is done.
 */
#define SHOKYO_OUTCOME_COMPLETE 1

/**
 * Ended without delivery; what could be erased is erased.
 */
#define SHOKYO_OUTCOME_ENDED 2

/**
 * The key was handed over and the end was never heard: neither delivered nor not delivered.
 */
#define SHOKYO_OUTCOME_UNRESOLVED 3

/**
 * The process died with the session open.
 */
#define SHOKYO_OUTCOME_LOST 4

/**
 * No record waits.
 */
#define SHOKYO_RECORD_NONE 0

/**
 * The session begins; text is the kind of document. Written before any key of it exists.
 */
#define SHOKYO_RECORD_OPENED 1

/**
 * A receipt that this station made: its bytes are in the buffer.
 */
#define SHOKYO_RECORD_OWN_RECEIPT 2

/**
 * A receipt that another station made and this one has verified: its bytes are in the buffer.
 */
#define SHOKYO_RECORD_PEER_RECEIPT 3

/**
 * Printing is about to begin; after this the document is never submitted to a printer again.
 */
#define SHOKYO_RECORD_PRINT_STARTED 4

/**
 * Something that a later success must not clear: text says what.
 */
#define SHOKYO_RECORD_ALARM 5

/**
 * Another station answered for the receipt with this hash: it need not be sent again.
 */
#define SHOKYO_RECORD_ACKNOWLEDGED 6

/**
 * The session is over for this station, with outcome.
 */
#define SHOKYO_RECORD_ENDED 7

/**
 * The record is on disk and stays there through a loss of power.
 */
#define SHOKYO_STORED_DURABLE 1

/**
 * It could not be written: what depends on it does not happen, and is erased.
 */
#define SHOKYO_STORED_FAILED 2

/**
 * It is refused for what it says and will never be written: a session that was opened before, or a receipt of one that never was.
 */
#define SHOKYO_STORED_REFUSED 3

/**
 * A card in the reader. It is gone at SHOKYO_DEVICE_CARD_REMOVED.
 */
#define SHOKYO_CREDENTIAL_CARD 1

/**
 * A phone. It is gone at SHOKYO_DEVICE_CREDENTIAL_RELEASED.
 */
#define SHOKYO_CREDENTIAL_PHONE 2

/**
 * The card was taken out of the reader.
 */
#define SHOKYO_DEVICE_CARD_REMOVED 1

/**
 * The connection to the phone is closed, and what was read from it for the connection is gone.
 */
#define SHOKYO_DEVICE_CREDENTIAL_RELEASED 2

/**
 * Every page is printed and lies in the tray.
 */
#define SHOKYO_DEVICE_PRINTED 3

/**
 * The tray is empty.
 */
#define SHOKYO_DEVICE_PAPER_TAKEN 4

/**
 * Paper is jammed, or the printer failed.
 */
#define SHOKYO_DEVICE_JAM 5

/**
 * The door was opened.
 */
#define SHOKYO_DEVICE_DOOR_OPENED 6

/**
 * The door is closed and locked.
 */
#define SHOKYO_DEVICE_DOOR_CLOSED 7

/**
 * The fee is held: authorised, or in escrow, and not yet taken.
 */
#define SHOKYO_PAYMENT_HELD 1

/**
 * The customer gave up.
 */
#define SHOKYO_PAYMENT_ABANDONED 2

/**
 * The fee is taken.
 */
#define SHOKYO_PAYMENT_CAPTURED 3

/**
 * The hold, or the capture, was refused.
 */
#define SHOKYO_PAYMENT_REFUSED 4

/**
 * The credential is there; whose it is, is being checked.
 */
#define SHOKYO_CUSTOMER_STATE_AUTHENTICATING 1

/**
 * The customer chooses a document.
 */
#define SHOKYO_CUSTOMER_STATE_CHOOSING 2

/**
 * Chosen. The credential must leave before anything is applied for.
 */
#define SHOKYO_CUSTOMER_STATE_AWAITING_REMOVAL 3

/**
 * The issuing screen: the document is being applied for and comes.
 */
#define SHOKYO_CUSTOMER_STATE_APPLYING 4

/**
 * The document is here; the fee is not held.
 */
#define SHOKYO_CUSTOMER_STATE_PAYING 5

/**
 * The fee is held; that printing begins is being put on record.
 */
#define SHOKYO_CUSTOMER_STATE_STARTING 6

/**
 * Pages are being printed.
 */
#define SHOKYO_CUSTOMER_STATE_PRINTING 7

/**
 * The data is erased; something must still leave the kiosk, or be reported.
 */
#define SHOKYO_CUSTOMER_STATE_CLOSING 8

/**
 * Nothing is left to do.
 */
#define SHOKYO_CUSTOMER_STATE_FINISHED 9

/**
 * Spoken, once for each event.
 */
#define SHOKYO_CHANNEL_VOICE 1

/**
 * Shown, until SHOKYO_CUSTOMER_EVENT_WARNING_OVER.
 */
#define SHOKYO_CHANNEL_SCREEN 2

/**
 * The card is still in the reader, or the phone still connected.
 */
#define SHOKYO_WARNING_CREDENTIAL 1

/**
 * The certificate still lies in the tray.
 */
#define SHOKYO_WARNING_PAPER 2

/**
 * The kiosk needs its attendant.
 */
#define SHOKYO_WARNING_ATTENDANT 3

/**
 * A credential was left in the kiosk.
 */
#define SHOKYO_ALARM_CREDENTIAL_LEFT 2

/**
 * The document, or the start of printing, or the printer was not there in time.
 */
#define SHOKYO_ALARM_OVERDUE 4

/**
 * Paper jammed, or the printer failed.
 */
#define SHOKYO_ALARM_JAM 8

/**
 * The door was opened while a customer was served.
 */
#define SHOKYO_ALARM_DOOR_OPENED 16

/**
 * The fee was asked for and the document was not delivered.
 */
#define SHOKYO_ALARM_PAID_UNDELIVERED 32

/**
 * The document is printed, or is being printed, and the fee could not be taken.
 */
#define SHOKYO_ALARM_CAPTURE_REFUSED 64

/**
 * Whether the fee was taken was never reported.
 */
#define SHOKYO_ALARM_CAPTURE_UNREPORTED 128

/**
 * The certificate was left in the tray: it goes to the police.
 */
#define SHOKYO_ALARM_PAPER_FORGOTTEN 256

/**
 * Erased memory did not read back as erased.
 */
#define SHOKYO_ALARM_NOT_ERASED 512

/**
 * That the data is erased was never reported.
 */
#define SHOKYO_ALARM_ERASURE_UNREPORTED 1024

/**
 * Nobody came to the kiosk in time.
 */
#define SHOKYO_ALARM_UNATTENDED 2048

/**
 * No event waits.
 */
#define SHOKYO_CUSTOMER_EVENT_NONE 0

/**
 * The credential is gone: show the issuing screen and call shokyo_kiosk_apply; if that fails, shokyo_customer_handle_apply_failed.
 */
#define SHOKYO_CUSTOMER_EVENT_APPLY 1

/**
 * Show the price, and ask the terminal to hold the fee, not to take it.
 */
#define SHOKYO_CUSTOMER_EVENT_HOLD_PAYMENT 2

/**
 * Call shokyo_kiosk_print.
 */
#define SHOKYO_CUSTOMER_EVENT_ASK_TO_PRINT 3

/**
 * Send the pages to the printer, once.
 */
#define SHOKYO_CUSTOMER_EVENT_PRINT 4

/**
 * Take the fee that is held.
 */
#define SHOKYO_CUSTOMER_EVENT_CAPTURE_PAYMENT 5

/**
 * Give back the fee that is held, and withdraw the request to hold it.
 */
#define SHOKYO_CUSTOMER_EVENT_RELEASE_PAYMENT 6

/**
 * Stop the printer; no page may leave it any more.
 */
#define SHOKYO_CUSTOMER_EVENT_ABORT_PRINT 7

/**
 * Erase: shokyo_kiosk_delivered when cause is SHOKYO_CAUSE_DELIVERED, else shokyo_kiosk_cancel with it if there is a transaction; and
 * whatever the host read from the credential. Once in every session.
 */
#define SHOKYO_CUSTOMER_EVENT_ERASE 8

/**
 * Warn whoever stands before the kiosk, by channel, about what.
 */
#define SHOKYO_CUSTOMER_EVENT_WARN 9

/**
 * Take the warning about this off the screen.
 */
#define SHOKYO_CUSTOMER_EVENT_WARNING_OVER 10

/**
 * The fee was asked for and the document was not delivered: it is to be paid back. captured tells whether the terminal had reported
 * that it is taken; if not, it may have been. Once at most.
 */
#define SHOKYO_CUSTOMER_EVENT_PAID_UNDELIVERED 11

/**
 * A certificate was left in the tray at the kiosk of this name, and given up at this time: the shop takes it to the police. Once at
 * most.
 */
#define SHOKYO_CUSTOMER_EVENT_FORGOTTEN_PAPER 12

/**
 * Nothing is left to do. delivered tells whether every page was printed and lay in the tray, out_of_service whether the kiosk must not
 * serve anybody before its attendant has seen to it.
 */
#define SHOKYO_CUSTOMER_EVENT_FINISHED 13

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
 * All sessions of a store. For shokyo_store_for_each_session.
 */
#define SHOKYO_SESSIONS_ALL 0

/**
 * The sessions without an outcome: under way, or, while no station writes to the store, ended by the death of its process. For
 * shokyo_store_for_each_session.
 */
#define SHOKYO_SESSIONS_OPEN 1

/**
 * How many kinds of entries a log has: opened, own receipt, another's receipt, printing began, alarm, ended, expired.
 */
#define SHOKYO_LOG_ENTRY_KINDS 7

/**
 * The outcome of a call. 0 is success. A number keeps its meaning for ever; later versions add numbers, so treat an unknown one as
 * a failure.
 */
enum shokyo_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif /* defined(__cplusplus) || __STDC_VERSION__ >= 202311L */
 {
    /**
     * Success; outputs are written only then.
     */
    SHOKYO_STATUS_OK = 0,
    /**
     * No locked memory or no key cell is left: raise the limit (RLIMIT_MEMLOCK; on Windows the working set), free documents, or open the vault with fewer windows.
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
    SHOKYO_STATUS_CAPACITY_TOO_SMALL = 1008
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum shokyo_status shokyo_status;
#else
typedef int32_t shokyo_status;
#endif /* __STDC_VERSION__ >= 202311L */
#endif /* __cplusplus */

/**
 * A finished, sealed document. A handle, not an address.
 */
typedef struct shokyo_buffer shokyo_buffer;

/**
 * A copy of a document that the host makes, registered with the document. A handle, not an address.
 */
typedef struct shokyo_copy shokyo_copy;

/**
 * One customer at a kiosk, and at most one document. It drives nothing itself: it says what must be done next. A handle, not an address.
 */
typedef struct shokyo_customer shokyo_customer;

/**
 * Evidence of an erasure: what was overwritten and read back. A handle, not an address.
 */
typedef struct shokyo_erasure shokyo_erasure;

/**
 * An issuing system with all its sessions. A handle, not an address.
 */
typedef struct shokyo_issuer shokyo_issuer;

/**
 * One transaction of a kiosk: apply, receive, open, print, erase. There is no second document in it. A handle, not an address.
 */
typedef struct shokyo_kiosk shokyo_kiosk;

/**
 * One connection to a neighbour of a station: mutual TLS 1.3, frames, pings and the time after which a silent neighbour is dead. It has
 * no socket: the host feeds what it reads and sends what it polls. A handle, not an address.
 */
typedef struct shokyo_link shokyo_link;

/**
 * The receipts of a kiosk's sessions that are over and were not acknowledged. A handle, not an address.
 */
typedef struct shokyo_outbox shokyo_outbox;

/**
 * A receipt that was read: a station's signed statement of what was overwritten, where, and what is unknown. A handle, not an
 * address.
 */
typedef struct shokyo_receipt shokyo_receipt;

/**
 * A relay with all its sessions: the EC centre or the certificate centre. A handle, not an address.
 */
typedef struct shokyo_relay shokyo_relay;

/**
 * A station: its configuration, keys, authorities, memory for documents, and store. A handle, not an address.
 */
typedef struct shokyo_station shokyo_station;

/**
 * A store of evidence that is open for reading. A handle, not an address.
 */
typedef struct shokyo_store shokyo_store;

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
    /**
     * 0: records go to the store that the configuration names, which is also where a process that died is found out. 1: the host keeps
     * them in a database of its own (see shokyo_record); the store is not opened, nothing is found to be lost, and there is no
     * shokyo_outbox.
     */
    uint32_t records_by_host;
    /**
     * With records_by_host: 1 when last_receipt is given; 0 for a station that has not made a receipt yet.
     */
    uint32_t has_last_receipt;
    /**
     * With records_by_host: the SHA-256 of the receipt that the station made last, which its next one names.
     */
    uint8_t last_receipt[32];
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

/**
 * How a link stands, and with whom.
 */
typedef struct shokyo_link_info {
    /**
     * sizeof(shokyo_link_info), set by the caller.
     */
    uint32_t struct_size;
    /**
     * How far it has come, one of SHOKYO_LINK_.
     */
    uint32_t state;
    /**
     * The neighbour's role, one of SHOKYO_ROLE_; 0 until the link is open for the first time.
     */
    uint32_t role;
    /**
     * 1 when a received frame waits to be polled; otherwise 0.
     */
    uint32_t has_frame;
    /**
     * The neighbour's number for the machines: the same for the same station as long as this process lives, and never another's.
     * SHOKYO_UPSTREAM for the neighbour towards the issuing system. Given once the link is open.
     */
    uint64_t peer;
    /**
     * Which connection of the station's this is; later ones have greater numbers. Of two links with the same peer the earlier is to
     * be given up.
     */
    uint64_t connection;
    /**
     * How many bytes wait to be sent.
     */
    uint64_t waiting_bytes;
    /**
     * The neighbour's name as its certificate says it, null-terminated. Given once the link is open.
     */
    char station[64];
    /**
     * Who runs the neighbour, null-terminated. Given once the link is open.
     */
    char operator_name[64];
} shokyo_link_info;

/**
 * What is applied for. All fields but details must be given.
 */
typedef struct shokyo_application {
    /**
     * sizeof(shokyo_application).
     */
    uint32_t struct_size;
    /**
     * How many copies, 1 to 255.
     */
    uint32_t copies;
    /**
     * The operator of the issuing station, null-terminated, at most 64 bytes: a station's name is unique only within its operator.
     */
    const char *operator_name;
    /**
     * The issuing station, of the same form.
     */
    const char *issuer;
    /**
     * What kind of document, of the same form.
     */
    const char *document_kind;
    /**
     * The holder of the card, as the issuer's register knows them. Personal data: sealed during the call; the caller's own copy stays the
     * caller's to wipe, see shokyo_wipe.
     */
    const void *subject;
    /**
     * Its length in bytes.
     */
    size_t subject_length;
    /**
     * Whatever else the issuer's software needs, also sealed. With the subject at most 8,174 bytes.
     */
    const void *details;
    /**
     * Its length in bytes.
     */
    size_t details_length;
} shokyo_application;

/**
 * A record of a station that was opened with records_by_host. The host writes the records of one session in their order and receipts of the
 * station in the order of sequence, each of which names the one before it. No personal data, no keys.
 */
typedef struct shokyo_record {
    /**
     * sizeof(shokyo_record), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SHOKYO_RECORD_. Fields that the kind does not name are 0.
     */
    uint32_t kind;
    /**
     * The session.
     */
    uint8_t session[32];
    /**
     * Names this record among those of its machine, for _handle_stored.
     */
    uint64_t token;
    /**
     * Its number among all records of the station in this process.
     */
    uint64_t sequence;
    /**
     * When it was made, in milliseconds since 1970-01-01 UTC.
     */
    uint64_t unix_ms;
    /**
     * One of SHOKYO_OUTCOME_.
     */
    uint32_t outcome;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The SHA-256 of a receipt.
     */
    uint8_t receipt_hash[32];
    /**
     * Null-terminated, from a fixed list of texts.
     */
    char text[192];
} shokyo_record;

/**
 * What happened. Fields that the kind does not name are 0. Nothing here names a person.
 */
typedef struct shokyo_event {
    /**
     * sizeof(shokyo_event), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SHOKYO_EVENT_; pass over those that you do not know.
     */
    uint32_t kind;
    /**
     * One of SHOKYO_CAUSE_.
     */
    uint32_t cause;
    /**
     * One of SHOKYO_DEADLINE_.
     */
    uint32_t deadline;
    /**
     * One of SHOKYO_OUTCOME_.
     */
    uint32_t outcome;
    /**
     * 1 for yes.
     */
    uint32_t verified;
    /**
     * One of SHOKYO_ROLE_.
     */
    uint32_t role;
    /**
     * How many copies of the document are asked for.
     */
    uint32_t copies;
    /**
     * The session.
     */
    uint8_t session[32];
    /**
     * In bytes.
     */
    uint64_t length;
    /**
     * The most bytes that a relay held at once.
     */
    uint64_t peak_bytes;
    /**
     * The longest time that a relay held a frame, in milliseconds.
     */
    uint64_t longest_hold_ms;
    /**
     * How many frames passed.
     */
    uint64_t frames;
    /**
     * What kind of document, null-terminated, of at most 64 bytes.
     */
    char document_kind[72];
    /**
     * The kiosk's name, null-terminated, of at most 64 bytes.
     */
    char kiosk[72];
} shokyo_event;

/**
 * How long a customer may take for each step, in milliseconds. 0 in a field stands for its default.
 *
 * payment, start and printing together must stay within deadlines.deliver of the configuration, after which the transaction erases
 * whatever the customer does.
 */
typedef struct shokyo_customer_policy {
    /**
     * sizeof(shokyo_customer_policy).
     */
    uint32_t struct_size;
    /**
     * To show whose the credential is. Default: 60000.
     */
    uint32_t authentication;
    /**
     * To choose a document. Default: 120000.
     */
    uint32_t choice;
    /**
     * Between reminders to take the card. Default: 5000.
     */
    uint32_t reminder;
    /**
     * To take the card, once the document is chosen; then the card counts as left. Default: 60000.
     */
    uint32_t removal;
    /**
     * From the application until the document is here. Default: 150000.
     */
    uint32_t document;
    /**
     * To pay. Default: 90000.
     */
    uint32_t payment;
    /**
     * From asking to print until that is on record. Default: 10000.
     */
    uint32_t start;
    /**
     * To print every page. Default: 180000.
     */
    uint32_t printing;
    /**
     * From the last page to the first warning of paper in the tray. Default: 5000.
     */
    uint32_t paper_warning;
    /**
     * Between such warnings. Default: 10000.
     */
    uint32_t paper_repeat;
    /**
     * From the last page until the paper counts as forgotten. Default: 60000.
     */
    uint32_t paper_forgotten;
    /**
     * From the erasure, a jam or an opened door until everything has left the kiosk and its attendant has come. It must be longer than
     * paper_forgotten. Default: 600000.
     */
    uint32_t attendance;
} shokyo_customer_policy;

/**
 * What the host must do next. Fields that the kind does not name are 0. Nothing here names a person.
 */
typedef struct shokyo_customer_event {
    /**
     * sizeof(shokyo_customer_event), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SHOKYO_CUSTOMER_EVENT_.
     */
    uint32_t kind;
    /**
     * One of SHOKYO_CAUSE_.
     */
    uint32_t cause;
    /**
     * One of SHOKYO_CHANNEL_.
     */
    uint32_t channel;
    /**
     * One of SHOKYO_WARNING_.
     */
    uint32_t about;
    /**
     * 1 for yes.
     */
    uint32_t captured;
    /**
     * 1 for yes.
     */
    uint32_t delivered;
    /**
     * 1 for yes.
     */
    uint32_t out_of_service;
    /**
     * The session.
     */
    uint8_t session[32];
    /**
     * When paper was given up, on the clock of shokyo_now.
     */
    uint64_t monotonic_ms;
    /**
     * The same in milliseconds since 1970-01-01 UTC.
     */
    uint64_t unix_ms;
    /**
     * The kiosk's name, null-terminated, of at most 64 bytes.
     */
    char kiosk[72];
} shokyo_customer_event;

/**
 * Where a customer's session stands.
 */
typedef struct shokyo_customer_info {
    /**
     * sizeof(shokyo_customer_info), set by the caller.
     */
    uint32_t struct_size;
    /**
     * Which screen to show: one of SHOKYO_CUSTOMER_STATE_.
     */
    uint32_t state;
    /**
     * Every alarm that was raised, as SHOKYO_ALARM_ flags. None is ever taken back.
     */
    uint32_t alarms;
    /**
     * 1 when nothing is left to do and every event was taken: then the session is to be freed; otherwise 0.
     */
    uint32_t finished;
    /**
     * The transaction's session; zeros before there is one.
     */
    uint8_t session[32];
} shokyo_customer_info;

/**
 * Looks at an application, which lies in locked memory and is wiped as soon as the callback returns.
 *
 * user_data: what the caller gave. subject, subject_length: the holder of the card. details, details_length: whatever else the kiosk sent.
 * All of it is personal data and must not be kept; copies of it are the host's to wipe, see shokyo_wipe.
 * Gives 0 for success; anything else makes the call give SHOKYO_STATUS_CALLBACK_STOPPED.
 * The rules are those of shokyo_reader.
 */
typedef int32_t (*shokyo_application_reader)(void *user_data,
                                             const uint8_t *subject,
                                             size_t subject_length,
                                             const uint8_t *details,
                                             size_t details_length);

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

/**
 * How much a store holds.
 */
typedef struct shokyo_store_counts {
    /**
     * sizeof(shokyo_store_counts), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Sessions, open ones included.
     */
    uint64_t sessions;
    /**
     * Sessions without an outcome.
     */
    uint64_t open_sessions;
    /**
     * Receipts, of this station and of others.
     */
    uint64_t receipts;
    /**
     * Alarms, which no later success clears.
     */
    uint64_t alarms;
    /**
     * Entries of the log.
     */
    uint64_t log_entries;
} shokyo_store_counts;

/**
 * A session as a store has it. Times are in milliseconds since 1970-01-01 UTC by the station's own clock.
 */
typedef struct shokyo_session_info {
    /**
     * sizeof(shokyo_session_info); set by the caller, or by the library for a callback.
     */
    uint32_t struct_size;
    /**
     * How it ended, one of SHOKYO_OUTCOME_; 0 while it is open.
     */
    uint32_t outcome;
    /**
     * The session.
     */
    uint8_t session[32];
    /**
     * When it was opened.
     */
    uint64_t opened_unix_ms;
    /**
     * When printing began; 0 when it did not.
     */
    uint64_t print_started_unix_ms;
    /**
     * When it ended; 0 while it is open.
     */
    uint64_t ended_unix_ms;
    /**
     * What kind of document, as the operator names it, null-terminated and cut to fit; not whose.
     */
    char kind[72];
} shokyo_session_info;

/**
 * Looks at a session. user_data: what the caller gave. session: valid until the callback returns.
 * Gives 0 to go on; anything else stops, and the call gives SHOKYO_STATUS_CALLBACK_STOPPED.
 * It runs in the calling thread, with no lock of the library held. It may call the library. It must return: no longjmp, no exception, no
 * thread exit.
 */
typedef int32_t (*shokyo_session_reader)(void *user_data, const struct shokyo_session_info *session);

/**
 * A receipt as a store has it.
 */
typedef struct shokyo_stored_receipt {
    /**
     * sizeof(shokyo_stored_receipt), set by the library.
     */
    uint32_t struct_size;
    /**
     * 1 when this station made it; otherwise 0.
     */
    uint32_t own;
    /**
     * What it says happened, one of SHOKYO_RECEIPT_EVENT_.
     */
    uint32_t event;
    /**
     * The role of the station that made it, one of SHOKYO_ROLE_.
     */
    uint32_t role;
    /**
     * When it was stored, in milliseconds since 1970-01-01 UTC.
     */
    uint64_t stored_unix_ms;
    /**
     * The receipt, for shokyo_receipt_verify and shokyo_receipt_read_unverified. Only these bytes are evidence.
     */
    const void *receipt;
    /**
     * Bytes of the receipt.
     */
    size_t length;
} shokyo_stored_receipt;

/**
 * Looks at a stored receipt. As shokyo_session_reader.
 */
typedef int32_t (*shokyo_receipt_reader)(void *user_data, const struct shokyo_stored_receipt *receipt);

/**
 * Something that no later success clears.
 */
typedef struct shokyo_alarm {
    /**
     * sizeof(shokyo_alarm), set by the library.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The session.
     */
    uint8_t session[32];
    /**
     * When it was raised, in milliseconds since 1970-01-01 UTC.
     */
    uint64_t raised_unix_ms;
    /**
     * What happened, null-terminated, in English.
     */
    const char *what;
} shokyo_alarm;

/**
 * Looks at an alarm. As shokyo_session_reader.
 */
typedef int32_t (*shokyo_alarm_reader)(void *user_data, const struct shokyo_alarm *alarm);

/**
 * What an auditor brings to verify a log. Texts are null-terminated and in UTF-8.
 */
typedef struct shokyo_log_check {
    /**
     * sizeof(shokyo_log_check).
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The verifier keys that the log may have signed with (C2SP, name+id+key), one on a line: the present one, and earlier ones if it was
     * changed. From the operator, never from the store.
     */
    const char *keys;
    /**
     * A checkpoint of this log that was kept elsewhere, a signed note: only that shows that the newest entries were cut off. NULL: none.
     */
    const char *known;
    /**
     * The path of a configuration, or of a file with its table `trust` alone, that names the authorities to believe about receipts. NULL:
     * the signatures of receipts are not verified.
     */
    const char *trust;
    /**
     * The path of certificates of other stations for receipts (PEM, as many as there are), believed if the authorities vouch for them.
     * NULL: only the station's own, which are in its store.
     */
    const char *certificates;
} shokyo_log_check;

/**
 * What was found about a log.
 */
typedef struct shokyo_log_report {
    /**
     * sizeof(shokyo_log_report), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 1 when a checkpoint was found whose signature verifies; 0: nothing that the log says is vouched for.
     */
    uint32_t is_signed;
    /**
     * How many problems there are. Anything but 0 is an alarm.
     */
    uint64_t problems;
    /**
     * Entries in the log.
     */
    uint64_t size;
    /**
     * The root over all of them (RFC 9162).
     */
    uint8_t root[32];
    /**
     * How many entries the newest checkpoint covers whose signature verifies.
     */
    uint64_t checkpoint_size;
    /**
     * How many entries of each kind, expired ones included.
     */
    uint64_t entries[SHOKYO_LOG_ENTRY_KINDS];
    /**
     * Receipts whose signatures verify.
     */
    uint64_t receipts_verified;
    /**
     * Receipts for whose signers no key was given: nothing is known of their signatures.
     */
    uint64_t receipts_without_key;
    /**
     * Entries whose rows were deleted because they were old, as a signed entry says.
     */
    uint64_t expired;
    /**
     * How many checkpoints were compared.
     */
    uint64_t checkpoints;
} shokyo_log_report;

/**
 * Looks at a problem of a log: where and what, null-terminated, in English. As shokyo_session_reader.
 */
typedef int32_t (*shokyo_problem_reader)(void *user_data, const char *problem);

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

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
 * Errors: INVALID_HANDLE, for instance for a writer that was freed or finished before, or is being finished or erased now.
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
 * Has events told to a callback from now on: failed calls, faults, failed erasures, alarms, lost sessions. Never documents, keys, paths
 * or names.
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

/**
 * Begins a link over a socket that the host has connected to the upstream neighbour, towards the issuing system. The first bytes to be
 * sent can be polled at once.
 *
 * station: stays the caller's, and may be freed before the link. now: the time. link: receives the handle, which the caller owns and
 * gives to shokyo_link_free.
 * Threads: any; one link is for one thread at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE; CONFIGURATION when the station has no such neighbour, or its certificate or key for TLS cannot
 * be used, of which shokyo_detail names the file; UNSUPPORTED, HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_link_connect(const struct shokyo_station *station,
                                  const struct shokyo_now *now,
                                  struct shokyo_link **link);

/**
 * Begins a link over a socket that the host has accepted from a downstream neighbour, towards a kiosk.
 *
 * station: stays the caller's, and may be freed before the link. now: the time. link: receives the handle, which the caller owns and
 * gives to shokyo_link_free.
 * Threads: any; one link is for one thread at a time. Signals: not safe in a signal handler.
 * Errors: as shokyo_link_connect.
 */
shokyo_status shokyo_link_accept(const struct shokyo_station *station,
                                 const struct shokyo_now *now,
                                 struct shokyo_link **link);

/**
 * Takes bytes that were read from the socket. Poll bytes, frames and the state afterwards.
 *
 * link: stays the caller's. now: the time. bytes, length: what was read, not changed and not kept. taken: receives how many bytes were
 * taken: fewer than length while frames wait; poll them, then give the rest again, before what is read next.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE: nothing was taken. UNTRUSTED about the neighbour's certificate; CONFIGURATION
 * when the neighbour refused this station's; MISMATCH when versions or protocols differ, or another station than before answers upstream;
 * MALFORMED, TOO_LARGE for what is no TLS or no frame; IO when the neighbour ended it; BUSY after more neighbours than there are: the
 * link has failed, and every later call says the same.
 */
shokyo_status shokyo_link_receive(struct shokyo_link *link,
                                  const struct shokyo_now *now,
                                  const void *bytes,
                                  size_t length,
                                  size_t *taken);

/**
 * Says that the socket has ended or broken: no more bytes will come.
 *
 * link: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; IO when the neighbour had not ended the link in order before: it has failed.
 */
shokyo_status shokyo_link_receive_end(struct shokyo_link *link,
                                      const struct shokyo_now *now);

/**
 * Does what the time demands: sends a ping, or gives up a neighbour that is silent, or takes nothing, for too long. To be called at
 * shokyo_link_next_deadline; give what was read to shokyo_link_receive before.
 *
 * link: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; IO when the neighbour was given up, and whatever the link failed with before.
 */
shokyo_status shokyo_link_handle_timeout(struct shokyo_link *link,
                                         const struct shokyo_now *now);

/**
 * Tells when shokyo_link_handle_timeout must be called at the latest. It changes with every call.
 *
 * link: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
 */
shokyo_status shokyo_link_next_deadline(const struct shokyo_link *link,
                                        uint64_t *monotonic_ms,
                                        bool *is_some);

/**
 * Gives bytes to be sent over the socket, as many as there are and fit, each once and in their order. To be called after every other
 * call and whenever the socket takes more, also after the link has failed or closed, until there are none.
 *
 * link: stays the caller's. now: the time. bytes, capacity: where they go; any capacity will do. length: receives how many there are, 0
 * when none waits.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
 */
shokyo_status shokyo_link_poll_bytes(struct shokyo_link *link,
                                     const struct shokyo_now *now,
                                     void *bytes,
                                     size_t capacity,
                                     size_t *length);

/**
 * Gives the next frame that was received: for the machine that it belongs to. It is given once, and wiped here.
 *
 * link: stays the caller's. now: the time. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length:
 * receives its length, 0 when none waits. It may be a release: wipe it with shokyo_wipe when it was taken.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; CAPACITY_TOO_SMALL: the frame still waits; NOT_ERASED when the frame was given
 * and the library's own copy could not be shown to be erased; TOO_LARGE for a frame that no machine takes: the link has failed. When no
 * frame waits any more: what the link failed with.
 */
shokyo_status shokyo_link_poll_frame(struct shokyo_link *link,
                                     const struct shokyo_now *now,
                                     void *frame,
                                     size_t capacity,
                                     size_t *length);

/**
 * Sends a frame: encrypts it at once, to be polled as bytes. The caller's own copy stays the caller's to wipe.
 *
 * link: stays the caller's. now: the time. frame, length: the frame, at most SHOKYO_MAX_FRAME bytes, not changed and not kept.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; MALFORMED for an empty frame, TOO_LARGE; WRONG_STATE before the link is open;
 * BUSY while as many frames wait as all sessions of the configuration may have under way: poll bytes first: nothing was changed. IO when
 * the link is closed; what it failed with.
 */
shokyo_status shokyo_link_send_frame(struct shokyo_link *link,
                                     const struct shokyo_now *now,
                                     const void *frame,
                                     size_t length);

/**
 * Ends a link in order: what waits is sent, then the neighbour is told, which ends its own direction. Poll the bytes and send them, and
 * go on receiving until the state is SHOKYO_LINK_CLOSED, or not long: then close the socket. A link that was never open is given up.
 *
 * link: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
 */
shokyo_status shokyo_link_close(struct shokyo_link *link,
                                const struct shokyo_now *now);

/**
 * Gives up the handle. Frames that nobody polled are wiped. The socket is the host's.
 *
 * link: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a link that was freed before.
 */
shokyo_status shokyo_link_free(struct shokyo_link *link);

/**
 * Tells where a station's sockets belong, as its configuration says.
 *
 * station: stays the caller's. which: SHOKYO_ADDRESS_UPSTREAM or SHOKYO_ADDRESS_LISTEN. text: where to write it, null-terminated and cut
 * to fit; may be NULL when size is 0. size: bytes at text. length: receives the length of the whole text without its null; 0 when the
 * station has no such neighbour.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE.
 */
shokyo_status shokyo_station_address(const struct shokyo_station *station,
                                     uint32_t which,
                                     char *text,
                                     size_t size,
                                     size_t *length);

/**
 * Tells whether frames can be sent now.
 *
 * link: stays the caller's. open: receives the answer.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
 */
shokyo_status shokyo_link_is_open(const struct shokyo_link *link, bool *open);

/**
 * Tells how a link stands, and with whom.
 *
 * link: stays the caller's. info: with its struct_size set; receives the answer.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
 */
shokyo_status shokyo_link_describe(const struct shokyo_link *link, struct shokyo_link_info *info);

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
 * Tells which session a frame belongs to. Nothing is verified: whoever takes the frame does that.
 *
 * frame, length: the bytes, not changed and not kept. session: receives 32 bytes.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, MALFORMED, TOO_LARGE, UNSUPPORTED_VERSION, UNSUPPORTED_SUITE.
 */
shokyo_status shokyo_frame_session(const void *frame, size_t length, uint8_t *session);

/**
 * Begins a transaction: holds the application sealed in the station's memory, and asks the issuing system for a challenge. Call it when
 * the card has left the kiosk (SHOKYO_CUSTOMER_EVENT_APPLY).
 *
 * station: a kiosk's; stays the caller's. now: the time. application: read during the call. kiosk: receives the handle, which the caller
 * owns and gives to shokyo_kiosk_free.
 * Threads: any; one transaction is for one thread at a time, and different ones may be used at once. Signals: not safe in a signal
 * handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no kiosk; MALFORMED for an empty name or
 * one with control characters; TOO_LARGE; BUSY when as many transactions are there as the configuration allows;
 * LOCKED_MEMORY_EXHAUSTED, WINDOW_TIMEOUT, WINDOW_IN_USE inside a callback that looks at another document of the station,
 * RANDOMNESS_UNAVAILABLE, HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_kiosk_apply(const struct shokyo_station *station,
                                 const struct shokyo_now *now,
                                 const struct shokyo_application *application,
                                 struct shokyo_kiosk **kiosk);

/**
 * Tells which frames belong to the transaction: those for which shokyo_frame_session gives the same.
 *
 * kiosk: stays the caller's. session: receives 32 bytes: a random identifier until SHOKYO_EVENT_APPLIED, then the session's.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_session(const struct shokyo_kiosk *kiosk,
                                   uint8_t *session);

/**
 * Takes a frame from the neighbour towards the issuing system.
 *
 * kiosk: stays the caller's. now: the time. frame, length: the bytes, not changed and not kept; sealed, and the caller's to drop.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. What is wrong with the frame: MISMATCH for another session's,
 * MALFORMED, TOO_LARGE, UNSUPPORTED_VERSION, UNSUPPORTED_SUITE, UNEXPECTED_MESSAGE, BAD_SIGNATURE, UNTRUSTED, NOT_AUTHENTIC, EXPIRED,
 * CANCELLED and others. A frame without a valid signature changes nothing; one that is signed and wrong erases. Either way go on with
 * the outputs.
 */
shokyo_status shokyo_kiosk_handle_frame(struct shokyo_kiosk *kiosk,
                                        const struct shokyo_now *now,
                                        const void *frame,
                                        size_t length);

/**
 * Acts on every deadline that has passed: no frame is needed to erase. To be called when shokyo_kiosk_next_deadline has come.
 *
 * kiosk: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_handle_timeout(struct shokyo_kiosk *kiosk,
                                          const struct shokyo_now *now);

/**
 * Says that the connection is gone. Before an application is sent that is the end; while the ciphertext moves the transaction waits for
 * another connection as long as the configuration says; a document that is open may still be delivered.
 *
 * kiosk: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_handle_peer_lost(struct shokyo_kiosk *kiosk,
                                            const struct shokyo_now *now);

/**
 * Says that there is a connection again, to the same station: what is missing is asked for.
 *
 * kiosk: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_handle_peer_back(struct shokyo_kiosk *kiosk, const struct shokyo_now *now);

/**
 * Waits until the records that the transaction asks for are durable in the station's store, and tells it. To be called after every input,
 * before shokyo_kiosk_poll_frame: what must be on record first is not sent or printed before.
 *
 * kiosk: stays the caller's. now: the time.
 * Threads: any, one at a time; records of several threads share a transaction of the store. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records. STORE when the disk
 * refuses a record, REPLAYED and others when a record is refused for what it says: the transaction knows, and has erased what
 * depends on it; go on with the outputs.
 */
shokyo_status shokyo_kiosk_store_records(struct shokyo_kiosk *kiosk,
                                         const struct shokyo_now *now);

/**
 * Gives the next record of a station that was opened with records_by_host, to be confirmed with shokyo_kiosk_handle_stored. It is given once.
 *
 * kiosk: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits. receipt,
 * capacity: where a receipt goes, at most 8,192 bytes; length: receives its length, 0 for other records.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records;
 * CAPACITY_TOO_SMALL.
 */
shokyo_status shokyo_kiosk_poll_record(struct shokyo_kiosk *kiosk,
                                       struct shokyo_record *record,
                                       void *receipt,
                                       size_t capacity,
                                       size_t *length);

/**
 * Says what became of a record that shokyo_kiosk_poll_record gave.
 *
 * kiosk: stays the caller's. now: the time. token: the record's. outcome: one of SHOKYO_STORED_.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
 */
shokyo_status shokyo_kiosk_handle_stored(struct shokyo_kiosk *kiosk,
                                         const struct shokyo_now *now,
                                         uint64_t token,
                                         uint32_t outcome);

/**
 * Gives the next frame for the neighbour towards the issuing system. It is given once.
 *
 * kiosk: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
 * none waits. It holds ciphertext at most.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
 * library's own copy could not be shown to be erased.
 */
shokyo_status shokyo_kiosk_poll_frame(struct shokyo_kiosk *kiosk,
                                      void *frame,
                                      size_t capacity,
                                      size_t *length);

/**
 * Gives the next event: act on it, and give it to shokyo_customer_handle_kiosk where there is a customer's session. It is given once.
 *
 * kiosk: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_EVENT_NONE when none waits.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_poll_event(struct shokyo_kiosk *kiosk,
                                      struct shokyo_event *event);

/**
 * Gives what a relay attached to the offer for the printing, as often as it is asked: parameters, nothing made from the document.
 *
 * kiosk: stays the caller's. role: of SHOKYO_EVENT_ATTACHED. data, capacity: where it goes; 4,096 bytes are always enough. length: receives
 * its length.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; WRONG_STATE when that relay attached nothing.
 */
shokyo_status shokyo_kiosk_attachment(const struct shokyo_kiosk *kiosk,
                                      uint32_t role,
                                      void *data,
                                      size_t capacity,
                                      size_t *length);

/**
 * Tells when shokyo_kiosk_handle_timeout must be called at the latest. It changes with every input.
 *
 * kiosk: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_next_deadline(const struct shokyo_kiosk *kiosk,
                                         uint64_t *monotonic_ms,
                                         bool *is_some);

/**
 * Ends the transaction without delivery, from any state, and erases: abandoned, jam, door, shutdown. While another call uses the
 * transaction, also from inside its own callback, that call carries it out when it ends, and reads no further window.
 *
 * kiosk: stays the caller's. now: the time. cause: one of SHOKYO_CAUSE_, but DELIVERED and HANDED_OVER.
 * Threads: any, at any time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_cancel(struct shokyo_kiosk *kiosk,
                                  const struct shokyo_now *now,
                                  uint32_t cause);

/**
 * Writes down how a transaction stands that only waits for its receipt to be acknowledged, as the last thing before the process ends; then
 * shokyo_kiosk_store_records. One that is otherwise open is to be cancelled before, with SHOKYO_CAUSE_SHUTDOWN.
 *
 * kiosk: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_abandon(struct shokyo_kiosk *kiosk,
                                   const struct shokyo_now *now);

/**
 * Tells whether the transaction is over and every output was taken: then it is to be freed.
 *
 * kiosk: stays the caller's. finished: receives the answer.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_kiosk_is_finished(const struct shokyo_kiosk *kiosk, bool *finished);

/**
 * Gives up the handle. A transaction that is not over is erased, and says so nowhere: the next start of the station finds it lost. If
 * calls are using it, the end of the last of them erases.
 *
 * kiosk: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any, also inside its own callback. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a transaction that was freed before.
 */
shokyo_status shokyo_kiosk_free(struct shokyo_kiosk *kiosk);

/**
 * Lends the plaintext of the transaction's open document from an offset to the end of its chunk to a callback, which is called at most
 * once. The document is there from SHOKYO_EVENT_READY until it is erased.
 *
 * kiosk: stays the caller's. now: the time, by which the document may have expired. offset: in bytes; the next piece begins at offset +
 * length of this one. reader: the callback; what it calls on this transaction answers HANDLE_IN_USE, but shokyo_kiosk_cancel and
 * shokyo_kiosk_free. user_data: passed to it as it is, may be NULL.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when no document is open, or not any more;
 * OUT_OF_RANGE at or beyond the end; WINDOW_IN_USE inside another such callback of the same station; WINDOW_TIMEOUT, BUSY: the
 * callback was not called. CALLBACK_STOPPED; NOT_AUTHENTIC; ERASED, EXPIRED when the key was destroyed before or meanwhile;
 * NOT_ERASED when the window could not be shown to be wiped.
 */
shokyo_status shokyo_kiosk_read_at(struct shokyo_kiosk *kiosk,
                                   const struct shokyo_now *now,
                                   uint64_t offset,
                                   shokyo_reader reader,
                                   void *user_data);

/**
 * Lends the whole open document to a callback, one chunk after the other. Before each, deadlines are looked at, the time that has passed
 * since the call included, and whether the transaction was cancelled: then it ends, and is erased.
 *
 * kiosk: stays the caller's. now: the time. reader: the callback, called in the order of the document; what it calls on this transaction
 * answers HANDLE_IN_USE, but shokyo_kiosk_cancel and shokyo_kiosk_free. user_data: passed to it as it is, may be NULL.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: as shokyo_kiosk_read_at; the callback may have seen a part of the document. EXPIRED when a deadline passed meanwhile, ERASED
 * when it was cancelled meanwhile.
 */
shokyo_status shokyo_kiosk_for_each_window(struct shokyo_kiosk *kiosk,
                                           const struct shokyo_now *now,
                                           shokyo_reader reader,
                                           void *user_data);

/**
 * Proves that every byte of the open document was read: HMAC-SHA256 (RFC 2104) over it, made in the clean room under a challenge that
 * whoever wants the proof has chosen.
 *
 * kiosk: stays the caller's. now: the time. challenge, length: the challenge. proof: receives 32 bytes.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: as shokyo_kiosk_read_at, but for OUT_OF_RANGE and CALLBACK_STOPPED.
 */
shokyo_status shokyo_kiosk_prove(struct shokyo_kiosk *kiosk,
                                 const struct shokyo_now *now,
                                 const void *challenge,
                                 size_t length,
                                 uint8_t *proof);

/**
 * Registers a copy that the host is about to make of the open document, such as a rendered page: the receipt then counts it, as not erased
 * until shokyo_copy_erase has wiped it and read it back. Register before the copy is made.
 *
 * kiosk: stays the caller's. now: the time. copy_class: SHOKYO_COPY_SPOOL or SHOKYO_COPY_DERIVATIVE. copy: receives the handle, which the
 * caller owns until shokyo_copy_erase succeeds.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, HANDLES_EXHAUSTED; WRONG_STATE when no document is open.
 */
shokyo_status shokyo_kiosk_register_copy(struct shokyo_kiosk *kiosk,
                                         const struct shokyo_now *now,
                                         uint32_t copy_class,
                                         struct shokyo_copy **copy);

/**
 * Asks to start printing. SHOKYO_EVENT_MAY_PRINT follows once that is on record; after it, never again.
 *
 * kiosk: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless a document is ready and printing was not
 * asked for.
 */
shokyo_status shokyo_kiosk_print(struct shokyo_kiosk *kiosk,
                                 const struct shokyo_now *now);

/**
 * Says that the document was delivered: erases everything and reports.
 *
 * kiosk: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless it was being printed, and while a registered
 * copy of it lives: erase that copy, then call again; the deadline does not wait for it.
 */
shokyo_status shokyo_kiosk_delivered(struct shokyo_kiosk *kiosk,
                                     const struct shokyo_now *now);

/**
 * Overwrites a registered copy, reads it back, and takes it off the document's list: the receipt counts it as erased.
 *
 * copy: no longer valid after success and after NOT_ERASED and WRONG_STATE. data, length: all of the memory in which the copy lies, which
 * becomes zeros; at least 1 byte, and the caller's to give back.
 * Threads: any, while nobody else uses the memory. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE: nothing was changed. NOT_ERASED when a byte was not zero afterwards: the
 * receipt says so. WRONG_STATE when the document was erased before the copy: its receipt says that one was left; the memory is wiped.
 */
shokyo_status shokyo_copy_erase(struct shokyo_copy *copy,
                                void *data,
                                size_t length);

/**
 * Gives up the handle of a copy that was not erased: the document's receipt says that one was left.
 *
 * copy: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a copy that was erased before.
 */
shokyo_status shokyo_copy_free(struct shokyo_copy *copy);

/**
 * Overwrites memory of the caller's with zeros by stores that no compiler removes, and reads every byte back: for what a host has read
 * from a card, and for frames that were sent.
 *
 * data, length: the memory; NULL with length 0 is nothing. Earlier copies, in memory that was moved or grew, are not covered.
 * Threads: any, while nobody else uses the memory. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT; NOT_ERASED when a byte was not zero afterwards: do not use that memory again.
 */
shokyo_status shokyo_wipe(void *data,
                          size_t length);

/**
 * Begins with a card in the reader, or a phone connected. Then give it what devices, terminal and transaction report, and after every
 * input do what shokyo_customer_poll_event says, in that order.
 *
 * station: a kiosk's; stays the caller's. now: the time. policy: NULL for the defaults. credential: one of SHOKYO_CREDENTIAL_. customer:
 * receives the handle, which the caller owns and gives to shokyo_customer_free.
 * Threads: any; one session is for one thread at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no kiosk; MALFORMED for a policy that makes no
 * sense; HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_customer_begin(const struct shokyo_station *station,
                                    const struct shokyo_now *now,
                                    const struct shokyo_customer_policy *policy,
                                    uint32_t credential,
                                    struct shokyo_customer **customer);

/**
 * Says whether it was found out whose the credential is: what was found out stays with the host.
 *
 * customer: stays the caller's. now: the time. accepted: 1 for yes, 0 for no.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless that is being awaited.
 */
shokyo_status shokyo_customer_handle_authentication(struct shokyo_customer *customer,
                                                    const struct shokyo_now *now,
                                                    uint32_t accepted);

/**
 * Says what a device reports.
 *
 * customer: stays the caller's. now: the time. report: one of SHOKYO_DEVICE_.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when it cannot be now: nothing was changed. A jam
 * or an opened door is never refused before the end.
 */
shokyo_status shokyo_customer_handle_device(struct shokyo_customer *customer,
                                            const struct shokyo_now *now,
                                            uint32_t report);

/**
 * Says what the payment terminal reports.
 *
 * customer: stays the caller's. now: the time. report: one of SHOKYO_PAYMENT_.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when it cannot be now: nothing was changed. A hold
 * that is refused here is one that SHOKYO_CUSTOMER_EVENT_RELEASE_PAYMENT has withdrawn.
 */
shokyo_status shokyo_customer_handle_payment(struct shokyo_customer *customer,
                                             const struct shokyo_now *now,
                                             uint32_t report);

/**
 * Says what the transaction reports: every event that shokyo_kiosk_poll_event gives of the one that SHOKYO_CUSTOMER_EVENT_APPLY began.
 *
 * customer: stays the caller's. now: the time. event: as it was given, read during the call.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, also for an event that no kiosk gives; INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when it
 * cannot be now: nothing was changed.
 */
shokyo_status shokyo_customer_handle_kiosk(struct shokyo_customer *customer,
                                           const struct shokyo_now *now,
                                           const struct shokyo_event *event);

/**
 * Says that shokyo_kiosk_apply failed: there is no transaction, and none will report.
 *
 * customer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless SHOKYO_CUSTOMER_EVENT_APPLY was the last step.
 */
shokyo_status shokyo_customer_handle_apply_failed(struct shokyo_customer *customer,
                                                  const struct shokyo_now *now);

/**
 * Acts on what has become due: no report is needed to erase. To be called when shokyo_customer_next_deadline has come.
 *
 * customer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_customer_handle_timeout(struct shokyo_customer *customer, const struct shokyo_now *now);

/**
 * Says that the customer has chosen a document and confirmed it. SHOKYO_CUSTOMER_EVENT_APPLY follows at once if the credential is gone, else
 * when it goes.
 *
 * customer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless a choice is awaited.
 */
shokyo_status shokyo_customer_choose(struct shokyo_customer *customer,
                                     const struct shokyo_now *now);

/**
 * Says that the attendant is there: warnings of paper end, a fault is seen to, and a forgotten certificate is taken into keeping.
 *
 * customer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when there is nothing to acknowledge.
 */
shokyo_status shokyo_customer_acknowledge(struct shokyo_customer *customer,
                                          const struct shokyo_now *now);

/**
 * Ends the session without delivery, from any state: the customer gave up, or the kiosk is shut down. Afterwards it does nothing.
 *
 * customer: stays the caller's. now: the time. cause: one of SHOKYO_CAUSE_, but DELIVERED and HANDED_OVER.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_customer_cancel(struct shokyo_customer *customer,
                                     const struct shokyo_now *now,
                                     uint32_t cause);

/**
 * Waits until the alarms that were raised are durable in the station's store. Nothing else waits for them.
 *
 * customer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records; STORE when the disk
 * refuses one, which is written as soon as the disk takes it.
 */
shokyo_status shokyo_customer_store_records(struct shokyo_customer *customer,
                                            const struct shokyo_now *now);

/**
 * Gives the next alarm of a station that was opened with records_by_host. It is given once, and not to be confirmed.
 *
 * customer: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
 */
shokyo_status shokyo_customer_poll_record(struct shokyo_customer *customer,
                                          struct shokyo_record *record);

/**
 * Gives the next thing to do. It is given once.
 *
 * customer: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_CUSTOMER_EVENT_NONE when none waits.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_customer_poll_event(struct shokyo_customer *customer,
                                         struct shokyo_customer_event *event);

/**
 * Tells where the session stands.
 *
 * customer: stays the caller's. info: with its struct_size set; receives the answer.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_customer_describe(const struct shokyo_customer *customer, struct shokyo_customer_info *info);

/**
 * Tells when shokyo_customer_handle_timeout must be called at the latest. It changes with every input.
 *
 * customer: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_customer_next_deadline(const struct shokyo_customer *customer,
                                            uint64_t *monotonic_ms,
                                            bool *is_some);

/**
 * Gives up the handle. A session that is not over ends nothing by that: cancel it before, and do what it says.
 *
 * customer: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a session that was freed before.
 */
shokyo_status shokyo_customer_free(struct shokyo_customer *customer);

/**
 * Makes the outbox of a kiosk, which lives as long as the station does: what a restart or a deadline left unacknowledged is sent to the
 * issuing system until it answers. A kiosk has one.
 *
 * station: a kiosk's; stays the caller's. outbox: receives the handle, which the caller owns and gives to shokyo_outbox_free.
 * Threads: any; one outbox is for one thread at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no kiosk; WRONG_STATE when the host keeps the
 * records; STORE, HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_outbox_new(const struct shokyo_station *station,
                                struct shokyo_outbox **outbox);

/**
 * Takes a frame from the neighbour towards the issuing system, if it is the answer to one of these receipts. To be asked before the
 * transactions.
 *
 * outbox: stays the caller's. now: the time. frame, length: the bytes, not changed and not kept. taken: receives whether the frame was an
 * answer, and for nobody else.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; what is wrong with an answer, as for
 * shokyo_kiosk_handle_frame: nothing was changed, and the frame is for nobody else.
 */
shokyo_status shokyo_outbox_handle_frame(struct shokyo_outbox *outbox,
                                         const struct shokyo_now *now,
                                         const void *frame,
                                         size_t length,
                                         bool *taken);

/**
 * Looks for more in the store and sends again what is due. To be called once at the start, and when shokyo_outbox_next_deadline has come.
 *
 * outbox: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_outbox_handle_timeout(struct shokyo_outbox *outbox,
                                           const struct shokyo_now *now);

/**
 * Says that the connection is gone: nothing is sent until it is back.
 *
 * outbox: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_outbox_handle_peer_lost(struct shokyo_outbox *outbox, const struct shokyo_now *now);

/**
 * Says that there is a connection again: everything is sent at once.
 *
 * outbox: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_outbox_handle_peer_back(struct shokyo_outbox *outbox, const struct shokyo_now *now);

/**
 * Waits until the acknowledgements are durable in the station's store. To be called after every input.
 *
 * outbox: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; STORE: the receipt is sent again.
 */
shokyo_status shokyo_outbox_store_records(struct shokyo_outbox *outbox, const struct shokyo_now *now);

/**
 * Gives the next frame for the neighbour towards the issuing system. It is given once.
 *
 * outbox: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
 * none waits.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
 * library's own copy could not be shown to be erased.
 */
shokyo_status shokyo_outbox_poll_frame(struct shokyo_outbox *outbox,
                                       void *frame,
                                       size_t capacity,
                                       size_t *length);

/**
 * Tells when shokyo_outbox_handle_timeout must be called at the latest. It changes with every input.
 *
 * outbox: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_outbox_next_deadline(const struct shokyo_outbox *outbox,
                                          uint64_t *monotonic_ms,
                                          bool *is_some);

/**
 * Gives up the handle. What was not answered for stays in the store, for the next outbox.
 *
 * outbox: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for one that was freed before.
 */
shokyo_status shokyo_outbox_free(struct shokyo_outbox *outbox);

/**
 * Makes the issuing system of a station, which lives as long as the station does. Challenges from before a restart are worth nothing.
 * The documents of the configuration are not looked at: the host composes.
 *
 * station: an issuer's; stays the caller's. issuer: receives the handle, which the caller owns and gives to shokyo_issuer_free.
 * Threads: any; one issuer is for one thread at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no issuer; RANDOMNESS_UNAVAILABLE,
 * HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_issuer_new(const struct shokyo_station *station,
                                struct shokyo_issuer **issuer);

/**
 * Takes a frame from a neighbour.
 *
 * issuer: stays the caller's. now: the time. peer: which neighbour, by the host's number; see shokyo_relay_handle_frame. frame, length: the
 * bytes, not changed and not kept; sealed, and the caller's to drop.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. What is wrong with the frame, as for
 * shokyo_kiosk_handle_frame, and REPLAYED, BUSY: it changes nothing, unless it shows that its session cannot be trusted any more, which is
 * erased then. Either way go on with the outputs.
 */
shokyo_status shokyo_issuer_handle_frame(struct shokyo_issuer *issuer,
                                         const struct shokyo_now *now,
                                         uint64_t peer,
                                         const void *frame,
                                         size_t length);

/**
 * Acts on every deadline that has passed: no frame is needed to erase. To be called when shokyo_issuer_next_deadline has come.
 *
 * issuer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_handle_timeout(struct shokyo_issuer *issuer,
                                           const struct shokyo_now *now);

/**
 * Says that the connection to a neighbour is gone: its sessions wait for another one as long as the
 * configuration says. Those whose key is already with the kiosk wait for their receipts as before.
 *
 * issuer: stays the caller's. now: the time. peer: which neighbour.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_handle_peer_lost(struct shokyo_issuer *issuer, const struct shokyo_now *now, uint64_t peer);

/**
 * Says that there is a connection to a neighbour again, to the same station as before: its sessions go on.
 *
 * issuer: stays the caller's. now: the time. peer: which neighbour.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_handle_peer_back(struct shokyo_issuer *issuer, const struct shokyo_now *now, uint64_t peer);

/**
 * Waits until the records that the issuer asks for are durable in the station's store, and tells it. To be called after every input, before
 * shokyo_issuer_poll_frame: what must be on record first is not sent before.
 *
 * issuer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records. STORE when the disk
 * refuses a record, REPLAYED, WRONG_STATE, BUSY and others when a record is refused for what it says: the issuer knows, and has erased
 * what depends on it; go on with the outputs.
 */
shokyo_status shokyo_issuer_store_records(struct shokyo_issuer *issuer,
                                          const struct shokyo_now *now);

/**
 * Gives the next record of a station that was opened with records_by_host, to be confirmed with shokyo_issuer_handle_stored. It is given once.
 *
 * issuer: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits. receipt,
 * capacity: where a receipt goes, at most 8,192 bytes; length: receives its length, 0 for other records.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records;
 * CAPACITY_TOO_SMALL.
 */
shokyo_status shokyo_issuer_poll_record(struct shokyo_issuer *issuer,
                                        struct shokyo_record *record,
                                        void *receipt,
                                        size_t capacity,
                                        size_t *length);

/**
 * Says what became of a record that shokyo_issuer_poll_record gave.
 *
 * issuer: stays the caller's. now: the time. token: the record's. outcome: one of SHOKYO_STORED_.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
 */
shokyo_status shokyo_issuer_handle_stored(struct shokyo_issuer *issuer,
                                          const struct shokyo_now *now,
                                          uint64_t token,
                                          uint32_t outcome);

/**
 * Gives the next frame and the neighbour that it is for. It is given once.
 *
 * issuer: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
 * none waits. peer: receives the neighbour. The frame may be a release: wipe it with shokyo_wipe when it is sent.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
 * library's own copy could not be shown to be erased.
 */
shokyo_status shokyo_issuer_poll_frame(struct shokyo_issuer *issuer,
                                       void *frame,
                                       size_t capacity,
                                       size_t *length,
                                       uint64_t *peer);

/**
 * Gives the next event. It is given once.
 *
 * issuer: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_EVENT_NONE when none waits.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_poll_event(struct shokyo_issuer *issuer,
                                       struct shokyo_event *event);

/**
 * Tells when shokyo_issuer_handle_timeout must be called at the latest. It changes with every input.
 *
 * issuer: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_next_deadline(const struct shokyo_issuer *issuer,
                                          uint64_t *monotonic_ms,
                                          bool *is_some);

/**
 * Lends the application of a session whose document is to be composed: after SHOKYO_EVENT_APPLICATION, until shokyo_issuer_offer.
 *
 * issuer: stays the caller's. session: 32 bytes. reader: the callback, called at most once; what it calls on this issuer answers
 * HANDLE_IN_USE. user_data: passed to it as it is, may be NULL.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when no application of this session is open;
 * WINDOW_IN_USE, WINDOW_TIMEOUT, BUSY: the callback was not called. CALLBACK_STOPPED; ERASED, EXPIRED, NOT_ERASED.
 */
shokyo_status shokyo_issuer_application(struct shokyo_issuer *issuer,
                                        const uint8_t *session,
                                        shokyo_application_reader reader,
                                        void *user_data);

/**
 * Appends bytes to the document of a session, sealing every full chunk. The first call makes the document's key.
 *
 * issuer: stays the caller's. session: 32 bytes. version, version_length: the version of the register's row that the document is made
 * from, the same at every call; NULL with length 0 where a register has none. data, length: the bytes, not changed and not kept. The
 * caller's own copy stays the caller's to wipe.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when no application of this session is open;
 * MISMATCH for another version than at the first call; TOO_LARGE; LOCKED_MEMORY_EXHAUSTED, WINDOW_IN_USE, WINDOW_TIMEOUT: nothing was
 * changed. After any other, such as ERASED, the document is lost: cancel the session.
 */
shokyo_status shokyo_issuer_write(struct shokyo_issuer *issuer,
                                  const uint8_t *session,
                                  const void *version,
                                  size_t version_length,
                                  const void *data,
                                  size_t length);

/**
 * Ends the document of a session, erases its application, and offers the ciphertext to the kiosk.
 *
 * issuer: stays the caller's. now: the time. session: 32 bytes. subject, subject_length: of the row that the document was made from, read
 * again after the writing, not what was asked for: the kiosk compares it with the holder of the card. version, version_length: of that
 * row, read again; a row that changed meanwhile gives no document.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. EMPTY_DOCUMENT, TOO_LARGE, WRONG_STATE, MISMATCH for another
 * version than at the first write, and others: the session is erased, if there is one.
 */
shokyo_status shokyo_issuer_offer(struct shokyo_issuer *issuer,
                                  const struct shokyo_now *now,
                                  const uint8_t *session,
                                  const void *subject,
                                  size_t subject_length,
                                  const void *version,
                                  size_t version_length);

/**
 * Ends a session from this side and erases it: refused, unknown in the register, or cancelled. A session that is not there is none.
 *
 * issuer: stays the caller's. now: the time. session: 32 bytes. cause: one of SHOKYO_CAUSE_, but DELIVERED and HANDED_OVER.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_cancel(struct shokyo_issuer *issuer,
                                   const struct shokyo_now *now,
                                   const uint8_t *session,
                                   uint32_t cause);

/**
 * Tells how many sessions are open.
 *
 * issuer: stays the caller's. count: receives the number.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_open_sessions(const struct shokyo_issuer *issuer, size_t *count);

/**
 * Ends and erases every session, as before the process ends. Go on with the outputs until no session is open or the host's patience
 * ends, then call shokyo_issuer_abandon.
 *
 * issuer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_shutdown(struct shokyo_issuer *issuer,
                                     const struct shokyo_now *now);

/**
 * Writes down how every session stands that only waits for receipts or their acknowledgement, as the last thing before the process ends;
 * then shokyo_issuer_store_records.
 *
 * issuer: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_issuer_abandon(struct shokyo_issuer *issuer,
                                    const struct shokyo_now *now);

/**
 * Gives up the handle. Sessions that are open are erased, and say so nowhere: the next start of the station finds them lost. If calls
 * are using it, the end of the last of them erases.
 *
 * issuer: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for one that was freed before.
 */
shokyo_status shokyo_issuer_free(struct shokyo_issuer *issuer);

/**
 * Makes the relay of a station, which lives as long as the station does. It also sends the receipts that an earlier process, or a deadline,
 * left without acknowledgement.
 *
 * station: an EC centre's or a certificate centre's; stays the caller's. relay: receives the handle, which the caller owns and gives to
 * shokyo_relay_free.
 * Threads: any; one relay is for one thread at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no relay; CONFIGURATION when relay.attachment
 * names a file that cannot be used; STORE, HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_relay_new(const struct shokyo_station *station,
                               struct shokyo_relay **relay);

/**
 * Takes a frame from a neighbour.
 *
 * relay: stays the caller's. now: the time. peer: which neighbour, by the host's number: SHOKYO_UPSTREAM towards the issuing system;
 * towards the kiosks one number for one station's identity, as TLS has verified it, for as long as the process lives, however often
 * its connection is lost and comes back. Numbers are never given to another station. frame, length: the bytes, not changed and not kept
 * beyond what the relay passes on; the caller's own copy is the caller's to wipe, see shokyo_wipe.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. What is wrong with the frame, as for
 * shokyo_kiosk_handle_frame, and BUSY: it changes nothing, except that a session which would hold too much is ended: see
 * shokyo_relay_must_wait. Either way go on with the outputs.
 */
shokyo_status shokyo_relay_handle_frame(struct shokyo_relay *relay,
                                        const struct shokyo_now *now,
                                        uint64_t peer,
                                        const void *frame,
                                        size_t length);

/**
 * Tells whether a frame must wait until frames that are being sent were given back: to take it now would end its session, because the
 * relay would hold too much. Frames of that session that come later must wait behind it.
 *
 * relay: stays the caller's. frame, length: the bytes, not changed and not kept. must_wait: receives the answer.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_must_wait(const struct shokyo_relay *relay,
                                     const void *frame,
                                     size_t length,
                                     bool *must_wait);

/**
 * Acts on every deadline that has passed: no frame is needed to erase. To be called when shokyo_relay_next_deadline has come.
 *
 * relay: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_handle_timeout(struct shokyo_relay *relay,
                                          const struct shokyo_now *now);

/**
 * Says that the connection to a neighbour is gone: what was on its way there is
 * wiped, and the sessions through it wait for another one as long as the configuration says. Frames that are being sent are still to
 * be given back.
 *
 * relay: stays the caller's. now: the time. peer: which neighbour.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_handle_peer_lost(struct shokyo_relay *relay,
                                            const struct shokyo_now *now,
                                            uint64_t peer);

/**
 * Says that there is a connection to a neighbour again, to the same station as before: its sessions go on.
 *
 * relay: stays the caller's. now: the time. peer: which neighbour.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_handle_peer_back(struct shokyo_relay *relay, const struct shokyo_now *now, uint64_t peer);

/**
 * Waits until the records that the relay asks for are durable in the station's store, and tells it. To be called after every input, before
 * shokyo_relay_poll_frame: what must be on record first is not sent before.
 *
 * relay: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records. STORE when the disk
 * refuses a record, REPLAYED, WRONG_STATE, BUSY and others when a record is refused for what it says: the relay knows, and has erased
 * what depends on it; go on with the outputs.
 */
shokyo_status shokyo_relay_store_records(struct shokyo_relay *relay,
                                         const struct shokyo_now *now);

/**
 * Gives the next record of a station that was opened with records_by_host, to be confirmed with shokyo_relay_handle_stored. It is given once.
 *
 * relay: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits. receipt,
 * capacity: where a receipt goes, at most 8,192 bytes; length: receives its length, 0 for other records.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records;
 * CAPACITY_TOO_SMALL.
 */
shokyo_status shokyo_relay_poll_record(struct shokyo_relay *relay,
                                       struct shokyo_record *record,
                                       void *receipt,
                                       size_t capacity,
                                       size_t *length);

/**
 * Says what became of a record that shokyo_relay_poll_record gave.
 *
 * relay: stays the caller's. now: the time. token: the record's. outcome: one of SHOKYO_STORED_.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
 */
shokyo_status shokyo_relay_handle_stored(struct shokyo_relay *relay,
                                         const struct shokyo_now *now,
                                         uint64_t token,
                                         uint32_t outcome);

/**
 * Gives the next frame and the neighbour that it is for. It is given once, and stays in the relay, too, until shokyo_relay_handle_sent.
 *
 * relay: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
 * none waits. peer: receives the neighbour. ticket: receives what to give back, 0 for a frame that is not to be given back.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
 * library's own copy could not be shown to be erased.
 */
shokyo_status shokyo_relay_poll_frame(struct shokyo_relay *relay,
                                      void *frame,
                                      size_t capacity,
                                      size_t *length,
                                      uint64_t *peer,
                                      uint64_t *ticket);

/**
 * Says that a frame was written to its connection, or cannot be: the relay wipes it, and counts how long it was held. Wipe your own copy
 * with shokyo_wipe first: the relay's receipt says that nothing is left.
 *
 * relay: stays the caller's. now: the time. ticket: of shokyo_relay_poll_frame; each is given back once, also after its neighbour was lost.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, also for a ticket that was given back or never given; INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_handle_sent(struct shokyo_relay *relay,
                                       const struct shokyo_now *now,
                                       uint64_t ticket);

/**
 * Gives the next event. It is given once.
 *
 * relay: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_EVENT_NONE when none waits.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_poll_event(struct shokyo_relay *relay,
                                      struct shokyo_event *event);

/**
 * Tells when shokyo_relay_handle_timeout must be called at the latest. It changes with every input.
 *
 * relay: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_next_deadline(const struct shokyo_relay *relay,
                                         uint64_t *monotonic_ms,
                                         bool *is_some);

/**
 * Attaches something of this operator's to the offer of a session, signed, for the kiosk: parameters for the printing, nothing made from
 * a document. To be called at SHOKYO_EVENT_OFFERED; it is sent again whenever the offer passes again.
 *
 * relay: stays the caller's. now: the time. session: 32 bytes. data, length: at most 4,096 bytes; NULL with length 0 for what
 * relay.attachment of the configuration names.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless an offer has passed and nothing is attached;
 * TOO_LARGE; CONFIGURATION when it names nothing to attach.
 */
shokyo_status shokyo_relay_attach(struct shokyo_relay *relay,
                                  const struct shokyo_now *now,
                                  const uint8_t *session,
                                  const void *data,
                                  size_t length);

/**
 * Tells how many sessions are open.
 *
 * relay: stays the caller's. count: receives the number.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_open_sessions(const struct shokyo_relay *relay, size_t *count);

/**
 * Ends and erases every session, as before the process ends. Go on with the outputs until no session is open or the host's patience
 * ends, then call shokyo_relay_abandon.
 *
 * relay: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_shutdown(struct shokyo_relay *relay,
                                    const struct shokyo_now *now);

/**
 * Writes down how every session stands that only waits for receipts or their acknowledgement, as the last thing before the process ends;
 * then shokyo_relay_store_records.
 *
 * relay: stays the caller's. now: the time.
 * Threads: any, one at a time. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
 */
shokyo_status shokyo_relay_abandon(struct shokyo_relay *relay,
                                   const struct shokyo_now *now);

/**
 * Gives up the handle. Sessions that are open are erased, and say so nowhere: the next start of the station finds them lost. If calls
 * are using it, the end of the last of them erases.
 *
 * relay: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for one that was freed before.
 */
shokyo_status shokyo_relay_free(struct shokyo_relay *relay);

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

/**
 * Opens a store for reading only, also while a station writes to it.
 *
 * path: the database file, null-terminated, in UTF-8. store: receives the handle, which the caller owns and gives to shokyo_store_free.
 * Threads: any; calls on one store wait for each other. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT; STORE when it cannot be opened or is another program's; UNSUPPORTED_VERSION for one of a later version;
 * HANDLES_EXHAUSTED.
 */
shokyo_status shokyo_store_open(const char *path,
                                struct shokyo_store **store);

/**
 * Tells how much a store holds.
 *
 * store: stays the caller's. counts: with its struct_size set; receives the numbers, all of one moment.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE.
 */
shokyo_status shokyo_store_count(const struct shokyo_store *store, struct shokyo_store_counts *counts);

/**
 * Shows a store's sessions to a callback, the oldest first: those that were there when the call began.
 *
 * store: stays the caller's. which: SHOKYO_SESSIONS_ALL or SHOKYO_SESSIONS_OPEN. reader: the callback. user_data: passed to it as it is,
 * may be NULL.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; CALLBACK_STOPPED.
 */
shokyo_status shokyo_store_for_each_session(const struct shokyo_store *store,
                                            uint32_t which,
                                            shokyo_session_reader reader,
                                            void *user_data);

/**
 * Tells of one session: how it ended, above all.
 *
 * store: stays the caller's. session: 32 bytes. info: with its struct_size set; receives the answer if there is one. found: receives
 * whether the store has the session.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE.
 */
shokyo_status shokyo_store_session(const struct shokyo_store *store,
                                   const uint8_t *session,
                                   struct shokyo_session_info *info,
                                   bool *found);

/**
 * Shows the receipts of a session to a callback, in the order in which they were stored.
 *
 * store: stays the caller's. session: 32 bytes. reader: the callback. user_data: passed to it as it is, may be NULL.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; CALLBACK_STOPPED.
 */
shokyo_status shokyo_store_for_each_receipt(const struct shokyo_store *store,
                                            const uint8_t *session,
                                            shokyo_receipt_reader reader,
                                            void *user_data);

/**
 * Shows all alarms of a store to a callback, in the order in which they were raised.
 *
 * store: stays the caller's. reader: the callback. user_data: passed to it as it is, may be NULL.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; CALLBACK_STOPPED.
 */
shokyo_status shokyo_store_for_each_alarm(const struct shokyo_store *store,
                                          shokyo_alarm_reader reader,
                                          void *user_data);

/**
 * Gives up the handle; a call in another thread that uses it goes on.
 *
 * store: no longer valid afterwards. NULL does nothing and succeeds.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_HANDLE, for instance for a store that was freed before.
 */
shokyo_status shokyo_store_free(struct shokyo_store *store);

/**
 * Copies out the newest checkpoint of the store's log, a signed note (C2SP): keep it elsewhere, for shokyo_store_verify_log.
 *
 * store: stays the caller's. text: where to write it, null-terminated and cut to fit; may be NULL when size is 0. size: bytes at text.
 * length: receives the length of the whole text without its null; 0 while nothing was signed.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE.
 */
shokyo_status shokyo_store_checkpoint(const struct shokyo_store *store,
                                      char *text,
                                      size_t size,
                                      size_t *length);

/**
 * Verifies that a store is what its log says, and the log what it signed: every entry is computed again from the rows, the tree from the
 * entries, and compared with the signed checkpoints. The store is read whole, as it is at one moment; all processors are used.
 *
 * store: stays the caller's. check: read during the call. report: with its struct_size set; receives what was found. Look at its field
 * problems: success of the call says that the store was read, not that nothing is wrong. reader: NULL, or a callback for the first
 * thousand problems. user_data: passed to it as it is, may be NULL.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE; MALFORMED for what is no verifier key; CONFIGURATION about the files; STORE, MALFORMED when
 * the file cannot be read as a store at all; CALLBACK_STOPPED.
 */
shokyo_status shokyo_store_verify_log(const struct shokyo_store *store,
                                      const struct shokyo_log_check *check,
                                      struct shokyo_log_report *report,
                                      shokyo_problem_reader reader,
                                      void *user_data);

/**
 * Publishes a store's log into a folder, as static files that anyone may see (C2SP tlog-tiles): the newest checkpoint, the tiles, and
 * the salted leaves, which tell nothing of the entries. Again and again into the same folder: what is there is not written again.
 *
 * store: stays the caller's. folder: its path, null-terminated, in UTF-8; made if it is not there. key: the verifier key of the log (C2SP,
 * name+id+key), null-terminated. files: receives how many files were written.
 * Threads: any. Signals: not safe in a signal handler.
 * Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; MALFORMED for what is no verifier key; WRONG_STATE while nothing was signed; BUSY while
 * another process writes to the folder; BAD_SIGNATURE, MISMATCH when the checkpoint is not the key's, or what was published before and
 * the store are not of one history: nothing that was published is changed; IO.
 */
shokyo_status shokyo_store_publish(const struct shokyo_store *store,
                                   const char *folder,
                                   const char *key,
                                   uint64_t *files);

#ifdef __cplusplus
}  // extern "C"
#endif /* __cplusplus */

#endif  /* SHOKYO_H */
