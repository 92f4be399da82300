coupond_test(journal LIBRARIES coupond_shared TSAN)
