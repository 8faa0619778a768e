# shokyo::shokyo is the shared library, shokyo::static the static one with what it needs from the system.
get_filename_component(_shokyo_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(_shokyo_files
    "${_shokyo_prefix}/include/shokyo.h"
    "${_shokyo_prefix}/lib/libshokyo.so.1.1.0"
    "${_shokyo_prefix}/lib/libshokyo.a")
foreach(_shokyo_file IN LISTS _shokyo_files)
    if(NOT EXISTS "${_shokyo_file}")
        set(shokyo_FOUND FALSE)
        set(shokyo_NOT_FOUND_MESSAGE "${_shokyo_file} is missing; install shokyo again")
        return()
    endif()
endforeach()

if(NOT TARGET shokyo::shokyo)
    add_library(shokyo::shokyo SHARED IMPORTED)
    set_target_properties(shokyo::shokyo PROPERTIES
        IMPORTED_LOCATION "${_shokyo_prefix}/lib/libshokyo.so.1.1.0"
        IMPORTED_SONAME "libshokyo.so.1"
        INTERFACE_INCLUDE_DIRECTORIES "${_shokyo_prefix}/include")
endif()

if(NOT TARGET shokyo::static)
    add_library(shokyo::static STATIC IMPORTED)
    set_target_properties(shokyo::static PROPERTIES
        IMPORTED_LOCATION "${_shokyo_prefix}/lib/libshokyo.a"
        IMPORTED_LINK_INTERFACE_LANGUAGES "C"
        INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c"
        INTERFACE_INCLUDE_DIRECTORIES "${_shokyo_prefix}/include")
endif()

unset(_shokyo_prefix)
unset(_shokyo_files)
unset(_shokyo_file)
