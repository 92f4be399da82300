# The gateway: its pure modules, and its threads against a double of the issuer.
coupond_test(gateway_http_request LIBRARIES coupond_gateway)
coupond_test(gateway_api LIBRARIES coupond_gateway)
coupond_test(gateway_reply LIBRARIES coupond_gateway PkgConfig::JANSSON)
coupond_test(gateway_exchange LIBRARIES coupond_gateway)
coupond_test(gateway LIBRARIES coupond_gateway)
target_sources(test_gateway PRIVATE support/issuer_double.c)
