// An exception that leaves a callback, although the header forbids it: the window is wiped before the process is stopped.
#include <csignal>
#include <stdexcept>

#include "host.h"

static const unsigned char *window;

extern "C" void aborted(int)
{
    _exit(is_wiped(window, 16000) ? 7 : 8);
}

static int32_t throws(void *, uint64_t, const uint8_t *plain, size_t)
{
    window = plain;
    throw std::runtime_error("from a callback");
}

static void by_exception()
{
    shokyo_vault *vault = open_vault();
    shokyo_buffer *document = sealed(vault, 0x11, 16000);
    std::signal(SIGABRT, aborted);
    try {
        shokyo_buffer_read_at(document, 0, throws, nullptr);
    } catch (...) {
        _exit(2);
    }
    _exit(3);
}

int main()
{
    return scenario("exception", by_exception, 7);
}
