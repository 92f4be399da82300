# What shared/ holds beside journal and stores, and the command line.
coupond_test(arguments LIBRARIES coupond_commands)
coupond_test(clock LIBRARIES coupond_shared)
coupond_test(log LIBRARIES coupond_shared TSAN)
coupond_test(metrics LIBRARIES coupond_shared TSAN)
coupond_test(options LIBRARIES coupond_shared)
coupond_test(status_http LIBRARIES coupond_shared)
target_sources(test_status_http PRIVATE unit/unusable_address.c)
target_link_options(test_status_http PRIVATE -Wl,--wrap=getaddrinfo)
