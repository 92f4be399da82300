# `coupond top`: a library, so that tests can reach it. Its HTTP client is the one of `coupond bench`.
add_library(coupond_top STATIC)
target_sources(coupond_top PRIVATE
  top/canvas.c
  top/cmd.c
  metrics_text.c
  top/coupons.c
  top/format.c
  top/keys.c
  top/members.c
  top/model.c
  top/plain.c
  top/reader.c
  top/sample.c
  top/screen.c
  top/terminal.c
)
target_link_libraries(coupond_top PUBLIC coupond_bench coupond_commands coupond_shared PkgConfig::JANSSON m)
