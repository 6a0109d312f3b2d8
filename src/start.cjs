// The entry. `src/main.ts` is a symbolic link to it: Node.js follows the link before it chooses a loader, so an old one
// reads plain JavaScript, and says what it lacks, where it would refuse a file that ends in `.ts`.
'use strict';
require('./node-version.cjs');
const { enableCompileCache, flushCompileCache } = require('node:module');
const { join } = require('node:path');

// Keeps what the modules compile to, so that a start need not strip types and compile again. Where nothing can be
// written, nothing is kept, and the start takes twice as long.
enableCompileCache(join(__dirname, '../node_modules/.cache/glia'));
// Node.js writes the cache when it ends; a process that is killed never gets there.
setTimeout(flushCompileCache, 5000).unref();

import('./app/cli.ts').then(
	async ({ run }) => {
		process.exitCode = await run();
	},
	error => {
		if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
		process.stderr.write(
			`A package is missing: run \`npm ci\` in ${join(__dirname, '..')} first. (${error.message})\n`,
		);
		process.exitCode = 3;
	},
);
