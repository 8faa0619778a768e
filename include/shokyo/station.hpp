// Stations and their links to neighbours. Included by shokyo.hpp.

#ifndef SHOKYO_STATION_HPP
#define SHOKYO_STATION_HPP

#include <shokyo/document.hpp>

namespace shokyo {
#ifdef SHOKYO_RESULTS
inline namespace results {
#else
inline namespace exceptions {
#endif

/// Both clocks, read now; for every input of a session.
inline outcome<shokyo_now> read_clock() {
    auto now = sized<shokyo_now>();
    return detail::answer(shokyo_clock(&now), now);
}

/// Which session a frame belongs to. Nothing is verified. Fails with MALFORMED and others.
inline outcome<session_id> frame_session(byte_view frame) {
    session_id session{};
    return detail::answer(shokyo_frame_session(frame.data(), frame.size(), session.data()), session);
}

namespace detail {

/// A moment on the clock of shokyo_now, if there is one. `next` is a function of the C interface.
template <class C>
outcome<std::optional<std::uint64_t>> deadline(shokyo_status (*next)(const C*, std::uint64_t*, bool*), const C* object) {
    std::uint64_t moment = 0;
    bool is_some = false;
    const shokyo_status status = next(object, &moment, &is_some);
    std::optional<std::uint64_t> deadline;
    if (is_some) {
        deadline = moment;
    }
    return answer(status, deadline);
}

}  // namespace detail

/// Configuration, keys, authorities, memory and store of one station. Owns a reference: links and machines live on without it. Any thread,
/// several at once.
class station : public handle<shokyo_station, shokyo_station_free> {
public:
    using handle::handle;

    /// Opens from a configuration file; path is null-terminated. Fails as shokyo_station_open does; the detail names file, key and remedy.
    static outcome<station> open(const char* path) { return open_with(path, nullptr); }
    /// With options, made by sized<shokyo_station_options>().
    static outcome<station> open(const char* path, const shokyo_station_options& options) {
        return open_with(path, &options);
    }

    outcome<shokyo_station_info> describe() const {
        auto info = sized<shokyo_station_info>();
        return detail::answer(shokyo_station_describe(get(), &info), info);
    }

    /// A session that an earlier process had left open; index is below lost_sessions of describe(). Fails with OUT_OF_RANGE.
    outcome<shokyo_lost_session> lost_at(std::size_t index) const {
        auto lost = sized<shokyo_lost_session>();
        return detail::answer(shokyo_station_lost_at(get(), index, &lost), lost);
    }

    /// The vault of the station's documents.
    outcome<vault> documents() const {
        shokyo_vault* vault_ = nullptr;
        return detail::owned<vault>(shokyo_station_vault(get(), &vault_), vault_);
    }

    /// Reads the revocation lists anew.
    outcome<void> reload_revocation() const { return detail::done(shokyo_station_reload_revocation(get())); }

    /// Where its sockets belong, SHOKYO_ADDRESS_UPSTREAM or SHOKYO_ADDRESS_LISTEN; empty when there is no such neighbour. Allocates.
    outcome<std::string> address(std::uint32_t which) const {
        return detail::text([&](char* text, std::size_t size, std::size_t* length) {
            return shokyo_station_address(get(), which, text, size, length);
        });
    }

private:
    static outcome<station> open_with(const char* path, const shokyo_station_options* options) {
        shokyo_station* opened = nullptr;
        return detail::owned<station>(shokyo_station_open(path, options, &opened), opened);
    }
};

/// Mutual TLS 1.3 to a neighbour over a socket of the host's. Owns the link, not the socket. One thread at a time. A link that has failed
/// gives the same failure to every later call; poll its bytes all the same, then close the socket.
class link : public handle<shokyo_link, shokyo_link_free> {
public:
    using handle::handle;

    /// Over a socket that was connected to the upstream neighbour.
    static outcome<link> connect(const station& with, const shokyo_now& now) {
        shokyo_link* begun = nullptr;
        return detail::owned<link>(shokyo_link_connect(with.get(), &now, &begun), begun);
    }
    /// Over a socket that was accepted from a downstream neighbour.
    static outcome<link> accept(const station& with, const shokyo_now& now) {
        shokyo_link* begun = nullptr;
        return detail::owned<link>(shokyo_link_accept(with.get(), &now, &begun), begun);
    }

    /// Takes what was read from the socket; how many bytes: fewer while frames wait. Fails with UNTRUSTED, MALFORMED and others.
    outcome<std::size_t> receive(const shokyo_now& now, byte_view bytes) {
        std::size_t taken = 0;
        return detail::answer(shokyo_link_receive(get(), &now, bytes.data(), bytes.size(), &taken), taken);
    }
    /// The socket has ended. Fails with IO when the link had not.
    outcome<void> receive_end(const shokyo_now& now) { return detail::done(shokyo_link_receive_end(get(), &now)); }
    outcome<void> handle_timeout(const shokyo_now& now) { return detail::done(shokyo_link_handle_timeout(get(), &now)); }
    outcome<std::optional<std::uint64_t>> next_deadline() const {
        return detail::deadline(&shokyo_link_next_deadline, static_cast<const shokyo_link*>(get()));
    }

    /// Bytes for the socket; 0 when none wait.
    outcome<std::size_t> poll_bytes(const shokyo_now& now, byte_span bytes) {
        std::size_t length = 0;
        return detail::answer(shokyo_link_poll_bytes(get(), &now, bytes.data(), bytes.size(), &length), length);
    }
    /// The next frame received, 0 when none waits. Wipe it once it is used. Fails with CAPACITY_TOO_SMALL below SHOKYO_MAX_FRAME bytes.
    outcome<std::size_t> poll_frame(const shokyo_now& now, byte_span frame) {
        std::size_t length = 0;
        return detail::answer(shokyo_link_poll_frame(get(), &now, frame.data(), frame.size(), &length), length);
    }
    /// Sends a frame. Fails with BUSY while too many wait, WRONG_STATE before it is open.
    outcome<void> send_frame(const shokyo_now& now, byte_view frame) {
        return detail::done(shokyo_link_send_frame(get(), &now, frame.data(), frame.size()));
    }

    outcome<bool> is_open() const {
        bool open = false;
        return detail::answer(shokyo_link_is_open(get(), &open), open);
    }
    outcome<shokyo_link_info> describe() const {
        auto info = sized<shokyo_link_info>();
        return detail::answer(shokyo_link_describe(get(), &info), info);
    }
    /// Ends it in order: poll the bytes and go on receiving until SHOKYO_LINK_CLOSED.
    outcome<void> close(const shokyo_now& now) { return detail::done(shokyo_link_close(get(), &now)); }
};

static_assert(sizeof(station) == sizeof(void*) && sizeof(link) == sizeof(void*));

}  // inline namespace
}  // namespace shokyo

#endif
