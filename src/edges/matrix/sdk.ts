// Loads matrix-bot-sdk without the parts we do not use, and lists what we replace:
// - HTTP (http.ts): it uses the deprecated `request`, never retries, times out late and ignores `Retry-After`.
// - Sync (sync.ts): its loop stores the token before events are handled, drops it when the filter changes, hides
//   failures, and does not await its handlers.
// - Sending (send.ts): its transaction ids come from the clock, so a second attempt would send a second message.
// - Login (login.ts): it cannot set the device id, so each attempt would leave another device behind.
// - Encryption (encryption.ts): it requests the room's members before each message, and supports no passphrase.
// All other requests go through its methods (rooms-api.ts).
import { createRequire, registerHooks } from 'node:module';

/**
 * Libraries that it loads but that we never use; they would cost 25 MB and a quarter of a second. `request` is
 * replaced before the first call, the application service and the PostgreSQL store are not used, and our answers
 * bring their own HTML.
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
	// One of its dependencies uses `util._extend` while loading; operators can do nothing about that warning.
	const { noDeprecation } = process;
	process.noDeprecation = true;
	try {
		// It is CommonJS, so an import would first scan its 200 files for export names.
		return createRequire(import.meta.url)('matrix-bot-sdk');
	} finally {
		process.noDeprecation = noDeprecation ?? false;
		hooks.deregister();
	}
}
