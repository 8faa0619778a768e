// An issuing system with a register of one row, over real connections, until its standard input ends.
//
//   issuer CONFIGURATION SUBJECT DOCUMENT [ADDRESS]
//
// It says "listening HOST:PORT" on standard output, and issues the document's file to the holder of the row and to nobody else.
#include "neighbour.hpp"

#include <cstdlib>
#include <fstream>
#include <list>
#include <set>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace {

class issuer_host {
public:
    issuer_host(char** arguments, const char* address)
        : subject_(arguments[2]),
          document_(arguments[3]),
          station_(shokyo::station::open(arguments[1])),
          issuer_(shokyo::issuer::open(station_)),
          listener_(socket_at(address != nullptr ? address : station_.address(SHOKYO_ADDRESS_LISTEN), true)) {
        sockaddr_in bound{};
        socklen_t length = sizeof bound;
        if (!listener_ || getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
            throw std::runtime_error("cannot listen");
        }
        std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(ntohs(bound.sin_port)));
        std::fflush(stdout);
    }

    // Serves until standard input ends; then ends what is open, and says goodbye.
    void run() {
        while (turn()) {
        }
        issuer_.shutdown(shokyo::read_clock());
        settle();
        for (neighbour& of : neighbours_) {
            of.close([&](std::uint64_t peer, shokyo::byte_view frame) { take(peer, frame); });
        }
        const shokyo_now now = shokyo::read_clock();
        issuer_.abandon(now);
        attempt("the last records", [&] { issuer_.store_records(now); });
    }

private:
    // The row's version: here the file's length, as the register's own counter would be.
    std::string version() const {
        std::ifstream file(document_, std::ios::binary | std::ios::ate);
        return std::to_string(static_cast<long long>(file.tellg()));
    }

    // Seals the document as it is read: 4 KiB of it are in this program's memory at a time, and wiped.
    bool compose(shokyo::session_view session) {
        std::array<std::uint8_t, 4096> piece{};
        const std::string row = version();
        const descriptor file(open(document_, O_RDONLY));
        ssize_t length = file ? 0 : -1;
        const bool sealed = attempt("sealing", [&] {
            // No copy in a buffer of a stream's.
            while (file && (length = ::read(file.number(), piece.data(), piece.size())) > 0) {
                issuer_.write(session, row, shokyo::byte_view(piece.data(), static_cast<std::size_t>(length)));
            }
        });
        shokyo::wipe(piece);
        return sealed && length == 0 &&
               attempt("offering", [&] { issuer_.offer(shokyo::read_clock(), session, subject_, version()); });
    }

    // The holder of the register's row gets the document. What was asked for stays in the window.
    void answer(const shokyo_event& event) {
        bool ours = false;
        attempt("an application", [&] {
            issuer_.application(event.session, [&](shokyo::byte_view subject, shokyo::byte_view) {
                ours = std::equal(subject.begin(), subject.end(), subject_.begin(), subject_.end(),
                                  [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
            });
        });
        if (!ours || !compose(event.session)) {
            std::fprintf(stderr, "an application is refused\n");
            attempt("refusing", [&] { issuer_.cancel(shokyo::read_clock(), event.session, SHOKYO_CAUSE_REFUSED); });
        }
    }

    // Records, events and frames, until nothing moves.
    void settle() {
        for (bool moved = true; moved;) {
            const shokyo_now now = shokyo::read_clock();
            moved = false;
            attempt("records", [&] { issuer_.store_records(now); });
            for (auto event = issuer_.poll_event(); event.kind != SHOKYO_EVENT_NONE; event = issuer_.poll_event()) {
                moved = true;
                if (event.kind == SHOKYO_EVENT_APPLICATION) answer(event);
                if (event.kind == SHOKYO_EVENT_FINISHED) {
                    std::fprintf(stderr, "a session is over, outcome %u\n", static_cast<unsigned>(event.outcome));
                }
            }
            for (auto next = issuer_.poll_frame(frame_); next.length > 0; next = issuer_.poll_frame(frame_)) {
                moved = true;
                send(now, next.peer, shokyo::byte_view(frame_.data(), next.length));
                // It may be a release.
                shokyo::wipe(shokyo::byte_span(frame_.data(), next.length));
            }
        }
    }

    void send(const shokyo_now& now, std::uint64_t peer, shokyo::byte_view frame) {
        const auto to = std::find_if(neighbours_.begin(), neighbours_.end(), [&](neighbour& of) { return of.peer() == peer; });
        if (to != neighbours_.end()) attempt("sending", [&] { to->link().send_frame(now, frame); });
    }

    // A station that was lost and is back goes on with its sessions.
    void welcome(std::uint64_t peer) {
        if (lost_.erase(peer) > 0) issuer_.handle_peer_back(shokyo::read_clock(), peer);
    }

    void take(std::uint64_t peer, shokyo::byte_view frame) {
        welcome(peer);
        attempt("a frame", [&] { issuer_.handle_frame(shokyo::read_clock(), peer, frame); });
        settle();
    }

    void accept_one() {
        descriptor made(accept(listener_.number(), nullptr, nullptr));
        if (!made || neighbours_.size() >= 4 || fcntl(made.number(), F_SETFL, O_NONBLOCK) != 0) return;
        attempt("a link", [&] { neighbours_.emplace_back(std::move(made), shokyo::link::accept(station_, shokyo::read_clock())); });
    }

    // Serves one connection; whether it goes on.
    bool serve(neighbour& of) {
        of.read([&](std::uint64_t peer, shokyo::byte_view frame) { take(peer, frame); });
        if (of.is_open()) welcome(*of.peer());
        const shokyo_now now = shokyo::read_clock();
        attempt("the link", [&] { of.link().handle_timeout(now); });
        of.write();
        if (!of.is_over()) return true;
        if (of.is_open() && lost_.insert(*of.peer()).second) issuer_.handle_peer_lost(now, *of.peer());
        return false;
    }

    // One turn of the loop; whether another follows.
    bool turn() {
        std::vector<pollfd> watched{{STDIN_FILENO, POLLIN, 0}, {listener_.number(), POLLIN, 0}};
        int wait = milliseconds_until(issuer_.next_deadline());
        for (neighbour& of : neighbours_) {
            watched.push_back({of.socket(), of.events(), 0});
            wait = std::min(wait, milliseconds_until(of.link().next_deadline()));
        }
        poll(watched.data(), watched.size(), wait);
        if (watched[0].revents != 0) return false;
        if (watched[1].revents != 0) accept_one();
        issuer_.handle_timeout(shokyo::read_clock());
        for (auto of = neighbours_.begin(); of != neighbours_.end();) of = serve(*of) ? std::next(of) : neighbours_.erase(of);
        settle();
        for (neighbour& of : neighbours_) of.write();
        return true;
    }

    std::string_view subject_;
    const char* document_;
    std::array<std::uint8_t, SHOKYO_MAX_FRAME> frame_{};
    shokyo::station station_;
    shokyo::issuer issuer_;
    descriptor listener_;
    std::list<neighbour> neighbours_;
    std::set<std::uint64_t> lost_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: %s CONFIGURATION SUBJECT DOCUMENT [ADDRESS]\n", arguments[0]);
        return EXIT_FAILURE;
    }
    try {
        shokyo::erase_on_exit();
        issuer_host host(arguments, count > 4 ? arguments[4] : nullptr);
        host.run();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
