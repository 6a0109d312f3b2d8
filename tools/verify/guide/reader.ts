// A reader who does what a guide says on a simulated machine: they paste each block into one shell, edit the files that
// it names, and check that the output is what the guide promises.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { GuidedStage, GuidedStep } from '../../../src/advice/guide/guide.ts';
import { password } from './people.ts';
import { databasePassword, type Played, surroundingsOf } from './played.ts';
import { openShell } from './shell.ts';
import { promisesSilence } from './silence.ts';
import type { Result } from './trial.ts';

export type Reader = {
	/** The access token they paste when asked for one. */
	token: string;
	/** The password they type when asked for a user's. */
	password: string;
	/** Pastes a block. Returns its output; with `mayFail` also if a command failed. */
	paste(block: string, mayFail?: boolean): Promise<string>;
	/** Does a step of a stage. Throws if the output is not what the guide says. */
	does(step: GuidedStep, stage: GuidedStage): Promise<void>;
	/** Does a whole stage, and records it as a result unless told not to. */
	follow(stage: GuidedStage, isNoted?: boolean): Promise<void>;
	/** Does a whole stage, whatever fails. Returns the output. */
	tryOut(stage: GuidedStage): Promise<string>;
	end(): void;
};

/** The placeholder that a reader replaces with their own password. */
const chosen = 'CHOSEN-SECRET';

/** `found`: stages that check the server and find something other than the guide hopes for. */
export function openReader(played: Played, results: Result[], found: readonly string[] = []): Reader {
	const shell = openShell(played.cwd, surroundingsOf(played));
	const change = (step: GuidedStep) => {
		if (step.edit) edit(placeOf(step.edit.file, played), step.edit.diff.replaceAll(chosen, databasePassword));
		if (step.file) writeFileSync(join(played.cwd, step.file.name), step.file.text);
	};
	const reader: Reader = {
		token: '',
		password,
		paste(block, mayFail = false) {
			// Programs only ask for passwords: twice for a new one, for each role.
			if (/^read -rsp/.test(block)) return shell.paste(block, { typed: `${typedFor(block, reader)}\n`, mayFail });
			const answers = /--pwprompt/.test(block) ? Array<string>(2 * ownersIn(played)).fill(databasePassword) : [];
			return shell.paste(block, { answers, mayFail });
		},
		async does(step, stage) {
			if (step.concerned === 'unknown')
				throw new Error(`${stage.id}: it is not known whether a step applies to this layout`);
			change(step);
			if (!step.commands || step.language !== 'bash') return;
			const said = await reader.paste(step.commands);
			if (!found.includes(stage.id)) expectShown(step, stage, said);
		},
		async follow(stage, isNoted = true) {
			console.log(`  ${stage.id}: ${stage.title}`);
			for (const step of stage.steps) await reader.does(step, stage);
			if (isNoted) results.push({ of: stage.id });
		},
		async tryOut(stage) {
			let said = '';
			for (const step of stage.steps) {
				change(step);
				if (step.commands && step.language === 'bash') said += await reader.paste(step.commands, true);
			}
			return said;
		},
		end: shell.end,
	};
	return reader;
}

/** What the reader types at the prompt of `read`. */
export function typedFor(block: string, { token, password: own }: Pick<Reader, 'token' | 'password'>): string {
	const prompt = /'([^']*)'/.exec(block)?.[1] ?? '';
	if (prompt.startsWith('Database password')) return databasePassword;
	if (prompt.startsWith('Password')) return own;
	if (prompt.startsWith('Access token')) return token;
	throw new Error(`no input is known for the prompt “${prompt}”`);
}

function expectShown(step: GuidedStep, stage: GuidedStage, said: string): void {
	for (const wanted of step.shows) {
		let from = 0;
		for (const piece of wanted.split('…')) {
			const at = said.indexOf(piece, from);
			if (at < 0) throw new Error(`${stage.id}: expected “${wanted}” in what was shown:\n${said.slice(-3000)}`);
			from = at + piece.length;
		}
	}
	if (promisesSilence(step) && said.trim() !== '')
		throw new Error(`${stage.id}: expected nothing to be printed, got:\n${said}`);
	const wrong = /FAILED|MISSING|WRONG DATABASE|WRONG SERVER|DIFFERENT KEY/.exec(said);
	if (wrong) throw new Error(`${stage.id}: it says ${wrong[0]}:\n${said}`);
}

/** How many roles the list of databases names; one if there is no list yet. */
function ownersIn({ cwd }: Played): number {
	const list = join(cwd, 'databases.txt');
	if (!existsSync(list)) return 1;
	const owners = readFileSync(list, 'utf8')
		.split('\n')
		.flatMap(line => line.split('|')[1] ?? []);
	return new Set(owners).size || 1;
}

/** Applies the diff to an existing file. Throws if one of its lines is missing there. */
export function edit(file: string, diff: string): void {
	const lines = readFileSync(file, 'utf8').split('\n');
	let at = 0;
	// How much deeper the file is indented than the diff.
	let deeper = 0;
	for (const line of diff.split('\n').filter(text => text.trim() !== '')) {
		const [sign, text] = [line[0], line.slice(1)];
		if (sign === '+') {
			lines.splice(at++, 0, ' '.repeat(Math.max(0, indentOf(text) + deeper)) + text.trim());
			continue;
		}
		// Prefer the same indentation: the `volumes:` of the whole file is not that of a service.
		const exact = lines.indexOf(text, at);
		const found = exact >= 0 ? exact : lines.findIndex((other, i) => i >= at && other.trim() === text.trim());
		if (found < 0) throw new Error(`${file} has no line “${text}”`);
		deeper = indentOf(lines[found] ?? '') - indentOf(text);
		if (sign === '-') lines.splice(found, 1);
		at = sign === '-' ? found : found + 1;
	}
	writeFileSync(file, lines.join('\n'));
}

/** The file that a guide means; Synapse's configuration is in a separate folder. */
function placeOf(file: string, { cwd }: Played): string {
	return file === 'homeserver.yaml' ? join(cwd, 'files', file) : resolve(cwd, file);
}

function indentOf(line: string): number {
	return line.length - line.trimStart().length;
}
