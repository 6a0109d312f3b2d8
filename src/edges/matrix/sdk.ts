// matrix-bot-sdk, loaded without what we do not use of it.
import { createRequire, Module } from 'node:module';

export const sdk = load();

function load(): typeof import('matrix-bot-sdk') {
	// It is CommonJS: required, its 200 files need not be looked through for names as an import would.
	const require = createRequire(import.meta.url);
	const own = createRequire(require.resolve('matrix-bot-sdk'));
	// `request` is deprecated, replaced by http.ts before the first call, and costs 12 MB and a tenth of a second.
	const path = own.resolve('request');
	const nothing = new Module(path);
	nothing.loaded = true;
	nothing.exports = () => {
		throw new Error('request is not loaded');
	};
	require.cache[path] = nothing;
	// One of its dependencies uses `util._extend` while it loads; those who run the bot can do nothing about it.
	const { noDeprecation } = process;
	process.noDeprecation = true;
	try {
		return require('matrix-bot-sdk');
	} finally {
		process.noDeprecation = noDeprecation ?? false;
	}
}
