/*
 * Answers that wait for a standby.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "issuer/held.h"

static void add(struct held *held, uint64_t turn, uint64_t number)
{
    zmq_msg_t gateway, reply;
    zmq_msg_init_size(&gateway, sizeof number);
    zmq_msg_init_size(&reply, 4096); /* beyond what a zmq_msg_t contains itself */
    memcpy(zmq_msg_data(&gateway), &number, sizeof number);
    memcpy(zmq_msg_data(&reply), &number, sizeof number);
    held_add(held, turn, &gateway, &reply);
    assert_int_equal(zmq_msg_size(&gateway), 0);
    assert_int_equal(zmq_msg_size(&reply), 0);
}

static void expect(struct held *held, uint64_t turn, uint64_t number)
{
    zmq_msg_t *gateway, *reply;
    uint64_t of_gateway, of_reply;
    assert_true(held_first(held, turn, &gateway, &reply));
    memcpy(&of_gateway, zmq_msg_data(gateway), sizeof of_gateway);
    memcpy(&of_reply, zmq_msg_data(reply), sizeof of_reply);
    assert_int_equal(of_gateway, number);
    assert_int_equal(of_reply, number);
    held_drop_first(held);
}

static void answers_leave_in_order_and_not_before_their_turn(void **state)
{
    zmq_msg_t *gateway, *reply;
    struct held *held = held_create();
    (void)state;
    assert_false(held_first(held, UINT64_MAX, &gateway, &reply));
    add(held, 1, 10);
    add(held, 1, 11);
    add(held, 3, 12);
    assert_false(held_first(held, 0, &gateway, &reply));
    expect(held, 1, 10);
    expect(held, 2, 11);
    assert_false(held_first(held, 2, &gateway, &reply));
    expect(held, 3, 12);
    assert_int_equal(held_count(held), 0);
    held_destroy(&held);
}

static void it_grows_while_its_beginning_moves(void **state)
{
    struct held *held = held_create();
    uint64_t in = 0, out = 0;
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < 50; i++, in++)
            add(held, in, in);
        for (unsigned i = 0; i < 20; i++, out++)
            expect(held, out, out);
    }
    assert_int_equal(held_count(held), in - out);
    assert_int_equal(held_bytes(held), 4096 * (in - out));
    while (out < in) {
        expect(held, out, out);
        out++;
    }
    held_destroy(&held);
}

static void what_is_void_is_dropped(void **state)
{
    zmq_msg_t *gateway, *reply;
    struct held *held = held_create();
    (void)state;
    add(held, 1, 1);
    add(held, 2, 2);
    assert_int_equal(held_drop_all(held), 2);
    assert_int_equal(held_bytes(held), 0);
    assert_false(held_first(held, UINT64_MAX, &gateway, &reply));
    add(held, 1, 3);
    expect(held, 1, 3);
    add(held, 1, 4); /* held_destroy() closes it */
    held_destroy(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_leave_in_order_and_not_before_their_turn),
        cmocka_unit_test(it_grows_while_its_beginning_moves),
        cmocka_unit_test(what_is_void_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
