"""Faults to plant: a name, the file, its exact text, what to put there instead, and what the simulation has to notice.

Each text occurs once in its file; the script refuses one that does not, so that the table follows the code.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    breaks: str


FAULTS = [
    Fault("answer-before-sync", "shared/journal.c",
          "        journal_sync_file(journal, journal->active_fd);\n        journal_publish_synced(journal, seq);\n    }",
          "        journal_publish_synced(journal, seq);\n    }",
          "promise 3: an answer leaves before what it rests on is durable"),
    Fault("sync-error-ignored", "shared/journal_worker.c",
          "    if (disk->fdatasync(fd) != 0)\n        journal_give_up(journal, \"fdatasync\");\n    if (journal->config.metrics",
          "    disk->fdatasync(fd);\n    if (journal->config.metrics",
          "promise 3: a sync that failed passes for one that did not"),
    Fault("publish-before-sync", "shared/journal.c",
          "    atomic_store_explicit(&journal->written_seq, seq, memory_order_release);\n    if (journal_syncs_itself(journal)) {",
          "    atomic_store_explicit(&journal->written_seq, seq, memory_order_release);\n"
          "    journal_publish_synced(journal, seq);\n    if (journal_syncs_itself(journal)) {",
          "the database is ahead of the journal"),
    Fault("name-not-synced", "shared/journal_replay.c",
          "    return result == 0 ? journal_dir_sync(journal->dir, error) : -1;",
          "    return result;",
          "promise 3: a segment whose name was never synced is gone with the power"),
    Fault("clean-pages-trusted", "shared/journal_replay.c",
          "    if (rewrite(journal, end_of_proven(journal, reader), journal->offset) == 0)",
          "    if (end_of_proven(journal, reader) > 0)",
          "promise 3: after a sync that failed, records that are only in the page cache are gone with the power"),
    Fault("tail-cut-too-early", "shared/journal_replay.c",
          "journal_segment_zero(journal->active_fd, position->offset, journal->segment_size)",
          "journal_segment_zero(journal->active_fd, position->offset / 512 * 512, journal->segment_size)",
          "promise 3: sound records are cut with the torn ones"),
    Fault("torn-tail-left", "shared/journal_replay.c",
          "    if (journal_segment_zero(journal->active_fd, position->offset, journal->segment_size) != 0)",
          "    if (position->offset > journal->segment_size)",
          "a journal that was torn once cannot be read later"),
    Fault("user-forgotten", "issuer/ledger.c",
          "    user_set_put(&command->coupon->users, command->user, &decision->issue);\n",
          "",
          "promise 2: a user is issued the same coupon again"),
    Fault("quantity-off-by-one", "shared/coupon.c",
          "coupon->issued >= coupon->quantity", "coupon->issued > coupon->quantity",
          "promise 1: one more than the quantity"),
    Fault("limit-off-by-one", "issuer/ledger.c",
          "decision->issue.nth < coupon->per_user_limit", "decision->issue.nth <= coupon->per_user_limit",
          "promise 2: one more than the limit"),
    Fault("put-issues-again", "issuer/ledger.c",
          "bool wants_more = command->op == ISSUE_POST && decision", "bool wants_more = decision",
          "promise 6: asking again uses up stock"),
    Fault("time-goes-back", "shared/clock.c",
          "    if (wall_us > clock->last_us && wall_us <= ISSUER_TIME_US_MAX)", "    if (wall_us <= ISSUER_TIME_US_MAX)",
          "promise 4: the time of issue goes back"),
    Fault("full-disk-ignored", "issuer/turn.c",
          "    if (decision->verdict == VERDICT_ISSUED && !turn->room)\n        decision->verdict = VERDICT_OVERLOADED;\n",
          "",
          "an issue is journalled where there is no room"),
    Fault("snapshot-ahead-of-journal", "issuer/snapshot.c",
          "state == SNAPSHOT_FINISHING && journal_synced_seq(snapshot->journal) >= walk.until_seq",
          "state == SNAPSHOT_FINISHING",
          "a snapshot knows of records that the power took away"),
    Fault("segment-removed-too-early", "issuer/retention.c",
          "acked < limit ? acked : limit", "acked",
          "promise 3: records go that no snapshot holds yet"),
    Fault("any-ack-will-do", "issuer/window.c",
          "window->count == 0 || oldest->state != WINDOW_DONE", "window->count == 0 || oldest->state == WINDOW_READY",
          "promise 3: a frame counts as stored that is not"),
    Fault("never-sent-again", "issuer/window.c",
          "batch->state == WINDOW_READY || (batch->state == WINDOW_WAITING && now_us >= batch->resend_at_us)",
          "batch->state == WINDOW_READY",
          "what was lost on the way never reaches the database"),
    Fault("barrier-ignored", "issuer/window.c",
          "        if (window->batches[slot_at(window, i)].barrier)\n            return false;",
          "        if (i > window->capacity)\n            return false;",
          "issues arrive before their coupon"),
    Fault("loss-not-heard", "issuer/feed.c",
          "    return has < source->window.acked_seq;", "    return has > source->window.acked_seq;",
          "a database that came back empty stays empty"),
    Fault("store-never-asked", "issuer/feed.c",
          "    return now_us >= source->ask_at_us;", "    return now_us < 0;",
          "a database that came back empty while nothing was issued stays empty"),
    Fault("ack-before-commit", "persister/delivery.c",
          "    enum store_result result = store_write(delivery->store, rows_of(delivery), &step->error);\n    if (result == STORE_OK) {",
          "    enum store_result result = store_write(delivery->store, rows_of(delivery), &step->error);\n"
          "    if (result == STORE_RETRY)\n        result = STORE_OK;\n    if (result == STORE_OK) {",
          "promise 3: a transaction that failed passes for committed"),
    Fault("rows-left-out-at-the-end", "persister/delivery.c",
          "    struct delivery_range issues = {rows->coupons_count, rows_count(delivery)};",
          "    struct delivery_range issues = {rows->coupons_count, rows->coupons_count};",
          "promise 3: a database that came back from a backup between two attempts lacks rows"),
    Fault("repetition-stored-twice", "tests/simulation/sim_database.c",
          "    if (sim_rows_find_issue(rows, issue, &there))\n",
          "    if (sim_rows_find_issue(rows, issue, &there) && !store_issue_equal(issue, &there))\n",
          "promise 3: a repeated frame is stored twice"),
]
