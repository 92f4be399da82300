'use strict';
// At most so many at a time; the others wait in the order in which they came.

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
