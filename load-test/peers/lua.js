'use strict';
// Strategy: a script in Redis decides and appends issues to a list. No request waits for a database.

const { connect, USERS, QUEUE } = require('./redis.js');

const REFUSALS = { 0: 'sold_out', '-1': 'already_issued' };

exports.open = async function open(settings) {
    const redis = connect(settings);
    return {
        async issue(user) {
            const sequence = await redis.decide(USERS, QUEUE, user, settings.quantity);
            return REFUSALS[sequence] ?? sequence;
        },
        issued: () => redis.scard(USERS),
    };
};
