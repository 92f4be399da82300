// The parts of a duration, and the moments that a screen reader hears. Pure.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const two = (value) => String(value).padStart(2, "0");

/** Rounded up, so that it shows 1 until the very moment. */
export function parts(left) {
  const whole = Math.ceil(left / second) * second;
  return {
    days: String(Math.floor(whole / day)),
    hours: two(Math.floor((whole % day) / hour)),
    minutes: two(Math.floor((whole % hour) / minute)),
    seconds: two(Math.floor((whole % minute) / second)),
  };
}

const milestones = [
  ["seconds", 10 * second],
  ["minute", minute],
  ["minutes", 10 * minute],
  ["hour", hour],
  ["day", day],
];

/** The milestone that lies between both durations, or null. */
export function milestone(before, left) {
  return milestones.find(([, at]) => before > at && left <= at)?.[0] ?? null;
}
