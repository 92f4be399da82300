# `coupond top`: its pure modules.
coupond_test(metrics_text LIBRARIES coupond_top)
coupond_test(top_keys LIBRARIES coupond_top)
coupond_test(top_model LIBRARIES coupond_top)
coupond_test(top_sample LIBRARIES coupond_top)
coupond_test(top_screen LIBRARIES coupond_top)
foreach(test test_top_model test_top_sample test_top_screen)
  target_sources(${test} PRIVATE unit/top_fixture.c)
endforeach()
