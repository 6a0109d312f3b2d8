// Notes name files plainly, like `homeserver.yaml`. If the type of installation is stated, this inserts its paths.
import type { PathName, Recipe } from '../../knowledge/schema/install.ts';
import { pipInstall, withoutPip } from './without-pip.ts';

/** The names that stand for a file in any note; the recipe's other names are also names of options. */
const named: readonly PathName[] = [
	'homeserver.yaml',
	'conf.d',
	'homeserver.log',
	'homeserver.db',
	'homeserver.signing.key',
];

/** A line that installs packages. */
const pipBlock = /^\s*(?:\S*\/)?pip3? install /m;

/** Characters of a code line that fit on a phone. */
const maxLine = 60;

const names = named.map(name => name.replaceAll('.', '\\.')).join('|');
/** A name that is not part of a longer one, or of a path. */
const whole = new RegExp(`(?<![\\w./-])(${names})(?![\\w-]|\\.\\w)`, 'g');
/** A block of shell commands, or a code span that is just a name. */
const places = new RegExp(`^(\`\`\`(?:bash|sh|console)?\\n)([\\s\\S]*?)^\`\`\`$|(?<!\`)\`(${names})\`(?!\`)`, 'gm');

/**
 * The text with the paths of this type of installation. Paths inside a container stay out of commands, which are
 * typed outside. If homeserver.yaml is generated, only commands that inspect it get its path. Blocks with pip
 * commands start by activating the virtual environment. If the recipe is `withoutPip`, package names replace pip
 * commands. The text ends with how to install Python packages here, if it asks for any.
 */
export function located(text: string, recipe: Recipe): string {
	const { libraries } = recipe;
	// Unless pip is replaced, only blocks count: a command in a sentence may only be meant for people who use pip.
	const gets = recipe.withoutPip ? pipInstall : pipBlock;
	const own = recipe.withoutPip ? withoutPip(text) : text;
	const whole = inEnvironment(withPaths(own, recipe), recipe);
	return libraries !== undefined && gets.test(text) ? `${whole.trimEnd()}\n\n${libraries}` : whole;
}

/** The same, with the text and the condition adapted to this type of installation. */
export function locatedIn<Told extends { text: string; onlyIf?: string | undefined }>(
	told: Told,
	recipe: Recipe,
): Told {
	const { text, onlyIf } = told;
	const condition = onlyIf !== undefined && recipe.withoutPip ? withoutPip(onlyIf) : onlyIf;
	return { ...told, text: located(text, recipe), ...(condition !== undefined && { onlyIf: condition }) };
}

function withPaths(text: string, { paths, inside, generated }: Recipe): string {
	if (!named.some(name => paths[name] !== undefined && text.includes(name))) return text;
	return text.replace(places, (all, fence: string | undefined, lines: string, name: PathName) => {
		if (fence === undefined) return generated ? all : `\`${paths[name] ?? name}\``;
		return inside
			? all
			: `${fence}${lines
					.split('\n')
					.map(line => lineWithPaths(line, paths))
					.join('\n')}\`\`\``;
	});
}

/** Activates the virtual environment at the start of blocks with pip commands. */
function inEnvironment(text: string, { environment }: Recipe): string {
	if (!environment) return text;
	return text.replace(/^```(?:bash|sh|console)\n(?=(?:(?!```).*\n)*?\s*pip3? )/gm, `$&${environment.join('\n')}\n`);
}

/** A command with its paths; if that makes it too long for a phone, it continues on further lines. */
function lineWithPaths(line: string, paths: Recipe['paths']): string {
	const longer = line.replace(whole, name => paths[name as PathName] ?? name);
	if (longer === line || longer.length <= maxLine) return longer;
	return line.replace(whole, (name, _, at: number) => {
		const path = paths[name as PathName] ?? name;
		const before = line.slice(0, at);
		const quoted = (before.split("'").length + before.split('"').length) % 2 === 1;
		return path !== name && !quoted && before.endsWith(' ') ? `\\\n  ${path}` : path;
	});
}
