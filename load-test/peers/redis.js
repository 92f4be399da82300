'use strict';
// The peers' connection to Redis: one UNIX socket, with all commands of an event loop iteration in one pipeline.

const fs = require('node:fs');
const path = require('node:path');
const { Redis } = require('ioredis');

const USERS = 'users';
const QUEUE = 'queue';

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

function connect(settings) {
    const redis = new Redis({ path: settings.redis, enableAutoPipelining: true });
    redis.defineCommand('decide', { numberOfKeys: 2, lua: fs.readFileSync(path.join(__dirname, 'decide.lua'), 'utf8') });
    redis.defineCommand('release', { numberOfKeys: 1, lua: RELEASE });
    return redis;
}

module.exports = { connect, USERS, QUEUE };
