'use strict';
// Strategy: a lock in Redis (SET NX PX, released by a script that checks the owner) around the coupon's transaction in MariaDB.
// Only a few requests of this process try to get it at a time, so that attempts do not overload Redis.

const crypto = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');
const { connect } = require('./redis.js');
const sql = require('./sql.js');
const { Turns } = require('./turns.js');

const TRYING = 2; // one holds it, one tries: more would only cost time
const HELD_MS_MAX = 3000;
const SELECT = 'SELECT quantity, issued FROM coupon WHERE id = ?';

async function take(redis, lock, token) {
    while (await redis.set(lock, token, 'PX', HELD_MS_MAX, 'NX') === null)
        await sleep(1);
}

exports.open = async function open(settings) {
    const redis = connect(settings);
    const pool = await sql.open(settings, TRYING);
    const turns = new Turns(TRYING);
    const lock = `lock:${settings.coupon}`;

    async function issue(user) {
        const token = crypto.randomUUID();
        await turns.enter();
        try {
            await take(redis, lock, token);
            try {
                return await sql.issue(pool, SELECT, settings.coupon, user);
            } finally {
                await redis.release(lock, token);
            }
        } finally {
            turns.leave();
        }
    }
    return { issue, issued: () => sql.issued(pool, settings.coupon) };
};
