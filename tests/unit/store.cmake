coupond_test(store LIBRARIES coupond_shared PkgConfig::SQLITE PkgConfig::MYSQL)
target_sources(test_store PRIVATE unit/store_fixture.c)
coupond_test(store_again LIBRARIES coupond_shared PkgConfig::SQLITE PkgConfig::MYSQL)
target_sources(test_store_again PRIVATE unit/store_fixture.c)
coupond_test(store_sqlite LIBRARIES coupond_shared PkgConfig::SQLITE PkgConfig::MYSQL)
target_sources(test_store_sqlite PRIVATE unit/store_fixture.c)
coupond_test(store_mysql LIBRARIES coupond_shared PkgConfig::SQLITE PkgConfig::MYSQL)
target_sources(test_store_mysql PRIVATE unit/store_fixture.c)
# these empty the database of the server that they are given
set_tests_properties(store store_again store_mysql PROPERTIES RESOURCE_LOCK COUPOND_TEST_MYSQL)

coupond_test(persister_retry LIBRARIES coupond_persister TSAN)
coupond_test(persister_batch LIBRARIES coupond_persister TSAN)
target_sources(test_persister_batch PRIVATE unit/events_fixture.c)
coupond_test(persister LIBRARIES coupond_persister PkgConfig::SQLITE)
target_sources(test_persister PRIVATE unit/events_fixture.c)

coupond_test(verify LIBRARIES coupond_verify TSAN)
coupond_test(cmd_verify LIBRARIES coupond_verify PkgConfig::SQLITE)
