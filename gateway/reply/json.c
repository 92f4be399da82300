#include "gateway/reply/json.h"

#include <string.h>

#include "shared/clock.h"
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

size_t issue_json_format(char out[ISSUE_JSON_MAX], struct span coupon_id, struct span user_id, uint32_t sequence,
                         int64_t issued_at_us)
{
    char *at = out;
    CHECK(coupon_id.length <= COUPON_ID_MAX);
    CHECK(user_id.length <= USER_ID_MAX);
    at = PUT_LITERAL(at, "{\"coupon_id\":\"");
    at = put(at, coupon_id.at, coupon_id.length);
    at = PUT_LITERAL(at, "\",\"user_id\":\"");
    at = put(at, user_id.at, user_id.length);
    at = PUT_LITERAL(at, "\",\"sequence\":");
    at += decimal_format(at, sequence);
    at = PUT_LITERAL(at, ",\"issued_at\":\"");
    at += rfc3339_format(issued_at_us, at);
    at = PUT_LITERAL(at, "\"}");
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

void coupon_json_append(struct buffer *out, const struct coupon *coupon, int64_t now_us)
{
    append_text(out, "{\"id\":");
    json_string_append(out, coupon->id, strlen(coupon->id));
    append_text(out, ",\"title\":");
    json_string_append(out, coupon->title, strlen(coupon->title));
    append_number(out, ",\"quantity\":", coupon->quantity);
    append_number(out, ",\"issued\":", coupon->issued);
    append_number(out, ",\"remaining\":", coupon->issued < coupon->quantity ? coupon->quantity - coupon->issued : 0);
    append_number(out, ",\"per_user_limit\":", coupon->per_user_limit);
    append_time(out, ",\"starts_at\":", coupon->starts_at_us);
    append_time(out, ",\"ends_at\":", coupon->ends_at_us);
    append_text(out, ",\"state\":\"");
    append_text(out, coupon_state_name(coupon_state(coupon, now_us)));
    append_time(out, "\",\"created_at\":", coupon->created_at_us);
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
