#include "gateway/limits/forwarded.h"

#include "gateway/http/request.h"

/* --- hops --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
    while (s.length > 0 && is_blank(s.at[0]))
        s = (struct span){s.at + 1, s.length - 1};
    while (s.length > 0 && is_blank(s.at[s.length - 1]))
        s.length--;
    return s;
}

/* Takes the piece behind the last separator outside quotes off the end. False at the beginning. An open quote makes the
 * whole rest one piece, which no reader accepts. */
static bool take_last(struct span *list, char separator, struct span *piece)
{
    bool quoted = false;
    size_t at = list->length;
    if (list->at == NULL)
        return false;
    while (at > 0 && (quoted || list->at[at - 1] != separator))
        quoted ^= list->at[--at] == '"';
    *piece = trim((struct span){list->at + at, list->length - at});
    *list = at == 0 ? SPAN_NONE : (struct span){list->at, at - 1};
    return true;
}

/* ":8080", or a hidden port such as ":_a1" (RFC 7239 §6.2), or nothing. */
static bool is_port(struct span s)
{
    if (s.length == 0)
        return true;
    if (s.at[0] != ':' || s.length < 2)
        return false;
    bool hidden = s.at[1] == '_';
    for (size_t i = hidden ? 2 : 1; i < s.length; i++) {
        bool digit = s.at[i] >= '0' && s.at[i] <= '9';
        bool letter = (s.at[i] >= 'A' && s.at[i] <= 'Z') || (s.at[i] >= 'a' && s.at[i] <= 'z');
        bool mark = s.at[i] == '.' || s.at[i] == '_' || s.at[i] == '-';
        if (!digit && !(hidden && (letter || mark)))
            return false;
    }
    return hidden ? s.length > 2 : s.length <= 6;
}

/* 192.0.2.1, 192.0.2.1:80, [2001:db8::1], [2001:db8::1]:80; without brackets only where `bare` allows it. */
static bool read_node(struct span node, bool bare, struct net_address *address)
{
    const char *end = NULL;
    if (node.length > 0 && node.at[0] == '[') {
        end = memchr(node.at, ']', node.length);
        size_t length = end == NULL ? 0 : (size_t)(end - node.at) - 1;
        return end != NULL && memchr(node.at + 1, ':', length) != NULL &&
               net_address_parse(node.at + 1, length, address) &&
               is_port((struct span){end + 1, node.length - length - 2});
    }
    if (bare && net_address_parse(node.at, node.length, address))
        return true;
    end = node.length == 0 ? NULL : memchr(node.at, ':', node.length);
    size_t length = end == NULL ? node.length : (size_t)(end - node.at);
    return net_address_parse(node.at, length, address) &&
           is_port((struct span){node.at + length, node.length - length});
}

/* A token stays; a quoted string without escapes, which no address needs, loses its quotes. False for anything else. */
static bool unquote(struct span *value)
{
    if (value->length < 2 || value->at[0] != '"')
        return http_is_token(*value);
    *value = (struct span){value->at + 1, value->length - 2};
    return value->at[value->length] == '"' && (value->length == 0 || (memchr(value->at, '"', value->length) == NULL &&
                                                                      memchr(value->at, '\\', value->length) == NULL));
}

/* for=192.0.2.1;proto=https;by=… with exactly one "for". */
static bool read_element(struct span element, struct net_address *address)
{
    struct span pair = SPAN_NONE;
    bool found = false;
    while (take_last(&element, ';', &pair)) {
        const char *equals = pair.length == 0 ? NULL : memchr(pair.at, '=', pair.length);
        if (equals == NULL)
            return false;
        struct span name = {pair.at, (size_t)(equals - pair.at)};
        struct span value = {equals + 1, pair.length - name.length - 1};
        if (!http_is_token(name) || !unquote(&value))
            return false;
        if (!span_equals_nocase(name, SPAN_LITERAL("for")))
            continue;
        if (found || !read_node(value, false, address))
            return false;
        found = true;
    }
    return found;
}

/* --- the walk --- */

struct lines {
    unsigned count; /* of all */
    struct span values[FORWARDED_LINES_MAX];
};

static void find_lines(struct lines *lines, enum forwarded_field field, struct span head)
{
    struct span name = field == FORWARDED_FORWARDED ? SPAN_LITERAL("forwarded") : SPAN_LITERAL("x-forwarded-for"),
                value = SPAN_NONE;
    lines->count = 0;
    while (http_request_next_line(&head, name, &value))
        lines->values[lines->count++ % FORWARDED_LINES_MAX] = value;
}

/* Takes the last hop that is not an empty list member. False when there is none. */
static bool take_hop(struct lines *lines, unsigned *left, struct span *hop)
{
    while (*left > 0) {
        struct span *value = &lines->values[(lines->count - 1) % FORWARDED_LINES_MAX];
        while (take_last(value, ',', hop)) {
            if (hop->length > 0)
                return true;
        }
        lines->count--;
        --*left;
    }
    return false;
}

struct net_address forwarded_client(const struct net_ranges *trusted, enum forwarded_field field,
                                    struct net_address peer, struct span head)
{
    struct net_address address = peer, next;
    struct span hop = SPAN_NONE;
    struct lines lines;
    if (!net_ranges_contain(trusted, &peer))
        return peer;
    find_lines(&lines, field, head);
    unsigned left = lines.count < FORWARDED_LINES_MAX ? lines.count : FORWARDED_LINES_MAX;
    for (unsigned hops = 0; hops < FORWARDED_HOPS_MAX && net_ranges_contain(trusted, &address); hops++) {
        if (!take_hop(&lines, &left, &hop))
            break;
        if (field == FORWARDED_FORWARDED ? !read_element(hop, &next) : !read_node(hop, true, &next))
            break;
        address = next;
    }
    return address;
}
