// What a bot with published knowledge answers from, and what it says about it.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openOutside } from '../../src/app/live-knowledge.ts';
import { parseConfig } from '../../src/config.ts';
import { silence } from '../../src/runtime/log.ts';
import { openAuthority } from '../edges/web/authority.ts';
import { editionWith, filesOf, openPublisher, temporary } from '../published.ts';

const address = '127.0.0.2';

/** Serves a bundle and its signature. Returns the bundle's address and the file of the authority. */
async function serve(text: string, signature: string): Promise<{ bundle: string; authority: string }> {
	const authority = openAuthority();
	const file = join(temporary(), 'authority.pem');
	writeFileSync(file, authority.certificate);
	const server = createServer(authority.issue([address]), (request, response) => {
		response.end(request.url?.endsWith('.sig') ? signature : text);
	});
	server.listen(0, address);
	await once(server, 'listening');
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { bundle: `https://${address}:${(server.address() as AddressInfo).port}/knowledge.json`, authority: file };
}

test('says whose knowledge an answer uses, although newer knowledge has been loaded meanwhile', async () => {
	const publisher = openPublisher();
	const text = publisher.bundle('first');
	const { bundle, authority } = await serve(text, publisher.sign(text));
	const path = temporary();
	const config = parseConfig(
		JSON.stringify({
			matrix: { homeserver: 'https://example.org', user: '@glia:example.org', password: 'a', allow: ['*'] },
			store: { path },
			live: { enabled: false },
			watch: { addresses: [`${address}/32`], authorities: [authority] },
			knowledge: { updates: { address: bundle, key: publisher.key } },
		}),
		path,
		{},
	);
	if (Array.isArray(config)) throw new Error(JSON.stringify(config));
	const outside = await openOutside(config, {
		own: await editionWith(filesOf('own')),
		kept: { get: async () => undefined, put: async () => {} },
		version: '1.0.0',
		now: () => new Date('2022-09-10T12:00:00Z'),
		log: silence,
		proxyOf: undefined,
	});
	onTestFinished(() => outside.web.close());
	const before = outside.knowledge();
	await outside.web.readBundle();
	const after = outside.knowledge();
	expect(outside.published(after)?.trouble).toBeUndefined();
	expect([before, after].map(({ notes }) => notes[0]?.title)).toEqual([
		'Feed the pigeons own',
		'Feed the pigeons first',
	]);
	expect([before, after].map(of => outside.published(of)?.counts?.author)).toEqual([undefined, 'The pigeon fanciers']);
});
