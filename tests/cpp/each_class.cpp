// Every class of shokyo.hpp once, in the style that the compiler is told: four stations of the development infrastructure in one process,
// frames passed by hand. The argument is the folder that `shokyo keys init` wrote.
#include <shokyo.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#define CHECK(condition) check((condition), #condition, __LINE__)

namespace {

void check(bool holds, const char* what, int line) {
    if (!holds) {
        std::fprintf(stderr, "each_class.cpp:%d: %s: %s\n", line, what, shokyo::last_detail().c_str());
        std::exit(EXIT_FAILURE);
    }
}

// What a call gives, which must succeed, and the status of one that must fail: the only places that know the style.
#ifdef SHOKYO_RESULTS
template <class T>
T must(shokyo::result<T> outcome) {
    check(static_cast<bool>(outcome), outcome.text(), 0);
    return std::move(outcome).value();
}
void must(shokyo::result<void> outcome) { check(static_cast<bool>(outcome), outcome.text(), 0); }
template <class F>
shokyo_status status_of(F&& call) { return call().status(); }
#define MUST(call) must(call)
#else
#define MUST(call) (call)
template <class F>
shokyo_status status_of(F&& call) {
    try {
        call();
    } catch (const shokyo::error& error) {
        CHECK(error.what()[0] != '\0' && error.text()[0] != '\0');
        return error.status();
    }
    return SHOKYO_STATUS_OK;
}
#endif

constexpr std::uint64_t DOWN = 1;
const std::string SUBJECT = "S-0001";
using frame_bytes = std::vector<std::uint8_t>;

shokyo_now now() { return MUST(shokyo::read_clock()); }

void documents() {
    auto options = shokyo::sized<shokyo_vault_options>();
    options.windows = 2;
    options.best_effort = 1;
    const shokyo::vault vault = MUST(shokyo::vault::open(options));
    CHECK((MUST(vault.protections()) & SHOKYO_PROTECTION_LOCKED) != 0);
    shokyo::session_id session;
    session.fill(7);
    shokyo::writer writer = MUST(vault.write(session, session));
    MUST(writer.write("a text of the caller's"));
    shokyo::writer moved = std::move(writer);
    CHECK(!writer && moved);
    CHECK(status_of([&] { return writer.write("x"); }) == SHOKYO_STATUS_INVALID_HANDLE);
    shokyo::buffer buffer = MUST(moved.finish());
    CHECK(!moved && MUST(buffer.length()) == 22);

    std::string seen;
    const auto look = [&seen](std::uint64_t, shokyo::byte_view plain) { seen.append(plain.begin(), plain.end()); };
    CHECK(MUST(buffer.for_each_window(look)) == shokyo::reading::whole && seen == "a text of the caller's");
    const auto stop = [](std::uint64_t, shokyo::byte_view) { return false; };
    CHECK(MUST(buffer.read_at(2, stop)) == shokyo::reading::stopped);
    CHECK(status_of([&] { return buffer.read_at(1000, look); }) == SHOKYO_STATUS_OUT_OF_RANGE);
#if SHOKYO_HAS_EXCEPTIONS
    try {
        static_cast<void>(buffer.for_each_window([](std::uint64_t, shokyo::byte_view) { throw 42; }));
        CHECK(false);
    } catch (int thrown) {
        CHECK(thrown == 42);
    }
#endif
    CHECK(status_of([&] {
              return buffer.read_at(0, [&](std::uint64_t, shokyo::byte_view) {
                  CHECK(status_of([&] { return buffer.erase(); }) == SHOKYO_STATUS_HANDLE_IN_USE);
              });
          }) == SHOKYO_STATUS_OK);

    const shokyo::erasure evidence = MUST(buffer.erase());
    CHECK(!buffer && MUST(evidence.verified()));
    CHECK(shokyo::session_view(MUST(evidence.describe()).session) == session);
    std::size_t classes = 0;
    MUST(evidence.for_each_copy([&](const shokyo_erased_copy& copy) { classes += copy.failed == 0 ? 1U : 100U; }));
    CHECK(classes == MUST(evidence.copy_count()) && classes >= 2);
    CHECK(status_of([&] { return evidence.copy_at(99); }) == SHOKYO_STATUS_OUT_OF_RANGE);

    shokyo::writer given_up = MUST(vault.write(session, session));
    CHECK(MUST(MUST(given_up.erase()).verified()));
    CHECK(MUST(vault.erase_all()).failed == 0);
    CHECK(MUST(shokyo::erase_now()).failed == 0);
    MUST(shokyo::erase_on_exit());
}

void process() {
    static int told = 0;
    MUST(shokyo::log_to([](const shokyo_log_event& event) noexcept { told += event.kind == SHOKYO_LOG_CALL_FAILED; }));
    CHECK(status_of([] { return shokyo::frame_session("no frame"); }) != SHOKYO_STATUS_OK && told == 1);
    MUST(shokyo::log_to_nobody());
    auto options = shokyo::sized<shokyo_hardening_options>();
    options.steps = SHOKYO_HARDENING_NO_CORE_FILE;
    CHECK(MUST(shokyo::harden_process(options)).achieved == SHOKYO_HARDENING_NO_CORE_FILE);
    std::string secret = "secret";
    MUST(shokyo::wipe(secret));
    CHECK(secret == std::string(6, '\0'));
}

struct town {
    shokyo::station issuer_station, centre_station, ec_station, kiosk_station;
    shokyo::issuer issuer;
    shokyo::relay centre, ec;
    shokyo::kiosk kiosk;
    shokyo::customer customer;
    frame_bytes receipt;
    std::string document = std::string(50000, 'D');
    bool ready = false, may_print = false, finished = false;
    bool apply = false, ask_to_print = false, erase = false;
};

// Frames of a wrong moment are refused, and said to the machine's outputs: no failure here.
template <class F>
void try_to(F&& call) { static_cast<void>(status_of(call)); }

void store(town& all) {
    const shokyo_now at = now();
    try_to([&] { return all.issuer.store_records(at); });
    try_to([&] { return all.centre.store_records(at); });
    try_to([&] { return all.ec.store_records(at); });
    // The kiosk's host keeps its records.
    std::vector<std::uint8_t> place(8192);
    while (all.kiosk) {
        std::size_t length = 0;
        const shokyo_record record = MUST(all.kiosk.poll_record(place, length));
        if (record.kind == SHOKYO_RECORD_NONE) break;
        if (record.kind == SHOKYO_RECORD_OWN_RECEIPT) all.receipt.assign(place.begin(), place.begin() + static_cast<std::ptrdiff_t>(length));
        MUST(all.kiosk.handle_stored(at, record.token, SHOKYO_STORED_DURABLE));
    }
    if (all.kiosk) CHECK(status_of([&] { return all.kiosk.store_records(at); }) == SHOKYO_STATUS_WRONG_STATE);
    while (all.customer && MUST(all.customer.poll_record()).kind != SHOKYO_RECORD_NONE) {
    }
}

void compose(town& all, const shokyo_event& event) {
    std::string subject;
    const auto keep = [&](shokyo::byte_view who, shokyo::byte_view) { subject.assign(who.begin(), who.end()); };
    CHECK(MUST(all.issuer.application(event.session, keep)) == shokyo::reading::whole && subject == SUBJECT);
    MUST(all.issuer.write(event.session, "v1", all.document));
    CHECK(status_of([&] { return all.issuer.write(event.session, "v2", "x"); }) == SHOKYO_STATUS_MISMATCH);
    MUST(all.issuer.offer(now(), event.session, subject, "v1"));
}

bool events(town& all) {
    bool any = false;
    for (shokyo_event event = MUST(all.issuer.poll_event()); event.kind != SHOKYO_EVENT_NONE; event = MUST(all.issuer.poll_event())) {
        any = true;
        if (event.kind == SHOKYO_EVENT_APPLICATION) compose(all, event);
    }
    for (shokyo_event event = MUST(all.centre.poll_event()); event.kind != SHOKYO_EVENT_NONE; event = MUST(all.centre.poll_event())) {
        any = true;
        if (event.kind == SHOKYO_EVENT_OFFERED) MUST(all.centre.attach(now(), event.session, "parameters"));
    }
    while (MUST(all.ec.poll_event()).kind != SHOKYO_EVENT_NONE) any = true;
    if (all.kiosk) {
        for (shokyo_event event = MUST(all.kiosk.poll_event()); event.kind != SHOKYO_EVENT_NONE; event = MUST(all.kiosk.poll_event())) {
            any = true;
            all.ready |= event.kind == SHOKYO_EVENT_READY;
            all.may_print |= event.kind == SHOKYO_EVENT_MAY_PRINT;
            all.finished |= event.kind == SHOKYO_EVENT_FINISHED;
            MUST(all.customer.handle_kiosk(now(), event));
        }
    }
    if (all.customer) {
        for (auto next = MUST(all.customer.poll_event()); next.kind != SHOKYO_CUSTOMER_EVENT_NONE; next = MUST(all.customer.poll_event())) {
            any = true;
            all.apply |= next.kind == SHOKYO_CUSTOMER_EVENT_APPLY;
            all.ask_to_print |= next.kind == SHOKYO_CUSTOMER_EVENT_ASK_TO_PRINT;
            all.erase |= next.kind == SHOKYO_CUSTOMER_EVENT_ERASE;
        }
    }
    return any;
}

bool frames(town& all) {
    bool any = false;
    frame_bytes place(SHOKYO_MAX_FRAME);
    const auto frame = [&](std::size_t length) { return shokyo::byte_view(place.data(), length); };
    while (all.kiosk) {
        const std::size_t length = MUST(all.kiosk.poll_frame(place));
        if (length == 0) break;
        any = true;
        try_to([&] { return all.ec.handle_frame(now(), DOWN, frame(length)); });
        store(all);
    }
    const auto relayed = [&](shokyo::relay& relay, bool is_ec) {
        for (;;) {
            const shokyo::outgoing next = MUST(relay.poll_frame(place));
            if (next.length == 0) return;
            any = true;
            if (next.ticket != 0) MUST(relay.handle_sent(now(), next.ticket));
            try_to([&] {
                const shokyo_now at = now();
                if (next.peer == SHOKYO_UPSTREAM)
                    return is_ec ? all.centre.handle_frame(at, DOWN, frame(next.length)) : all.issuer.handle_frame(at, DOWN, frame(next.length));
                return is_ec ? all.kiosk.handle_frame(at, frame(next.length)) : all.ec.handle_frame(at, SHOKYO_UPSTREAM, frame(next.length));
            });
            store(all);
        }
    };
    relayed(all.ec, true);
    relayed(all.centre, false);
    for (;;) {
        const shokyo::outgoing next = MUST(all.issuer.poll_frame(place));
        if (next.length == 0) return any;
        any = true;
        CHECK(!MUST(all.centre.must_wait(frame(next.length))));
        try_to([&] { return all.centre.handle_frame(now(), SHOKYO_UPSTREAM, frame(next.length)); });
        store(all);
    }
}

void run(town& all) {
    for (int turn = 0; turn < 10000; ++turn) {
        store(all);
        const bool moved = events(all);
        store(all);
        if (!(frames(all) || moved)) return;
    }
    check(false, "the town comes to rest", __LINE__);
}

frame_bytes machines(const std::string& folder) {
    town all;
    const auto open = [&](const char* role) { return MUST(shokyo::station::open((folder + "/" + role + ".toml").c_str())); };
    CHECK(status_of([&] { return shokyo::station::open("/no/such.toml"); }) != SHOKYO_STATUS_OK);
    all.issuer_station = open("issuer");
    all.centre_station = open("certificate-centre");
    all.ec_station = open("ec-centre");
    auto options = shokyo::sized<shokyo_station_options>();
    options.records_by_host = 1;
    all.kiosk_station = MUST(shokyo::station::open((folder + "/kiosk.toml").c_str(), options));
    CHECK(MUST(all.kiosk_station.describe()).role == SHOKYO_ROLE_KIOSK);
    CHECK(MUST(MUST(all.kiosk_station.documents()).protections()) != 0);
    CHECK(status_of([&] { return all.kiosk_station.lost_at(99); }) == SHOKYO_STATUS_OUT_OF_RANGE);
    CHECK(!MUST(all.kiosk_station.address(SHOKYO_ADDRESS_UPSTREAM)).empty());
    MUST(all.kiosk_station.reload_revocation());
    all.issuer = MUST(shokyo::issuer::open(all.issuer_station));
    all.centre = MUST(shokyo::relay::open(all.centre_station));
    all.ec = MUST(shokyo::relay::open(all.ec_station));
    CHECK(status_of([&] { return shokyo::issuer::open(all.kiosk_station); }) == SHOKYO_STATUS_MISMATCH);

    all.customer = MUST(shokyo::customer::begin(all.kiosk_station, now(), SHOKYO_CREDENTIAL_CARD));
    MUST(all.customer.handle_authentication(now(), true));
    MUST(all.customer.choose(now()));
    MUST(all.customer.handle_device(now(), SHOKYO_DEVICE_CARD_REMOVED));
    run(all);
    CHECK(all.apply && MUST(all.customer.describe()).state == SHOKYO_CUSTOMER_STATE_APPLYING);

    auto application = shokyo::sized<shokyo_application>();
    application.copies = 1;
    application.operator_name = "municipality";
    application.issuer = "issuer-1";
    application.document_kind = "resident-certificate";
    application.subject = SUBJECT.data();
    application.subject_length = SUBJECT.size();
    all.kiosk = MUST(shokyo::kiosk::apply(all.kiosk_station, now(), application));
    run(all);
    CHECK(all.ready && MUST(all.kiosk.next_deadline()).has_value());
    CHECK(MUST(all.kiosk.session()) != shokyo::session_id{});
    frame_bytes place(SHOKYO_MAX_FRAME);
    CHECK(MUST(all.kiosk.attachment(SHOKYO_ROLE_CERTIFICATE_CENTRE, place)) == 10);
    CHECK(MUST(all.issuer.open_sessions()) == 1);

    shokyo::copy copy = MUST(all.kiosk.register_copy(now(), SHOKYO_COPY_DERIVATIVE));
    std::string rendered;
    const auto look = [&](std::uint64_t, shokyo::byte_view plain) { rendered.append(plain.begin(), plain.end()); };
    CHECK(MUST(all.kiosk.for_each_window(now(), look)) == shokyo::reading::whole && rendered == all.document);
    CHECK(MUST(all.kiosk.read_at(now(), 5, [](std::uint64_t, shokyo::byte_view) { return false; })) == shokyo::reading::stopped);
    CHECK(MUST(all.kiosk.prove(now(), "challenge")) != (std::array<std::uint8_t, 32>{}));

    MUST(all.customer.handle_payment(now(), SHOKYO_PAYMENT_HELD));
    run(all);
    CHECK(all.ask_to_print);
    MUST(all.kiosk.print(now()));
    run(all);
    CHECK(all.may_print && status_of([&] { return all.kiosk.print(now()); }) == SHOKYO_STATUS_WRONG_STATE);
    CHECK(status_of([&] { return all.kiosk.delivered(now()); }) == SHOKYO_STATUS_WRONG_STATE);
    MUST(copy.erase(rendered));
    CHECK(!copy && rendered == std::string(all.document.size(), '\0'));
    MUST(all.customer.handle_device(now(), SHOKYO_DEVICE_PRINTED));
    run(all);
    CHECK(all.erase);
    MUST(all.kiosk.delivered(now()));
    run(all);
    CHECK(all.finished && MUST(all.kiosk.is_finished()) && MUST(all.issuer.open_sessions()) == 0);

    const shokyo_now at = now();
    MUST(all.issuer.handle_timeout(at));
    MUST(all.ec.handle_peer_lost(at, DOWN));
    MUST(all.ec.handle_peer_back(at, DOWN));
    MUST(all.centre.shutdown(at));
    MUST(all.centre.abandon(at));
    MUST(all.issuer.cancel(at, shokyo::session_id{}, SHOKYO_CAUSE_REQUESTED));
    return all.receipt;
}

// Both ends of one connection, without a socket.
void links(const std::string& folder) {
    const shokyo::station kiosk = MUST(shokyo::station::open((folder + "/kiosk.toml").c_str()));
    const shokyo::station centre = MUST(shokyo::station::open((folder + "/ec-centre.toml").c_str()));
    shokyo::link up = MUST(shokyo::link::connect(kiosk, now()));
    shokyo::link down = MUST(shokyo::link::accept(centre, now()));
    CHECK(status_of([&] { return shokyo::link::accept(kiosk, now()); }) == SHOKYO_STATUS_CONFIGURATION);
    CHECK(status_of([&] { return up.send_frame(now(), "early"); }) == SHOKYO_STATUS_WRONG_STATE);
    frame_bytes wire(4096);
    const auto carry = [&](shokyo::link& from, shokyo::link& to) {
        const std::size_t length = MUST(from.poll_bytes(now(), wire));
        CHECK(length == 0 || MUST(to.receive(now(), {wire.data(), length})) == length);
        return length;
    };
    while (carry(up, down) + carry(down, up) > 0) {
    }
    CHECK(MUST(up.is_open()) && MUST(down.is_open()) && MUST(up.describe()).peer == SHOKYO_UPSTREAM);
    CHECK(MUST(down.describe()).role == SHOKYO_ROLE_KIOSK && MUST(down.next_deadline()).has_value());
    MUST(up.send_frame(now(), "some frame"));
    while (carry(up, down) + carry(down, up) > 0) {
    }
    frame_bytes place(SHOKYO_MAX_FRAME);
    CHECK(MUST(down.poll_frame(now(), place)) == 10 && MUST(down.poll_frame(now(), place)) == 0);
    MUST(down.handle_timeout(now()));
    MUST(up.close(now()));
    while (carry(up, down) + carry(down, up) > 0) {
    }
    CHECK(MUST(down.describe()).state == SHOKYO_LINK_CLOSED);
    MUST(down.receive_end(now()));

    shokyo::outbox outbox = MUST(shokyo::outbox::open(kiosk));
    CHECK(MUST(outbox.poll_frame(place)) == 0);
    MUST(outbox.handle_timeout(now()));
    static_cast<void>(MUST(outbox.next_deadline()));
}

// The Ed25519 key in a certificate (RFC 8410): what stands behind its algorithm's name.
frame_bytes key_of(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "r");
    CHECK(file != nullptr);
    char line[128];
    std::uint32_t bits = 0;
    unsigned count = 0;
    std::string bytes;
    while (std::fgets(line, sizeof line, file) != nullptr) {
        const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (const char* place = line; line[0] != '-' && *place != '\0'; ++place) {
            const std::size_t value = alphabet.find(*place);
            if (value == std::string::npos) continue;
            bits = (bits << 6U) | static_cast<std::uint32_t>(value);
            if ((count += 6) >= 8) bytes.push_back(static_cast<char>((bits >> (count -= 8)) & 0xFFU));
        }
    }
    std::fclose(file);
    const std::string before("\x06\x03\x2b\x65\x70\x03\x21\x00", 8);
    const std::size_t start = bytes.rfind(before) + before.size();
    CHECK(bytes.find(before) != std::string::npos && start + 32 <= bytes.size());
    return frame_bytes(bytes.begin() + static_cast<std::ptrdiff_t>(start), bytes.begin() + static_cast<std::ptrdiff_t>(start + 32));
}

void receipts(const std::string& folder, const frame_bytes& bytes) {
    const frame_bytes key = key_of(folder + "/stations/kiosk-1/receipts-certificate.pem");
    const shokyo::receipt receipt = MUST(shokyo::receipt::verify(bytes, key));
    const shokyo_receipt_info info = MUST(receipt.describe());
    CHECK(info.authenticated == 1 && !MUST(receipt.text(SHOKYO_RECEIPT_PLAIN)).empty());
    frame_bytes copy(MUST(receipt.size_of(SHOKYO_RECEIPT_COSE)));
    CHECK(MUST(receipt.write_to(SHOKYO_RECEIPT_COSE, copy)) == bytes.size() && copy == bytes);
    for (std::size_t index = 0; index < info.copy_count; ++index) CHECK(MUST(receipt.copy_at(index)).copy_class != 0);
    for (std::size_t index = 0; index < info.not_covered_count; ++index) CHECK(MUST(receipt.not_covered_at(index)) != 0);
    CHECK(status_of([&] { return receipt.retained_at(99); }) == SHOKYO_STATUS_OUT_OF_RANGE);
    frame_bytes changed = bytes;
    changed.back() ^= 1U;
    CHECK(status_of([&] { return shokyo::receipt::verify(changed, key); }) == SHOKYO_STATUS_BAD_SIGNATURE);
    CHECK(MUST(MUST(shokyo::receipt::read_unverified(changed)).describe()).authenticated == 0);
}

// The verifier key of the log that signed a checkpoint (C2SP signed-note): NAME+ID+BASE64 of the algorithm's number and the key. Name and
// identifier stand in its signature.
std::string verifier_key(const std::string& checkpoint, const frame_bytes& key) {
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t line = checkpoint.find("\n\n\u2014 ") + 6, space = checkpoint.find(' ', line);
    CHECK(space != std::string::npos);
    std::uint64_t first = 0;
    for (std::size_t index = 0; index < 6; ++index) first = (first << 6U) | alphabet.find(checkpoint[space + 1 + index]);
    std::string identifier;
    for (unsigned shift = 32; shift >= 4; shift -= 4) identifier.push_back("0123456789abcdef"[(first >> shift) & 15U]);
    frame_bytes bytes(key.size() + 1, 1);
    std::copy(key.begin(), key.end(), bytes.begin() + 1);
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::uint32_t three = (std::uint32_t{bytes[at]} << 16U) | (std::uint32_t{bytes[at + 1]} << 8U) | bytes[at + 2];
        for (unsigned shift = 18; shift < 24; shift -= 6) text.push_back(alphabet[(three >> shift) & 63U]);
    }
    return checkpoint.substr(line, space - line) + "+" + identifier + "+" + text;
}

void stores(const std::string& folder) {
    CHECK(status_of([&] { return shokyo::store::open((folder + "/none.sqlite3").c_str()); }) != SHOKYO_STATUS_OK);
    const shokyo::store store = MUST(shokyo::store::open((folder + "/issuer-1.sqlite3").c_str()));
    const shokyo_store_counts counts = MUST(store.count());
    CHECK(counts.sessions == 1 && counts.open_sessions == 0 && counts.receipts > 3 && counts.log_entries > 4);
    shokyo::session_id session{};
    const auto remember = [&](const shokyo_session_info& info) { session = shokyo::session_view(info.session); };
    CHECK(MUST(store.for_each_session(SHOKYO_SESSIONS_ALL, remember)) == shokyo::reading::whole && session != shokyo::session_id{});
    CHECK(MUST(store.session(session)).has_value() && !MUST(store.session(shokyo::session_id{})).has_value());
    std::uint64_t receipts = 0, alarms = 0;
    const auto look = [&](const shokyo_stored_receipt& stored) {
        ++receipts;
        CHECK(!MUST(MUST(shokyo::receipt::read_unverified({stored.receipt, stored.length})).text(SHOKYO_RECEIPT_STATION)).empty());
    };
    CHECK(MUST(store.for_each_receipt(session, look)) == shokyo::reading::whole && receipts == counts.receipts);
    CHECK(MUST(store.for_each_receipt(session, [](const shokyo_stored_receipt&) { return false; })) == shokyo::reading::stopped);
    MUST(store.for_each_alarm([&](const shokyo_alarm&) { ++alarms; }));
    CHECK(alarms == counts.alarms);

    const std::string checkpoint = MUST(store.checkpoint());
    const std::string key = verifier_key(checkpoint, key_of(folder + "/stations/issuer-1/log-certificate.pem"));
    auto brought = shokyo::sized<shokyo_log_check>();
    brought.keys = key.c_str();
    const shokyo_log_report whole = MUST(store.verify_log(brought));
    CHECK(whole.is_signed == 1 && whole.problems == 0 && whole.size == counts.log_entries);
    // Another's checkpoint of the same size is found.
    const shokyo::store other = MUST(shokyo::store::open((folder + "/ec-1.sqlite3").c_str()));
    auto report = shokyo::sized<shokyo_log_report>();
    std::string problems;
    MUST(other.verify_log(brought, report, [&](std::string_view problem) { problems += problem; }));
    CHECK(report.problems > 0 && !problems.empty());
    CHECK(MUST(store.publish((folder + "/published").c_str(), key.c_str())) > 0);
    CHECK(status_of([&] { return store.publish((folder + "/published").c_str(), "no key"); }) == SHOKYO_STATUS_MALFORMED);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: each_class FOLDER-OF-KEYS\n");
        return EXIT_FAILURE;
    }
    documents();
    process();
    links(arguments[1]);
    receipts(arguments[1], machines(arguments[1]));
    stores(arguments[1]);
    std::printf("every class holds\n");
    return EXIT_SUCCESS;
}
