#include "sim_questions.h"

#include <string.h>

#include "shared/error.h"
#include "sim_clients.h"
#include "sim_issuer.h"
#include "sim_issuer_state.h"
#include "sim_model_ask.h"

/* The questions of one frame. */
struct questions {
    struct sim *sim;
    uint16_t partition;
    enum frame_kind kind;
    uint32_t count;
    size_t size;
    unsigned char frame[sizeof(struct frame_header) + sizeof(struct frame_coupon_request)];
};

static void begin(struct questions *questions, struct sim *sim, uint16_t partition, enum frame_kind kind)
{
    questions->sim = sim;
    questions->partition = partition;
    questions->kind = kind;
    questions->count = 0;
    questions->size = sizeof(struct frame_header);
}

/* Asks what has been collected. */
static void end(struct questions *questions)
{
    struct sim *sim = questions->sim;
    frame_header_write((struct frame_header *)questions->frame, questions->kind, questions->partition,
                       sim->plan.partitions, questions->count);
    if (questions->count > 0 && !sim_failed(sim) && sim_issuer_is_up(sim))
        sim_issuer_ask(sim, questions->partition, questions->frame, questions->size);
    begin(questions, sim, questions->partition, questions->kind);
}

static void add(struct questions *questions, const void *request, size_t size, uint32_t most)
{
    memcpy(questions->frame + questions->size, request, size);
    questions->size += size;
    if (++questions->count == most)
        end(questions);
}

/* --- users --- */

static struct frame_issue_request about_user(const char *coupon_id, const char *user_id, enum issue_op op)
{
    struct frame_issue_request request = {.op = (uint8_t)op,
                                          .wait_us = UINT32_MAX,
                                          .coupon_id_length = (uint8_t)strlen(coupon_id),
                                          .user_id_length = (uint8_t)strlen(user_id)};
    memcpy(request.coupon_id, coupon_id, request.coupon_id_length);
    memcpy(request.user_id, user_id, request.user_id_length);
    return request;
}

static void ask_users(struct sim *sim, uint16_t partition)
{
    static struct questions questions;
    begin(&questions, sim, partition, FRAME_ISSUE_REQUESTS);
    for (unsigned coupon = 0; coupon < sim->plan.coupons; coupon++) {
        for (unsigned user = 0; user < sim->plan.users; user++) {
            char coupon_id[COUPON_ID_MAX + 1], user_id[USER_ID_MAX + 1];
            sim_coupon_id(coupon, coupon_id);
            sim_user_id(user, user_id);
            struct frame_issue_request request = about_user(coupon_id, user_id, ISSUE_LOOKUP);
            add(&questions, &request, sizeof request, SIM_ISSUES_A_FRAME);
        }
    }
    end(&questions);
}

/* --- issues --- */

/* The nth issue, and that of a key, as far as asking for them issues none. */
static void ask_again(struct questions *questions, const struct model *model, const char *coupon_id,
                      const struct model_issue *issue)
{
    struct model_answer answer;
    struct frame_issue_request request = about_user(coupon_id, issue->user_id, ISSUE_ENSURE);
    request.nth = issue->nth;
    add(questions, &request, sizeof request, SIM_ISSUES_A_FRAME);
    request = about_user(coupon_id, issue->user_id, ISSUE_POST);
    request.request_key = issue->request_key;
    model_ask_issue(model, &request, 0, &answer);
    if (answer.verdict == VERDICT_REPLAYED)
        add(questions, &request, sizeof request, SIM_ISSUES_A_FRAME);
}

static void ask_about(struct questions *questions, const char *coupon_id, const struct model_issue *issue)
{
    struct frame_change_request request = {.op = CHANGE_SHOW,
                                           .wait_us = UINT32_MAX,
                                           .coupon_id_length = (uint8_t)strlen(coupon_id),
                                           .user_id_length = (uint8_t)strlen(issue->user_id),
                                           .sequence = issue->sequence};
    memcpy(request.coupon_id, coupon_id, request.coupon_id_length);
    memcpy(request.user_id, issue->user_id, request.user_id_length);
    add(questions, &request, sizeof request, SIM_CHANGES_A_FRAME);
    request = (struct frame_change_request){.op = CHANGE_RESOLVE, .wait_us = UINT32_MAX, .code = issue->code};
    if (issue->code != 0)
        add(questions, &request, sizeof request, SIM_CHANGES_A_FRAME);
}

static void ask_issues(struct sim *sim, uint16_t partition)
{
    static struct questions issues, changes;
    const struct model *model = sim_issuer_model(sim, partition);
    begin(&issues, sim, partition, FRAME_ISSUE_REQUESTS);
    begin(&changes, sim, partition, FRAME_CHANGE_REQUESTS);
    for (size_t i = 0; i < model->coupons_count; i++) {
        const struct model_coupon *coupon = &model->coupons[i];
        for (uint32_t k = 0; k < coupon->issued; k++) {
            ask_again(&issues, model, coupon->policy.id, &coupon->issues[k]);
            ask_about(&changes, coupon->policy.id, &coupon->issues[k]);
        }
    }
    end(&issues);
    end(&changes);
}

/* --- coupons --- */

static void ask_coupons(struct sim *sim, uint16_t partition)
{
    static struct questions questions;
    const struct model *model = sim_issuer_model(sim, partition);
    begin(&questions, sim, partition, FRAME_COUPON_REQUESTS);
    for (size_t i = 0; i < model->coupons_count; i++) {
        const char *id = model->coupons[i].policy.id;
        struct frame_coupon_request request = {.op = COUPON_GET, .wait_us = UINT32_MAX};
        request.coupon.id_length = (uint8_t)strlen(id);
        memcpy(request.coupon.id, id, strlen(id));
        _Static_assert(sizeof request <= sizeof questions.frame - sizeof(struct frame_header), "one has room");
        add(&questions, &request, sizeof request, 1);
    }
}

void sim_questions_ask(struct sim *sim)
{
    for (uint16_t i = 0; i < sim->plan.partitions; i++) {
        ask_users(sim, i);
        ask_issues(sim, i);
        ask_coupons(sim, i);
    }
}
