// Rules that make commands safe to paste: a tired reader must be able to paste every block of a guide into one shell,
// one after another.

import type { GuideFile } from '../schema/guide.ts';
import { namesIn } from '../schema/parameter.ts';
import { eachGuide, type StageAt, stagesOf, textsOf } from './guide-stages.ts';
import type { KnowledgeRule } from './rule.ts';

type ShellStep = StageAt['stage']['steps'][number];
type ShellBlock = StageAt & { step: ShellStep; commands: string; where: string };

/** Every block of bash commands. */
function blocksOf(guide: GuideFile, at: (...path: PropertyKey[]) => string): ShellBlock[] {
	return stagesOf(guide).flatMap(({ stage, path }) =>
		stage.steps.flatMap((step, index) =>
			step.commands !== undefined && step.language === 'bash'
				? [{ stage, path, step, commands: step.commands, where: at(...path, 'steps', index, 'commands') }]
				: [],
		),
	);
}

/** The text outside quotation marks; with `outer`, also without what is in (…), which runs in a subshell. */
function plainOf(commands: string, outer = false): string {
	let plain = '';
	let quote = '';
	let depth = 0;
	for (let at = 0; at < commands.length; at++) {
		const char = commands[at] ?? '';
		if (char === '\\') at++;
		else if (quote) quote = char === quote ? '' : quote;
		else if (char === "'" || char === '"') quote = char;
		else if (char === '(') depth++;
		else if (char === ')') depth--;
		else if (!outer || depth === 0) plain += char;
	}
	return plain;
}

/** A rule about blocks. `mistake` returns what was expected if a block breaks the rule. */
function eachBlock(mistake: (block: ShellBlock, guide: GuideFile) => string | undefined): KnowledgeRule {
	return eachGuide(({ value, at }) =>
		blocksOf(value, at).flatMap(block => {
			const wrong = mistake(block, value);
			return wrong === undefined ? [] : [`${block.where} expected ${wrong}`];
		}),
	);
}

/** Like `eachBlock`, but also covers the blocks in the fixes for errors, because people paste those too. */
function eachPasted(mistake: (commands: string, path: readonly PropertyKey[]) => string | undefined): KnowledgeRule {
	const ofSteps = eachBlock(({ commands, path }) => mistake(commands, path));
	const ofFixes = eachGuide(({ value, at }) =>
		textsOf(value).flatMap(({ text, path }) =>
			[...text.matchAll(/```bash\n([\s\S]*?)```/g)].flatMap(([, commands = '']) => {
				const wrong = mistake(commands, path);
				return wrong === undefined ? [] : [`${at(...path)} expected ${wrong}`];
			}),
		),
	);
	return files => [...ofSteps(files), ...ofFixes(files)];
}

/** A code fence has its line to itself. A cure must not begin with one, because the cause precedes it on that line. */
export const fencesStandAlone = eachGuide(({ value, at }) =>
	textsOf(value).flatMap(({ text, path }) => {
		if (!text.includes('```') || path.at(-1) === 'commands') return [];
		const marks = text.split('\n').filter(line => line.includes('```'));
		const isBroken = marks.some((line, index) => !(index % 2 ? /^\s*```$/ : /^\s*```[a-z]*$/).test(line));
		const isFirst = path.at(-1) === 'cure' && text.trimStart().startsWith('```');
		return isBroken || isFirst || marks.length % 2
			? [`${at(...path)} expected every fence on a line of its own and closed, with text before the first`]
			: [];
	}),
);

/**
 * systemctl accepts globs for loaded units (stop, list-units) but not for unit files: it prints a message and
 * does nothing.
 */
export const unitFilesAreNamed = eachGuide(({ value, at }) =>
	textsOf(value).flatMap(({ text, path }) =>
		/systemctl\s+(?:-\S+\s+)*(?:enable|disable|reenable|mask|unmask|is-enabled)\b[^|;&`\n]*[*?]/.test(text)
			? [`${at(...path)} expected units by name, since systemctl refuses globs for unit files`]
			: [],
	),
);

/** A compose file may mount a named volume, which `rm` does not remove. */
export const volumesAreNoFolders = eachBlock(({ commands, step, stage }, guide) => {
	const mounted = new Set(
		stagesOf(guide).flatMap(({ stage: { steps } }) =>
			steps.flatMap(({ edit }) =>
				[...(edit?.diff ?? '').matchAll(/^[ +-]\s*- \{([a-z-]+)\}:/gm)].map(([, name]) => name),
			),
		),
	);
	const removed = [...commands.matchAll(/\brm\s+-\w*r\w*\s+([^;&|\n]*)/g)].flatMap(([, words = '']) => namesIn(words));
	const asked = JSON.stringify([stage.applies, step.applies]);
	const telling = (name: string) =>
		guide.parameters.some(
			parameter => JSON.stringify(parameter.follows).includes(`"${name}!=`) && asked.includes(`"${parameter.name}=`),
		);
	const wrong = removed.find(name => mounted.has(name) && !telling(name));
	return wrong === undefined
		? undefined
		: `a condition that {${wrong}} is a folder, because rm removes nothing from a named volume`;
});

/** Dumps contain password hashes and keys. */
export const dumpsArePrivate = eachPasted(commands => {
	const writes = /\bpg_dump(?:all)?\b[\s\S]*?(?:>\s*(?!\/dev\/null|&)\S|\s-f\s)/.exec(commands);
	if (!writes) return undefined;
	return commands.slice(0, writes.index).includes('umask 077') ? undefined : '`umask 077` before a dump is written';
});

/**
 * Deleting belongs in the clean-up, once everything is verified. A database may only be dropped if the same block
 * recreates it.
 */
export const deletionComesLast = eachBlock(({ commands, path }) => {
	if (path[0] !== 'stages') return undefined;
	const removes =
		/\brm\s+-\w*r|\bpg_dropcluster\b|\bdocker (?:volume|image) rm\b|\bdocker compose down\b|\bapt(?:-get)? (?:purge|remove|autoremove)\b|\bDROP (?:DATABASE|ROLE)\b/.exec(
			commands,
		);
	if (removes) return `\`${removes[0]}\` in the clean-up, once everything is verified`;
	return /\bdropdb\b/.test(commands) && !/\bdropdb\b[\s\S]*\bcreatedb\b/.test(commands)
		? '`createdb` after `dropdb`'
		: undefined;
});

/** A block that changes the shell affects all later blocks. */
export const shellStaysAsItWas = eachPasted(commands => {
	const changed = /^(?:set|umask|exit|exec|trap|shopt|alias|export)\b.*/m.exec(plainOf(commands, true));
	return changed ? `parentheses around \`${changed[0]}\`, which changes the shell for all later blocks` : undefined;
});

/** The folder may change once, to the one that all later blocks need. A second change would lead elsewhere. */
export const folderStays = eachGuide(({ value, at }) => {
	const moved = blocksOf(value, at).filter(({ commands }) => /(?:^|[;&|]\s*)cd\s/m.test(plainOf(commands, true)));
	return moved
		.slice(1)
		.map(
			({ where }) => `${where} expected (cd folder && …) in parentheses, since the shell has already changed folders`,
		);
});

/** A prompt would read the next pasted line as the answer. */
export const promptsComeLast = eachPasted(commands => {
	const lines = commands.trimEnd().replace(/\\\n/g, ' ').split('\n');
	const asking = lines.findIndex(line =>
		/--pwprompt|\\password|^\s*read\s(?!.*<)|apt(?:-get)? (?:install|purge|remove) (?!.*-y\b)/.test(line),
	);
	if (asking < 0) return undefined;
	const rest = lines.slice(asking + 1).filter(line => !/^\s*(?:done|fi|\)|esac)\b/.test(line) && line.trim() !== '');
	return rest.length
		? 'the command that asks for input at the end of its block, because it would read the next line as the answer'
		: undefined;
});

/**
 * These pass their input on to the program, which would read the lines pasted after the command unless it is given
 * other input.
 */
const forwarding =
	/\b(?:docker\s+compose\s+(?:exec|run)|docker\s+(?:exec|run)\s+-i|ssh(?!\s+-n)|\S*cli-non-interactive)\b/;

/** Commands that would consume the lines pasted after them have input of their own. */
export const inputIsGiven = eachPasted(commands => {
	// Compose allocates a terminal unless -T is given, and this program reads a password from it.
	if (/\\password/.test(commands)) return undefined;
	const wrong = commandsIn(plainOf(commands)).find(
		({ text, isPiped }) => forwarding.test(text) && !isPiped && !text.includes('<') && !/--help/.test(text),
	);
	return wrong && `\`< /dev/null\` for \`${forwarding.exec(wrong.text)?.[0]}\`, which reads the lines pasted after it`;
});

/** Simple commands, and whether each reads from a pipe. */
function commandsIn(plain: string): { text: string; isPiped: boolean }[] {
	let isPiped = false;
	return plain.split(/(\n|;|&&|\|\|?)/).flatMap((text, index, all) => {
		if (index % 2) return [];
		const before = all[index - 1];
		// A pipe may be followed by a line break.
		isPiped = before === '|' || (isPiped && all[index - 2]?.trim() === '');
		return [{ text, isPiped }];
	});
}

/** Text copied from a chat client may be indented. A here-document then never ends, and Python code no longer runs. */
export const indentationIsHarmless = eachPasted(commands =>
	/(?<!<)<<-?\s*['"\\]?\w/.test(commands)
		? 'no here-document: it does not end if its lines are pasted with leading spaces'
		: undefined,
);

/** A loop over an empty or missing list reports no failure. */
export const successIsShown = eachBlock(({ commands, step }) =>
	/\becho "?FAILED/.test(commands) && !step.shows.length
		? '`shows` with what is printed on success, because a loop over nothing prints no FAILED either'
		: undefined,
);

/**
 * A parameter is whatever the reader typed, which may be a folder with other things in it. And if the reader left out
 * an edit, a stage may run on the old server.
 */
export const removalIsConditional = eachPasted((commands, path) => {
	const wrong = partsOf(commands).find(part => {
		const removes = removesFolders(part) || (path[0] === 'stages' && /\bdropdb\b/.test(part.text));
		return removes && namesIn(part.text).length > 0 && !part.isConditional;
	});
	return wrong && `a condition before \`${wrong.text.trim()}\`, joined to it with \`&&\` or \`then\``;
});

function removesFolders({ program }: ShellPart): boolean {
	return /^(?:xargs\s+(?:-\S+\s+)*)?rm\s+(?:-\S+\s+)*-(?:\w*[rR]|-recursive)/.test(program);
}

/** A cluster that is still running is not dropped; in that case nothing else may be removed. */
export const dropsAreJoined = eachPasted(commands => {
	const parts = partsOf(commands);
	const at = parts.findIndex(({ program }) => program.startsWith('pg_dropcluster'));
	if (at < 0) return undefined;
	const later = parts.slice(at + 1);
	// `|| { …; exit; }` ends the subshell, so that nothing after it runs.
	const end = later.findIndex(({ text }) => text.includes('}'));
	const isLeft =
		later[0]?.after === '||' && later.slice(0, end).some(({ program }) => /^(?:exit|return)\b/.test(program));
	if (isLeft) return undefined;
	const loose = later.findIndex(({ after }) => after !== '&&' && after !== '|');
	const removes = later
		.slice(loose < 0 ? later.length : loose)
		.some(({ program }) => /^(?:rm|sed|apt-get)\b/.test(program));
	return removes ? 'what follows `pg_dropcluster` to be joined to it with `&&`' : undefined;
});

type ShellPart = {
	text: string;
	/** The separator before it. */
	after: string | undefined;
	/** Without what may precede a program: parentheses, keywords, `sudo`, variables. */
	program: string;
	/** Whether it only runs if something else has succeeded, or failed. */
	isConditional: boolean;
};

/** Simple commands. */
function partsOf(commands: string): ShellPart[] {
	const all = commands
		.trimEnd()
		.replace(/\\\n/g, ' ')
		.replace(/(&&|\|\|?)\s*\n/g, '$1 ')
		.split(/(\n|;|&&|\|\|?)/);
	return all.flatMap((text, index) => {
		if (index % 2) return [];
		const after = all[index - 1];
		const before =
			/^(?:[\s({!]+|(?:do|then|else|if|elif|while|until|time)\s+|sudo\s+(?:-u\s+\S+\s+|-\S+\s+)*|\w+=\S*\s+)*/.exec(
				text,
			)?.[0] ?? '';
		const isConditional = after === '&&' || after === '||' || /\b(?:then|else)\b/.test(before);
		return [{ text, after, program: text.slice(before.length), isConditional }];
	});
}

/** The PostgreSQL image sets PGDATA inside its container. */
const alwaysSet = ['PGDATA', 'PWD'];

/** Someone who continues the next day has a new shell. Only typed secrets, in capitals, may come from another block. */
export const variablesAreSetWhereUsed = eachPasted(commands => {
	const isSet = (name: string, at: number) =>
		new RegExp(`\\b${name}=|\\bfor ${name} in\\b|\\bread\\b[^;\\n]*\\b${name}\\b`).test(commands.slice(0, at));
	const lacking = [...commands.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)]
		.filter(({ 1: name = '', index }) => !isSet(name, index) && !alwaysSet.includes(name))
		.map(([, name = '']) => name);
	const unset = lacking.find(name => /[a-z]/.test(name));
	if (unset) return `$${unset} to be set in the block that uses it`;
	const unasked = lacking.find(name => !new RegExp(`\\$\\{${name}:\\?[^}]+\\}`).test(commands));
	return unasked && `an error if $${unasked} is not set, such as \${${unasked}:?…}`;
});

/** A fixed time is too short on a slow machine and too long on a fast one. An endless loop hides a failure. */
export const waitsEnd = eachPasted(commands => {
	const loops = /\bfor \w+ in\b[\s\S]*?\bdo\b[\s\S]*?\bdone\b/g;
	const rest = commands.replace(loops, loop => (/\bbreak\b/.test(loop) ? '' : loop));
	const wait = partsOf(rest).find(({ program }) => /^sleep\b/.test(program));
	return wait && `a loop that ends on success or after some attempts, instead of \`${wait.program.trim()}\``;
});

/** Compose 2.17 and newer then also starts the stopped services whose `depends_on` says `restart: true`. */
export const restartsAreAlone = eachPasted(commands =>
	/\bdocker compose restart\b(?![^\n;&|]*--no-deps)/.test(commands)
		? '`stop` and `start`, since `restart` also starts stopped services with `restart: true` in `depends_on`'
		: undefined,
);

export const guideShellRules: readonly KnowledgeRule[] = [
	fencesStandAlone,
	unitFilesAreNamed,
	volumesAreNoFolders,
	dumpsArePrivate,
	deletionComesLast,
	shellStaysAsItWas,
	folderStays,
	promptsComeLast,
	inputIsGiven,
	indentationIsHarmless,
	successIsShown,
	removalIsConditional,
	dropsAreJoined,
	variablesAreSetWhereUsed,
	waitsEnd,
	restartsAreAlone,
];
