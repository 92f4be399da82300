'use strict';
// Moves the list of `decide` into MariaDB, a batch per INSERT; entries leave the list only afterwards, so nothing is lost.
// usage: node consumer.js SETTINGS (JSON)

const { setTimeout: sleep } = require('node:timers/promises');
const { connect, QUEUE } = require('./redis.js');
const sql = require('./sql.js');

const BATCH = 1000;
const IDLE_MS = 5;

async function storeBatch(redis, pool, coupon) {
    const lines = await redis.lrange(QUEUE, 0, BATCH - 1);
    if (lines.length === 0)
        return 0;
    const now = new Date();
    const rows = lines.map((line) => {
        const space = line.indexOf(' ');
        return [coupon, line.slice(0, space), line.slice(space + 1), now];
    });
    await pool.query('INSERT IGNORE INTO coupon_issue (coupon_id, sequence, user_id, issued_at) VALUES ?', [rows]);
    await redis.ltrim(QUEUE, lines.length, -1);
    return lines.length;
}

async function main() {
    const settings = JSON.parse(process.argv[2]);
    const redis = connect(settings);
    const pool = await sql.open(settings, 1);
    for (;;)
        if (await storeBatch(redis, pool, settings.coupon) === 0)
            await sleep(IDLE_MS);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
