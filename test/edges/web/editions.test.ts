// Whether a newer Glia has been announced, and silence if nobody responds.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Web } from '../../../src/ports/web.ts';
import { openWorld, ours, type World } from './world.ts';

let world: World;
let web: Web | undefined;
let clock: number;

beforeEach(async () => {
	world = await openWorld();
	clock = Date.parse('2026-11-29T12:00:00Z');
});

afterEach(async () => {
	web?.close();
	await world.close();
});

async function open(): Promise<Web> {
	const edition = { address: 'https://glia.test/releases', hours: 24 };
	web = await world.web({ edition, version: '0.2.0' }, () => new Date(clock));
	return web;
}

test('asks once a day, and remembers the response', async () => {
	let text = '[{"tag_name":"v0.3.0"}]';
	world.zone.a('glia.test', ours);
	await world.https({ port: 443, names: ['glia.test'] }, (_request, response) => response.end(text));
	const web = await open();
	expect(web.newerEdition()).toBeUndefined();
	await web.readEdition();
	expect(web.newerEdition()).toBe('0.3.0');
	await web.readEdition();
	expect(world.heard).toHaveLength(1);
	clock += 26 * 3600_000;
	text = 'gone';
	await web.readEdition();
	expect(web.newerEdition()).toBe('0.3.0');
	clock += 26 * 3600_000;
	text = '[{"tag_name":"v0.2.0"}]';
	await web.readEdition();
	expect([web.newerEdition(), world.heard.length]).toEqual([undefined, 3]);
});

test('knows nothing and does not fail if nobody responds', async () => {
	const web = await open();
	await web.readEdition();
	expect(web.newerEdition()).toBeUndefined();
});

test('makes no requests without an address', async () => {
	web = await world.web();
	await web.readEdition();
	expect([web.newerEdition(), world.zone.questions]).toEqual([undefined, []]);
});

test('asks again soon after the clock is turned back', async () => {
	world.zone.a('glia.test', ours);
	await world.https({ port: 443, names: ['glia.test'] }, (_request, response) => response.end('[]'));
	const web = await open();
	await web.readEdition();
	clock -= 365 * 24 * 3600_000;
	await web.readEdition();
	expect(world.heard).toHaveLength(2);
});
