"""Faults to plant into what several members of a partition do; see table.py. Those in nodes.c are of the processes
around the roles, which the simulation has in a form of its own."""

from table import Fault

ROLE = "issuer/member/role.c"
CHANGE = "issuer/member/change.c"
NODES = "tests/simulation/members/nodes.c"
UNKNOWN = "    if (outcome == MEMBER_UNKNOWN)\n        return MEMBER_CHANGE_OPEN;"


def plant(name, file, old, new, breaks):
    return Fault(name, file, old, new, breaks, program="tests/simulation/simulate_members")


MEMBER_FAULTS = [
    plant("answer-before-confirmation", ROLE,
          "            turn = least(turn, role->peers[rows[i].standby].turn);", "            (void)turn;",
          "an answer leaves before the standby has what it depends on"),
    plant("lookup-before-confirmation", NODES, "        if (node->decided[i].turn <= released)",
          "        if (node->decided[i].turn <= released ||\n            (node->decided[i].lookup && "
          "node->decided[i].turn <= node->role.synced_turn))",
          "a former owner that stood still answers a lookup with what was true before"),
    plant("stream-before-confirmation", ROLE,
          "            seq = least(seq, role->peers[rows[i].standby].seq);", "            (void)seq;",
          "the database has what the next owner never knew"),
    plant("shrink-unawaited", ROLE, "    rows[0] = role->row;\n",
          "    rows[0] = role->change.pending ? role->change.to : role->row;\n",
          "the owner answers without its standby before the row says so"),
    plant("pending-row-ignored", ROLE, "    return role->change.pending ? 2 : 1;", "    return 1;",
          "the owner answers without a standby that the row may name already"),
    plant("takeover-without-name", ROLE, "    else if (role->row.standby == role->config.self)\n",
          "    else if (role->row.standby == role->config.self || role->row.standby == MEMBER_NONE)\n",
          "a member that nobody named takes over"),
    plant("confirmation-after-takeover", ROLE,
          "heartbeat->row.epoch > role->muted_epoch && role->state <= MEMBER_STANDBY && !role->change.pending;",
          "heartbeat->row.epoch > 0;", "a standby confirms an epoch that it has tried to end"),
    plant("named-before-caught-up", ROLE,
          "    } else if (role->peers[courted].seq >= role->courted_seq) {", "    } else {",
          "the standby lacks what was answered before it was named"),
    plant("named-without-waiting", ROLE,
          "return role->courted == MEMBER_NONE ? turn : least(turn, role->peers[role->courted].turn);", "return turn;",
          "the standby lacks what was answered while it was being named"),
    plant("replaced-by-any", ROLE, "find_follower(role, all_answered_seq(role), now_us);",
          "find_follower(role, 0, now_us);", "a member that lacks answered records replaces the standby"),
    plant("earlier-answers-forgotten", ROLE,
          "    return role->confirmed_seq > role->earlier_seq ? role->confirmed_seq : role->earlier_seq;",
          "    return role->confirmed_seq;", "a member that lacks what earlier owners answered counts as complete"),
    plant("unknown-taken-for-failed", CHANGE, UNKNOWN,
          "    if (outcome == MEMBER_UNKNOWN) {\n        change->pending = false;\n"
          "        return MEMBER_CHANGE_LOST;\n    }",
          "a member that made a change does not know that"),
    plant("unknown-forgotten", CHANGE, UNKNOWN,
          "    if (outcome == MEMBER_UNKNOWN) {\n        change->pending = false;\n"
          "        return MEMBER_CHANGE_OPEN;\n    }",
          "the owner goes on with the old row, although the store may have the new one"),
    plant("unknown-taken-for-made", CHANGE, UNKNOWN,
          "    if (outcome == MEMBER_UNKNOWN) {\n        change->pending = false;\n"
          "        return MEMBER_CHANGE_MADE;\n    }",
          "a member decides in an epoch that is not its own"),
    plant("incomplete-takes-over", ROLE, "overdue && role->complete &&", "overdue &&",
          "a standby that lost its disk takes over with what it has copied so far"),
    plant("complete-at-once", ROLE, "    role->complete |= end->seq >= answered_seq;",
          "    role->complete |= end->seq >= 0 * answered_seq;",
          "a member takes over before it has copied everything"),
    plant("tail-kept", NODES, "    bool matches = has_point(node, message->after, message->after_term);",
          "    bool matches = message->after <= node->journal.count;",
          "a former owner keeps records that were never answered"),
    plant("confirmation-before-sync", NODES,
          "    node->synced = node->journal.count;\n    member_role_on_followed",
          "    member_role_on_followed", "the standby confirms what a loss of power takes away"),
    plant("claim-without-write", ROLE,
          "    begin_change(role, role->config.self, own ? role->row.standby : role->row.owner);",
          "    if (own) {\n        become_owner(role, now_us);\n        return;\n    }\n"
          "    begin_change(role, role->config.self, own ? role->row.standby : role->row.owner);",
          "an owner goes on after a restart without asking the store"),
    plant("takeover-names-a-third", ROLE, "own ? role->row.standby : role->row.owner);",
          "own ? role->row.standby\n"
          "            : (uint8_t)((role->row.owner + 1 + (role->row.owner + 1 == role->config.self)) % "
          "role->config.count));",
          "a takeover names a standby that may lack what was answered"),
]
