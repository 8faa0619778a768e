// shokyo: documents that may exist only for minutes. The C++17 layer over shokyo.h: header only, no code and no state of its own.
//
// Every object of the C interface is a class that owns it, moves, is not copied, has the size of a pointer, and frees it at the end of its
// life. A function does what the C function of the same name does, whose comment in shokyo.h says all of it; here stands what differs.
//
// Errors, by choice of the file that includes this:
// - Without a word: exceptions. outcome<T> is T; what fails throws shokyo::error, with the status and the detail.
// - #define SHOKYO_RESULTS before, or -fno-exceptions: outcome<T> is shokyo::result<T>, a value or a status; nothing throws but what
//   allocates a std::string, and what a caller's own function throws.
// A program may have files of both; their classes are different types.
//
// Rules that hold everywhere:
// - Every function may fail with INVALID_HANDLE for an empty object, FORKED_CHILD in a forked child, and PANIC. Functions that are
//   noexcept do not fail.
// - "Any thread, several at once" is said where it holds. "One thread at a time" answers HANDLE_IN_USE to the others and breaks nothing.
//   Moving, resetting and ending an object needs it alone, as for every object of C++.
// - A function that is given as a reader is called in the same thread, within the call. It gives nothing, or false to stop. What it
//   throws is caught before C sees it and thrown again after the C call has wiped and returned; only NOT_ERASED, MEMORY_CORRUPTED and
//   PANIC go before it. Do not put plaintext into an exception.
// - Views (byte_view, byte_span, session_view) own nothing and are used during the call.
// - A failed call that polls a frame with NOT_ERASED has taken the frame: end the session, and report it.

#ifndef SHOKYO_HPP
#define SHOKYO_HPP

#include <shokyo/base.hpp>
#include <shokyo/document.hpp>
#include <shokyo/evidence.hpp>
#include <shokyo/kiosk.hpp>
#include <shokyo/machines.hpp>
#include <shokyo/station.hpp>

#endif
