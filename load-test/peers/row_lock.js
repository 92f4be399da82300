'use strict';
// Strategy: the coupon's row in MariaDB is locked while its next issue is written.

const sql = require('./sql.js');

const CONNECTIONS = 8; // more would only wait for the row
const SELECT = 'SELECT quantity, issued FROM coupon WHERE id = ? FOR UPDATE';

exports.open = async function open(settings) {
    const pool = await sql.open(settings, CONNECTIONS);
    return {
        issue: (user) => sql.issue(pool, SELECT, settings.coupon, user),
        issued: () => sql.issued(pool, settings.coupon),
    };
};
