coupond_test(user_set LIBRARIES coupond_issuer TSAN)
coupond_test(ledger LIBRARIES coupond_issuer TSAN)
coupond_test(window LIBRARIES coupond_issuer TSAN)
coupond_test(issuer LIBRARIES coupond_issuer)
