// Which locales a trial accepts after an upgrade.
import { expect, test } from 'vitest';
import { localesAreKept } from '../../../../tools/verify/guide/locales.ts';
import type { Job } from '../../../../tools/verify/guide/played.ts';

const on = (layout: string) => ({ stated: { layout } }) as unknown as Job;
const before = new Map([
	['synapse', 'en_US.UTF-8|en_US.UTF-8|c'],
	['mas', 'en_US.UTF-8|en_US.UTF-8|i'],
]);
const corrected = new Map([...before, ['synapse', 'C|C|c']]);

test('keeps every locale on Debian, even wrong ones', () => {
	expect(() => localesAreKept(on('debian'), before, before)).not.toThrow();
	expect(() => localesAreKept(on('debian'), before, corrected)).toThrow('synapse sorts by C|C|c');
	const old = new Map([...before, ['postgres', 'en_US.UTF-8|en_US.UTF-8|i']]);
	expect(() => localesAreKept(on('debian'), old, new Map([...old, ['postgres', 'C|C|c']]))).not.toThrow();
});

test("corrects the locale of Synapse's database under Compose, and keeps the others", () => {
	expect(() => localesAreKept(on('compose'), before, corrected)).not.toThrow();
	expect(() => localesAreKept(on('compose'), before, before)).toThrow('expected C|C|c');
	const lost = new Map([...corrected, ['mas', 'C|C|c']]);
	expect(() => localesAreKept(on('compose'), before, lost)).toThrow('mas sorts by C|C|c');
});

test('reports a missing database', () => {
	expect(() => localesAreKept(on('debian'), before, new Map())).toThrow('sorts by undefined');
});
