# The load generator behind `coupond bench`, a library of its own so that its modules can be tested.
find_library(HTTP_PARSER_LIBRARY http_parser REQUIRED)
add_library(coupond_bench STATIC)
target_sources(coupond_bench PRIVATE
  bench_episodes.c
  bench_fetch.c
  bench_histogram.c
  bench_options.c
  bench_outcome.c
  bench_plan.c
  bench_report.c
  bench_response.c
  bench_stalls.c
  bench_witness.c
  bench_worker.c
)
target_link_libraries(coupond_bench PUBLIC
  coupond_shared PkgConfig::UV PkgConfig::JANSSON ${HTTP_PARSER_LIBRARY} Threads::Threads m
)
