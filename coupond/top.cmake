# `coupond top`: a library, so that tests can reach it. Its HTTP client is the one of `coupond bench`.
add_library(coupond_top STATIC)
target_sources(coupond_top PRIVATE
  canvas.c
  cmd_top.c
  metrics_text.c
  top_coupons.c
  top_format.c
  top_keys.c
  top_members.c
  top_model.c
  top_plain.c
  top_reader.c
  top_sample.c
  top_screen.c
  top_terminal.c
)
target_link_libraries(coupond_top PUBLIC coupond_bench coupond_commands coupond_shared PkgConfig::JANSSON m)
