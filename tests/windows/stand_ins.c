/*
 * What wine 8 lacks of Windows 10, for tests only: built as bcryptprimitives.dll, which every Rust program loads.
 *
 * ProcessPrng draws from the system's generator, as the real one does. WerRegisterExcludedMemoryBlock only keeps the list that the real
 * one keeps, with its limit: wine has no error reports that memory could be left out of. kernel32.dll would export the two functions
 * about reports; here GetProcAddress is made to find them.
 */
#include <windows.h>
#include <winternl.h>

#include <string.h>

/* Of ntsecapi.h and ntdll. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
NTSTATUS NTAPI LdrGetProcedureAddress(HMODULE module, const ANSI_STRING *name, ULONG ordinal, void **address);

/* WER_MAX_REGISTERED_ENTRIES of werapi.h. */
enum { BLOCKS = 512 };

static const void *blocks[BLOCKS];
static SRWLOCK blocks_lock = SRWLOCK_INIT;

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T length)
{
    while (length > 0) {
        ULONG piece = length > 0x10000 ? 0x10000 : (ULONG)length;
        if (!SystemFunction036(data, piece)) {
            return FALSE;
        }
        data += piece;
        length -= piece;
    }
    return TRUE;
}

/* Puts `now` into the first place that holds `before`. */
static HRESULT replace(const void *before, const void *now, HRESULT otherwise)
{
    HRESULT outcome = otherwise;
    AcquireSRWLockExclusive(&blocks_lock);
    for (int place = 0; place < BLOCKS; place++) {
        if (blocks[place] == before) {
            blocks[place] = now;
            outcome = S_OK;
            break;
        }
    }
    ReleaseSRWLockExclusive(&blocks_lock);
    return outcome;
}

static HRESULT WINAPI leave_out(const void *address, DWORD size)
{
    if (address == NULL || size == 0) {
        return E_INVALIDARG;
    }
    return replace(NULL, address, HRESULT_FROM_WIN32(ERROR_INSUFFICIENT_BUFFER));
}

static HRESULT WINAPI take_in(const void *address)
{
    return replace(address, NULL, HRESULT_FROM_WIN32(ERROR_NOT_FOUND));
}

static FARPROC WINAPI find(HMODULE module, const char *name)
{
    void *address = NULL;
    ANSI_STRING string;
    if ((ULONG_PTR)name >> 16 == 0) {
        return LdrGetProcedureAddress(module, NULL, (ULONG)(ULONG_PTR)name, &address) == 0 ? (FARPROC)address : NULL;
    }
    if (strcmp(name, "WerRegisterExcludedMemoryBlock") == 0) {
        return (FARPROC)(void *)leave_out;
    }
    if (strcmp(name, "WerUnregisterExcludedMemoryBlock") == 0) {
        return (FARPROC)(void *)take_in;
    }
    string.Buffer = (char *)name;
    string.Length = (USHORT)strlen(name);
    string.MaximumLength = (USHORT)(string.Length + 1);
    if (LdrGetProcedureAddress(module, &string, 0, &address) != 0) {
        SetLastError(ERROR_PROC_NOT_FOUND);
        return NULL;
    }
    return (FARPROC)address;
}

/* Makes a module's GetProcAddress go to `find`: mov rax, address; jmp rax. */
static BOOL divert(const WCHAR *module)
{
    BYTE jump[12] = {0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xE0};
    void *target = (void *)find;
    void *place = (void *)find(GetModuleHandleW(module), "GetProcAddress");
    DWORD before;
    memcpy(jump + 2, &target, sizeof target);
    if (place == NULL || !VirtualProtect(place, sizeof jump, PAGE_EXECUTE_READWRITE, &before)) {
        return FALSE;
    }
    memcpy(place, jump, sizeof jump);
    return VirtualProtect(place, sizeof jump, before, &before) && FlushInstructionCache(GetCurrentProcess(), place, sizeof jump);
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)
{
    (void)module;
    (void)reserved;
    return reason != DLL_PROCESS_ATTACH || (divert(L"kernel32.dll") && divert(L"kernelbase.dll"));
}
