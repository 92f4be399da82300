'use strict';
// The HTTP front end of all strategies, so that only the strategy differs: the part of coupond's API that a benchmark uses.
// usage: node front.js SETTINGS (JSON: strategy, port, coupon, quantity, redis, mysql)

const fastify = require('fastify');

const ISSUE = {
    schema: {
        body: {
            type: 'object',
            required: ['user_id'],
            properties: { user_id: { type: 'string', minLength: 1, maxLength: 128 } },
        },
        response: {
            201: {
                type: 'object',
                properties: {
                    coupon_id: { type: 'string' },
                    user_id: { type: 'string' },
                    sequence: { type: 'integer' },
                    issued_at: { type: 'string' },
                },
            },
        },
    },
};

async function main() {
    const settings = JSON.parse(process.argv[2]);
    const { coupon, quantity } = settings;
    const strategy = await require(`./${settings.strategy}.js`).open(settings);
    const app = fastify({ logger: false, keepAliveTimeout: 3_600_000 });

    app.post('/v1/coupons/:id/issues', ISSUE, async (request, reply) => {
        if (request.params.id !== coupon)
            return reply.code(404).send({ status: 404, code: 'coupon_not_found' });
        const user = request.body.user_id;
        const sequence = await strategy.issue(user);
        if (typeof sequence !== 'number')
            return reply.code(409).send({ status: 409, code: sequence });
        return reply.code(201).send({ coupon_id: coupon, user_id: user, sequence, issued_at: new Date().toISOString() });
    });
    app.get('/v1/coupons/:id', async () => ({ id: coupon, quantity, issued: await strategy.issued(), per_user_limit: 1 }));
    await app.listen({ host: '127.0.0.1', port: settings.port, backlog: 4096 });
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
