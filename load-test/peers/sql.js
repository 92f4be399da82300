'use strict';
// The peers' connection to MariaDB: a pool over a UNIX socket, prepared statements, two tables.

const mysql = require('mysql2/promise');

const TABLES = [
    `CREATE TABLE IF NOT EXISTS coupon (id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
     quantity BIGINT NOT NULL, issued BIGINT NOT NULL) ENGINE=InnoDB`,
    `CREATE TABLE IF NOT EXISTS coupon_issue (coupon_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin, sequence BIGINT,
     user_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, issued_at DATETIME(6) NOT NULL,
     PRIMARY KEY (coupon_id, sequence), UNIQUE KEY (coupon_id, user_id)) ENGINE=InnoDB`,
];

const INSERT = 'INSERT INTO coupon_issue (coupon_id, sequence, user_id, issued_at) VALUES (?, ?, ?, NOW(6))';
const COUNT = 'UPDATE coupon SET issued = ? WHERE id = ?';

async function open(settings, connections) {
    const pool = mysql.createPool({ ...settings.mysql, connectionLimit: connections, maxIdle: connections, supportBigNumbers: true });
    for (const table of TABLES)
        await pool.query(table);
    await pool.query('INSERT IGNORE INTO coupon VALUES (?, ?, 0)', [settings.coupon, settings.quantity]);
    return pool;
}

// Shared by row lock and Redis lock: one transaction with the given SELECT.
async function issueIn(connection, select, coupon, user) {
    await connection.query('START TRANSACTION');
    const [[row]] = await connection.execute(select, [coupon]);
    const sequence = row.issued + 1;
    if (sequence > row.quantity)
        return 'sold_out';
    await connection.execute(INSERT, [coupon, sequence, user]);
    await connection.execute(COUNT, [sequence, coupon]);
    await connection.query('COMMIT');
    return sequence;
}

// The sequence, or the reason why there is none. A transaction without an issue is rolled back.
async function issue(pool, select, coupon, user) {
    const connection = await pool.getConnection();
    let result;
    try {
        result = await issueIn(connection, select, coupon, user);
    } catch (error) {
        if (error.code !== 'ER_DUP_ENTRY') {
            connection.destroy();
            throw error;
        }
        result = 'already_issued';
    }
    if (typeof result !== 'number')
        await connection.query('ROLLBACK');
    connection.release();
    return result;
}

async function issued(pool, coupon) {
    const [[row]] = await pool.execute('SELECT issued FROM coupon WHERE id = ?', [coupon]);
    return row.issued;
}

module.exports = { open, issue, issued };
