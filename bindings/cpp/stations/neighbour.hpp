// A neighbour of a station over a socket: what a host does around shokyo::link. Sockets do not block; one loop serves them all.
#ifndef NEIGHBOUR_HPP
#define NEIGHBOUR_HPP

#include <shokyo.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

// A file descriptor, closed at the end.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor() {
        if (number_ >= 0) close(number_);
    }
    int number() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }

private:
    int number_ = -1;
};

// Tries what may fail and is gone on from: whether it succeeded. The words never hold data of a document or a person.
template <class F>
bool attempt(const char* what, F&& call) {
    try {
        call();
        return true;
    } catch (const shokyo::error& error) {
        std::fprintf(stderr, "%s: %s (%s)\n", what, error.text(), error.what());
        return false;
    }
}

// A socket to "host:port". Where `listening` is set, one that takes connections there. None when it cannot be had.
inline descriptor socket_at(const std::string& address, bool listening) {
    const std::size_t colon = address.rfind(':');
    addrinfo hints{};
    addrinfo* found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (colon == std::string::npos ||
        getaddrinfo(address.substr(0, colon).c_str(), address.c_str() + colon + 1, &hints, &found) != 0) {
        return {};
    }
    descriptor made(socket(found->ai_family, found->ai_socktype, found->ai_protocol));
    const int one = 1;
    const bool well =
        made && (listening ? setsockopt(made.number(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                                 bind(made.number(), found->ai_addr, found->ai_addrlen) == 0 && listen(made.number(), 8) == 0
                           : connect(made.number(), found->ai_addr, found->ai_addrlen) == 0);
    freeaddrinfo(found);
    return well && fcntl(made.number(), F_SETFL, O_NONBLOCK) == 0 ? std::move(made) : descriptor();
}

// A connection.
class neighbour {
public:
    // Begins with a connected socket.
    neighbour(descriptor socket, shokyo::link link) : socket_(std::move(socket)), link_(std::move(link)) {}

    int socket() const { return socket_.number(); }
    bool is_open() const { return peer_.has_value(); }
    std::optional<std::uint64_t> peer() const { return peer_; }
    shokyo::link& link() { return link_; }
    short events() const { return static_cast<short>(out_at_ < out_end_ ? POLLIN | POLLOUT : POLLIN); }

    // Reads what the socket has, and hands every frame over: take(peer, frame).
    template <class F>
    void read(F&& take) {
        const shokyo_now now = shokyo::read_clock();
        if (in_at_ == in_end_) {
            const ssize_t got = recv(socket(), in_.data(), in_.size(), 0);
            in_at_ = 0;
            in_end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
                attempt("the end of a connection", [&] { link_.receive_end(now); });
            }
        }
        std::size_t taken = 0;
        do {
            taken = 0;
            const shokyo::byte_view bytes(in_.data() + in_at_, in_end_ - in_at_);
            if (!bytes.empty() && !attempt("receiving", [&] { taken = link_.receive(now, bytes); })) in_at_ = in_end_;
            in_at_ += taken;
            if (const shokyo_link_info info = link_.describe(); !peer_ && info.state == SHOKYO_LINK_OPEN) peer_ = info.peer;
            while (const std::size_t length = next_frame(now)) {
                take(peer_.value_or(0), shokyo::byte_view(frame_.data(), length));
                // It may be a release.
                shokyo::wipe(shokyo::byte_span(frame_.data(), length));
            }
        } while (in_at_ < in_end_ && taken > 0);
    }

    // Writes what the link has, as far as the socket takes it.
    void write() {
        const shokyo_now now = shokyo::read_clock();
        for (;;) {
            if (out_at_ == out_end_) {
                out_at_ = out_end_ = 0;
                attempt("sending", [&] { out_end_ = link_.poll_bytes(now, out_); });
                if (out_end_ == 0) return;
            }
            const ssize_t sent = ::send(socket(), out_.data() + out_at_, out_end_ - out_at_, MSG_NOSIGNAL);
            if (sent < 0) return;
            out_at_ += static_cast<std::size_t>(sent);
        }
    }

    // Whether the connection is over, and everything that it still had to say was said.
    bool is_over() const {
        const std::uint32_t state = link_.describe().state;
        return state == SHOKYO_LINK_CLOSED || state == SHOKYO_LINK_FAILED;
    }

    // Says goodbye in order, and waits at most a second for the neighbour to do the same.
    template <class F>
    void close(F&& take) {
        shokyo_now now = shokyo::read_clock();
        const std::uint64_t until = now.monotonic_ms + 1000;
        attempt("a goodbye", [&] { link_.close(now); });
        do {
            pollfd watched{socket(), POLLIN, 0};
            write();
            poll(&watched, 1, 50);
            read(take);
            now = shokyo::read_clock();
        } while (!is_over() && now.monotonic_ms < until);
    }

private:
    std::size_t next_frame(const shokyo_now& now) {
        std::size_t length = 0;
        // A link that has failed said so above.
        try {
            length = link_.poll_frame(now, frame_);
        } catch (const shokyo::error&) {
        }
        return length;
    }

    descriptor socket_;
    shokyo::link link_;
    std::optional<std::uint64_t> peer_;
    std::array<std::uint8_t, 16384> in_{}, out_{};
    std::size_t in_at_ = 0, in_end_ = 0, out_at_ = 0, out_end_ = 0;
    std::array<std::uint8_t, SHOKYO_MAX_FRAME> frame_{};
};

// Milliseconds until the first of some deadlines, at most a second.
template <class... D>
int milliseconds_until(const D&... deadlines) {
    const std::uint64_t now = shokyo::read_clock().monotonic_ms;
    const auto left = [&](const std::optional<std::uint64_t>& at) { return !at ? 1000 : *at > now ? *at - now : 0; };
    return static_cast<int>(std::min<std::uint64_t>({1000, left(deadlines)...}));
}

#endif
