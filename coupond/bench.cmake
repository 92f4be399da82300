# The load generator behind `coupond bench`, a library of its own so that its modules can be tested.
find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)
add_library(coupond_bench STATIC)
target_sources(coupond_bench PRIVATE
  bench/episodes.c
  http/fetch.c
  bench/histogram.c
  bench/options.c
  bench/outcome.c
  bench/plan.c
  bench/report.c
  http/response.c
  bench/stalls.c
  bench/witness.c
  bench/worker.c
)
target_link_libraries(coupond_bench PUBLIC
  coupond_shared PkgConfig::UV PkgConfig::JANSSON ${HTTP_PARSER_LIBRARY} Threads::Threads m
)
