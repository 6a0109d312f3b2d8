// Sample configurations: what !check finds in each, and whether real releases agree.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { check } from '../../commands/check.ts';
import { readSaid, readSamples } from '../../tools/verify/configurations/samples.ts';
import { mended, readStarts } from '../../tools/verify/configurations/starts.ts';
import { wholePorts } from '../respondent.ts';

const ports = await wholePorts([check], new Date(0));
const samples = readSamples();
const wanted = parse(readFileSync(new URL('samples/findings.yaml', import.meta.url), 'utf8')) as Record<
	string,
	string[]
>;
type Value = { refuses: boolean; findings: Record<string, string>[] };

async function checked({ files }: (typeof samples)[number], release: string) {
	return check.run({ words: [], text: release, room: '', sender: '', at: new Date(0), files }, ports);
}

test('has expected findings for every sample, and no others', () => {
	expect(Object.keys(wanted).sort()).toEqual(samples.map(({ name }) => name).sort());
});

describe.each(samples)('$name', sample => {
	test('says what is wrong with it in 1.163.2, without its values', async () => {
		const answer = await checked(sample, '1.163.2');
		const { findings } = answer.value as unknown as Value;
		const lines = findings.map(({ kind, option, file = '', line, note, nearest }) =>
			[
				`${kind} ${option} ${basename(file)}:${line}`,
				note === undefined ? '' : `(${note})`,
				nearest === undefined ? '' : `-> ${nearest}`,
			]
				.filter(Boolean)
				.join(' '),
		);
		expect(lines).toEqual(wanted[sample.name]);
		expect(JSON.stringify(answer)).not.toContain('planted');
	});
	test.each(Object.entries(readSaid()).map(([release, said]) => [release, said[sample.name]] as const))(
		'agrees with %s on whether it is accepted: “%s”',
		async (release, why) => {
			expect(why).not.toBeUndefined();
			expect((await checked(sample, release)).value.refuses).toBe(why !== null);
		},
	);
	const started = Object.entries(readStarts()).flatMap(([release, { [sample.name]: said }]) =>
		said ? [[release, said] as const] : [],
	);
	test.each(started)('says correctly whether %s starts with it: %j', async (release, said) => {
		expect((await checked(sample, release)).value.refuses).toBe(said.asIs !== null);
		const other = mended(sample);
		expect(said.mended === undefined, 'mended where something stops it').toBe(other === undefined);
		if (other) expect((await checked(other, release)).value.refuses).toBe(said.mended !== null);
	});
});
