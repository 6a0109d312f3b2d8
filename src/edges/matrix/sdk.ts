// matrix-bot-sdk, loaded without what we do not use of it.
import { createRequire, Module } from 'node:module';

/**
 * What it loads and we never reach, which would cost 40 MB and a third of a second: `request` is replaced by http.ts
 * before the first call, the application service and the store in PostgreSQL are not used, answers bring their own HTML.
 */
const unused = ['request', 'express', 'morgan', 'postgres', 'sanitize-html', 'html-to-text'];

export const sdk = load();

function load(): typeof import('matrix-bot-sdk') {
	// It is CommonJS: required, its 200 files need not be looked through for names as an import would.
	const require = createRequire(import.meta.url);
	const own = createRequire(require.resolve('matrix-bot-sdk'));
	const spared = unused.map(name => ({ name, path: own.resolve(name) })).filter(({ path }) => !require.cache[path]);
	for (const { name, path } of spared) {
		const nothing = new Module(path);
		nothing.loaded = true;
		nothing.exports = () => {
			throw new Error(`${name} is not loaded`);
		};
		require.cache[path] = nothing;
	}
	// One of its dependencies uses `util._extend` while it loads; those who run the bot can do nothing about it.
	const { noDeprecation } = process;
	process.noDeprecation = true;
	try {
		return require('matrix-bot-sdk');
	} finally {
		process.noDeprecation = noDeprecation ?? false;
		// Whoever else needs one of them gets it whole.
		for (const { path } of spared) delete require.cache[path];
	}
}
