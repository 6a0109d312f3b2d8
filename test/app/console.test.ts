// The command line as scripts call it: which stream gets what, and the exit status.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { program } from '../program.ts';

type Ended = { out: string; err: string; status: number | null };

/** Runs the program; `stopAfter`: stop reading after the first answer. */
function run(words: readonly string[], input = '', stopAfter = false): Promise<Ended> {
	return new Promise((done, failed) => {
		const child = spawn(process.execPath, [program, ...words], { env: { ...process.env, NO_COLOR: '1' } });
		let [out, err] = ['', ''];
		child.stdout.setEncoding('utf8').on('data', text => {
			out += text;
			if (stopAfter) child.stdout.destroy();
		});
		child.stderr.setEncoding('utf8').on('data', text => {
			err += text;
		});
		// A program that ends early does not read all of its input.
		child.stdin.on('error', () => {});
		child.stdin.end(input);
		child.on('error', failed);
		child.on('close', status => done({ out, err, status }));
	});
}

function jsonLines({ out }: Ended): Record<string, unknown>[] {
	return out
		.split('\n')
		.slice(0, -1)
		.map(line => JSON.parse(line));
}

test('writes answers to standard output and refusals in words to standard error', async () => {
	expect(await run(['say', '!help'])).toMatchObject({ status: 0, err: '', out: expect.stringContaining('!upgrade') });
	expect(await run(['say', 'frob'])).toMatchObject({ status: 1, out: '', err: expect.stringContaining('frob') });
	expect(await run(['say', '--json', 'frob'])).toMatchObject({ status: 1, err: '' });
	expect(await run(['say', '!leave'])).toMatchObject({ status: 1, out: '' });
});

test('answers each line with one line of JSON, whatever it contains and however lines end', async () => {
	const said = '!help\r\n\r\n  \n!upgrade 1.56\u20281.57\n!leave\n\u0007\n!status';
	const ended = await run(['say', '--json', '-'], said);
	expect(jsonLines(ended)).toMatchObject([
		{ format: 1, commands: expect.any(Array) },
		{ format: 1, from: '1.56.0', to: '1.57.1' },
		{ format: 1, refused: expect.any(String) },
		{ format: 1, refused: expect.any(String) },
		{ format: 1, version: expect.any(String) },
	]);
	expect(ended).toMatchObject({ status: 1, err: '' });
});

test('explains a command that is asked for help', async () => {
	expect(await run(['say', '!upgrade help'])).toEqual(await run(['say', '!help upgrade']));
});

test('ignores empty lines', async () => {
	expect(jsonLines(await run(['say', '--json', '\n!help\n\n!status\n']))).toHaveLength(2);
});

test('reports mistakes on the command line as one line of JSON too', async () => {
	for (const words of [
		['say', '--json'],
		['say', '--json', '--frob', '!help'],
		['say', '--json', ' '],
	]) {
		const ended = await run(words);
		expect(jsonLines(ended)).toMatchObject([{ format: 1, refused: expect.any(String) }]);
		expect(ended).toMatchObject({ status: 1, err: '' });
	}
});

test('exits cleanly if the reader stops early', async () => {
	const many = '!upgrade 1.18\n'.repeat(20);
	expect(await run(['say', '-'], many, true)).toMatchObject({ err: '', status: 0 });
	expect(await run([], many, true)).toMatchObject({ err: '', status: 0 });
});

test('exits with the worst status of a piped conversation', async () => {
	expect(await run([], '!help\n\n!frob\n')).toMatchObject({ status: 1, err: expect.stringContaining('frob') });
	expect(await run([], '!help\n!leave\n!frob\n')).toMatchObject({ status: 0, err: '' });
});

test('starts no second guide in a conversation, and says so', async () => {
	const { out, err } = await run([], '!postgres 15 17 docker start\n!postgres 14 16 debian start\ndone\n');
	expect(out.match(/We will go through it together/g)).toHaveLength(1);
	expect(err).toBe('Another guide is in progress. Say `stop` first.\n');
	expect(out).toContain('Stage 2 of');
});

test('runs a guide session in a conversation, while `say` only shows the plan', async () => {
	const guide = '!postgres 15 17 docker';
	const { out, status } = await run([], `${guide} start\nDone.\n!help\nskip\nwhere\nstop\n`);
	const [first, second, third] = [1, 2, 3].map(number => out.indexOf(`Stage ${number} of 12: `));
	expect(first).toBeGreaterThan(out.indexOf('PostgreSQL 15'));
	expect(second).toBeGreaterThan(first ?? 0);
	expect(out.slice(second, third)).toMatch(/This room.*Skipped: 2\./s);
	expect(out.slice(third)).toMatch(/You have been at stage 3 of 12.*Stopped at stage 3 of 12/s);
	expect(status).toBe(0);
	expect(await run(['say', `${guide} start`])).toMatchObject({ status: 1, out: '' });
	expect(await run(['say', guide])).toMatchObject({ status: 0, out: expect.stringContaining(`${guide} start`) });
});

test('prints what the README shows first', async () => {
	const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
	const [, command = '', transcript = ''] = /^\$ npm start -s -- say '(.+?)'\n([\s\S]*?)\n```$/m.exec(readme) ?? [];
	const { out } = await run(['say', command]);
	expect(out.trimEnd()).toBe(transcript);
});
