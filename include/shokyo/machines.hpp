// The machines of the centres: issuing system and relay. Included by shokyo.hpp.

#ifndef SHOKYO_MACHINES_HPP
#define SHOKYO_MACHINES_HPP

#include <shokyo/station.hpp>

namespace shokyo {
#ifdef SHOKYO_RESULTS
inline namespace results {
#else
inline namespace exceptions {
#endif

/// A frame that a machine sends: how long it is (0: none waits), for whom, and the ticket to give back (of relays).
struct outgoing {
    std::size_t length = 0;
    std::uint64_t peer = 0;
    std::uint64_t ticket = 0;
};

/// An issuing system with all its sessions. Owns them: the end of its life erases, and says so nowhere. One thread at a time.
///
/// Order: an input, store_records, then poll_frame and poll_event until there are none; handle_timeout at next_deadline.
class issuer : public handle<shokyo_issuer, shokyo_issuer_free> {
public:
    using handle::handle;

    static outcome<issuer> open(const station& with) {
        shokyo_issuer* opened = nullptr;
        return detail::owned<issuer>(shokyo_issuer_new(with.get(), &opened), opened);
    }

    outcome<void> handle_timeout(const shokyo_now& now) {
        return detail::done(shokyo_issuer_handle_timeout(get(), &now));
    }
    outcome<void> handle_peer_lost(const shokyo_now& now, std::uint64_t peer) {
        return detail::done(shokyo_issuer_handle_peer_lost(get(), &now, peer));
    }
    outcome<void> handle_peer_back(const shokyo_now& now, std::uint64_t peer) {
        return detail::done(shokyo_issuer_handle_peer_back(get(), &now, peer));
    }
    /// Fails with what is wrong with the frame; go on with the outputs all the same.
    outcome<void> handle_frame(const shokyo_now& now, std::uint64_t peer, byte_view frame) {
        return detail::done(shokyo_issuer_handle_frame(get(), &now, peer, frame.data(), frame.size()));
    }

    /// Fails with STORE and others when a record could not be written: go on with the outputs.
    outcome<void> store_records(const shokyo_now& now) { return detail::done(shokyo_issuer_store_records(get(), &now)); }
    /// For a host with a store of its own; `length` receives the length of a receipt.
    outcome<shokyo_record> poll_record(byte_span receipt, std::size_t& length) {
        auto record = sized<shokyo_record>();
        const shokyo_status status = shokyo_issuer_poll_record(get(), &record, receipt.data(), receipt.size(), &length);
        return detail::answer(status, record);
    }
    outcome<void> handle_stored(const shokyo_now& now, std::uint64_t token, std::uint32_t stored) {
        return detail::done(shokyo_issuer_handle_stored(get(), &now, token, stored));
    }

    /// The next event, of kind SHOKYO_EVENT_NONE when none waits.
    outcome<shokyo_event> poll_event() {
        auto event = sized<shokyo_event>();
        return detail::answer(shokyo_issuer_poll_event(get(), &event), event);
    }
    outcome<std::optional<std::uint64_t>> next_deadline() const {
        return detail::deadline(&shokyo_issuer_next_deadline, static_cast<const shokyo_issuer*>(get()));
    }
    outcome<std::size_t> open_sessions() const {
        std::size_t count = 0;
        return detail::answer(shokyo_issuer_open_sessions(get(), &count), count);
    }
    /// Ends and erases every session; go on with the outputs, then abandon().
    outcome<void> shutdown(const shokyo_now& now) { return detail::done(shokyo_issuer_shutdown(get(), &now)); }
    outcome<void> abandon(const shokyo_now& now) { return detail::done(shokyo_issuer_abandon(get(), &now)); }

    /// The next frame. It may be a release: wipe it when it is sent. Fails with CAPACITY_TOO_SMALL below SHOKYO_MAX_FRAME bytes.
    outcome<outgoing> poll_frame(byte_span frame) {
        outgoing next;
        const shokyo_status status =
            shokyo_issuer_poll_frame(get(), frame.data(), frame.size(), &next.length, &next.peer);
        return detail::answer(status, next);
    }

    /// Lends an application to reader(byte_view subject, byte_view details); readers as for shokyo::buffer. Fails with WRONG_STATE.
    template <class F>
    outcome<reading> application(session_view session, F&& reader) {
        detail::guarded<F> call(reader);
        return call.end(
            shokyo_issuer_application(get(), session.data(), &detail::guarded<F>::read_application, &call));
    }
    /// Appends to the document; `version` is that of the register's row. Fails with WRONG_STATE, MISMATCH, TOO_LARGE and others.
    outcome<void> write(session_view session, byte_view version, byte_view bytes) {
        return detail::done(shokyo_issuer_write(get(), session.data(), version.data(), version.size(), bytes.data(),
                                                bytes.size()));
    }
    /// Ends the document and offers it. Subject and version are those of the row, read again. A failure erases the session.
    outcome<void> offer(const shokyo_now& now, session_view session, byte_view subject, byte_view version) {
        return detail::done(shokyo_issuer_offer(get(), &now, session.data(), subject.data(), subject.size(),
                                                version.data(), version.size()));
    }
    /// Ends and erases a session, for one of SHOKYO_CAUSE_.
    outcome<void> cancel(const shokyo_now& now, session_view session, std::uint32_t cause) {
        return detail::done(shokyo_issuer_cancel(get(), &now, session.data(), cause));
    }
};

/// A relay with all its sessions. Owns them: the end of its life erases, and says so nowhere. One thread at a time. Order as for issuer.
class relay : public handle<shokyo_relay, shokyo_relay_free> {
public:
    using handle::handle;

    static outcome<relay> open(const station& with) {
        shokyo_relay* opened = nullptr;
        return detail::owned<relay>(shokyo_relay_new(with.get(), &opened), opened);
    }

    outcome<void> handle_timeout(const shokyo_now& now) {
        return detail::done(shokyo_relay_handle_timeout(get(), &now));
    }
    outcome<void> handle_peer_lost(const shokyo_now& now, std::uint64_t peer) {
        return detail::done(shokyo_relay_handle_peer_lost(get(), &now, peer));
    }
    outcome<void> handle_peer_back(const shokyo_now& now, std::uint64_t peer) {
        return detail::done(shokyo_relay_handle_peer_back(get(), &now, peer));
    }
    /// Fails with what is wrong with the frame; go on with the outputs all the same.
    outcome<void> handle_frame(const shokyo_now& now, std::uint64_t peer, byte_view frame) {
        return detail::done(shokyo_relay_handle_frame(get(), &now, peer, frame.data(), frame.size()));
    }

    /// Fails with STORE and others when a record could not be written: go on with the outputs.
    outcome<void> store_records(const shokyo_now& now) { return detail::done(shokyo_relay_store_records(get(), &now)); }
    /// For a host with a store of its own; `length` receives the length of a receipt.
    outcome<shokyo_record> poll_record(byte_span receipt, std::size_t& length) {
        auto record = sized<shokyo_record>();
        const shokyo_status status = shokyo_relay_poll_record(get(), &record, receipt.data(), receipt.size(), &length);
        return detail::answer(status, record);
    }
    outcome<void> handle_stored(const shokyo_now& now, std::uint64_t token, std::uint32_t stored) {
        return detail::done(shokyo_relay_handle_stored(get(), &now, token, stored));
    }

    /// The next event, of kind SHOKYO_EVENT_NONE when none waits.
    outcome<shokyo_event> poll_event() {
        auto event = sized<shokyo_event>();
        return detail::answer(shokyo_relay_poll_event(get(), &event), event);
    }
    outcome<std::optional<std::uint64_t>> next_deadline() const {
        return detail::deadline(&shokyo_relay_next_deadline, static_cast<const shokyo_relay*>(get()));
    }
    outcome<std::size_t> open_sessions() const {
        std::size_t count = 0;
        return detail::answer(shokyo_relay_open_sessions(get(), &count), count);
    }
    /// Ends and erases every session; go on with the outputs, then abandon().
    outcome<void> shutdown(const shokyo_now& now) { return detail::done(shokyo_relay_shutdown(get(), &now)); }
    outcome<void> abandon(const shokyo_now& now) { return detail::done(shokyo_relay_abandon(get(), &now)); }

    /// Whether a frame must wait until frames under way were given back.
    outcome<bool> must_wait(byte_view frame) const {
        bool wait = false;
        return detail::answer(shokyo_relay_must_wait(get(), frame.data(), frame.size(), &wait), wait);
    }
    /// The next frame. Give its ticket back with handle_sent once it is sent and wiped.
    outcome<outgoing> poll_frame(byte_span frame) {
        outgoing next;
        const shokyo_status status =
            shokyo_relay_poll_frame(get(), frame.data(), frame.size(), &next.length, &next.peer, &next.ticket);
        return detail::answer(status, next);
    }
    outcome<void> handle_sent(const shokyo_now& now, std::uint64_t ticket) {
        return detail::done(shokyo_relay_handle_sent(get(), &now, ticket));
    }
    /// At SHOKYO_EVENT_OFFERED; empty for what the configuration names. Fails with WRONG_STATE, TOO_LARGE, CONFIGURATION.
    outcome<void> attach(const shokyo_now& now, session_view session, byte_view data) {
        return detail::done(shokyo_relay_attach(get(), &now, session.data(), data.data(), data.size()));
    }
};

static_assert(sizeof(issuer) == sizeof(void*) && sizeof(relay) == sizeof(void*));

}  // inline namespace
}  // namespace shokyo

#endif
