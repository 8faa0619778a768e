# find_package(shokyo 0.1 REQUIRED), then target_link_libraries(program PRIVATE shokyo::shokyo), or shokyo::static for no library of
# its own at run time. Nothing in here names a place: the whole prefix can be moved.
include("${CMAKE_CURRENT_LIST_DIR}/shokyoTargets.cmake")
