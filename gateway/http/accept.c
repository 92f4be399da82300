#include "gateway/http/accept.h"

enum { QUALITY_MAX = 1000 };

/* A range of the list, such as text/csv;q=0.5. */
struct range {
    struct span type;
    struct span subtype;
    unsigned quality; /* thousandths */
};

/* How exactly a range names a type. */
enum exactness { NOT_NAMED, NAMED_ANY, NAMED_TYPE, NAMED_SUBTYPE };

static struct span trim(struct span s)
{
    while (s.length > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (struct span){s.at + 1, s.length - 1};
    while (s.length > 0 && strchr(" \t\r\n", s.at[s.length - 1]) != NULL)
        s.length--;
    return s;
}

/* Takes what stands before the next `mark`, trimmed. False at the end. */
static bool take_until(struct span *rest, char mark, struct span *piece)
{
    if (rest->length == 0)
        return false;
    const char *end = memchr(rest->at, mark, rest->length);
    size_t length = end == NULL ? rest->length : (size_t)(end - rest->at);
    *piece = trim((struct span){rest->at, length});
    size_t taken = end == NULL ? length : length + 1;
    *rest = (struct span){rest->at + taken, rest->length - taken};
    return true;
}

/* "0.5", with up to three digits; anything else counts as 1. */
static unsigned read_quality(struct span text)
{
    unsigned quality = 0, unit = QUALITY_MAX;
    for (size_t i = 0; i < text.length; i++) {
        if (i == 1 && text.at[i] == '.')
            continue;
        if (text.at[i] < '0' || text.at[i] > '9' || i > 4)
            return QUALITY_MAX;
        quality += unit * (unsigned)(text.at[i] - '0');
        unit /= 10;
    }
    return text.length == 0 || quality > QUALITY_MAX ? QUALITY_MAX : quality;
}

static struct range read_range(struct span text)
{
    struct range range = {.quality = QUALITY_MAX};
    struct span name = SPAN_NONE, parameter = SPAN_NONE;
    take_until(&text, ';', &name);
    take_until(&name, '/', &range.type);
    range.subtype = name;
    while (take_until(&text, ';', &parameter))
        if (parameter.length > 2 && strncasecmp(parameter.at, "q=", 2) == 0)
            range.quality = read_quality((struct span){parameter.at + 2, parameter.length - 2});
    return range;
}

static bool is(struct span text, const char *name)
{
    return span_equals_nocase(text, (struct span){name, strlen(name)});
}

static enum exactness names(const struct range *range, const struct http_offer *offer)
{
    if (is(range->type, "*") && is(range->subtype, "*"))
        return NAMED_ANY;
    if (!is(range->type, offer->type))
        return NOT_NAMED;
    if (is(range->subtype, "*"))
        return NAMED_TYPE;
    return is(range->subtype, offer->subtype) ? NAMED_SUBTYPE : NOT_NAMED;
}

/* The quality that the most exact range gives to the offer, and its exactness as the last digit. */
static unsigned rank(struct span list, const struct http_offer *offer)
{
    enum exactness most = NOT_NAMED;
    unsigned quality = 0;
    struct span text = SPAN_NONE;
    while (take_until(&list, ',', &text)) {
        struct range range = read_range(text);
        enum exactness exactness = names(&range, offer);
        if (exactness > most) {
            most = exactness;
            quality = range.quality;
        }
    }
    return quality == 0 ? 0 : quality * 10 + (unsigned)most;
}

unsigned http_accept_choose(struct span list, const struct http_offer *offers, unsigned count)
{
    unsigned best = 0, best_rank = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned found = rank(list, &offers[i]);
        if (found > best_rank) {
            best = i;
            best_rank = found;
        }
    }
    return best;
}

bool http_accept_names_coding(struct span list, const char *coding)
{
    struct span text = SPAN_NONE;
    while (take_until(&list, ',', &text)) {
        struct range range = read_range(text);
        if (range.subtype.length == 0 && is(range.type, coding))
            return range.quality > 0;
    }
    return false;
}
