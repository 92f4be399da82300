/*
 * The last questions of a run: whether each partition knows every user, issue, code and idempotency key.
 */
#ifndef COUPOND_SIM_QUESTIONS_H
#define COUPOND_SIM_QUESTIONS_H

#include "sim.h"

/* Asks while the process is up, and has the answers checked. No question changes anything. */
void sim_questions_ask(struct sim *sim);

#endif
