# `coupond verify`: a library, so that tests can reach it.
add_library(coupond_verify STATIC)
target_sources(coupond_verify PRIVATE
  cmd_verify.c verify.c verify_coupon.c verify_dead.c verify_findings.c verify_report.c verify_users.c)
target_link_libraries(coupond_verify PUBLIC coupond_commands coupond_issuer coupond_shared)
