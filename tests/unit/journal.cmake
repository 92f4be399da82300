coupond_test(journal LIBRARIES coupond_shared TSAN)
coupond_test(coupon LIBRARIES coupond_shared TSAN)
coupond_test(frame LIBRARIES coupond_shared TSAN)
