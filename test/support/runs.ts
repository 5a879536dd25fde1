/** Runs of a property test that takes long: all of them in `npm run test:recorded`, a fifth of them in `npm test`. */
export const runsOf = (all: number): number => (process.env.RECORDED === 'all' ? all : Math.ceil(all / 5));
