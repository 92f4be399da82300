coupond_test(store LIBRARIES coupond_shared PkgConfig::SQLITE PkgConfig::MYSQL)
target_sources(test_store PRIVATE unit/store_fixture.c)
