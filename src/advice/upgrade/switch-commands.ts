// Chooses the commands of one switch from the install recipes, for the stated type of installation. Contains no
// words or commands itself.

import { holds } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { compare, isAbove, isCandidate, isWithin, type Version } from '../../deployment/version.ts';
import type { LineCondition, LinePart, Recipe, Recipes } from '../../knowledge/schema/install.ts';
import { type Placeholder, placeholder } from '../../knowledge/schema/install-line.ts';
import { isBuilt, isSurelyBuilt, type System } from './packages.ts';

export type Leg = { from: Version; to: Version };

/** A leg, with the date of its last release and the current date (`2026-11-21`). */
export type DatedLeg = Leg & { released: string; today: string };

/** The systems that upstream builds packages for, and the day of a release (undefined if it is unknown). */
export type BuiltPackages = { systems: readonly System[]; dayOf: (release: Version) => string | undefined };

/** What to choose from: the recipes, and upstream's packages. */
export type Archives = BuiltPackages & { installs: Recipes };

/** Upstream has no package of a release for a system. */
export type NoPackage = {
	version: Version;
	from: Version;
	system: System;
	/** Systems of its family with a package of the release, and one of `from` that certainly works, by name. */
	both: string[];
	/** Systems of its family with a package of the release, by name. */
	newer: string[];
	/** The oldest of `both`, or else of `newer`, if the system's packages have ended. */
	next?: System;
	/**
	 * The system's last package, if the upgrade goes through it: no newer system has a package of the running release.
	 */
	goTo?: Version;
	/**
	 * Whether `next` also has a package of the release that is running when the system is upgraded; `unknown` if that
	 * package was built before the system's own release, so that it may need an older Python.
	 */
	keeps: boolean | 'unknown';
};

/** How one type of installation gets a release. */
export type WayCommands = {
	install: string;
	version: Version;
	/** Downloads the release while the old one is still running. */
	fetch: string[];
	/** Commands in a block, one per line; empty if the release is not available this way. */
	lines: string[];
	/** Follows the log. */
	log: string[];
	/** The first release available this way, if this one is older. */
	begins?: Version;
	noPackage?: NoPackage;
	/** Systems that upstream builds packages of the release for, by name. */
	built: string[];
	/** Only packages from the release's time are installed. */
	frozen: boolean;
	/** Extras that the facts require. */
	extras: string[];
	/** Keeps upstream's package during a system upgrade, if some system has no newer one. */
	hold: string[];
	find: string[];
	checkout: string[];
};

export type SwitchCommands = Leg & {
	/** Counts the start release's remaining background updates; empty if a wait has already done so. */
	updates: string[];
	/** Shows the size of the database and the free space; empty if an earlier leg has shown it. */
	space: string[];
	/** Stops Synapse if it has no workers. */
	stop: string[];
	backup: string[];
	/** How to roll back if the start fails. */
	back: WayBack;
	/** The stated type of installation, or the usual ones if none is stated. */
	ways: WayCommands[];
	stated: boolean;
	/** Commands that stop and start workers; `led`: none exist, or the installation does it; `perhaps`: not stated. */
	workers: 'led' | 'perhaps' | { stop: string[]; start: string[] };
	/** Queries the running server's version. */
	asking: string[];
	/**
	 * The arguments with which `!backup` verifies that backup; `dump` is the file that it writes. Absent if that guide
	 * does not apply.
	 */
	proof?: { postgres?: string; install?: string; dump?: string };
};

/**
 * Whether the start release still opens the database afterwards. If not, `restore` has the commands to restore
 * the backup, or `page` the documentation if that takes more than a few lines.
 */
export type WayBack = { opens: boolean | 'unknown'; restore: string[]; page?: string };

/** This recipe has the plain names, which are used if the type of installation is not stated. */
const plain = 'pip';
/** Shown if the type of installation is not stated: most servers use one of these. */
const usual: readonly string[] = ['docker', 'debian', 'pip', 'mdad'];

function stated(profile: Profile): string | undefined {
	const install = profile.get('install')?.value;
	return typeof install === 'string' ? install : undefined;
}

export function recipeFor(profile: Profile, installs: Recipes): Recipe | undefined {
	return installs[stated(profile) ?? plain];
}

type PlaceholderValues = Partial<Record<Placeholder, string>>;

/** Throws a TypeError for a placeholder without a value, which means that no rule has checked the recipe. */
function filled(line: string, values: PlaceholderValues): string {
	return line.replace(placeholder, (_, name: Placeholder) => {
		const value = values[name];
		if (value === undefined) throw new TypeError(`nothing to fill {${name}} with: ${line}`);
		return value;
	});
}

/** The last day whose packages suit an old release; undefined for one that is not old yet. */
function frozenOn({ frozen }: Recipe, { released, today }: DatedLeg): string | undefined {
	const day = 24 * 3600 * 1000;
	if (!frozen || Date.parse(today) - Date.parse(released) < frozen.olderThan * day) return undefined;
	const soonAfter = new Date(Date.parse(released) + frozen.after * day).toISOString().slice(0, 10);
	return soonAfter > frozen.notBefore ? soonAfter : frozen.notBefore;
}

/** What to use instead of a package of `to`, which upstream does not build for this system. */
export function noPackage(system: System, { from, to }: Leg, { systems, dayOf }: BuiltPackages): NoPackage {
	// Nobody upgrades from Debian to Ubuntu, or to an older system.
	const newer = systems.filter(
		other => other.family === system.family && other.released > system.released && isBuilt(other, to),
	);
	const both = newer.filter(other => isSurelyBuilt(other, from, dayOf(from)));
	const names = (some: readonly System[]) => some.map(({ name }) => name);
	const last = 'last' in system.packages && isAbove(to, system.packages.last) ? system.packages.last : undefined;
	const [next] = last === undefined ? [] : both.length ? both : newer;
	const goTo = !both.length && next && last !== undefined && isAbove(last, from) ? last : undefined;
	const running = goTo ?? from;
	const isThere = next !== undefined && isBuilt(next, running);
	const keeps = isThere && (isSurelyBuilt(next, running, dayOf(running)) || 'unknown');
	return {
		version: to,
		from,
		system,
		both: names(both),
		newer: names(newer),
		keeps,
		...(next && { next }),
		...(goTo !== undefined && { goTo }),
	};
}

/** Whether some system has a package of the first release but none of the last, so that people upgrade the system. */
function isSystemLeft({ from, to }: Leg, systems: readonly System[]): boolean {
	return systems.some(system => isBuilt(system, from) && !isBuilt(system, to));
}

/** How this type of installation gets the release at the end of the leg. */
function wayTo(install: string, recipe: Recipe, leg: DatedLeg, profile: Profile, packages: BuiltPackages): WayCommands {
	const { to: version } = leg;
	const { systems } = packages;
	const os = String(profile.get('os')?.value);
	const image = recipe.images?.find(({ releases }) => isWithin(version, releases))?.name;
	const frozen = frozenOn(recipe, leg);
	const codename = recipe.codenames?.[os];
	const extras = recipe.extras.filter(({ fact }) => holds(fact, profile).is === true).map(({ extra }) => extra);
	const system = recipe.codenames && systems.find(other => other.os === os);
	const begins = recipe.begins !== undefined && compare(version, recipe.begins) < 0 ? recipe.begins : undefined;
	const lacking =
		begins === undefined && system && !isBuilt(system, version) ? noPackage(system, leg, packages) : undefined;
	const values: PlaceholderValues = {
		version,
		from: leg.from,
		'deb-version': version.replace('rc', '~rc'),
		extras: extras.length ? `[${extras.join(',')}]` : '',
		...(codename !== undefined && { codename }),
		...(frozen !== undefined && { frozen }),
		...(image !== undefined && { image: filled(image, { version }) }),
	};
	const holding: Record<LineCondition, boolean> = {
		codename: codename !== undefined,
		candidate: isCandidate(version),
		frozen: frozen !== undefined,
	};
	const span = recipe.switch.find(({ releases }) => releases === undefined || isWithin(version, releases));
	const pins = recipe.pins.filter(({ releases }) => isWithin(version, releases));
	const shown = (parts: readonly LinePart[] = []) =>
		parts.flatMap((part): string[] => {
			if (typeof part === 'string') return [filled(part, values)];
			if ('each' in part)
				return pins.flatMap(pin => part.lines.map(line => filled(line, { ...values, pin: pin.package })));
			const is = 'if' in part ? holding[part.if] : !holding[part.unless];
			return is ? part.lines.map(line => filled(line, values)) : [];
		});
	const nothing = lacking !== undefined || (begins !== undefined && span?.releases === undefined);
	const begun = begins === undefined;
	return {
		install,
		version,
		fetch: nothing ? [] : shown(span?.fetch),
		lines: nothing ? [] : shown(span?.lines),
		log: !nothing && begun ? (recipe.log ?? []) : [],
		...(begins !== undefined && { begins }),
		...(lacking && { noPackage: lacking }),
		built: systems.filter(other => isBuilt(other, version)).map(({ name }) => name),
		frozen: frozen !== undefined,
		extras,
		hold: isSystemLeft(leg, systems) ? (recipe.hold ?? []) : [],
		find: (recipe.find ?? []).map(line => filled(line, values)),
		checkout: (recipe.checkout ?? []).map(line => filled(line, values)),
	};
}

/** Lines for the known database, or for both, each below its name as a comment. */
function forDatabase(profile: Profile, recipe: Recipe, { postgres, sqlite }: Recipe['backup']): string[] {
	const database = profile.get('database')?.value ?? recipe.database;
	if (database === 'postgres') return postgres;
	return database === 'sqlite' ? sqlite : ['# PostgreSQL:', ...postgres, '# SQLite:', ...sqlite];
}

function workersOf(profile: Profile, recipe: Recipe): SwitchCommands['workers'] {
	const workers = profile.get('workers')?.value;
	if (workers === false || recipe.workers === 'led') return 'led';
	if (workers !== true) return 'perhaps';
	return stated(profile) === undefined ? { stop: [], start: [] } : recipe.workers;
}

/** The guide restores PostgreSQL dumps for Synapse in containers, from packages or from the playbook. */
function proofOf(profile: Profile, install: string | undefined, backup: readonly string[]): SwitchCommands['proof'] {
	const postgres = profile.get('postgres')?.value;
	if (profile.get('database')?.value === 'sqlite' || install === 'ess' || install === 'nix') return undefined;
	const dump = /\bsynapse-\S+\.(?:dump|sql\.gz)\b/.exec(backup.join('\n'))?.[0];
	return { ...(typeof postgres === 'string' && { postgres }), ...(install && { install }), ...(dump && { dump }) };
}

/**
 * Context of a leg: whether its start release opens the database afterwards, whether a wait comes before it, and
 * whether another leg does.
 */
export type LegAround = { opens: WayBack['opens']; waited: boolean; further?: boolean };

/** The commands of one switch; undefined without a recipe for the type of installation. */
export function switchCommands(
	leg: DatedLeg,
	profile: Profile,
	{ installs, ...packages }: Archives,
	{ opens, waited, further = false }: LegAround = { opens: false, waited: false },
): SwitchCommands | undefined {
	const install = stated(profile);
	const recipe = recipeFor(profile, installs);
	if (!recipe) return undefined;
	const { from, to } = leg;
	const named = (lines: Recipe['backup']) => forDatabase(profile, recipe, lines).map(line => filled(line, { from }));
	const backup = named(recipe.backup);
	const proof = proofOf(profile, install, backup);
	const ways = (install === undefined ? usual : [install]).flatMap(way => {
		const its = installs[way];
		return its ? [wayTo(way, its, leg, profile, packages)] : [];
	});
	return {
		from,
		to,
		updates: waited ? [] : waitCommands(profile, installs),
		space: further ? [] : [...forDatabase(profile, recipe, askedOfEach(sizes, recipe)), 'df -h'],
		stop: install === undefined ? [] : (recipe.stop ?? []),
		backup,
		back: {
			opens,
			restore: opens === true || !recipe.restore ? [] : named(recipe.restore),
			...(recipe.restoring !== undefined && { page: recipe.restoring }),
		},
		ways,
		stated: install !== undefined,
		workers: workersOf(profile, recipe),
		asking: recipe.version,
		...(proof && { proof }),
	};
}

/** Queries for the size of the database, by engine. */
const sizes = {
	postgres: 'SELECT pg_size_pretty(pg_database_size(\n  current_database()))',
	sqlite: 'SELECT page_count * page_size / 1048576\n  AS mb FROM pragma_page_count, pragma_page_size',
};

/**
 * A query on Synapse's database, wrapped in the command that runs it. The query contains neither double quotes
 * nor dollar signs.
 */
function asked(query: string, recipe: Recipe): Recipe['query'] {
	return askedOfEach({ postgres: query, sqlite: query }, recipe);
}

function askedOfEach(query: { postgres: string; sqlite: string }, { query: reached }: Recipe): Recipe['query'] {
	const typed = (lines: readonly string[], asking: string) => [
		...lines.map((line, i) => (i < lines.length - 1 ? line : `${line} \\`)),
		...asking.split('\n').map((line, i, all) => `  ${i ? '' : '"'}${line}${i < all.length - 1 ? '' : '"'}`),
	];
	return { postgres: typed(reached.postgres, query.postgres), sqlite: typed(reached.sqlite, query.sqlite) };
}

/** Commands that show how many background updates are left. */
export function waitCommands(profile: Profile, installs: Recipes): string[] {
	const recipe = recipeFor(profile, installs);
	return recipe ? forDatabase(profile, recipe, asked('SELECT count(*) FROM background_updates', recipe)) : [];
}

/** Commands that show whether such a wait will never end, on PostgreSQL. */
export function stuckCommands(query: string, profile: Profile, installs: Recipes): string[] {
	const recipe = recipeFor(profile, installs);
	return recipe ? asked(query.trim(), recipe).postgres : [];
}
