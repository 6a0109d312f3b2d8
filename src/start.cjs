// The entry point. `src/main.ts` is a symbolic link to it. Node.js resolves the link before it chooses a loader,
// so an old version runs this plain JavaScript and reports what it needs, instead of rejecting a `.ts` file.
'use strict';
require('./node-version.cjs');
const { enableCompileCache, flushCompileCache } = require('node:module');
const { join } = require('node:path');

// Caches compiled modules, so that later starts need not strip types and compile again. If nothing can be
// written, a start takes twice as long.
enableCompileCache(join(__dirname, '../node_modules/.cache/glia'));
// Node.js writes the cache at exit, which a killed process never reaches.
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
