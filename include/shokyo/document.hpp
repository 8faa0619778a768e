// Vaults, writers, buffers and erasures, and what concerns the whole process. Included by shokyo.hpp.

#ifndef SHOKYO_DOCUMENT_HPP
#define SHOKYO_DOCUMENT_HPP

#include <shokyo/base.hpp>

namespace shokyo {
#ifdef SHOKYO_RESULTS
inline namespace results {
#else
inline namespace exceptions {
#endif

/// Evidence of an erasure. Owns it; any thread. Fails with OUT_OF_RANGE for an index alone.
class erasure : public handle<shokyo_erasure, shokyo_erasure_free> {
public:
    using handle::handle;

    /// Whether everything that was to be erased was read back as erased. If not, stop the process and report it.
    outcome<bool> verified() const {
        bool answer = false;
        return detail::answer(shokyo_erasure_verified(get(), &answer), answer);
    }

    outcome<shokyo_erasure_info> describe() const {
        auto info = sized<shokyo_erasure_info>();
        return detail::answer(shokyo_erasure_describe(get(), &info), info);
    }

    /// In how many classes of copies something was erased.
    outcome<std::size_t> copy_count() const {
        std::size_t count = 0;
        return detail::answer(shokyo_erasure_copy_count(get(), &count), count);
    }

    outcome<shokyo_erased_copy> copy_at(std::size_t index) const {
        auto copy = sized<shokyo_erased_copy>();
        return detail::answer(shokyo_erasure_copy_at(get(), index, &copy), copy);
    }

    /// Calls function(const shokyo_erased_copy&) for each class of copies.
    template <class F>
    outcome<void> for_each_copy(F&& function) const {
        std::size_t count = 0;
        shokyo_status status = shokyo_erasure_copy_count(get(), &count);
        for (std::size_t index = 0; status == SHOKYO_STATUS_OK && index < count; ++index) {
            auto copy = sized<shokyo_erased_copy>();
            status = shokyo_erasure_copy_at(get(), index, &copy);
            if (status == SHOKYO_STATUS_OK) {
                function(std::as_const(copy));
            }
        }
        return detail::done(status);
    }
};

/// A finished, sealed document. Owns it: the end of its life erases, without evidence. Any thread, several at once; erase() needs it alone.
///
/// A reader is called with (std::uint64_t offset, shokyo::byte_view plain), looks and keeps nothing; it gives nothing, or false to stop.
/// What it throws is thrown again once the window is wiped. It must not end by longjmp or the end of its thread, nor switch stacks.
class buffer : public handle<shokyo_buffer, shokyo_buffer_free> {
public:
    using handle::handle;

    /// In bytes.
    outcome<std::uint64_t> length() const {
        std::uint64_t length = 0;
        return detail::answer(shokyo_buffer_length(get(), &length), length);
    }

    /// Lends the plaintext from an offset to the end of its chunk. Fails as shokyo_buffer_read_at does.
    template <class F>
    outcome<reading> read_at(std::uint64_t offset, F&& reader) const {
        detail::guarded<F> call(reader);
        return call.end(shokyo_buffer_read_at(get(), offset, &detail::guarded<F>::read, &call));
    }

    /// Lends the whole document, one chunk after the other.
    template <class F>
    outcome<reading> for_each_window(F&& reader) const {
        detail::guarded<F> call(reader);
        return call.end(shokyo_buffer_for_each_window(get(), &detail::guarded<F>::read, &call));
    }

    /// Destroys the key, wipes the ciphertext, reads both back. Empty afterwards. Fails with HANDLE_IN_USE while it is being read.
    outcome<erasure> erase() {
        shokyo_erasure* evidence = nullptr;
        const shokyo_status status = shokyo_buffer_erase(get(), &evidence);
        if (status == SHOKYO_STATUS_OK) {
            static_cast<void>(release());
        }
        return detail::owned<erasure>(status, evidence);
    }
};

/// A document being written. Owns what was written: the end of its life erases it, without evidence. One thread at a time.
class writer : public handle<shokyo_writer, shokyo_writer_free> {
public:
    using handle::handle;

    /// Appends. Fails with TOO_LARGE and others; after what is not listed at shokyo_writer_write the document is lost.
    outcome<void> write(byte_view bytes) { return detail::done(shokyo_writer_write(get(), bytes.data(), bytes.size())); }

    /// Ends the document. Empty afterwards; after a failure it can only be erased by the end of its life.
    outcome<buffer> finish() {
        shokyo_buffer* document = nullptr;
        const shokyo_status status = shokyo_writer_finish(get(), &document);
        if (status == SHOKYO_STATUS_OK) {
            static_cast<void>(release());
        }
        return detail::owned<buffer>(status, document);
    }

    /// Erases what was written. Empty afterwards.
    outcome<erasure> erase() {
        shokyo_erasure* evidence = nullptr;
        const shokyo_status status = shokyo_writer_erase(get(), &evidence);
        if (status == SHOKYO_STATUS_OK) {
            static_cast<void>(release());
        }
        return detail::owned<erasure>(status, evidence);
    }
};

/// Locked memory for keys and windows. Owns a reference: documents live on without it. Any thread, several at once.
class vault : public handle<shokyo_vault, shokyo_vault_free> {
public:
    using handle::handle;

    /// Opens with the defaults. Fails as shokyo_vault_open does, which says what to do about limits.
    static outcome<vault> open() { return open_with(nullptr); }
    /// Opens with options, made by sized<shokyo_vault_options>().
    static outcome<vault> open(const shokyo_vault_options& options) { return open_with(&options); }

    /// SHOKYO_PROTECTION_ flags.
    outcome<std::uint32_t> protections() const {
        std::uint32_t flags = 0;
        return detail::answer(shokyo_vault_protections(get(), &flags), flags);
    }

    /// Destroys every key now. Look at failed: it must be 0.
    outcome<shokyo_erase_all_outcome> erase_all() const {
        auto done = sized<shokyo_erase_all_outcome>();
        return detail::answer(shokyo_vault_erase_all(get(), &done), done);
    }

    /// Begins a document that is bound to a session and to a hash of whatever else it belongs to.
    outcome<writer> write(session_view session, session_view context) const {
        auto binding = sized<shokyo_binding>();
        std::memcpy(binding.session, session.data(), sizeof binding.session);
        std::memcpy(binding.context, context.data(), sizeof binding.context);
        shokyo_writer* begun = nullptr;
        return detail::owned<writer>(shokyo_writer_new(get(), &binding, &begun), begun);
    }

private:
    static outcome<vault> open_with(const shokyo_vault_options* options) {
        shokyo_vault* opened = nullptr;
        return detail::owned<vault>(shokyo_vault_open(options, &opened), opened);
    }
};

/// Destroys every key of the process. Safe in a signal handler with SHOKYO_RESULTS; without, call shokyo_erase_now there.
inline outcome<shokyo_erase_all_outcome> erase_now() {
    auto done = sized<shokyo_erase_all_outcome>();
    return detail::answer(shokyo_erase_now(&done), done);
}

/// Has erase_now done when the process ends by exit or from main. Any thread.
inline outcome<void> erase_on_exit() { return detail::done(shokyo_erase_on_exit()); }

/// Has erase_now done first when one of these signals comes: SHOKYO_SIGNALS_ flags. Any thread.
inline outcome<void> erase_on_signals(std::uint32_t signals) { return detail::done(shokyo_erase_on_signals(signals)); }

/// Hardens the whole process. Once, early. Options are made by sized<shokyo_hardening_options>().
inline outcome<shokyo_hardened> harden_process(const shokyo_hardening_options& options = sized<shokyo_hardening_options>()) {
    auto hardened = sized<shokyo_hardened>();
    return detail::answer(shokyo_harden_process(&options, &hardened), hardened);
}

/// Overwrites bytes with zeros and reads them back. Fails with NOT_ERASED. Any thread.
inline outcome<void> wipe(byte_span bytes) { return detail::done(shokyo_wipe(bytes.data(), bytes.size())); }

/// Has events told to logger(const shokyo_log_event&), which must be noexcept and be callable from any thread. The library owns it until
/// another replaces it. Allocates once.
template <class F>
outcome<void> log_to(F logger) {
    static_assert(std::is_nothrow_invocable_v<F&, const shokyo_log_event&>, "nobody could catch what a logger throws");
    F* kept = new (std::nothrow) F(std::move(logger));
    if (kept == nullptr) {
        return detail::done(SHOKYO_STATUS_OUT_OF_MEMORY);
    }
    const shokyo_status status = shokyo_log_to(
        [](void* self, const shokyo_log_event* event) noexcept { (*static_cast<F*>(self))(*event); }, kept,
        [](void* self) noexcept { delete static_cast<F*>(self); });
    if (status != SHOKYO_STATUS_OK) {
        delete kept;
    }
    return detail::done(status);
}

/// Has nothing told any more.
inline outcome<void> log_to_nobody() { return detail::done(shokyo_log_to(nullptr, nullptr, nullptr)); }

static_assert(sizeof(vault) == sizeof(void*) && sizeof(writer) == sizeof(void*) && sizeof(buffer) == sizeof(void*) &&
              sizeof(erasure) == sizeof(void*));

}  // inline namespace
}  // namespace shokyo

#endif
