#include "issuer/member/endpoint.h"

#include "shared/members.h"

const char *member_endpoint(const struct options *options, const char *base, char room[OPTION_STRING_MAX])
{
    struct members members;
    struct error error;
    if (options->cluster_members[0] == '\0')
        return base;
    CHECK(members_parse(options->cluster_members, &members, &error) == 0); /* as options_complete() has checked */
    CHECK(
        members_own_endpoint(&members, members_find(&members, options->issuer_member), base, room, OPTION_STRING_MAX));
    return room;
}
