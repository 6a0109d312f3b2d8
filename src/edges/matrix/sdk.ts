// matrix-bot-sdk, loaded without what we do not use of it, and what of it we replace:
// - HTTP (http.ts): its `request` is deprecated and its own calls retry nothing, time out late and ignore `Retry-After`.
// - Sync (receive.ts): its loop stores the token before the events are handled, drops the token when the filter changes,
//   hides failures, and does not await its handlers.
// - Sending (send.ts): its transaction ids come from the clock, so a second attempt would be a second message.
// - Log-in (login.ts): its method cannot name the device, and each attempt would leave another one behind.
// - Encryption (encryption.ts): it asks for the members of the room before each message, and knows no passphrase.
// Everything else that the homeserver is asked for goes through its methods (rooms-api.ts).
import { createRequire, registerHooks } from 'node:module';

/**
 * Libraries that it loads and we never reach; they would cost 25 MB and a quarter of a second: `request` is replaced
 * before the first call, the application service and the store in PostgreSQL are not used, answers bring their own HTML.
 */
const unused = new Set(['request', 'express', 'morgan', 'postgres', 'sanitize-html', 'html-to-text']);

export const sdk = load();

function load(): typeof import('matrix-bot-sdk') {
	const nothing = new URL('./not-loaded.cjs', import.meta.url).href;
	const hooks = registerHooks({
		resolve(specifier, context, next) {
			const asksSdk = context.parentURL?.includes('/node_modules/matrix-bot-sdk/') === true;
			return asksSdk && unused.has(specifier)
				? { url: nothing, format: 'commonjs', shortCircuit: true }
				: next(specifier, context);
		},
	});
	// One of its dependencies uses `util._extend` while it loads; those who run the bot can do nothing about it.
	const { noDeprecation } = process;
	process.noDeprecation = true;
	try {
		// It is CommonJS: an import would look through its 200 files for names first.
		return createRequire(import.meta.url)('matrix-bot-sdk');
	} finally {
		process.noDeprecation = noDeprecation ?? false;
		hooks.deregister();
	}
}
