// Both public entries in one file, for `require`: an error of one has to be an `instanceof` of the other's. (Among ES modules the
// two share a file; what splits CommonJS breaks private fields.)
export * from './index.js';
export * from './support.js';
