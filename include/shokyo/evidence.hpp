// Receipts: read, verified and exported. Included by shokyo.hpp.

#ifndef SHOKYO_EVIDENCE_HPP
#define SHOKYO_EVIDENCE_HPP

#include <shokyo/base.hpp>

namespace shokyo {
#ifdef SHOKYO_RESULTS
inline namespace results {
#else
inline namespace exceptions {
#endif

/// A station's signed statement of what was erased. Owns what was read; any thread, several at once. Its functions fail with OUT_OF_RANGE
/// for an index, INVALID_ARGUMENT for an unknown number, and CAPACITY_TOO_SMALL alone.
class receipt : public handle<shokyo_receipt, shokyo_receipt_free> {
public:
    using handle::handle;

    /// Checks it against the 32-byte Ed25519 key that is supposed to have signed it. Fails with BAD_SIGNATURE, MISMATCH, MALFORMED and others.
    static outcome<receipt> verify(byte_view bytes, byte_view public_key) {
        shokyo_receipt* read = nullptr;
        const shokyo_status status =
            shokyo_receipt_verify(bytes.data(), bytes.size(), public_key.data(), public_key.size(), &read);
        return detail::owned<receipt>(status, read);
    }

    /// Reads it WITHOUT checking its signature: anybody could have written what it says.
    static outcome<receipt> read_unverified(byte_view bytes) {
        shokyo_receipt* read = nullptr;
        return detail::owned<receipt>(shokyo_receipt_read_unverified(bytes.data(), bytes.size(), &read), read);
    }

    /// Look at authenticated first.
    outcome<shokyo_receipt_info> describe() const {
        auto info = sized<shokyo_receipt_info>();
        return detail::answer(shokyo_receipt_describe(get(), &info), info);
    }

    /// One of its texts, SHOKYO_RECEIPT_STATION to SHOKYO_RECEIPT_PLAIN. Allocates.
    outcome<std::string> text(std::uint32_t which) const {
        return detail::text([&](char* text, std::size_t size, std::size_t* length) {
            return shokyo_receipt_text(get(), which, text, size, length);
        });
    }

    outcome<shokyo_erased_copy> copy_at(std::size_t index) const {
        auto copy = sized<shokyo_erased_copy>();
        return detail::answer(shokyo_receipt_copy_at(get(), index, &copy), copy);
    }

    outcome<shokyo_retained_copy> retained_at(std::size_t index) const {
        auto copy = sized<shokyo_retained_copy>();
        return detail::answer(shokyo_receipt_retained_at(get(), index, &copy), copy);
    }

    /// One of SHOKYO_NOT_COVERED_.
    outcome<std::uint32_t> not_covered_at(std::size_t index) const {
        std::uint32_t number = 0;
        return detail::answer(shokyo_receipt_not_covered_at(get(), index, &number), number);
    }

    /// Copies out SHOKYO_RECEIPT_COSE, _SIGNED_BYTES or _SIGNATURE; how many bytes.
    outcome<std::size_t> write_to(std::uint32_t which, byte_span bytes) const {
        std::size_t length = 0;
        return detail::answer(shokyo_receipt_export(get(), which, bytes.data(), bytes.size(), &length), length);
    }

    /// How many bytes write_to needs.
    outcome<std::size_t> size_of(std::uint32_t which) const {
        std::size_t length = 0;
        shokyo_status status = shokyo_receipt_export(get(), which, nullptr, 0, &length);
        if (status == SHOKYO_STATUS_CAPACITY_TOO_SMALL) {
            status = SHOKYO_STATUS_OK;
        }
        return detail::answer(status, length);
    }
};

/// A station's store, read. Owns the reading connection, not the file; any thread, calls wait for each other. Readers give nothing, or false
/// to stop; what they are given is valid until they return.
class store : public handle<shokyo_store, shokyo_store_free> {
public:
    using handle::handle;

    /// Opens for reading only; path is null-terminated. Fails with STORE, UNSUPPORTED_VERSION.
    static outcome<store> open(const char* path) {
        shokyo_store* opened = nullptr;
        return detail::owned<store>(shokyo_store_open(path, &opened), opened);
    }

    outcome<shokyo_store_counts> count() const {
        auto counts = sized<shokyo_store_counts>();
        return detail::answer(shokyo_store_count(get(), &counts), counts);
    }
    /// Calls reader(const shokyo_session_info&) for each session of this kind.
    template <class F>
    outcome<reading> for_each_session(std::uint32_t which, F&& reader) const {
        detail::guarded<F> call(reader);
        const auto function = &detail::guarded<F>::template read_row<shokyo_session_info>;
        return call.end(shokyo_store_for_each_session(get(), which, function, &call));
    }
    /// One session, if the store has it.
    outcome<std::optional<shokyo_session_info>> session(session_view session) const {
        auto info = sized<shokyo_session_info>();
        bool found = false;
        const shokyo_status status = shokyo_store_session(get(), session.data(), &info, &found);
        std::optional<shokyo_session_info> answer;
        if (found) {
            answer = info;
        }
        return detail::answer(status, answer);
    }
    /// Calls reader(const shokyo_stored_receipt&) for each receipt of a session.
    template <class F>
    outcome<reading> for_each_receipt(session_view session, F&& reader) const {
        detail::guarded<F> call(reader);
        const auto function = &detail::guarded<F>::template read_row<shokyo_stored_receipt>;
        return call.end(shokyo_store_for_each_receipt(get(), session.data(), function, &call));
    }
    /// Calls reader(const shokyo_alarm&) for each alarm.
    template <class F>
    outcome<reading> for_each_alarm(F&& reader) const {
        detail::guarded<F> call(reader);
        const auto function = &detail::guarded<F>::template read_row<shokyo_alarm>;
        return call.end(shokyo_store_for_each_alarm(get(), function, &call));
    }

    /// The newest checkpoint of the log, a signed note: keep it elsewhere. Empty while nothing was signed. Allocates.
    outcome<std::string> checkpoint() const {
        return detail::text([&](char* text, std::size_t size, std::size_t* length) {
            return shokyo_store_checkpoint(get(), text, size, length);
        });
    }
    /// Verifies that the store is what its log says, and the log what it signed. Look at problems: it must be 0. The check is made by
    /// sized<shokyo_log_check>().
    outcome<shokyo_log_report> verify_log(const shokyo_log_check& check) const {
        auto report = sized<shokyo_log_report>();
        return detail::answer(shokyo_store_verify_log(get(), &check, &report, nullptr, nullptr), report);
    }
    /// The same, and calls reader(std::string_view) for each problem, the first thousand. The report is written unless the reader stops it.
    template <class F>
    outcome<reading> verify_log(const shokyo_log_check& check, shokyo_log_report& report, F&& reader) const {
        detail::guarded<F> call(reader);
        return call.end(shokyo_store_verify_log(get(), &check, &report, &detail::guarded<F>::read_text, &call));
    }
    /// Publishes the log into a folder as static files; how many were written. Path and verifier key are null-terminated. Fails with
    /// WRONG_STATE while nothing was signed, BAD_SIGNATURE, MISMATCH and others.
    outcome<std::uint64_t> publish(const char* folder, const char* key) const {
        std::uint64_t files = 0;
        return detail::answer(shokyo_store_publish(get(), folder, key, &files), files);
    }
};

static_assert(sizeof(receipt) == sizeof(void*) && sizeof(store) == sizeof(void*));

}  // inline namespace
}  // namespace shokyo

#endif
