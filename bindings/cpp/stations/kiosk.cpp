// A whole kiosk: one customer, from the card in the reader to the paper in the hand, over a real connection.
//
//   kiosk CONFIGURATION OPERATOR ISSUER KIND [ADDRESS] <subject >document
//
// The holder of the card is read from standard input, and the document goes through windows to standard output, which stands for the
// printer. Reader, terminal, printer, tray and attendant are played by this program: each reports at once. Exits with 0 when the document is
// delivered and erased, and every receipt is with the issuing system.
#include "neighbour.hpp"

#include <csignal>
#include <cstdlib>

namespace {

class kiosk_host {
public:
    kiosk_host(char** arguments, const char* address)
        : operator_name_(arguments[2]),
          issuer_(arguments[3]),
          kind_(arguments[4]),
          station_(shokyo::station::open(arguments[1])),
          outbox_(shokyo::outbox::open(station_)),
          customer_(shokyo::customer::begin(station_, shokyo::read_clock(), SHOKYO_CREDENTIAL_CARD)),
          upstream_(connected(address)) {}

    // The card is put in and read; the customer chooses, and takes the card out. Then the loop, to its end: whether all went well.
    bool serve() {
        const ssize_t subject = ::read(STDIN_FILENO, subject_.data(), subject_.size());
        subject_length_ = subject > 0 ? static_cast<std::size_t>(subject) : 0;
        customer_.handle_authentication(shokyo::read_clock(), subject > 0);
        if (subject > 0) customer_.choose(shokyo::read_clock());
        report(SHOKYO_DEVICE_CARD_REMOVED);
        settle();
        const bool served = loop();
        if (served) {
            upstream_.close([](std::uint64_t, shokyo::byte_view) {});
        }
        return served && delivered_ && outcome_ == SHOKYO_OUTCOME_COMPLETE;
    }

private:
    neighbour connected(const char* address) {
        descriptor socket = socket_at(address != nullptr ? address : station_.address(SHOKYO_ADDRESS_UPSTREAM), false);
        if (!socket) throw std::runtime_error("no connection to the neighbour");
        return neighbour(std::move(socket), shokyo::link::connect(station_, shokyo::read_clock()));
    }

    void report(std::uint32_t device) {
        attempt("a device", [&] { customer_.handle_device(shokyo::read_clock(), device); });
    }

    void apply() {
        const shokyo_now now = shokyo::read_clock();
        auto application = shokyo::sized<shokyo_application>();
        application.copies = 1;
        application.operator_name = operator_name_;
        application.issuer = issuer_;
        application.document_kind = kind_;
        application.subject = subject_.data();
        application.subject_length = subject_length_;
        if (!attempt("applying", [&] { transaction_ = shokyo::kiosk::apply(station_, now, application); })) {
            attempt("the customer", [&] { customer_.handle_apply_failed(now); });
        }
        // What was read from the card is sealed now, or of no use.
        shokyo::wipe(subject_);
    }

    // Each piece goes from the window to the pipe and nowhere else: no buffer of a stream's.
    void print() {
        auto whole = shokyo::reading::stopped;
        const auto piece = [](std::uint64_t, shokyo::byte_view plain) {
            for (const std::uint8_t* at = plain.begin(); at != plain.end();) {
                const ssize_t written = ::write(STDOUT_FILENO, at, static_cast<std::size_t>(plain.end() - at));
                if (written < 0 && errno != EINTR) return false;
                if (written > 0) at += written;
            }
            return true;
        };
        attempt("printing", [&] { whole = transaction_.for_each_window(shokyo::read_clock(), piece); });
        report(whole == shokyo::reading::whole ? SHOKYO_DEVICE_PRINTED : SHOKYO_DEVICE_JAM);
    }

    void erase(std::uint32_t cause) {
        const shokyo_now now = shokyo::read_clock();
        shokyo::wipe(subject_);
        if (!transaction_) return;
        if (cause != SHOKYO_CAUSE_DELIVERED) {
            attempt("cancelling", [&] { transaction_.cancel(now, cause); });
        } else if (attempt("delivering", [&] { transaction_.delivered(now); })) {
            report(SHOKYO_DEVICE_PAPER_TAKEN);
        }
    }

    // Does what the customer's session says.
    void obey(const shokyo_customer_event& event) {
        const shokyo_now now = shokyo::read_clock();
        switch (event.kind) {
        case SHOKYO_CUSTOMER_EVENT_APPLY: return apply();
        case SHOKYO_CUSTOMER_EVENT_HOLD_PAYMENT:
            attempt("the terminal", [&] { customer_.handle_payment(now, SHOKYO_PAYMENT_HELD); });
            break;
        case SHOKYO_CUSTOMER_EVENT_ASK_TO_PRINT: attempt("asking to print", [&] { transaction_.print(now); }); break;
        case SHOKYO_CUSTOMER_EVENT_CAPTURE_PAYMENT:
            attempt("the terminal", [&] { customer_.handle_payment(now, SHOKYO_PAYMENT_CAPTURED); });
            break;
        case SHOKYO_CUSTOMER_EVENT_PRINT: return print();
        case SHOKYO_CUSTOMER_EVENT_ERASE: return erase(event.cause);
        case SHOKYO_CUSTOMER_EVENT_WARN:
            std::fprintf(stderr, "warning: %s\n",
                         event.about == SHOKYO_WARNING_CREDENTIAL ? "take your card"
                         : event.about == SHOKYO_WARNING_PAPER    ? "take your certificate"
                                                                  : "please wait for the attendant");
            // Who comes, sees to the printer, and says so.
            if (event.about == SHOKYO_WARNING_ATTENDANT) attempt("the attendant", [&] { customer_.acknowledge(now); });
            break;
        case SHOKYO_CUSTOMER_EVENT_FINISHED:
            finished_ = true;
            delivered_ = event.delivered == 1;
            break;
        default: break;
        }
    }

    // Records, events and frames, until nothing moves.
    void settle() {
        for (bool moved = true; moved;) {
            const shokyo_now now = shokyo::read_clock();
            moved = false;
            attempt("alarms", [&] { customer_.store_records(now); });
            attempt("acknowledgements", [&] { outbox_.store_records(now); });
            if (transaction_) {
                attempt("records", [&] { transaction_.store_records(now); });
                for (auto event = transaction_.poll_event(); event.kind != SHOKYO_EVENT_NONE; event = transaction_.poll_event()) {
                    moved = true;
                    tell(now, event);
                }
            }
            for (auto order = customer_.poll_event(); order.kind != SHOKYO_CUSTOMER_EVENT_NONE; order = customer_.poll_event()) {
                moved = true;
                obey(order);
            }
            if (upstream_.is_open()) {
                moved |= transaction_ && send(now, transaction_);
                moved |= send(now, outbox_);
            }
        }
    }

    void tell(const shokyo_now& now, const shokyo_event& event) {
        try {
            customer_.handle_kiosk(now, event);
        } catch (const shokyo::error&) {
            // The customer's session is over, and this is about receipts alone.
        }
        if (event.kind == SHOKYO_EVENT_ERASED) {
            std::fprintf(stderr, "erased, %s\n", event.verified == 1 ? "and read back" : "NOT VERIFIED");
        }
        if (event.kind == SHOKYO_EVENT_FINISHED) outcome_ = event.outcome;
    }

    // Sends the frames that wait; whether there were any.
    template <class M>
    bool send(const shokyo_now& now, M& machine) {
        bool any = false;
        while (const std::size_t length = machine.poll_frame(frame_)) {
            any = true;
            attempt("sending", [&] { upstream_.link().send_frame(now, shokyo::byte_view(frame_.data(), length)); });
        }
        return any;
    }

    void take(shokyo::byte_view frame) {
        const shokyo_now now = shokyo::read_clock();
        bool taken = false;
        if (attempt("an answer", [&] { taken = outbox_.handle_frame(now, frame); }) && !taken && transaction_) {
            attempt("a frame", [&] { transaction_.handle_frame(now, frame); });
        }
        settle();
    }

    // Serves until the customer is gone and the transaction over; whether the connection lived so long.
    bool loop() {
        for (;;) {
            upstream_.write();
            pollfd watched{upstream_.socket(), upstream_.events(), 0};
            const auto transaction = transaction_ ? transaction_.next_deadline() : std::nullopt;
            poll(&watched, 1,
                 milliseconds_until(customer_.next_deadline(), upstream_.link().next_deadline(), outbox_.next_deadline(), transaction));
            upstream_.read([&](std::uint64_t, shokyo::byte_view frame) { take(frame); });
            const shokyo_now now = shokyo::read_clock();
            attempt("the link", [&] { upstream_.link().handle_timeout(now); });
            customer_.handle_timeout(now);
            outbox_.handle_timeout(now);
            if (transaction_) transaction_.handle_timeout(now);
            if (upstream_.is_over()) {
                if (transaction_) {
                    transaction_.handle_peer_lost(now);
                    attempt("cancelling", [&] { transaction_.cancel(now, SHOKYO_CAUSE_PEER_LOST); });
                }
                settle();
                return false;
            }
            settle();
            if (finished_ && (!transaction_ || transaction_.is_finished())) return true;
        }
    }

    const char *operator_name_, *issuer_, *kind_;
    std::array<std::uint8_t, 64> subject_{};
    std::size_t subject_length_ = 0;
    std::array<std::uint8_t, SHOKYO_MAX_FRAME> frame_{};
    shokyo::station station_;
    shokyo::outbox outbox_;
    shokyo::customer customer_;
    shokyo::kiosk transaction_;
    neighbour upstream_;
    bool delivered_ = false, finished_ = false;
    std::uint32_t outcome_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) {
        std::fprintf(stderr, "usage: %s CONFIGURATION OPERATOR ISSUER KIND [ADDRESS] <subject >document\n", arguments[0]);
        return EXIT_FAILURE;
    }
    // A printer that is gone is a jam, and not the end of the kiosk.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        shokyo::erase_on_exit();
        kiosk_host host(arguments, count > 5 ? arguments[5] : nullptr);
        return host.serve() ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
