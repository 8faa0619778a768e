/* Callbacks that leave their window in ways that the header forbids, threads that are cancelled, and exits at the wrong moment. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include "host.h"

static shokyo_vault *vault;
static shokyo_buffer *document;
static const unsigned char *window;
static jmp_buf outside;

static int32_t look(void *expected, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)offset;
    window = plain;
    return length > 0 && plain[0] == *(const int *)expected ? 0 : -1;
}

static int32_t jump(void *data, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)data, (void)offset, (void)length;
    window = plain;
    longjmp(outside, 1);
}

static void by_longjmp(void)
{
    static int small = 0x22;
    shokyo_buffer *other;
    vault = open_vault();
    document = sealed(vault, 0x11, 16000);
    other = sealed(vault, small, 100);
    if (setjmp(outside) == 0) {
        shokyo_buffer_read_at(document, 0, jump, NULL);
        _exit(2);
    }
    CHECK(!is_wiped(window, 16000));
    /* There is one window. The thread's next call finds it left behind, wipes it and lends it again. */
    CHECK(shokyo_buffer_read_at(other, 0, look, &small) == SHOKYO_STATUS_OK);
    CHECK(is_wiped(window, 16000));
    _exit(0);
}

static pthread_barrier_t inside;

static int32_t slow(void *data, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)data, (void)offset, (void)length;
    window = plain;
    pthread_barrier_wait(&inside);
    pthread_barrier_wait(&inside);
    /* Cancelled by now, in a function that is a cancellation point. */
    usleep(1000);
    pthread_testcancel();
    return 0;
}

static void *reading(void *data)
{
    (void)data;
    if (shokyo_buffer_read_at(document, 0, slow, NULL) != SHOKYO_STATUS_OK) _exit(3);
    pthread_testcancel();
    _exit(4);
}

static void by_cancellation(void)
{
    static int fill = 0x11;
    pthread_t thread;
    void *ended = NULL;
    vault = open_vault();
    document = sealed(vault, fill, 16000);
    pthread_barrier_init(&inside, NULL, 2);
    CHECK(pthread_create(&thread, NULL, reading, NULL) == 0);
    pthread_barrier_wait(&inside);
    CHECK(pthread_cancel(thread) == 0);
    pthread_barrier_wait(&inside);
    CHECK(pthread_join(thread, &ended) == 0 && ended == PTHREAD_CANCELED);
    CHECK(is_wiped(window, 16000));
    CHECK(shokyo_buffer_read_at(document, 0, look, &fill) == SHOKYO_STATUS_OK);
    _exit(0);
}

static void aborted(int signal)
{
    (void)signal;
    _exit(is_wiped(window, 16000) ? 7 : 8);
}

static int32_t leave_thread(void *data, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)data, (void)offset, (void)length;
    window = plain;
    pthread_exit(NULL);
}

static void by_thread_exit(void)
{
    vault = open_vault();
    document = sealed(vault, 0x11, 16000);
    signal(SIGABRT, aborted);
    shokyo_buffer_read_at(document, 0, leave_thread, NULL);
    _exit(2);
}

static void at_exit(void)
{
    static int fill = 0x11;
    shokyo_status status = shokyo_buffer_read_at(document, 0, look, &fill);
    /* The window is lent while exit runs inside a callback; then the document says so before it says that it is erased. */
    _exit(status == SHOKYO_STATUS_ERASED || status == SHOKYO_STATUS_WINDOW_IN_USE || status == SHOKYO_STATUS_WINDOW_TIMEOUT
              ? 7
              : 8);
}

static void by_exit(void)
{
    vault = open_vault();
    document = sealed(vault, 0x11, 16000);
    /* Runs after what the library registers below. */
    atexit(at_exit);
    CHECK(shokyo_erase_on_exit() == SHOKYO_STATUS_OK);
    exit(3);
}

static int32_t leave_process(void *data, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)data, (void)offset, (void)plain, (void)length;
    exit(3);
}

static void by_exit_in_a_callback(void)
{
    vault = open_vault();
    document = sealed(vault, 0x11, 16000);
    atexit(at_exit);
    CHECK(shokyo_erase_on_exit() == SHOKYO_STATUS_OK);
    shokyo_buffer_read_at(document, 0, leave_process, NULL);
    _exit(2);
}

static void by_exit_while_another_thread_reads(void)
{
    pthread_t thread;
    vault = open_vault();
    document = sealed(vault, 0x11, 16000);
    atexit(at_exit);
    CHECK(shokyo_erase_on_exit() == SHOKYO_STATUS_OK);
    pthread_barrier_init(&inside, NULL, 2);
    CHECK(pthread_create(&thread, NULL, reading, NULL) == 0);
    pthread_barrier_wait(&inside);
    exit(3);
}

static void handler(int signal)
{
    shokyo_erase_all_outcome outcome;
    (void)signal;
    memset(&outcome, 0, sizeof outcome);
    outcome.struct_size = sizeof outcome;
    if (shokyo_erase_now(&outcome) != SHOKYO_STATUS_OK || outcome.destroyed != 1 || outcome.verified != 1) _exit(5);
    if (shokyo_erase_now(NULL) != SHOKYO_STATUS_OK) _exit(6);
}

static void by_signal(void)
{
    static int fill = 0x11;
    vault = open_vault();
    document = sealed(vault, fill, 16000);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    CHECK(shokyo_buffer_read_at(document, 0, look, &fill) == SHOKYO_STATUS_ERASED);
    CHECK(shokyo_erase_on_signals(0) == SHOKYO_STATUS_INVALID_ARGUMENT);
    CHECK(shokyo_erase_on_signals(4) == SHOKYO_STATUS_INVALID_ARGUMENT);
    signal(SIGABRT, aborted);
    document = sealed(vault, fill, 16000);
    CHECK(shokyo_buffer_read_at(document, 0, look, &fill) == SHOKYO_STATUS_OK);
    CHECK(shokyo_erase_on_signals(SHOKYO_SIGNALS_FAULTS | SHOKYO_SIGNALS_ENDS) == SHOKYO_STATUS_OK);
    abort();
}

int main(void)
{
    return scenario("longjmp", by_longjmp, 0) | scenario("cancellation", by_cancellation, 0)
           | scenario("pthread_exit", by_thread_exit, 7) | scenario("exit", by_exit, 7)
           | scenario("exit in a callback", by_exit_in_a_callback, 7)
           | scenario("exit while another thread reads", by_exit_while_another_thread_reads, 7)
           | scenario("signal", by_signal, 7);
}
