// What a kiosk has: transactions, copies of documents, customers, and receipts to be sent again. Included by shokyo.hpp.

#ifndef SHOKYO_KIOSK_HPP
#define SHOKYO_KIOSK_HPP

#include <shokyo/station.hpp>

namespace shokyo {
#ifdef SHOKYO_RESULTS
inline namespace results {
#else
inline namespace exceptions {
#endif

/// A copy of a document that the host makes. Owns its registration, not its memory: the end of its life without erase() is said in the
/// receipt. Any thread.
class copy : public handle<shokyo_copy, shokyo_copy_free> {
public:
    using handle::handle;

    /// Overwrites all of the copy's memory and reads it back. Empty afterwards, also after NOT_ERASED and WRONG_STATE.
    outcome<void> erase(byte_span memory) {
        const shokyo_status status = shokyo_copy_erase(get(), memory.data(), memory.size());
        if (status == SHOKYO_STATUS_OK || status == SHOKYO_STATUS_NOT_ERASED || status == SHOKYO_STATUS_WRONG_STATE) {
            static_cast<void>(release());
        }
        return detail::done(status);
    }
};

/// One transaction of a kiosk. Owns it: the end of its life erases, and says so nowhere. One thread at a time; cancel() from any thread.
///
/// Order: an input, store_records, then poll_frame and poll_event until there are none; handle_timeout at next_deadline.
class kiosk : public handle<shokyo_kiosk, shokyo_kiosk_free> {
public:
    using handle::handle;

    /// Begins. The application is made by sized<shokyo_application>(). Fails with MISMATCH, MALFORMED, BUSY and others.
    static outcome<kiosk> apply(const station& with, const shokyo_now& now, const shokyo_application& application) {
        shokyo_kiosk* begun = nullptr;
        return detail::owned<kiosk>(shokyo_kiosk_apply(with.get(), &now, &application, &begun), begun);
    }

    /// Which frames belong to it: those whose frame_session is this.
    outcome<session_id> session() const {
        session_id session{};
        return detail::answer(shokyo_kiosk_session(get(), session.data()), session);
    }

    /// Fails with what is wrong with the frame; go on with the outputs all the same.
    outcome<void> handle_frame(const shokyo_now& now, byte_view frame) {
        return detail::done(shokyo_kiosk_handle_frame(get(), &now, frame.data(), frame.size()));
    }
    outcome<void> handle_timeout(const shokyo_now& now) { return detail::done(shokyo_kiosk_handle_timeout(get(), &now)); }
    outcome<void> handle_peer_lost(const shokyo_now& now) {
        return detail::done(shokyo_kiosk_handle_peer_lost(get(), &now));
    }
    outcome<void> handle_peer_back(const shokyo_now& now) {
        return detail::done(shokyo_kiosk_handle_peer_back(get(), &now));
    }

    /// Fails with STORE and others when a record could not be written: go on with the outputs.
    outcome<void> store_records(const shokyo_now& now) { return detail::done(shokyo_kiosk_store_records(get(), &now)); }
    /// For a host with a store of its own; `length` receives the length of a receipt.
    outcome<shokyo_record> poll_record(byte_span receipt, std::size_t& length) {
        auto record = sized<shokyo_record>();
        const shokyo_status status = shokyo_kiosk_poll_record(get(), &record, receipt.data(), receipt.size(), &length);
        return detail::answer(status, record);
    }
    outcome<void> handle_stored(const shokyo_now& now, std::uint64_t token, std::uint32_t stored) {
        return detail::done(shokyo_kiosk_handle_stored(get(), &now, token, stored));
    }

    /// The next frame for the neighbour, 0 when none waits. Fails with CAPACITY_TOO_SMALL below SHOKYO_MAX_FRAME bytes.
    outcome<std::size_t> poll_frame(byte_span frame) {
        std::size_t length = 0;
        return detail::answer(shokyo_kiosk_poll_frame(get(), frame.data(), frame.size(), &length), length);
    }
    /// The next event, of kind SHOKYO_EVENT_NONE when none waits.
    outcome<shokyo_event> poll_event() {
        auto event = sized<shokyo_event>();
        return detail::answer(shokyo_kiosk_poll_event(get(), &event), event);
    }
    outcome<std::optional<std::uint64_t>> next_deadline() const {
        return detail::deadline(&shokyo_kiosk_next_deadline, static_cast<const shokyo_kiosk*>(get()));
    }
    /// What the relay of this role attached; how many bytes.
    outcome<std::size_t> attachment(std::uint32_t role, byte_span data) const {
        std::size_t length = 0;
        return detail::answer(shokyo_kiosk_attachment(get(), role, data.data(), data.size(), &length), length);
    }

    /// Lends the plaintext at an offset while the document is ready. Readers as for shokyo::buffer.
    template <class F>
    outcome<reading> read_at(const shokyo_now& now, std::uint64_t offset, F&& reader) {
        detail::guarded<F> call(reader);
        return call.end(shokyo_kiosk_read_at(get(), &now, offset, &detail::guarded<F>::read, &call));
    }
    /// Lends the whole document, one chunk after the other. Fails with EXPIRED or ERASED when it ends meanwhile.
    template <class F>
    outcome<reading> for_each_window(const shokyo_now& now, F&& reader) {
        detail::guarded<F> call(reader);
        return call.end(shokyo_kiosk_for_each_window(get(), &now, &detail::guarded<F>::read, &call));
    }
    /// HMAC-SHA256 over the document under a challenge.
    outcome<std::array<std::uint8_t, 32>> prove(const shokyo_now& now, byte_view challenge) {
        std::array<std::uint8_t, 32> proof{};
        const shokyo_status status =
            shokyo_kiosk_prove(get(), &now, challenge.data(), challenge.size(), proof.data());
        return detail::answer(status, proof);
    }
    /// Before a copy is made: SHOKYO_COPY_SPOOL or SHOKYO_COPY_DERIVATIVE.
    outcome<copy> register_copy(const shokyo_now& now, std::uint32_t copy_class) {
        shokyo_copy* registered = nullptr;
        return detail::owned<copy>(shokyo_kiosk_register_copy(get(), &now, copy_class, &registered), registered);
    }

    /// Asks to print; do it at SHOKYO_EVENT_MAY_PRINT, once. Fails with WRONG_STATE.
    outcome<void> print(const shokyo_now& now) { return detail::done(shokyo_kiosk_print(get(), &now)); }
    /// Delivered: erases everything. Fails with WRONG_STATE while a registered copy lives.
    outcome<void> delivered(const shokyo_now& now) { return detail::done(shokyo_kiosk_delivered(get(), &now)); }
    /// Ends and erases, for one of SHOKYO_CAUSE_. Also inside a reader.
    outcome<void> cancel(const shokyo_now& now, std::uint32_t cause) {
        return detail::done(shokyo_kiosk_cancel(get(), &now, cause));
    }
    outcome<void> abandon(const shokyo_now& now) { return detail::done(shokyo_kiosk_abandon(get(), &now)); }
    outcome<bool> is_finished() const {
        bool finished = false;
        return detail::answer(shokyo_kiosk_is_finished(get(), &finished), finished);
    }
};

/// One customer at a kiosk. Owns the session; one thread at a time. After every input do what poll_event says, in that order.
class customer : public handle<shokyo_customer, shokyo_customer_free> {
public:
    using handle::handle;

    /// Begins with one of SHOKYO_CREDENTIAL_. The policy is made by sized<shokyo_customer_policy>(). Fails with MISMATCH, MALFORMED.
    static outcome<customer> begin(const station& with, const shokyo_now& now, std::uint32_t credential,
                                   const shokyo_customer_policy& policy = sized<shokyo_customer_policy>()) {
        shokyo_customer* begun = nullptr;
        return detail::owned<customer>(shokyo_customer_begin(with.get(), &now, &policy, credential, &begun), begun);
    }

    outcome<void> handle_authentication(const shokyo_now& now, bool accepted) {
        return detail::done(shokyo_customer_handle_authentication(get(), &now, accepted ? 1U : 0U));
    }
    /// One of SHOKYO_DEVICE_.
    outcome<void> handle_device(const shokyo_now& now, std::uint32_t report) {
        return detail::done(shokyo_customer_handle_device(get(), &now, report));
    }
    /// One of SHOKYO_PAYMENT_.
    outcome<void> handle_payment(const shokyo_now& now, std::uint32_t report) {
        return detail::done(shokyo_customer_handle_payment(get(), &now, report));
    }
    /// Every event of the transaction.
    outcome<void> handle_kiosk(const shokyo_now& now, const shokyo_event& event) {
        return detail::done(shokyo_customer_handle_kiosk(get(), &now, &event));
    }
    outcome<void> handle_apply_failed(const shokyo_now& now) {
        return detail::done(shokyo_customer_handle_apply_failed(get(), &now));
    }
    outcome<void> handle_timeout(const shokyo_now& now) {
        return detail::done(shokyo_customer_handle_timeout(get(), &now));
    }
    outcome<void> choose(const shokyo_now& now) { return detail::done(shokyo_customer_choose(get(), &now)); }
    outcome<void> acknowledge(const shokyo_now& now) { return detail::done(shokyo_customer_acknowledge(get(), &now)); }
    outcome<void> cancel(const shokyo_now& now, std::uint32_t cause) {
        return detail::done(shokyo_customer_cancel(get(), &now, cause));
    }
    outcome<void> store_records(const shokyo_now& now) {
        return detail::done(shokyo_customer_store_records(get(), &now));
    }
    /// For a host with a store of its own.
    outcome<shokyo_record> poll_record() {
        auto record = sized<shokyo_record>();
        return detail::answer(shokyo_customer_poll_record(get(), &record), record);
    }
    /// What to do next, of kind SHOKYO_CUSTOMER_EVENT_NONE when nothing.
    outcome<shokyo_customer_event> poll_event() {
        auto event = sized<shokyo_customer_event>();
        return detail::answer(shokyo_customer_poll_event(get(), &event), event);
    }
    outcome<shokyo_customer_info> describe() const {
        auto info = sized<shokyo_customer_info>();
        return detail::answer(shokyo_customer_describe(get(), &info), info);
    }
    outcome<std::optional<std::uint64_t>> next_deadline() const {
        return detail::deadline(&shokyo_customer_next_deadline, static_cast<const shokyo_customer*>(get()));
    }
};

/// The receipts of sessions that are over and were not acknowledged. Owns the list, not the records; one thread at a time.
class outbox : public handle<shokyo_outbox, shokyo_outbox_free> {
public:
    using handle::handle;

    static outcome<outbox> open(const station& with) {
        shokyo_outbox* opened = nullptr;
        return detail::owned<outbox>(shokyo_outbox_new(with.get(), &opened), opened);
    }

    /// Whether the frame was an answer to one of these receipts, and for nobody else. To be asked before the transactions.
    outcome<bool> handle_frame(const shokyo_now& now, byte_view frame) {
        bool taken = false;
        return detail::answer(shokyo_outbox_handle_frame(get(), &now, frame.data(), frame.size(), &taken), taken);
    }
    outcome<void> handle_timeout(const shokyo_now& now) { return detail::done(shokyo_outbox_handle_timeout(get(), &now)); }
    outcome<void> handle_peer_lost(const shokyo_now& now) {
        return detail::done(shokyo_outbox_handle_peer_lost(get(), &now));
    }
    outcome<void> handle_peer_back(const shokyo_now& now) {
        return detail::done(shokyo_outbox_handle_peer_back(get(), &now));
    }
    outcome<void> store_records(const shokyo_now& now) { return detail::done(shokyo_outbox_store_records(get(), &now)); }
    outcome<std::size_t> poll_frame(byte_span frame) {
        std::size_t length = 0;
        return detail::answer(shokyo_outbox_poll_frame(get(), frame.data(), frame.size(), &length), length);
    }
    outcome<std::optional<std::uint64_t>> next_deadline() const {
        return detail::deadline(&shokyo_outbox_next_deadline, static_cast<const shokyo_outbox*>(get()));
    }
};

static_assert(sizeof(kiosk) == sizeof(void*) && sizeof(copy) == sizeof(void*) && sizeof(customer) == sizeof(void*) &&
              sizeof(outbox) == sizeof(void*));

}  // inline namespace
}  // namespace shokyo

#endif
