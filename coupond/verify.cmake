# `coupond verify`: a library, so that tests can reach it.
add_library(coupond_verify STATIC)
target_sources(coupond_verify PRIVATE
  verify/cmd.c verify/verify.c verify/coupon.c verify/dead.c verify/findings.c verify/report.c verify/users.c)
target_link_libraries(coupond_verify PUBLIC coupond_commands coupond_issuer coupond_shared)
