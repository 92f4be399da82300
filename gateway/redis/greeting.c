#include "gateway/redis/greeting.h"

#include <stdio.h>
#include <string.h>

static struct span text_span(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void add(struct redis_greeting *greeting, enum redis_greeting_step step, const char *name, const char *first,
                const char *second)
{
    unsigned index = greeting->count++;
    greeting->commands[index].step = step;
    greeting->commands[index].words[0] = text_span(name);
    greeting->commands[index].words[1] = text_span(first);
    greeting->commands[index].count = second != NULL ? 3 : 2;
    if (second != NULL)
        greeting->commands[index].words[2] = text_span(second);
}

void redis_greeting_init(struct redis_greeting *greeting, const struct redis_url *url)
{
    *greeting = (struct redis_greeting){.count = 0};
    if (url->user[0] != '\0')
        add(greeting, REDIS_GREETING_AUTH, "AUTH", url->user, url->password);
    else if (url->password[0] != '\0')
        add(greeting, REDIS_GREETING_AUTH, "AUTH", url->password, NULL);
    if (url->database == 0)
        return;
    snprintf(greeting->database, sizeof greeting->database, "%u", url->database);
    add(greeting, REDIS_GREETING_SELECT, "SELECT", greeting->database, NULL);
}

void redis_greeting_explain(enum redis_greeting_step step, const struct redis_value *error,
                            char refusal[REDIS_REFUSAL_MAX])
{
    static const char *const meanings[] = {
        [REDIS_GREETING_AUTH] = "user or password is wrong",
        [REDIS_GREETING_SELECT] = "the database does not exist, or the user may not use it",
        [REDIS_GREETING_END] = "user and password are missing, or the user lacks permissions",
    };
    size_t length = strspn(error->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    snprintf(refusal, REDIS_REFUSAL_MAX, "%s (%.*s)", meanings[step], length <= 16 ? (int)length : 16, error->text);
}
