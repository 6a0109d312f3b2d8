// What matrix-bot-sdk uses from the package that this one replaces, according to its compiled code.
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import * as crypto from '../../crypto/index.ts';
import { wasm } from '../../crypto/wasm.ts';

const require = createRequire(import.meta.url);
const lib = dirname(require.resolve('matrix-bot-sdk'));
const sources = globSync('**/*.js', { cwd: lib }).map(name => readFileSync(join(lib, name), 'utf8'));
const users = sources.filter(text => /require\("@matrix-org\/matrix-sdk-crypto-nodejs"\)/.test(text));

/** The distinct first groups of `pattern` in the files that use the package, sorted. */
function found(pattern: RegExp): string[] {
	const matches = users.flatMap(text => [...text.matchAll(pattern)].map(([, name = '']) => name));
	return [...new Set(matches)].sort();
}

test('exports every value that matrix-bot-sdk imports', () => {
	const values = found(/matrix_sdk_crypto_nodejs_1\.(\w+)/g);
	expect(values).toEqual([
		'Attachment',
		'DeviceId',
		'DeviceLists',
		'EncryptedAttachment',
		'EncryptionSettings',
		'OlmMachine',
		'RoomId',
		'UserId',
	]);
	for (const name of values) expect(crypto).toHaveProperty(name);
});

test('has every member of the machine that matrix-bot-sdk uses', () => {
	const members = found(/\bmachine\.(\w+)/g);
	expect(members).toContain('receiveSyncChanges');
	expect(members.length).toBeGreaterThan(9);
	for (const name of members) expect(Reflect.has(crypto.OlmMachine.prototype, name), name).toBe(true);
	const statics = found(/\.OlmMachine\.(\w+)/g);
	expect(statics).toEqual(['initialize']);
	for (const name of [...statics, ...found(/\.Attachment\.(\w+)/g)]) {
		expect(Reflect.has(crypto.OlmMachine, name) || Reflect.has(crypto.Attachment, name), name).toBe(true);
	}
});

test("gives every number in matrix-bot-sdk's code the same meaning here and in wasm", () => {
	const inlined = users.flatMap(text => [...text.matchAll(/(\d+) \/\* (?:Rust)?(\w+)\.(\w+) \*\//g)]);
	expect(inlined.length).toBeGreaterThan(10);
	for (const [, number, name = '', member = ''] of inlined) {
		const ours: unknown = Reflect.get(crypto, name);
		const theirs: unknown = Reflect.get(wasm, name);
		expect([name, member, Reflect.get(Object(ours), member)]).toEqual([name, member, Number(number)]);
		expect([name, member, Reflect.get(Object(theirs), member)]).toEqual([name, member, Number(number)]);
	}
});

test('has every setting that matrix-bot-sdk fills in', () => {
	expect(require('matrix-bot-sdk')).toHaveProperty('MatrixClient');
	const settings = new crypto.EncryptionSettings();
	const fields = found(/\bsettings\.(\w+) = /g);
	expect(fields).toEqual(['algorithm', 'historyVisibility', 'rotationPeriod', 'rotationPeriodMessages']);
	for (const name of fields) expect(settings).toHaveProperty(name);
});
