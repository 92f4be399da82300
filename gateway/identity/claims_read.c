#include "gateway/identity/claims_read.h"

#include "gateway/identity/claims_usual.h"

enum claims_fault claims_read(struct claims *claims, struct span json, const struct claim_members *members)
{
    claims_clear(claims);
    return claims_read_usual(claims, json, members) ? CLAIMS_READ : claims_read_any(claims, json, members);
}
