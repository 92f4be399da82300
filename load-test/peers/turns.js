'use strict';
// Limits concurrency; the others wait in the order of their arrival.

class Turns {
    constructor(limit) {
        this.free = limit;
        this.waiting = [];
    }

    enter() {
        if (this.free > 0) {
            this.free--;
            return undefined;
        }
        return new Promise((resolve) => this.waiting.push(resolve));
    }

    leave() {
        const next = this.waiting.shift();
        if (next)
            next();
        else
            this.free++;
    }
}

module.exports = { Turns };
