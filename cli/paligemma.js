#!/usr/bin/env node
// What npm links as `paligemma`: there before anything is built.
import './dist/cli.js';
