# shokyo::shokyo is the shared library, shokyo::static the static one with what it needs from the system.
get_filename_component(_shokyo_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(WIN32)
    set(_shokyo_shared "${_shokyo_prefix}/bin/shokyo.dll")
    set(_shokyo_import "${_shokyo_prefix}/lib/libshokyo.dll.a")
    set(_shokyo_system "kernel32;advapi32;bcrypt;ntdll;userenv;ws2_32;dbghelp")
else()
    set(_shokyo_shared "${_shokyo_prefix}/lib/libshokyo.so.1.1.0")
    set(_shokyo_import "")
    set(_shokyo_system "gcc_s;util;rt;pthread;m;dl;c")
endif()
set(_shokyo_static "${_shokyo_prefix}/lib/libshokyo.a")

foreach(_shokyo_file IN ITEMS "${_shokyo_prefix}/include/shokyo.h" "${_shokyo_shared}" ${_shokyo_import} "${_shokyo_static}")
    if(NOT EXISTS "${_shokyo_file}")
        set(shokyo_FOUND FALSE)
        set(shokyo_NOT_FOUND_MESSAGE "${_shokyo_file} is missing; install shokyo again")
        return()
    endif()
endforeach()

if(NOT TARGET shokyo::shokyo)
    add_library(shokyo::shokyo SHARED IMPORTED)
    set_target_properties(shokyo::shokyo PROPERTIES
        IMPORTED_LOCATION "${_shokyo_shared}"
        INTERFACE_INCLUDE_DIRECTORIES "${_shokyo_prefix}/include")
    if(WIN32)
        set_target_properties(shokyo::shokyo PROPERTIES IMPORTED_IMPLIB "${_shokyo_import}")
    else()
        set_target_properties(shokyo::shokyo PROPERTIES
            IMPORTED_SONAME "libshokyo.so.1")
    endif()
endif()

if(NOT TARGET shokyo::static)
    add_library(shokyo::static STATIC IMPORTED)
    set_target_properties(shokyo::static PROPERTIES
        IMPORTED_LOCATION "${_shokyo_static}"
        IMPORTED_LINK_INTERFACE_LANGUAGES "C"
        INTERFACE_LINK_LIBRARIES "${_shokyo_system}"
        INTERFACE_INCLUDE_DIRECTORIES "${_shokyo_prefix}/include")
endif()

unset(_shokyo_prefix)
unset(_shokyo_shared)
unset(_shokyo_import)
unset(_shokyo_static)
unset(_shokyo_system)
unset(_shokyo_file)
