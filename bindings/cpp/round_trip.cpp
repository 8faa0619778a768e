// A document's whole life in C++: sealed in pieces, looked at through windows, erased with evidence. Exits with 0 only if everything is as
// the header says.
#include <shokyo.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace {

constexpr std::uint64_t LENGTH = 100000;

// Nothing in the document repeats with the length of a chunk.
std::uint8_t byte_at(std::uint64_t offset) {
    return static_cast<std::uint8_t>((offset * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}

void require(const char* what, bool holds) {
    if (!holds) {
        std::fprintf(stderr, "%s: does not hold\n", what);
        std::exit(EXIT_FAILURE);
    }
}

shokyo::buffer seal(const shokyo::vault& vault) {
    shokyo::session_id session;
    shokyo::session_id context;
    session.fill(0x5E);
    context.fill(0xC0);
    shokyo::writer writer = vault.write(session, context);
    std::array<std::uint8_t, 777> piece;
    for (std::uint64_t offset = 0; offset < LENGTH;) {
        std::size_t length = 0;
        for (; length < piece.size() && offset < LENGTH; ++length, ++offset) {
            piece[length] = byte_at(offset);
        }
        writer.write({piece.data(), length});
    }
    shokyo::wipe(piece);
    return writer.finish();
}

void run() {
    const shokyo::vault vault = shokyo::vault::open();
    shokyo::buffer document = seal(vault);
    require("the length", document.length() == LENGTH);

    std::uint64_t seen = 0;
    document.for_each_window([&](std::uint64_t offset, shokyo::byte_view plain) {
        require("windows come in order", offset == seen);
        for (const std::uint8_t byte : plain) {
            require("the byte", byte == byte_at(seen++));
        }
    });
    require("all of it was seen", seen == LENGTH);

    // An exception of a reader's own arrives after the window is wiped.
    try {
        document.read_at(0, [](std::uint64_t, shokyo::byte_view) { throw std::logic_error("mine"); });
        require("an exception arrives", false);
    } catch (const std::logic_error&) {
    }

    const shokyo::erasure evidence = document.erase();
    require("the erasure is verified", evidence.verified());
    evidence.for_each_copy([](const shokyo_erased_copy& copy) {
        std::printf("%-10s %llu ranges, %llu bytes, %llu failed\n", shokyo_copy_class_name(copy.copy_class),
                    static_cast<unsigned long long>(copy.verified), static_cast<unsigned long long>(copy.bytes),
                    static_cast<unsigned long long>(copy.failed));
    });

    try {
        document.length();
        require("an erased document has no length", false);
    } catch (const shokyo::error& error) {
        require("because its handle is empty", error.status() == SHOKYO_STATUS_INVALID_HANDLE);
        std::printf("as it must be: %s\n", error.what());
    }
}

}  // namespace

int main() {
    try {
        run();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
