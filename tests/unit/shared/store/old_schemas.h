/*
 * For tests of migrations: the tables as versions 1 to 3 of the schema created them, with a coupon "c" of two issues, a
 * dead letter, and a journal of which the store has 3 records.
 */
#ifndef COUPOND_TEST_OLD_SCHEMAS_H
#define COUPOND_TEST_OLD_SCHEMAS_H

#include "tests/unit/shared/store/store_fixture.h"

/* The id of the store of version 3. */
#define OLD_STORE_ID "000102030405060708090a0b0c0d0e0f"

void old_schema_create(struct store_fixture *fixture, int version);

#endif
