// Errors, views of bytes, handles and callbacks: what every class of shokyo.hpp is made of. Included by it.

#ifndef SHOKYO_BASE_HPP
#define SHOKYO_BASE_HPP

#include <shokyo.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if !defined(SHOKYO_RESULTS) && !(defined(__cpp_exceptions) || defined(_CPPUNWIND))
#define SHOKYO_RESULTS 1
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#include <exception>
#include <stdexcept>
#define SHOKYO_HAS_EXCEPTIONS 1
#else
#define SHOKYO_HAS_EXCEPTIONS 0
#endif

namespace shokyo {

// The two styles are different types, so that a program may have files of both.
#ifdef SHOKYO_RESULTS
inline namespace results {
#else
inline namespace exceptions {
#endif

/// A value or the status of the call that failed. A failed one holds an empty value: reading it is defined, and an empty handle
/// answers SHOKYO_STATUS_INVALID_HANDLE. It allocates nothing; last_detail() has the words until the next failure in this thread.
template <class T>
class [[nodiscard]] result {
public:
    result(T value) noexcept : value_(std::move(value)) {}
    result(shokyo_status status) noexcept : status_(status) {}

    explicit operator bool() const noexcept { return status_ == SHOKYO_STATUS_OK; }
    shokyo_status status() const noexcept { return status_; }
    /// What the status means and what to do next; a static text.
    const char* text() const noexcept { return shokyo_status_text(status_); }

    T& value() & noexcept { return value_; }
    const T& value() const& noexcept { return value_; }
    T value() && noexcept { return std::move(value_); }
    T& operator*() & noexcept { return value_; }
    const T& operator*() const& noexcept { return value_; }
    T operator*() && noexcept { return std::move(value_); }
    T* operator->() noexcept { return &value_; }
    const T* operator->() const noexcept { return &value_; }

private:
    static_assert(std::is_nothrow_default_constructible_v<T> && std::is_nothrow_move_constructible_v<T>);
    T value_{};
    shokyo_status status_ = SHOKYO_STATUS_OK;
};

/// Success, or the status of the call that failed.
template <>
class [[nodiscard]] result<void> {
public:
    result() noexcept = default;
    result(shokyo_status status) noexcept : status_(status) {}

    explicit operator bool() const noexcept { return status_ == SHOKYO_STATUS_OK; }
    shokyo_status status() const noexcept { return status_; }
    const char* text() const noexcept { return shokyo_status_text(status_); }

private:
    shokyo_status status_ = SHOKYO_STATUS_OK;
};

/// The words of the last failure in this thread: what exactly, with its numbers. Never data of a document. Allocates.
inline std::string last_detail() {
    std::string text(shokyo_detail(nullptr, 0), '\0');
    // std::string keeps one more char, which is null anyway.
    shokyo_detail(text.data(), text.size() + 1);
    return text;
}

#ifdef SHOKYO_RESULTS
/// What a call gives: a result<T>.
template <class T>
using outcome = result<T>;
#else
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wweak-vtables"
#endif
/// A call that failed. what() is its detail, or else what its status means.
class error : public std::runtime_error {
public:
    explicit error(shokyo_status status) : error(status, last_detail()) {}
    /// The number to decide by. Later versions of the library add numbers.
    shokyo_status status() const noexcept { return status_; }
    /// What the status means and what to do next; a static text.
    const char* text() const noexcept { return shokyo_status_text(status_); }

private:
    error(shokyo_status status, const std::string& detail)
        : std::runtime_error(detail.empty() ? shokyo_status_text(status) : detail), status_(status) {}
    shokyo_status status_;
};
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
/// What a call gives: a T. When it fails it throws shokyo::error, or std::bad_alloc when there is no memory for that.
template <class T>
using outcome = T;
#endif

/// Bytes of the caller's that a call reads: of a pointer and a length, a text, or a container of single bytes. Owns nothing.
class byte_view {
public:
    constexpr byte_view() noexcept = default;
    constexpr byte_view(const void* data, std::size_t size) noexcept : data_(data), size_(size) {}
    constexpr byte_view(std::string_view text) noexcept : data_(text.data()), size_(text.size()) {}
    constexpr byte_view(const char* text) noexcept : byte_view(std::string_view(text)) {}
    template <class C, class Element = std::remove_pointer_t<decltype(std::data(std::declval<const C&>()))>,
              class = std::enable_if_t<sizeof(Element) == 1 && std::is_trivially_copyable_v<Element> &&
                                       !(std::is_array_v<C> && std::is_same_v<Element, const char>)>>
    constexpr byte_view(const C& bytes) noexcept : data_(std::data(bytes)), size_(std::size(bytes)) {}

    constexpr const void* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    const std::uint8_t* begin() const noexcept { return static_cast<const std::uint8_t*>(data_); }
    const std::uint8_t* end() const noexcept { return begin() + size_; }

private:
    const void* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Bytes of the caller's that a call writes. Owns nothing.
class byte_span {
public:
    constexpr byte_span() noexcept = default;
    constexpr byte_span(void* data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <class C, class Element = std::remove_pointer_t<decltype(std::data(std::declval<C&>()))>,
              class = std::enable_if_t<sizeof(Element) == 1 && std::is_trivially_copyable_v<Element> &&
                                       !std::is_const_v<Element>>>
    constexpr byte_span(C& bytes) noexcept : data_(std::data(bytes)), size_(std::size(bytes)) {}

    constexpr void* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A session's identifier that can be kept and compared.
using session_id = std::array<std::uint8_t, 32>;

/// A session's identifier where a call reads it: a session_id, or the field of an event or a record. Owns nothing.
class session_view {
public:
    session_view(const session_id& session) noexcept : bytes_(session.data()) {}
    session_view(const std::uint8_t (&session)[32]) noexcept : bytes_(session) {}

    const std::uint8_t* data() const noexcept { return bytes_; }
    /// A copy.
    operator session_id() const noexcept {
        session_id copy;
        std::memcpy(copy.data(), bytes_, copy.size());
        return copy;
    }
    friend bool operator==(session_view a, session_view b) noexcept { return std::memcmp(a.bytes_, b.bytes_, 32) == 0; }
    friend bool operator!=(session_view a, session_view b) noexcept { return !(a == b); }

private:
    const std::uint8_t* bytes_;
};

/// A public struct of the interface: zeros, with its struct_size.
template <class S>
S sized() noexcept {
    S value{};
    value.struct_size = static_cast<std::uint32_t>(sizeof(S));
    return value;
}

/// How a reading ended.
enum class reading {
    /// The callback saw all there was.
    whole,
    /// The callback gave false.
    stopped
};

/// Owns one object of the library, in the size of a pointer. Moves, and is not copied; one that is empty or was moved from answers
/// SHOKYO_STATUS_INVALID_HANDLE to every call. The end of its life frees the object, which erases what it holds and never throws.
template <class C, shokyo_status (*Free)(C*)>
class handle {
public:
    handle() noexcept = default;
    /// Takes over an object of the C interface.
    explicit handle(C* owned) noexcept : object_(owned) {}
    handle(handle&& other) noexcept : object_(other.release()) {}
    handle& operator=(handle&& other) noexcept {
        if (this != &other) {
            reset();
            object_ = other.release();
        }
        return *this;
    }
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;
    ~handle() { reset(); }

    /// Whether there is an object.
    explicit operator bool() const noexcept { return object_ != nullptr; }
    /// For calls of the C interface; stays owned here.
    C* get() const noexcept { return object_; }
    /// Gives the object to the caller, who frees it.
    C* release() noexcept { return std::exchange(object_, nullptr); }
    /// Frees the object now.
    void reset() noexcept {
        if (object_ != nullptr) {
            Free(release());
        }
    }

private:
    C* object_ = nullptr;
};

namespace detail {

/// The end of a call that gives nothing.
inline outcome<void> done(shokyo_status status) {
#ifdef SHOKYO_RESULTS
    return status;
#else
    if (status != SHOKYO_STATUS_OK) {
        throw error(status);
    }
#endif
}

/// The end of a call that gives what it has written to `value`.
template <class T>
outcome<T> answer(shokyo_status status, T& value) {
#ifdef SHOKYO_RESULTS
    if (status != SHOKYO_STATUS_OK) {
        return status;
    }
#else
    done(status);
#endif
    return std::move(value);
}

/// A text of which the library first tells the length: call(text, size, length) is a function of the C interface. Allocates.
template <class F>
outcome<std::string> text(F&& call) {
    std::size_t length = 0;
    shokyo_status status = call(nullptr, std::size_t{0}, &length);
    std::string text(status == SHOKYO_STATUS_OK ? length : 0, '\0');
    if (status == SHOKYO_STATUS_OK) {
        status = call(text.data(), text.size() + 1, &length);
        // It may have become shorter.
        text.resize(length < text.size() ? length : text.size());
    }
    return answer(status, text);
}

/// The end of a call that gives a new object.
template <class H, class C>
outcome<H> owned(shokyo_status status, C*& object) {
#ifdef SHOKYO_RESULTS
    if (status != SHOKYO_STATUS_OK) {
        return status;
    }
#else
    done(status);
#endif
    return H(object);
}

/// A reader's function between C and C++: nothing that it throws passes through C.
template <class F>
class guarded {
public:
    explicit guarded(F& function) noexcept : function_(function) {}

    /// 0 to go on.
    template <class... A>
    std::int32_t call(A... arguments) noexcept {
#if SHOKYO_HAS_EXCEPTIONS
        try {
            return invoke(arguments...);
        } catch (...) {
            thrown_ = std::current_exception();
            return 1;
        }
#else
        return invoke(arguments...);
#endif
    }

    /// The end of the call: what the function has thrown, unless the library has something worse to say.
    outcome<reading> end(shokyo_status status) {
#if SHOKYO_HAS_EXCEPTIONS
        const bool worse = status == SHOKYO_STATUS_NOT_ERASED || status == SHOKYO_STATUS_MEMORY_CORRUPTED ||
                           status == SHOKYO_STATUS_PANIC;
        if (thrown_ && !worse) {
            std::rethrow_exception(std::move(thrown_));
        }
#endif
        reading how = status == SHOKYO_STATUS_CALLBACK_STOPPED ? reading::stopped : reading::whole;
        return answer(how == reading::stopped ? SHOKYO_STATUS_OK : status, how);
    }

    static std::int32_t read(void* self, std::uint64_t offset, const std::uint8_t* plain, std::size_t length) noexcept {
        return static_cast<guarded*>(self)->call(offset, byte_view(plain, length));
    }

    /// For a row of a store.
    template <class S>
    static std::int32_t read_row(void* self, const S* row) noexcept {
        return static_cast<guarded*>(self)->template call<const S&>(*row);
    }

    /// For a text that the library gives.
    static std::int32_t read_text(void* self, const char* text) noexcept {
        return static_cast<guarded*>(self)->call(std::string_view(text));
    }

    static std::int32_t read_application(void* self, const std::uint8_t* subject, std::size_t subject_length,
                                         const std::uint8_t* details, std::size_t details_length) noexcept {
        return static_cast<guarded*>(self)->call(byte_view(subject, subject_length), byte_view(details, details_length));
    }

private:
    template <class... A>
    std::int32_t invoke(A... arguments) {
        using R = std::invoke_result_t<F&, A...>;
        static_assert(std::is_void_v<R> || std::is_same_v<R, bool>, "a reader gives nothing, or whether to go on");
        if constexpr (std::is_void_v<R>) {
            function_(arguments...);
            return 0;
        } else {
            return function_(arguments...) ? 0 : 1;
        }
    }

    F& function_;
#if SHOKYO_HAS_EXCEPTIONS
    std::exception_ptr thrown_;
#endif
};

}  // namespace detail
}  // inline namespace
}  // namespace shokyo

#endif
