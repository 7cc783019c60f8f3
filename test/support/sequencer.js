const { default: Sequencer } = require('@jest/test-sequencer');

/** Mostly waits, for time limits, backoffs and processes: beside files that compute the two cores are used best. */
const waits = ({ path }) => /[\\/]test[\\/](faults|workflows)[\\/]/.test(path);

module.exports = class extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const [waiting, computing] = [sorted.filter(waits), sorted.filter((test) => !waits(test))];
    // The longest of those that wait would otherwise be alone at the end.
    waiting.sort((one, other) => Number(isLongest(other)) - Number(isLongest(one)));
    const mixed = waiting.flatMap((test, index) => [test, ...computing.slice(index, index + 1)]);
    return [...mixed, ...computing.slice(waiting.length)];
  }
};

const isLongest = ({ path }) => path.includes('mail-outage');
