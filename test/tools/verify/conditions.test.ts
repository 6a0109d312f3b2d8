import { expect, test } from 'vitest';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import { decidable, decidableWords, skeletonScript } from '../../../tools/verify/configurations/conditions.ts';
import { known, note } from '../../known.ts';

const knowledge = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
const script = skeletonScript();

test('names what the files, look.py and the skeleton leave open', () => {
	const { all, ...open } = decidable(knowledge, script);
	expect(all).toBeGreaterThan(85);
	// A command-line flag, a script, or an environment that is recreated at the upgrade.
	const flags = ['1.8.0/log-file-option', '1.61.0/groups', '1.111.1/twisted-24-10', '1.162.0/default-room-version-12'];
	const packages = [
		'1.140.0/prometheus-client',
		'1.152.0/authlib-floor',
		'1.162.0/txredisapi',
		'1.163.0/url-preview-beautifulsoup',
		'1.163.0/txredisapi',
		'1.163.2/pillow',
		// Faults.
		'1.33.0/attrs-21-1',
		'1.41.0/email-old-twisted',
		'1.47.0/ijson-3-0',
		'1.55.1/old-jinja',
		'1.68.0/setuptools-rust',
		'1.143.0/zope-interface',
	];
	// The skeleton shows no addresses, and only the words in its list.
	const hidden = ['1.47.0/public-baseurl', '1.53.0/webclient', '1.73.0/oidc-picture-claim'];
	expect({ files: open.files.sort(), look: open.look, skeleton: open.skeleton.sort() }).toEqual({
		files: [...flags, ...packages].sort(),
		look: flags,
		skeleton: [...flags, ...packages, ...hidden].sort(),
	});
});

test.each([
	['a word that the script shows', { option: 'listeners[].type', is: 'metrics' }, []],
	['a word that it hides', { option: 'a', is: 'hidden-word' }, ['skeleton']],
	['an address', { option: 'public_baseurl', url: true }, ['skeleton']],
	['an amount', { option: 'database.args.cp_max', above: 10 }, ['look']],
	['a number under another name', { option: 'rc.concurrent', above: 10 }, ['look', 'skeleton']],
	['a type', { option: 'a', type: 'list' }, []],
	['an installed package', { package: 'a', version: '<1.0' }, ['files', 'skeleton']],
] as const)('%s', (_, found, expected) => {
	const notes = [note('1.1.0/a', { found: { not: { any: [found] } } })];
	const { all: _all, ...open } = decidable(known({ notes }), script);
	expect(Object.entries(open).flatMap(([way, ids]) => (ids.length ? [way] : []))).toEqual(expected);
});

test('leaves a condition open for all three if a flag may decide it too', () => {
	const notes = [note('1.1.0/a', { found: { option: 'a' }, partly: true })];
	expect(decidableWords(decidable(known({ notes }), script))).toEqual([
		'files: 0 of 1; open: 1.1.0/a',
		'look: 0 of 1; open: 1.1.0/a',
		'skeleton: 0 of 1; open: 1.1.0/a',
	]);
});
