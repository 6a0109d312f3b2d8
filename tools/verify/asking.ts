// Sends requests to a running release, one after another, until a response differs from that of a sound release.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrialRequest } from '../../src/knowledge/schema/synapse.ts';
import { register } from './fill.ts';

type Running = { base: string; log(): string };

/** What was wrong: the log line that contains `watch`, or else the first wrong response. Undefined if nothing was. */
export async function askAll(
	{ base, log }: Running,
	asks: readonly TrialRequest[],
	watch?: string,
): Promise<string | undefined> {
	const tokens = new Map<string, Promise<string>>();
	const tokenOf = (name: string): Promise<string> => {
		const token = tokens.get(name) ?? register(base, name, name === 'admin');
		tokens.set(name, token);
		return token;
	};
	const kept = new Map<string, string>();
	let wrong: string | undefined;
	for (const ask of asks) {
		wrong = await askOne(base, ask, { token: ask.as && (await tokenOf(ask.as)), kept });
		if (wrong !== undefined) break;
	}
	// The effect of a request may be logged a moment after its response.
	await sleep(1000);
	const logged = log();
	const told = watch === undefined ? undefined : lineWith(logged, watch);
	if (told !== undefined || wrong === undefined) return told;
	const exception = logged
		.split('\n')
		.findLast(line => /(?:^|ERROR - ?\S* - )\w[\w.]*(?:Error|Exception)\b/.test(line));
	return exception === undefined ? wrong : `${wrong}; ${bare(exception)}`;
}

type With = { token: string | undefined; kept: Map<string, string> };

async function askOne(base: string, ask: TrialRequest, { token, kept }: With): Promise<string | undefined> {
	const fill = (text: string) => text.replace(/\$([a-z_]+)/g, (all, name: string) => kept.get(name) ?? all);
	const [method = '', path = ''] = ask.request.split(' ');
	const body = ask.body === undefined ? undefined : fill(JSON.stringify(ask.body));
	const response = await fetch(base + fill(path), {
		method,
		headers: {
			...(body !== undefined && { 'content-type': 'application/json' }),
			...(token !== undefined && { authorization: `Bearer ${token}` }),
			...ask.headers,
		},
		redirect: 'manual',
		...(body !== undefined && { body }),
		signal: AbortSignal.timeout(120_000),
	});
	const text = await response.text();
	keepTexts(text, kept);
	const sound = response.status === ask.status && (ask.contains === undefined || text.includes(fill(ask.contains)));
	return sound ? undefined : `${fill(ask.request)}: ${response.status} ${text.slice(0, 300)}`;
}

/** Keeps the strings in a response by name, for later requests. */
function keepTexts(text: string, kept: Map<string, string>): void {
	try {
		const answer: unknown = JSON.parse(text);
		for (const [name, value] of Object.entries(answer ?? {})) if (typeof value === 'string') kept.set(name, value);
	} catch {
		// It is a page, not JSON.
	}
}

/** The last log line with this text, without its time stamp; for a traceback, the exception. */
export function lineWith(log: string, text: string): string | undefined {
	const line = log.split('\n').findLast(part => part.includes(text) && !part.includes('Processed request'));
	return line === undefined ? undefined : bare(line);
}

function bare(line: string): string {
	return line
		.replace(/^\d{4}-\d\d-\d\d \S+ - (?:\S+ - \d+ - [A-Z]+ - ?\S* - )?/, '')
		.trim()
		.slice(0, 300);
}
