// Words for what the planner adds to the notes: switches, waits, and packages that upstream does not build.
import type { Migrating } from '../advice/upgrade/migrating.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { StartLimit } from '../advice/upgrade/start-limit.ts';
import type { Step } from '../advice/upgrade/step.ts';
import {
	type Consequence,
	consequence,
	type FoundIn,
	type OutsideCheck,
	type StepTask,
} from '../advice/upgrade/step-task.ts';
import type { NoPackage, SwitchCommands, WayCommands } from '../advice/upgrade/switch-commands.ts';
import { compare } from '../deployment/version.ts';
import { enumerate, list, small } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { migrationsWords, queuedWords } from './migrating.ts';
import { link } from './sections.ts';

export function block(lines: readonly string[]): string {
	return lines.length ? `\`\`\`bash\n${lines.join('\n')}\n\`\`\`` : '';
}

/** For a system that has no package to download. */
export function noPackageWords({
	version,
	from,
	system: { name, packages },
	both,
	newer,
	keeps,
	goTo,
}: NoPackage): string {
	const { first } = packages;
	if (compare(version, first) < 0)
		return `There is **no ${version} package** for ${name}: upstream has only built packages for it since ${first}. Run ${version} from the image or from PyPI, with the same database and configuration.`;
	const last = 'last' in packages ? packages.last : from;
	const has = (names: readonly string[]) => `${enumerate(names)} ${names.length > 1 ? 'have' : 'has'} packages for`;
	const running = goTo ?? from;
	const perhaps =
		keeps === 'unknown'
			? ` If \`apt\` refuses it because of its Python, Synapse does not run until you install ${version}.`
			: '';
	const reinstall = keeps
		? `, install the package of the same release for the new system (the old one needs a Python that is gone), and check that Synapse runs.${perhaps}`
		: `. The new system has no ${running} package, so Synapse does not run until you install a newer one.`;
	if (!newer.length)
		return `There is **no ${version} package** for ${name}: upstream built packages for it up to ${last}. Run ${version} from the image or from PyPI, with the same database and configuration.`;
	const before = !goTo
		? `Upgrade the system first (${both.length ? `${has(both)} ${from} and` : has(newer)} ${version})${reinstall}`
		: `First go to ${goTo} on this system, then upgrade the system (${has(newer)} ${version})${reinstall}`;
	return `There is **no ${version} package** for ${name}: upstream built packages for it up to ${last}. ${before} Then ask again with the new \`os=\`. The image or PyPI would work without a new system.

A system is upgraded one release at a time. The old PostgreSQL stays installed and keeps running meanwhile; move it to the new system's version afterwards.`;
}

/** What exists only from a certain release on, by type of installation. */
const things: Record<string, string> = { docker: 'images', pip: 'releases on PyPI' };

/** What a system upgrade can do to the package: https://github.com/matrix-org/synapse/issues/5590. */
function holdWords(hold: readonly string[]): string {
	if (!hold.length) return '';
	return ` Before you upgrade the system, pin upstream's archive:\n\n${block(hold)}\n\nWithout that, the distribution's older \`matrix-synapse\` can take over, which then fails on the database: “too new for the server to understand”. Afterwards, put the new system's name into the archive's line.`;
}

const keepYours = 'If dpkg asks about a file that you changed, answer `N` to keep yours.';

function packageWords({ version, begins, noPackage, hold }: WayCommands): string {
	if (begins !== undefined)
		return `The ${code('matrix-synapse-py3')} package began with ${begins}. Before that, upstream's packages were for Python 2 and called ${code('matrix-synapse')}; this shows whether the archive still has ${version}:`;
	if (noPackage) return `${noPackageWords(noPackage)}${holdWords(hold)}`;
	return `\`apt-get\` starts Synapse and returns only once startup has finished, so follow the log in a second terminal (next part). ${keepYours}`;
}

function playbookWords({ version, find, checkout }: WayCommands): string {
	return `The playbook decides which release it installs. Read its \`CHANGELOG.md\` since your last run, update it, and check which release that is:

${block(find)}

* If it says ${code(`v${version}`)}, continue.
* If it says an older one, add ${code(`matrix_synapse_version: v${version}`)} to \`vars.yml\`. Delete that line when the playbook has caught up, or it keeps you at ${version} forever.
* If it says a newer one, the last line that this prints is the playbook commit that introduced ${version}. Check it out (and run \`git checkout master\` before the next \`just update\`). If nothing is printed, the playbook skipped ${version}, and you need the line in \`vars.yml\`:

${block(checkout)}

Then:`;
}

/** The text above the commands that download a release. */
function fetchWords({ install, version, built, hold }: WayCommands, workers: boolean): string {
	if (install === 'docker')
		return `In \`compose.yaml\` (or your \`docker run\`), set the new image${workers ? ', for Synapse and each worker' : ''}, and pull it:`;
	const which = built.length
		? `${version} has them for ${built.join(', ')}`
		: 'There are packages only for the systems that were current at the time';
	const held = holdWords(hold);
	return `The packages come from ${code('packages.matrix.org')}, whose index lists only the newest; older ones are still in its pool, and \`apt-get\` can install them as a file. ${which}: on another system, stop at the last release that has one, upgrade the system, and continue${held ? `.${held}\n\nTo download the package:` : ':'}`;
}

/** How the switch works with one type of installation: the text above its commands. */
function wayWords(way: WayCommands): string {
	const { install, version, begins, frozen, extras } = way;
	const thing = things[install];
	if (begins !== undefined && thing !== undefined)
		return `Upstream has ${thing} only since ${begins}, so there are none for ${version}: install it from the ${code(`v${version}`)} tag of its repository, with Python 2.7.`;
	switch (install) {
		case 'docker':
			return '';
		case 'debian':
			return packageWords(way);
		case 'distro':
			return `Your distribution decides which release it has; continue only if it offers ${version}. ${keepYours}`;
		case 'pip': {
			const named = extras.length
				? 'keep the extras you use in the brackets'
				: 'if you use extras, name them: `"matrix-synapse[postgres]==…"`';
			return `Run this as Synapse's user, in its virtual environment (${named}; \`pip freeze\` lists what you have)${frozen ? '. It installs only package versions from that time, because much newer ones can break an old release' : ''}:`;
		}
		case 'source': {
			const poetry = compare(version, '1.58.0') >= 0;
			return `In the checkout, with its virtual environment active (replace \`all\` with the extras that you use, if you know them${poetry ? '; if you installed with Poetry, `poetry install --extras all` replaces the lines with `pip`, and installs the packages that upstream tested' : ''}):`;
		}
		case 'mdad':
			return playbookWords(way);
		case 'ess':
			return `The chart pins its own release: use the chart version whose notes name ${version}.`;
		case 'nix':
			return `The channel pins its own release: continue only if it has ${version}:`;
		default:
			return '';
	}
}

function waysWords({ ways, stated, workers }: SwitchCommands): string {
	if (stated) return ways.map(way => `${wayWords(way)}${below(way.lines)}`).join('');
	const whole = (way: WayCommands) =>
		[wayWords(way), way.fetch.length ? fetchWords(way, typeof workers === 'object') : ''].filter(Boolean).join(' ');
	return `Use the commands for the way Synapse was installed (if you say which, for example \`docker\` or \`debian\`, only those are shown):\n\n${ways
		.map(way => `${code(way.install)}: ${whole(way)}${below([...way.fetch, ...way.lines, ...way.log])}`)
		.join('\n\n')}`;
}

const sameRelease = 'All of them must run the same release, and only the main process may migrate the database.';

/** Nothing may be written after the backup, so everything is stopped before it. */
function stopWords({ workers, stop }: SwitchCommands): string {
	if (typeof workers === 'object')
		return `Stop all workers** and the main process. ${sameRelease} (The names are upstream's: use yours.)${below(workers.stop)}${lingering(workers.stop)}`;
	if (workers === 'perhaps')
		return `Stop Synapse**, and all workers if you run any: anything they write after that will not be in the backup. ${sameRelease}${below(stop)}${lingering(stop)}`;
	return `Stop Synapse**: anything it writes after that will not be in the backup.${below(stop)}${lingering(stop)}`;
}

/** A process started by something else keeps writing: `synctl` and a systemd target stop only their own. */
function lingering(stop: readonly string[]): string {
	return stop.some(line => line.startsWith('pgrep'))
		? '\n\nThe last line must print `all stopped`. If it lists processes, something else started them: stop them there, or with `kill`.'
		: '';
}

function below(lines: readonly string[]): string {
	return lines.length ? `\n\n${block(lines)}` : '';
}

/** Where to find out how to verify that a backup can be restored. */
function proofWords({ proof }: SwitchCommands): string {
	if (!proof) return '';
	const { postgres = 'VERSION', install, dump } = proof;
	const command = ['!backup', postgres, ...(install ? [install] : []), ...(dump ? [`dump=${dump}`] : [])].join(' ');
	return ` ${code(command)} tests that it can be restored${proof.postgres ? '' : ' (with your PostgreSQL version)'}.`;
}

const after = (text: string) => text && `\n\n${text}`;

/** What to do at a switch, as Markdown. */
export function switchWords(commands: SwitchCommands, { migrations, queued }: Partial<Migrating> = {}): string {
	const { from, to, updates, space, backup, asking, ways, stated, workers } = commands;
	const log = stated ? ways.flatMap(({ log }) => log) : [];
	const fetched = stated ? ways.filter(({ fetch }) => fetch.length) : [];
	const parts = [
		...(updates.length
			? [
					`Count the background updates.** This must print 0 before you stop Synapse. If it does not, wait: updates pile up, and a newer release may have to finish them at startup.\n\n${block(updates)}`,
				]
			: []),
		...(space.length
			? [
					`Check the free disk space** where the backup goes and where the database is stored: the dump is compressed, so it is rarely larger than the database, and some migrations rebuild a table.${below(space)}`,
				]
			: []),
		...fetched.map(
			way =>
				`Fetch ${to}** while ${from} is still running. ${fetchWords(way, typeof workers === 'object')}${below(way.fetch)}`,
		),
		stopWords(commands),
		`Back up** the database, \`homeserver.yaml\` with the files named in it, the signing key and the media; you cannot go back across an incompatible schema without that backup. (The names are defaults: use yours.)${proofWords(commands)}\n\n${block(backup)}`,
		`Switch** from ${from} to ${to}. ${waysWords(commands)}`,
		`Watch the log** until it says \`Synapse now listening on\`; a schema change can take minutes and must not be interrupted. \`Error in configuration\` names the option that keeps Synapse from starting.${after(migrationsWords(migrations ?? []))}${below(log)}\n\nThen this must say ${to}:

${block(asking)}${after(queuedWords(queued ?? []))}${workers === 'perhaps' ? '\n\nIf you run workers, start them now.' : ''}`,
		...(typeof workers === 'object' ? [`Start the workers** again.${below(workers.start)}`] : []),
		`If it does not start,** ${failedWords(commands)}`,
	];
	return parts.map((part, i) => `**${i + 1}. ${part}`).join('\n\n');
}

/** What helps if the upgrade fails: `!why`, and how to roll back. */
function failedWords({ from, to, back }: SwitchCommands): string {
	const { opens, restore, page } = back;
	const why = `\`!why\` with the last lines of the log tells you what is wrong. `;
	if (opens === true)
		return `${why}To roll back: ${from} still opens the database, so go back to the ${from} image or package that you were running. ${code(`!rollback ${to} ${from}`)} tells you what that does not undo.`;
	const sure = opens === false ? '' : ` (it is not known whether ${from} still opens the ${to} database)`;
	const described = page === undefined ? '' : ` ${link('This page', page)} describes how to restore it.`;
	const how = restore.length ? ` This restores the backup:${below(restore)}` : described;
	return `${why}To roll back${sure}: stop Synapse, restore the backup, and go back to the ${from} image or package that you were running. If people have used ${to} in the meantime, also empty the ${code('e2e_one_time_keys_json')} table before starting Synapse.${how}`;
}

/** How to wait for background updates at a stop, and how to tell that they will never finish, as Markdown. */
export function waitWords({
	at,
	lines,
	queued = [],
	stuck,
}: Pick<Extract<StepTask, { kind: 'wait' }>, 'at' | 'lines' | 'queued' | 'stuck'>): string {
	const wait = `Let ${at} run until its background updates are done: this must print 0. It can take hours or days on a large database. Do not continue earlier.

${block(lines)}${after(queuedWords(queued))}`;
	if (!stuck) return wait;
	return `${wait}\n\nIf the number does not fall for an hour, check what is left:

${block(stuck.lines)}

${stuck.text}`;
}

/** How to raise systemd's timeout, which migrations take the time, and how to see that they make progress. */
export function startLimitWords({ service, log, migrations }: StartLimit): string {
	return `Before its port opens, Synapse migrates the database. systemd waits until Synapse reports that it is ready, 90 seconds by default, then kills and restarts it: the migration starts over, forever. Raise the limit before the upgrade:

${block([
	`mkdir -p /etc/systemd/system/${service}.service.d`,
	"printf '[Service]\\nTimeoutStartSec=infinity\\n' \\",
	`  > /etc/systemd/system/${service}.service.d/start.conf`,
	'systemctl daemon-reload',
	`systemctl show -p Type -p TimeoutStartUSec ${service}`,
])}

(\`systemctl edit ${service}\` does the same by hand.) The last line must say \`TimeoutStartUSec=infinity\`. ${migrationsWords(migrations)}

The log names each migration as it begins (\`Applying schema …\`); as long as the last line is one of them, let it run:

${block(log)}`;
}

/** Nouns that can follow “check”. */
const places: Record<FoundIn, string> = {
	database: 'the database',
	dns: 'DNS',
	history: 'its history',
	image: 'your image',
	modules: 'modules',
	packages: 'Python packages',
	proxy: 'the proxy',
	'registration-files': 'bridge registrations',
	scripts: 'your scripts',
	system: 'the host',
};

const whenWords = { before: '', switch: 'During the upgrade: ', after: 'Afterwards: ' } as const;

/** The notes one after the other, each with a clause about who is affected. */
function outsideWords(checks: readonly OutsideCheck[]): string {
	const texts = checks.map(
		({ release, when, title, text, onlyIf }) =>
			`**${release}: ${title}**\n\n*${whenWords[when]}${when === 'before' ? 'Only' : 'only'} if ${onlyIf}:*\n\n${text}`,
	);
	return texts.join('\n\n');
}

/** How to see whether the target works, starting with what would require a rollback. */
function tryWords({ media, bridges, federation, updates }: Extract<StepTask, { kind: 'try' }>): string {
	const parts = [
		`Log in from outside your network and send a ${media ? 'picture' : 'message'}.** Check that someone else can see it${bridges ? ', also behind a bridge' : ''}.`,
		...(federation
			? [
					`Test federation.** With your server's name in place of \`example.org\`, this must print \`GOOD\`:

${block(['T=https://federationtester.matrix.org/api/federation-ok', 'curl -s "$T?server_name=example.org"'])}`,
				]
			: []),
		`Wait for the background updates.** They can take anywhere from minutes to days. Keep the backup and do not upgrade again until this prints 0:${below(updates)}`,
	];
	return parts.map((part, i) => `**${i + 1}. ${part}`).join('\n\n');
}

function systemWords({ to, built, ended, likely }: Extract<StepTask, { kind: 'which-system' }>): string {
	const last = ended.map(({ name, last }) => `${name}: up to ${last}`);
	return `Upstream has ${to} packages for ${enumerate(built)}. This prints your system:

${block(['. /etc/os-release && echo "$ID-$VERSION_ID"'])}

${likely ? `PostgreSQL ${likely.postgres} is what ${likely.name} has, so yours may be that one. ` : ''}Ask again with yours added, for example \`os=debian-12\`: the plan then says how to get to a system that has packages. These systems had packages of your current release, but no longer have any:

${list(last)}`;
}

function taskText(task: StepTask): string {
	if (task.kind === 'switch') return task.commands ? switchWords(task.commands, task.migrating) : '';
	if (task.kind === 'start-limit') return startLimitWords(task.limit);
	if (task.kind === 'outside') return outsideWords(task.checks);
	if (task.kind === 'which-system') return systemWords(task);
	if (task.kind === 'try') return tryWords(task);
	return task.kind === 'wait' ? `${task.why}\n\n${waitWords(task)}` : noPackageWords(task.lacking);
}

function taskTitle(task: StepTask): string {
	if (task.kind === 'switch') return `Switch to ${task.to}`;
	if (task.kind === 'start-limit') return "Raise systemd's start timeout";
	if (task.kind === 'outside') {
		const [only, ...more] = task.checks;
		const what =
			only && !more.length ? small(only.title) : `check ${enumerate(task.places.map(place => places[place]))}`;
		return `May apply to you: ${what}`;
	}
	if (task.kind === 'try')
		return `Send a ${task.media ? 'picture' : 'message'},${task.federation ? ' test federation,' : ''} wait for background updates`;
	if (task.kind === 'which-system') return `Make sure your system has a ${task.to} package`;
	if (task.kind === 'no-package') return noPackageTitle(task.lacking);
	return `${task.isStart ? 'Stay on' : 'Stop at'} ${task.at} and wait for ${task.waitFor}`;
}

function noPackageTitle({ version, system: { name, packages }, next, goTo }: NoPackage): string {
	if (!('last' in packages) || !next) return `No ${version} package for ${name}`;
	return goTo === undefined
		? `Upgrade ${name} to ${next.name}; its packages end at ${packages.last}`
		: `Go to ${goTo}, the last for ${name}; then upgrade to ${next.name}`;
}

const consequences: Record<Consequence, string> = {
	sticks: 'leaves you with background updates that never finish',
	ruins: 'can corrupt the database for good',
	refuses: 'does not start',
};

/** What skipping a required stop, or its wait, can do, as a clause. */
export function consequenceWords(stop: Parameters<typeof consequence>[0]): string {
	return consequences[consequence(stop)];
}

function otherwise(task: StepTask): string | undefined {
	if (task.kind === 'start-limit') return 'can end with systemd killing Synapse at every start';
	if (task.kind === 'wait') return consequences[task.skipped];
	return task.kind === 'no-package' ? 'finds no package' : undefined;
}

/** The plan with the generated steps put into words, and without the values these are derived from. */
export function worded(plan: Plan): Plan {
	return { ...plan, steps: plan.steps.map(stepWorded) };
}

export function stepWorded(step: Step): Step {
	if (!step.task) return step;
	const { task, ...rest } = step;
	const clause = otherwise(task);
	return {
		...rest,
		title: taskTitle(task),
		text: taskText(task),
		...(task.kind === 'start-limit' &&
			task.limit.unit === 'perhaps' && { onlyIf: 'systemd runs Synapse and waits for it (`Type=notify`)' }),
		...(task.kind === 'outside' && {
			onlyIf: `${task.checks.length === 1 ? 'the condition' : 'one of the conditions'} below applies (your configuration does not show whether it does)`,
		}),
		...(clause !== undefined && { otherwise: clause }),
	};
}
