// What people paste must be safe to paste: each rule with a block that breaks it, and with a correct one.
import { expect, test } from 'vitest';
import { readKnowledge } from '../../../src/knowledge/load.ts';
import { folderOf, guideText } from '../folder.ts';

/** The mistakes of a guide with only this block. `more`: further keys of its step. `whole`: the text of the guide. */
function mistakesOf(commands: string, { more = '', whole = guideText } = {}): string {
	const block = `      - commands: |\n${commands
		.split('\n')
		.map(line => `          ${line}`)
		.join('\n')}\n${more}`;
	const text = whole.replace('      - commands: lift {from}\n        shows: [lifted]\n', block);
	try {
		readKnowledge(folderOf({ 'guides/move.yaml': text }));
		return '';
	} catch (error) {
		return String(error);
	}
}

test.each([
	[
		'units stopped by a glob',
		"systemctl disable --now 'matrix-*'",
		'systemctl disable --now matrix-synapse',
		'units by name',
	],
	['units masked by a glob', 'systemctl mask matrix-*', "systemctl stop 'matrix-*'", 'units by name'],
	['a dump that everyone can read', 'pg_dump -Fc a > a.dump', '(umask 077; pg_dump -Fc a > a.dump)', 'umask 077'],
	['a dump written with -f', 'pg_dump -Fd -f a.dir a', '(umask 077; pg_dump -Fd -f a.dir a)', 'umask 077'],
	['a folder removed outside the clean-up', 'rm -rf old', 'mv old older', 'in the clean-up'],
	['a cluster dropped', 'pg_dropcluster 15 main', 'pg_ctlcluster 15 main stop', 'in the clean-up'],
	['a volume removed', 'docker volume rm data', 'docker volume ls', 'in the clean-up'],
	['a database dropped', 'dropdb a', 'dropdb a\ncreatedb a', 'after `dropdb`'],
	[
		'a database dropped without a check of the server',
		'dropdb {from}\ncreatedb {from}',
		'ls && dropdb {from}\ncreatedb {from}',
		'a condition before',
	],
	['a shell option that stays set', 'set -e\ntrue', '(set -e; true)', 'parentheses around'],
	['a umask that stays set', 'umask 077', '(umask 077; true)', 'parentheses around'],
	['an exit from the shell', 'exit 1', '(exit 1)', 'parentheses around'],
	['a second change of folder', 'cd a\ncd b', '(cd a && ls)\n(cd b && ls)', ''],
	[
		'a prompt in the middle of a block',
		'createuser --pwprompt a\nls',
		'ls\ncreatedb b\ncreateuser --pwprompt a',
		'at the end of its block',
	],
	['a question from apt', 'apt-get install a\nls', 'apt-get install -y a\nls', 'at the end of its block'],
	[
		'a password read in the middle',
		'read -rs A\nls',
		'while read -r a; do echo "$a"; done < list\nls',
		'at the end of its block',
	],
	[
		'pasted input that a command consumes',
		'docker compose exec -T db ls',
		'docker compose exec -T db ls < /dev/null',
		'lines pasted after',
	],
	['pasted input consumed by SSH', 'ssh root@a ls', 'ssh -n root@a ls', 'lines pasted after'],
	[
		'pasted input consumed in a loop',
		'for a in b; do docker exec -i db ls; done',
		'for a in b; do docker exec db ls; done',
		'lines pasted after',
	],
	[
		'pasted input consumed on a continued line',
		'docker compose exec -T db \\\n  ls',
		'echo | \\\n  docker compose exec -T db ls',
		'lines pasted after',
	],
	['a variable from another block', 'echo $name', 'name=a; echo $name', '$name to be set'],
	['a variable after one that is set', 'a=b; ls $a "$c"', 'a=b; c=d; ls $a "$c"', '$c to be set'],
	['a variable set only after its use', 'ls $a; a=b', 'a=b; ls $a', '$a to be set'],
	['a variable whose name contains another one', 'name=b; ls $names', 'names=b; ls $names', '$names to be set'],
	[
		'a secret after one that is checked',
		`curl -u "\${ASKED:?run the block above first}:$SECRET" a`,
		`curl -u "\${ASKED:?run the block above first}:\${SECRET:?run it}" a`,
		'an error if $SECRET',
	],
	[
		'a wait for a fixed time',
		'systemctl start a\nsleep 30\ncurl a',
		'systemctl start a\nfor i in $(seq 30); do\n  curl a && break\n  sleep 1\ndone',
		'a loop that ends',
	],
	['a wait after a command', 'ls && sleep 5m', 'ls && echo sleep 5m', 'a loop that ends'],
	[
		'a wait that may never end',
		'until curl a; do sleep 1; done',
		'for i in $(seq 9); do curl a && break; sleep 1; done',
		'a loop that ends',
	],
	[
		'a loop that always waits the whole time',
		'for i in $(seq 9); do curl a; sleep 1; done',
		'for i in $(seq 9); do sleep 1; curl a && break; done',
		'a loop that ends',
	],
	[
		'a restart of a service that others depend on',
		'docker compose restart {from}',
		'docker compose stop {from}\ndocker compose start {from}',
		'depends_on',
	],
	['a restart of every service', 'docker compose restart', 'docker compose restart --no-deps a', 'depends_on'],
	[
		'a secret from another block',
		'curl -H "Bearer $TOKEN" a',
		`curl -H "Bearer \${TOKEN:?run the block above first}" a`,
		'an error if',
	],
	['a secret that stays set', 'export PGPASSWORD', 'PGPASSWORD=a psql', 'parentheses around'],
	[
		'a here-document',
		"cat > a.sql <<'EOF'\nSELECT 1\nEOF",
		"printf '%s\\n' \\\n  'SELECT 1' > a.sql",
		'no here-document',
	],
	['a here-document for Python', 'python3 - a <<EOF\npass\nEOF', 'read -r a <<< "b"', 'no here-document'],
	[
		'a loop that reports no failure if it has nothing to do',
		'for a in $(cat list); do ls $a || echo "FAILED: $a"; done',
		'ls || echo nothing',
		'`shows`',
	],
])('reports %s', (_, wrong, right, words) => {
	if (words) expect(mistakesOf(wrong)).toContain(words);
	expect(mistakesOf(right)).toBe('');
});

test('allows at most one change of folder', () => {
	const twice = guideText.replace(
		'      - commands: lift {from}\n        shows: [lifted]\n',
		'      - commands: cd a\n      - commands: cd b\n',
	);
	expect(mistakesOf('', { whole: twice })).toContain('already changed folders');
	expect(mistakesOf('', { whole: twice.replace('commands: cd b', 'commands: (cd b && ls)') })).toBe('');
});

test('accepts a loop that also reports success', () => {
	const loop = 'for a in $(cat list); do ls $a && echo "$a done" || echo "FAILED: $a"; done';
	expect(mistakesOf(loop, { more: '        shows: [list done]\n' })).toBe('');
});

test.each([
	['a folder removed unconditionally', 'rm -rf {from}', '[ -e {from}/ours ] && rm -rf {from}', 'a condition before'],
	[
		'a folder removed after another command',
		'ls\nrm -rf ./{from}-old',
		'ls && rm -rf ./{from}-old',
		'a condition before',
	],
	['a folder removed in a list', 'rm -rf a {from}', 'if ls a; then rm -rf a {from}; fi', 'a condition before'],
	['a folder removed as root', 'sudo rm -rf {from}', 'ls && sudo rm -rf {from}', 'a condition before'],
	['a folder removed in a subshell', '(rm -rf {from})', 'ls && (rm -rf {from})', 'a condition before'],
	['a folder removed later in a subshell', '(ls\n  rm -rf {from})', '(ls &&\n  rm -rf {from})', 'a condition before'],
	[
		'a folder removed in a loop',
		'for a in b; do rm -rf {from}/$a; done',
		'for a in b; do ls && rm -rf {from}/$a; done',
		'a condition before',
	],
	['a folder removed with other options first', 'rm -f -r {from}', 'ls && rm -f -r {from}', 'a condition before'],
	['a folder removed by another program', 'ls | xargs rm -r {from}', 'ls && rm -r {from}', 'a condition before'],
	[
		'a folder removed by a command with a variable in front',
		'A=b rm -R {from}',
		'if ls; then A=b rm -R {from}; fi',
		'a condition before',
	],
	['removal after a failed drop', 'pg_dropcluster {from} a\nrm b', 'pg_dropcluster {from} a \\\n  && rm b', 'joined'],
	[
		'removal after a failed drop on one line',
		'pg_dropcluster {from} a; rm b',
		'rm b; pg_dropcluster {from} a',
		'joined',
	],
	[
		'removal instead of a drop',
		'pg_dropcluster {from} a || rm b',
		'pg_dropcluster {from} a && rm b || echo none',
		'joined',
	],
	[
		'removal on a line after joined commands',
		'pg_dropcluster {from} a && echo dropped\nrm b',
		'pg_dropcluster {from} a && echo dropped && rm b',
		'joined',
	],
	[
		'removal after a report of failure',
		'pg_dropcluster {from} a \\\n  || echo "not dropped"\nrm b',
		'(pg_dropcluster {from} a \\\n  || { echo "not dropped"; exit; }\nrm b)',
		'joined',
	],
	[
		'removal after a failed drop as root',
		'sudo pg_dropcluster {from} a; sudo rm b',
		'sudo pg_dropcluster {from} a && sudo rm b',
		'joined',
	],
])('reports %s in a clean-up', (_, wrong, right, words) => {
	const cleaning = (commands: string) =>
		mistakesOf('ls', {
			whole: guideText.replace(
				'wayBack:\n',
				`cleanUp:\n  - id: tidy\n    title: Tidy\n    why: Room.\n    steps:\n      - commands: |\n${commands
					.split('\n')
					.map(line => `          ${line}\n`)
					.join('')}wayBack:\n`,
			),
		});
	expect(cleaning(wrong)).toContain(words);
	expect(cleaning(right)).toBe('');
});

test('requires a condition to remove a mount as a folder', () => {
	const whole = guideText
		.replace('{ name: to,', '{ name: place, means: where, kind: path, default: ./a }\n  - { name: to,')
		.replace(
			'  - { name: layout,',
			'  - { name: storage, means: what, derived: true, follows: [{ when: { all: ["place!=/*|.*"] }, is: volume }], default: folder }\n  - { name: layout,',
		)
		.replace(
			'wayBack:\n',
			`cleanUp:\n  - id: tidy\n    title: Tidy\n    why: Room.\n    steps:\n      - CONDITION commands: ls && rm -rf {place}\nwayBack:\n`,
		);
	const edit = '        edit: { file: a.yml, diff: "+      - {place}:/var/lib" }\n';
	const tidy = (condition: string) => mistakesOf('ls', { more: edit, whole: whole.replace('CONDITION ', condition) });
	expect(tidy('')).toContain('a condition that {place} is a folder');
	expect(tidy('applies: { all: [storage=folder] }\n        ')).toBe('');
});

test.each([
	['a folder removed unconditionally', 'rm -rf {from}', 'ls && rm -rf {from}', 'a condition before'],
	['a fixed wait', 'sleep 9', 'ls', 'a loop that ends'],
	[
		'pasted input that a command consumes',
		'docker exec -i db ls',
		'docker exec -i db ls < /dev/null',
		'lines pasted after',
	],
	['a variable from another block', 'ls $a', 'a=b; ls $a', '$a to be set'],
	[
		'a restart of a service that others depend on',
		'docker compose restart db',
		"docker compose exec db psql -c '\\password a'",
		'depends_on',
	],
])('reports %s in the fix for an error', (_, wrong, right, words) => {
	const fixing = (commands: string) =>
		mistakesOf('ls', {
			whole: guideText.replace(
				"      - { id: too-heavy, text: 'ERROR: {from} weighs …, which is too much', cause: It is heavy., cure: Push it. }",
				`      - id: too-heavy\n        text: 'ERROR: {from} weighs …, which is too much'\n        cause: It is heavy.\n        cure: |-\n          Push it:\n\n          \`\`\`bash\n          ${commands}\n          \`\`\``,
			),
		});
	expect(fixing(wrong)).toContain(words);
	expect(fixing(right)).toBe('');
});

test.each([
	['words after the last fence', 'Do this: ```bash\n          ls\n          ``` and that'],
	['a fence that is never closed', 'Do this:\n\n          ```bash\n          ls'],
	['a fix that begins with a block', '```bash\n          ls\n          ```'],
])('reports %s', (_, cure) => {
	const whole = guideText.replace(
		"      - { id: too-heavy, text: 'ERROR: {from} weighs …, which is too much', cause: It is heavy., cure: Push it. }",
		`      - id: too-heavy\n        text: 'ERROR: {from} weighs …, which is too much'\n        cause: It is heavy.\n        cure: |-\n          ${cure}`,
	);
	expect(mistakesOf('ls', { whole })).toContain('every fence on a line of its own');
});
