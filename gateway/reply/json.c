#include "gateway/reply/json.h"

#include <string.h>

#include "shared/clock.h"
#include "shared/code.h"
#include "shared/error.h"

size_t decimal_format(char *out, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[sizeof digits - ++n] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    memcpy(out, digits + sizeof digits - n, n);
    return n;
}

static char *put(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    return out + length;
}

#define PUT_LITERAL(out, text) put(out, text, sizeof(text) - 1)

static char *put_time(char *out, int64_t us)
{
    if (us == TIME_NONE)
        return PUT_LITERAL(out, "null");
    *out++ = '"';
    out += rfc3339_format(us, out);
    *out++ = '"';
    return out;
}

/* A string that is known to be UTF-8 without control characters. */
static char *put_string(char *out, const char *text, size_t length)
{
    *out++ = '"';
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"' || text[i] == '\\')
            *out++ = '\\';
        *out++ = text[i];
    }
    *out++ = '"';
    return out;
}

static char *put_bool(char *out, bool value)
{
    return value ? PUT_LITERAL(out, "true") : PUT_LITERAL(out, "false");
}

static char *put_actor(char *out, const struct frame_details *details)
{
    if (details->actor_length == 0)
        return out;
    out = PUT_LITERAL(out, ",\"actor\":");
    return put_string(out, details->actor, details->actor_length);
}

static char *put_redemption(char *out, const struct frame_details *details)
{
    out = PUT_LITERAL(out, ",\"redemption\":{\"reference\":");
    out = put_string(out, details->reference, details->reference_length);
    out = PUT_LITERAL(out, ",\"redeemed_at\":");
    out = put_time(out, details->changed_at_us);
    return PUT_LITERAL(put_actor(out, details), "}");
}

static char *put_revocation(char *out, const struct frame_details *details)
{
    out = PUT_LITERAL(out, ",\"revocation\":{\"reason\":");
    out = put_string(out, details->reason, details->reason_length);
    out = PUT_LITERAL(out, ",\"restock\":");
    out = put_bool(out, (details->flags & CHANGE_RESTOCK) != 0);
    out = PUT_LITERAL(out, ",\"again\":");
    out = put_bool(out, (details->flags & CHANGE_AGAIN) != 0);
    out = PUT_LITERAL(out, ",\"revoked_at\":");
    out = put_time(out, details->changed_at_us);
    return PUT_LITERAL(put_actor(out, details), "}");
}

const char *issue_state_text(const struct frame_issue *issue, int64_t now_us)
{
    bool expired = issue->redeemable_until_us != TIME_NONE && now_us >= issue->redeemable_until_us;
    switch ((enum issue_state)issue->state) {
    case ISSUE_REDEEMED:
        return "redeemed";
    case ISSUE_REVOKED:
        return "revoked";
    default:
        return expired ? "expired" : "issued";
    }
}

static char *put_code(char *out, uint64_t code)
{
    if (code == ISSUE_CODE_UNKNOWN)
        return PUT_LITERAL(out, ",\"code\":null");
    out = PUT_LITERAL(out, ",\"code\":\"");
    code_format(code % CODE_NUMBER_END, out);
    return PUT_LITERAL(out + CODE_LENGTH, "\"");
}

size_t issue_json_format(char out[ISSUE_JSON_MAX], const struct issue_view *view)
{
    const struct frame_issue *issue = view->issue;
    char *at = out;
    CHECK(view->coupon_id.length <= COUPON_ID_MAX);
    CHECK(view->user_id.length <= USER_ID_MAX);
    at = PUT_LITERAL(at, "{\"coupon_id\":\"");
    at = put(at, view->coupon_id.at, view->coupon_id.length);
    at = PUT_LITERAL(at, "\",\"user_id\":\"");
    at = put(at, view->user_id.at, view->user_id.length);
    at = PUT_LITERAL(at, "\",\"sequence\":");
    at += decimal_format(at, issue->sequence);
    at = PUT_LITERAL(at, ",\"nth\":");
    at += decimal_format(at, issue->nth);
    at = put_code(at, issue->code);
    at = PUT_LITERAL(at, ",\"issued_at\":");
    at = put_time(at, issue->issued_at_us);
    at = PUT_LITERAL(at, ",\"redeemable_until\":");
    at = put_time(at, issue->redeemable_until_us);
    at = PUT_LITERAL(at, ",\"state\":\"");
    const char *state = issue_state_text(issue, view->now_us);
    at = PUT_LITERAL(put(at, state, strlen(state)), "\"");
    if (view->details != NULL && issue->state == ISSUE_REDEEMED)
        at = put_redemption(at, view->details);
    if (view->details != NULL && issue->state == ISSUE_REVOKED)
        at = put_revocation(at, view->details);
    at = PUT_LITERAL(at, "}");
    return (size_t)(at - out);
}

static void append_text(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_number(struct buffer *out, const char *name, uint64_t value)
{
    char digits[20];
    append_text(out, name);
    buffer_append(out, digits, decimal_format(digits, value));
}

static void append_time(struct buffer *out, const char *name, int64_t us)
{
    char text[RFC3339_MAX];
    append_text(out, name);
    if (us == TIME_NONE) {
        append_text(out, "null");
        return;
    }
    append_text(out, "\"");
    buffer_append(out, text, rfc3339_format(us, text));
    append_text(out, "\"");
}

/* Of a number of pieces; null without a bound. */
static void append_quantity(struct buffer *out, const char *name, uint32_t quantity)
{
    if (quantity != QUANTITY_UNLIMITED) {
        append_number(out, name, quantity);
        return;
    }
    append_text(out, name);
    append_text(out, "null");
}

/* A string, or null if it is empty. */
static void append_string(struct buffer *out, const char *name, const char *text)
{
    append_text(out, name);
    if (text[0] == '\0')
        append_text(out, "null");
    else
        json_string_append(out, text, strlen(text));
}

/* JSON that the coupon carries, or null if it is empty. */
static void append_json(struct buffer *out, const char *name, const char *json)
{
    append_text(out, name);
    append_text(out, json[0] == '\0' ? "null" : json);
}

static void append_texts(struct buffer *out, const struct coupon *coupon)
{
    append_string(out, ",\"title\":", coupon->title);
    append_string(out, ",\"description\":", coupon->description);
    append_json(out, ",\"benefit\":", coupon->benefit);
    append_json(out, ",\"metadata\":", coupon->metadata);
}

static void append_counts(struct buffer *out, const struct coupon *coupon)
{
    append_quantity(out, ",\"quantity\":", coupon->quantity);
    append_number(out, ",\"issued\":", coupon->issued);
    append_number(out, ",\"returned\":", coupon->returned);
    append_quantity(out, ",\"remaining\":", coupon_remaining(coupon));
    append_number(out, ",\"redeemed\":", coupon->redeemed);
    append_number(out, ",\"per_user_limit\":", coupon->per_user_limit);
}

void coupon_json_append(struct buffer *out, const struct coupon *coupon, int64_t now_us)
{
    append_text(out, "{\"id\":");
    json_string_append(out, coupon->id, strlen(coupon->id));
    append_texts(out, coupon);
    append_counts(out, coupon);
    append_time(out, ",\"starts_at\":", coupon->starts_at_us);
    append_time(out, ",\"ends_at\":", coupon->ends_at_us);
    append_time(out, ",\"redeem_until\":", coupon->redeem_until_us);
    append_quantity(
        out, ",\"redeem_within_s\":", coupon->redeem_within_s != 0 ? coupon->redeem_within_s : QUANTITY_UNLIMITED);
    append_text(out, ",\"state\":\"");
    append_text(out, coupon_state_name(coupon_state(coupon, now_us)));
    append_string(out, "\",\"owner\":", coupon->owner);
    append_json(out, ",\"segments\":", coupon->segments);
    append_number(out, ",\"version\":", coupon->journal_seq);
    append_time(out, ",\"created_at\":", coupon->created_at_us);
    append_time(out, ",\"updated_at\":", coupon->updated_at_us);
    append_text(out, "}");
}

/* The length of the UTF-8 character at `at`, or 0 when RFC 3629 does not allow it. */
static size_t utf8_size(const unsigned char *at, size_t left)
{
    size_t size = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    if ((at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4 || size > left)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] >= 0x90))
        return 0;
    return size;
}

static void append_escape(struct buffer *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    if (c == '"' || c == '\\') {
        text[1] = (char)c;
        buffer_append(out, text, 2);
    } else {
        buffer_append(out, text, sizeof text);
    }
}

/* True for a character that JSON does not escape. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Appends a character that needs an escape or is not ASCII. Returns its length in the text. */
static size_t append_special(struct buffer *out, const unsigned char *at, size_t left)
{
    size_t size = utf8_size(at, left);
    if (size == 0) {
        append_text(out, "\\ufffd");
        return 1;
    }
    if (size == 1)
        append_escape(out, *at);
    else
        buffer_append(out, at, size);
    return size;
}

void json_string_append(struct buffer *out, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + length;
    append_text(out, "\"");
    while (at < end) {
        const unsigned char *plain = at;
        while (at < end && is_plain(*at))
            at++;
        buffer_append(out, plain, (size_t)(at - plain));
        if (at < end)
            at += append_special(out, at, (size_t)(end - at));
    }
    append_text(out, "\"");
}
